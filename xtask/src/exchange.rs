//! `cargo xtask exchange`: exported networks in the programs that they are for.

use std::process::Command;

use anyhow::Result;
use xtask_tools::CommandLine;

use crate::python::{Environment, succeed};

/// Export networks of every activation, output and preparation, and compare what rten, onnxruntime, PyTorch and scikit-learn make of them with
/// the library's outputs on MNIST's test set (the first time it makes an environment of 1.6 GB)
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Make the fixtures of crates/exchange/tests anew instead
    #[arg(long)]
    fixtures: bool,
}

/// The environment of the programs that networks are exchanged with.
pub(crate) const ENVIRONMENT: Environment = Environment {
    folder: "target/exchange",
    has_torch: true,
    needs: &["ml_dtypes", "numpy", "scikit-learn"],
    list: Some("requirements-exchange.txt"),
};

/// Exports, and has the script compare.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let python = ENVIRONMENT.prepare(&root)?;
    if args.fixtures {
        let script = root.join("reference/exchange_fixtures.py");
        return succeed(Command::new(python).arg(script).arg(root.join("crates/exchange/tests/fixtures")));
    }
    let folder = tempfile::tempdir()?;
    let made = folder.path().display();
    let example =
        format!("run --release --package minibatch-exchange --example networks -- {made} data/mnist");
    CommandLine::cargo(&example).run(&root)?;
    let reader = "run --manifest-path xtask/onnx-reader/Cargo.toml --target-dir target/onnx-reader";
    CommandLine::cargo(&format!("{reader} -- {made}")).run(&root)?;
    succeed(Command::new(python).arg(root.join("reference/exchange_check.py")).arg(folder.path()))
}
