//! `cargo xtask torch`: the golden runs of the techniques, taken in PyTorch.

use std::process::Command;

use anyhow::Result;

use crate::python::{Environment, succeed};

/// Take the golden runs of every technique in PyTorch, and compare (the first time it makes an environment of 1.4 GB)
#[derive(clap::Args)]
pub(crate) struct Args {}

const ENVIRONMENT: Environment =
    Environment { folder: "target/torch", has_torch: true, needs: &[], list: None };

/// Makes `target/torch`, a virtual environment with the peers' PyTorch, unless there is one, and runs the script in it.
pub(crate) fn run(_: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let python = ENVIRONMENT.prepare(&root)?;
    succeed(Command::new(python).arg(root.join("reference/torch_techniques.py")))
}
