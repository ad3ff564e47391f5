//! `cargo xtask kill`: runs killed by SIGKILL at random moments, and resumed.

use anyhow::Result;
use xtask_tools::CommandLine;

/// Kill training runs at random moments, resume them, and compare the bits with an uninterrupted run's
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many are killed
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Seed of the moments
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Runs the test of the command with so many kills.
pub(crate) fn run(args: &Args) -> Result<()> {
    let tests = "test --release --package minibatch-cli --test cli -- --ignored killed_anywhere_and_often --nocapture";
    CommandLine::cargo(tests)
        .env("MINIBATCH_KILLS", args.runs.to_string())
        .env("MINIBATCH_KILL_SEED", args.seed.to_string())
        .run(&xtask_tools::workspace_root())
        .map(|_| ())
}
