//! `cargo xtask peers`: starts the harness in benches/peers/harness.

use std::process::{Command, exit};

use anyhow::{Context, Result};

/// Measure Minibatch and other trainers side by side, and write the table to benches/record
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The harness's options, which `cargo xtask peers --help` lists
    #[arg(value_name = "OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// Ends with the harness's own exit code, if that isn't 0: the harness has given the reason.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--release", "--quiet", "--package", "minibatch-peers", "--"]).args(&args.options);
    let status = cargo.current_dir(xtask_tools::workspace_root()).status().context("cargo")?;
    if !status.success() {
        exit(status.code().unwrap_or(1));
    }
    Ok(())
}
