//! `cargo xtask recording`: the dashboard of a run on MNIST as an animated SVG, docs/pictures/dashboard.svg.
//!
//! ```text
//! train on a pseudo-terminal of 80 columns and 24 lines, which util-linux's `script` makes
//! press keys at their times
//! after each piece of output: a terminal of the crate vt100 reads it
//! every 250 ms: keep what that terminal shows
//! ```

mod svg;

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xtask_tools::{CommandLine, workspace_root};

/// Record the dashboard of a run on MNIST as docs/pictures/dashboard.svg
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the picture here instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The run: some ten seconds on two cores.
const TRAIN: &str = "train --data data/mnist --hidden 256,128 --recipe auto --epochs 40 --validation-split 0.1 \
                     --checkpoint target/recording/digits.ckpt --overwrite --dashboard";

/// The columns and lines of the terminal.
const SIZE: (NonZeroU16, NonZeroU16) = (NonZeroU16::new(80).unwrap(), NonZeroU16::new(24).unwrap());

/// The time between two frames.
const FRAME: Duration = Duration::from_millis(250);

/// The bytes of the picture at most: what `cargo xtask ci` lets into git. Pictures of weights are the most of it.
const BYTES: usize = 512 << 10;

/// The frames at most. More of them are thinned.
const MOST: usize = 40;

/// The keys, each with the share of the run's epochs after which it is pressed.
const KEYS: [(f64, &str); 5] = [(0.4, "2"), (0.6, "3"), (0.68, "4"), (0.8, "s"), (0.85, "1")];

/// Records a run.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = workspace_root();
    CommandLine::cargo("build --release -p minibatch-cli --features dashboard").run(&root)?;
    let folder = root.join("target/recording");
    std::fs::create_dir_all(&folder)?;
    let frames = record(&root)?;
    ensure!(frames.len() > 10, "the run has drawn only {} frames", frames.len());
    let stride = frames.len().div_ceil(MOST);
    let from = (frames.len() - 1) % stride;
    let frames: Vec<svg::Screen> = frames.into_iter().skip(from).step_by(stride).collect();
    let text = svg::animation(&frames, FRAME.as_secs_f64() * stride as f64);
    ensure!(
        text.len() <= BYTES,
        "the picture has {} bytes, more than {BYTES}: show the weights for less long",
        text.len()
    );
    let out = args.out.clone().unwrap_or_else(|| root.join("docs/pictures/dashboard.svg"));
    std::fs::write(&out, &text).with_context(|| out.display().to_string())?;
    println!("{}: {} frames, {} KB", out.display(), frames.len(), text.len() / 1000);
    Ok(())
}

/// Runs the command, presses the keys, and returns what the terminal has shown.
fn record(root: &Path) -> Result<Vec<svg::Screen>> {
    let program = root.join("target/release/minibatch");
    let (columns, lines) = SIZE;
    let line = format!("stty rows {lines} cols {columns}; exec '{}' {TRAIN}", program.display());
    let mut command = Command::new("script");
    command.args(["-qefc", &line, "/dev/null"]).current_dir(root).env("SHELL", "/bin/sh");
    command.env("TERM", "xterm-256color").env("COLORTERM", "truecolor").env_remove("NO_COLOR");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child: Child = child.context("`script` of util-linux")?;
    let mut keyboard = child.stdin.take().context("no keyboard")?;
    let mut output = child.stdout.take().context("no screen")?;
    let (sender, pieces) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 1 << 16];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            if sender.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut terminal = vt100::Parser::new(lines, columns, 0);
    let mut keys = KEYS.iter().peekable();
    // The time begins with the dashboard.
    let mut started: Option<Instant> = None;
    let (mut frames, mut taken): (Vec<svg::Screen>, _) = (Vec::new(), 0);
    loop {
        let piece = pieces.recv_timeout(Duration::from_millis(10));
        match &piece {
            Ok(bytes) => terminal.process(bytes),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if started.is_none() && terminal.screen().alternate_screen() {
            started = Some(Instant::now());
        }
        let Some(elapsed) = started.map(|started| started.elapsed()) else { continue };
        let passed = passed(&terminal.screen().contents());
        if let Some((_, key)) = keys.next_if(|(share, _)| passed >= *share) {
            keyboard.write_all(key.as_bytes())?;
        }
        if terminal.screen().alternate_screen() && elapsed >= FRAME * taken {
            frames.push(svg::Screen::of(terminal.screen()));
            taken = (elapsed.as_millis() / FRAME.as_millis()) as u32 + 1;
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "the run failed: {}", terminal.screen().contents());
    // The end, on the normal screen.
    frames.push(svg::Screen::of(terminal.screen()));
    Ok(frames)
}

/// The share of the epochs that have passed, of the `epoch 3/30` at the top of the dashboard.
fn passed(screen: &str) -> f64 {
    let numbers = screen.trim_start().strip_prefix("epoch ").and_then(|rest| {
        let (number, rest) = rest.trim_start().split_once('/')?;
        let epochs = rest.split_whitespace().next()?;
        Some((number.parse::<f64>().ok()?, epochs.parse::<f64>().ok()?))
    });
    numbers.map_or(0.0, |(number, epochs)| (number - 1.0) / epochs)
}

#[cfg(test)]
mod tests {
    use super::passed;

    #[test]
    fn the_epoch_is_read_from_the_screen() {
        assert_eq!(passed(" epoch  7/30 ━━── step 3/3,375"), 0.2);
        assert_eq!(passed("Trained in 9 s"), 0.0);
    }
}
