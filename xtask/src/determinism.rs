//! `cargo xtask determinism`: the same bits on every instruction set, with any number of threads, however interrupted.

use anyhow::Result;
use xtask_tools::CommandLine;

/// Train on every instruction set, on 1 to 8 threads, interrupted and resumed, and compare the bits
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Runs the whole suite.
pub(crate) fn run(_: &Args) -> Result<()> {
    let tests = "test --release --package minibatch --test resume -- --ignored the_whole_suite --nocapture";
    CommandLine::cargo(tests).run(&xtask_tools::workspace_root()).map(|_| ())
}
