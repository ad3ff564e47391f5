//! `train --json`, as the tasks run it and read its output.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail, ensure};
use serde_json::Value;

/// One of the files of MNIST.
const TRAIN_IMAGES: &str = "data/mnist/train-images-idx3-ubyte";

/// Checks that MNIST is there.
pub(crate) fn check_mnist(root: &Path) -> Result<()> {
    ensure!(root.join(TRAIN_IMAGES).exists(), "no {TRAIN_IMAGES}; `cargo xtask fetch-mnist` fetches it");
    Ok(())
}

/// `train --json` of the built `command`, to which options can be added.
pub(crate) fn command(root: &Path, command: &Path, seed: u32, threads: usize) -> Command {
    let mut train = Command::new(command);
    train.args(["train", "--json", "--seed", &seed.to_string(), "--threads", &threads.to_string()]);
    train.current_dir(root).stdin(Stdio::null()).stderr(Stdio::piped());
    train
}

/// The events of a run that trained all its epochs.
#[derive(Debug)]
pub(crate) struct Trained {
    /// The last epoch.
    pub(crate) last: Value,
    pub(crate) end: Value,
}

impl Trained {
    /// Reads what a run on so many threads printed.
    pub(crate) fn read(output: &str, threads: usize) -> Result<Self> {
        let events = output.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        let [plan, .., last, end] = &events[..] else {
            bail!("expected a plan, epochs and an end, found {output:?}")
        };
        let names = [plan, last, end].map(|event| event["event"].as_str().unwrap_or_default());
        ensure!(names == ["plan", "epoch", "end"], "expected a plan, epochs and an end, found {names:?}");
        ensure!(plan["threads"] == threads, "expected {threads} threads, found {}", plan["threads"]);
        ensure!(
            plan["epochs"] == last["epoch"],
            "{} epochs were planned, the last is {}",
            plan["epochs"],
            last["epoch"]
        );
        Ok(Self { last: last.clone(), end: end.clone() })
    }
}
