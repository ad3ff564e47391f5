//! `cargo xtask tensorboard`: event files, read by TensorBoard.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use xtask_tools::built_command;

use crate::python::{Environment, succeed};

/// Train with `--tensorboard`, and compare what TensorBoard reads with what the run printed
#[derive(clap::Args)]
pub(crate) struct Args {}

const ENVIRONMENT: Environment = Environment {
    folder: "target/tensorboard",
    has_torch: false,
    needs: &["numpy", "setuptools", "typing-extensions"],
    list: Some("requirements-tensorboard.txt"),
};

/// The parts of a run: its beginning, and then what goes on with it. The third begins where the first ended, like a run that was
/// killed after it had written an epoch, and before it was saved.
const PARTS: [&str; 3] = [
    "--dataset synthetic --validation-split 0.1 --hidden 16 --activation relu --epochs 2 --checkpoint run.ckpt",
    "--dataset synthetic --validation-split 0.1 --resume run.ckpt --epochs 3",
    "--dataset synthetic --validation-split 0.1 --resume first.ckpt --checkpoint run.ckpt --overwrite --epochs 4",
];

/// Trains on the digits that need no files, and has the script read.
pub(crate) fn run(_: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let python = ENVIRONMENT.prepare(&root)?;
    let command = built_command(&root)?;
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let mut printed = Vec::new();
    for (part, options) in PARTS.iter().enumerate() {
        let output = folder.path().join(format!("part-{part}.jsonl"));
        train(&command, folder.path(), options, &output)?;
        if part == 0 {
            fs::copy(folder.path().join("run.ckpt"), folder.path().join("first.ckpt"))?;
        }
        printed.push(output);
    }
    let script = root.join("reference/tensorboard_check.py");
    succeed(Command::new(python).arg(script).arg(folder.path().join("events")).args(printed))
}

/// Trains a part of the run in `folder`. What it prints goes to the file `output`.
fn train(command: &Path, folder: &Path, options: &str, output: &PathBuf) -> Result<()> {
    let mut train = Command::new(command);
    train.args(["train", "--json", "--inspect", "--tensorboard", "events"]).args(options.split(' '));
    train.current_dir(folder).stdin(Stdio::null()).stdout(fs::File::create(output)?);
    let status = train.status().with_context(|| format!("{train:?}"))?;
    ensure!(status.success(), "{train:?} ends with {status}");
    Ok(())
}
