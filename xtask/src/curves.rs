//! `cargo xtask curves`: samples a second against width, depth and minibatch, beside the limits of the machine.

use anyhow::Result;
use xtask_tools::{CommandLine, Machine, free_name, workspace_root};

/// Measure samples a second against width, depth and minibatch; draw them beside the roofline into docs/pictures
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Fewer points, and all of it under target/curves: to see that all is well, not to quote
    #[arg(long)]
    quick: bool,
}

/// Runs the example `curves` of the benches.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = workspace_root();
    let machine = Machine::ask(&root);
    let scratch = root.join("target/curves");
    let (table, pictures) = if args.quick {
        std::fs::create_dir_all(&scratch)?;
        (scratch.join("curves.csv"), scratch)
    } else {
        let name = format!("{}-curves", machine.slug());
        (free_name(&root.join("benches/record"), &name, "csv"), root.join("docs/pictures"))
    };
    let about = format!(
        "{}; {} cores; {}; {}; commit {}; load before {}; cargo xtask curves",
        machine.cpu, machine.cores, machine.caches, machine.rustc, machine.commit, machine.load
    );
    let mut command = CommandLine::cargo("run --release --package minibatch-benches --example curves --")
        .arg(table.to_string_lossy());
    command = command.arg(pictures.to_string_lossy());
    if args.quick {
        command = command.arg("--quick");
    }
    command.arg(about).run(&root).map(|_| ())
}
