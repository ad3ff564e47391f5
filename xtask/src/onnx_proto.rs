//! `cargo xtask onnx-proto`: the code of ONNX's messages.

use anyhow::{Context, Result};
use xtask_tools::CommandLine;

use crate::exchange::ENVIRONMENT;

/// Make the code of ONNX's messages anew, out of onnx.proto of the pinned Python package
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs the generator, a workspace of its own.
pub(crate) fn run(_: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    ENVIRONMENT.prepare(&root)?;
    let packages = root.join(ENVIRONMENT.folder).join("lib");
    let python = packages.read_dir()?.filter_map(Result::ok).map(|entry| entry.path());
    let protos = python.map(|folder| folder.join("site-packages/onnx/onnx.proto"));
    let proto =
        protos.into_iter().find(|path| path.is_file()).context("onnx.proto in the Python environment")?;
    let (proto, output) = (proto.display(), root.join("crates/exchange/src/onnx/proto.rs"));
    let run = "run --manifest-path xtask/onnx-proto/Cargo.toml --target-dir target/onnx-proto";
    CommandLine::cargo(&format!("{run} -- {proto} {}", output.display())).run(&root)?;
    CommandLine::cargo("fmt --package minibatch-exchange").run(&root).map(|_| ())
}
