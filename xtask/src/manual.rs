//! `cargo xtask manual`: completions and manual pages of the command.

use std::path::PathBuf;

use anyhow::Result;
use xtask_tools::CommandLine;

/// Write the command's completions for bash, zsh, fish, PowerShell and Elvish, and a page of its manual for each subcommand
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder for them
    #[arg(long, value_name = "DIR", default_value = "target/manual")]
    output: PathBuf,
}

/// Runs the example of the command that writes them.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    // The folder is the caller's, and cargo runs in the root.
    let folder = std::path::absolute(&args.output)?;
    let write = CommandLine::cargo("run --quiet --package minibatch-cli --example manual --");
    write.arg(folder.display().to_string()).run(&root)?;
    println!("written: completions and man in {}", args.output.display());
    Ok(())
}
