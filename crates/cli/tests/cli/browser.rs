//! A browser without a window: what it makes of a page, and what it complains about.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The names that Chromium has on a path.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The most time for a page.
const PATIENCE: Duration = Duration::from_secs(120);

/// Chromium.
pub(crate) struct Browser {
    program: PathBuf,
}

/// A page as the browser has it.
pub(crate) struct Visit {
    /// The document as HTML, after its scripts.
    pub(crate) dom: String,
    /// All that the page's console tells: errors of scripts, and requests that the page's policy forbids or that fail.
    pub(crate) console: Vec<String>,
}

impl Browser {
    /// The browser that the environment variable CHROMIUM names, or one on the path. Without one, a line says that the test is skipped.
    pub(crate) fn find() -> Option<Browser> {
        let named = std::env::var_os("CHROMIUM").filter(|name| !name.is_empty()).map(PathBuf::from);
        let on_path = || {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            let all: Vec<PathBuf> = std::env::split_paths(&folders).collect();
            let mut files = NAMES.iter().flat_map(|name| all.iter().map(move |folder| folder.join(name)));
            files.find(|file| file.is_file())
        };
        let program = named.or_else(on_path);
        if program.is_none() {
            // The test harness would keep the output of the macros to itself.
            let _ = writeln!(std::io::stderr(), "SKIPPED: no Chromium");
        }
        program.map(|program| Browser { program })
    }

    /// Opens a page, in the dark or not.
    pub(crate) fn open(&self, page: &Path, is_dark: bool) -> Visit {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("log");
        let mut command = Command::new(&self.program);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--virtual-time-budget=2000", "--dump-dom"])
            .args(["--enable-logging=stderr", "--v=0", "--window-size=1280,900"])
            .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark)))
            .arg(format!("--user-data-dir={}", home.path().join("profile").display()))
            .arg(format!("file://{}", page.display()))
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let dom = read(&mut child);
        let started = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if started.elapsed() > PATIENCE => {
                    let _ = child.kill();
                    panic!("{}: no answer after {PATIENCE:?}", self.program.display());
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let log = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
        assert!(status.success(), "{status}: {log}");
        let console = log.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
        Visit { dom: dom.join().unwrap(), console }
    }
}

/// Reads the output of `child` as it comes.
fn read(child: &mut Child) -> JoinHandle<String> {
    let mut pipe = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
