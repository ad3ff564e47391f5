//! Runs on a terminal: a pseudo-terminal that util-linux's `script` makes.

use crate::world::World;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A command on a terminal of 80 columns and 24 lines. A thread reads what it writes.
pub(crate) struct Session {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Session {
    /// Starts the command. `None`, and a line that says so, where there is no `script` of util-linux.
    pub(crate) fn start(world: &World, arguments: &str) -> Option<Session> {
        let version = Command::new("script").arg("--version").output();
        if !version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("util-linux")) {
            #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
            {
                eprintln!("SKIPPED: there is no `script` of util-linux");
            }
            return None;
        }
        // If the tests run under `nohup`, the processes that they start ignore SIGHUP.
        let line = format!(
            "stty rows 24 cols 80; echo $$ > pid; exec env --default-signal=HUP {}",
            world.program(arguments)
        );
        let mut command = Command::new("script");
        command.args(["-qefc", &line, "/dev/null"]).current_dir(world.path(""));
        command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        for name in ["NO_COLOR", "COLORTERM", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let screen = Arc::new(Mutex::new(Vec::new()));
        let reader = std::thread::spawn({
            let screen = Arc::clone(&screen);
            move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = output.read(&mut bytes) {
                    screen.lock().unwrap().extend_from_slice(&bytes[..count]);
                }
            }
        });
        Some(Session { child, keyboard, screen, reader })
    }

    /// All that was written so far.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until this was written.
    pub(crate) fn wait_for(&self, text: &str) {
        let started = Instant::now();
        while !self.written().contains(text) {
            assert!(started.elapsed() < Duration::from_secs(60), "no {text:?} in {:?}", self.written());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits for the end: the exit code, and all that was written.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        self.reader.join().unwrap();
        (code, String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned())
    }
}

#[test]
fn an_epoch_is_a_line_within_80_columns() {
    let world = World::new();
    let options = "--recipe tutorial --hidden 8 --epochs 3 --validation-split 0.2 --schedule step(1,0.5)";
    let options = options.replace("step(1,0.5)", "'step(1,0.5)'");
    let Some(session) = Session::start(&world, &format!("train --data set {options}")) else { return };
    let (code, written) = session.ended();
    assert_eq!(code, Some(0), "{written}");
    let plain = console::strip_ansi_codes(&written).into_owned();
    let lines = plain.split(['\r', '\n']).filter(|line| line.contains("/3  cost "));
    let lines: Vec<&str> = lines.map(str::trim_end).collect();
    assert_eq!(lines.len(), 3, "{plain}");
    for (line, number) in lines.iter().zip(1..) {
        assert!(line.starts_with(&format!("{number}/3  cost 0.")), "{line}");
        let parts = [" train ", " val ", " test ", " η "];
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        assert!(console::measure_text_width(line) <= 80, "{line}");
        assert!(line.contains(|bar| ('▁'..='█').contains(&bar)), "{line}");
    }
    assert!(written.contains("\x1b[38;5;"), "the best has a colour");
}

#[test]
fn control_c_stops_a_run_of_lines() {
    let world = World::new();
    let arguments = "train --data set --recipe tutorial --hidden 8 --epochs 1000000 --checkpoint run.ckpt";
    let Some(mut session) = Session::start(&world, arguments) else { return };
    session.wait_for("3/1000000  cost ");
    session.press("\x03");
    let (code, written) = session.ended();
    assert_eq!(code, Some(130), "{written:?}");
    assert!(written.contains("Stopped by SIGINT at ") && written.contains("Saved run.ckpt"), "{written:?}");
}

#[cfg(not(feature = "dashboard"))]
#[test]
fn a_build_without_the_dashboard_says_so() {
    let run = World::new().run("train --data set --dashboard");
    assert_eq!(
        (run.code, &*run.stderr),
        (
            Some(2),
            "error: --dashboard: this build of minibatch doesn't have the feature dashboard; \
             `cargo install --path crates/cli --features dashboard` builds it in"
        )
    );
}
