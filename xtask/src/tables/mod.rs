//! `cargo xtask tables`: the preset for tables beside RealMLP's own implementation and scikit-learn.

mod figures;
mod record;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use xtask_tools::{Machine, built_command, free_name, invocation, plural, three_digits, write_whole};

use crate::python::Environment;
use crate::speedrun::waited;
use figures::{Fit, Report, Rows, TRAINERS};

/// Learn tables by the preset `realmlp`, its authors' implementation and scikit-learn, and compare errors and seconds
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these sets, such as `letter,diamonds`
    #[arg(long, value_name = "SET,…", value_delimiter = ',')]
    only: Vec<String>,

    /// Only these trainers
    #[arg(long, value_name = "TRAINER,…", value_delimiter = ',', value_parser = TRAINERS, conflicts_with = "record")]
    trainers: Vec<String>,

    /// Splits 1 to N of each set
    #[arg(long, value_name = "N", default_value_t = LEAST_SEEDS, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,

    /// Threads that train
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,

    /// Another configuration of Minibatch
    #[arg(long, value_name = "FILE", default_value = "benches/presets/realmlp.toml")]
    config: PathBuf,

    /// Write a record into benches/record
    #[arg(long)]
    record: bool,
}

const ENVIRONMENT: Environment = Environment {
    folder: "target/tables",
    has_torch: true,
    needs: &["numpy", "scikit-learn", "scipy", "threadpoolctl"],
    list: Some("requirements-tables.txt"),
};

/// The fewest seeds of a record.
const LEAST_SEEDS: u32 = 5;

/// Fits, prints, and records if asked to.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    ensure!(
        !args.record || args.seeds >= LEAST_SEEDS,
        "a record needs {LEAST_SEEDS} seeds, not {}",
        args.seeds
    );
    let config = root.join(&args.config);
    ensure!(config.exists(), "no {}", config.display());
    let python = ENVIRONMENT.prepare(&root)?;
    let machine = Machine::ask(&root);
    let command = built_command(&root)?;

    let (started, before) = (Instant::now(), waited());
    let Rows { versions, sets } = fit(&root, args, &python, &command, &config)?;
    let seconds = started.elapsed().as_secs_f64();
    let waiting = before.zip(waited()).map(|(before, after)| (after - before) / seconds);
    let measured = format!(
        "seeds 1 to {}, {}, {:.0} minutes, waiting {}; {versions}",
        args.seeds,
        plural(args.threads),
        seconds / 60.0,
        waiting.map_or_else(|| "unknown".to_owned(), |waiting| format!("{:.0}%", 100.0 * waiting)),
    );
    println!("\n{}\n{measured}", record::tables(&sets));
    if args.record {
        let path = free_name(&root.join("benches/record"), &format!("{}-tables", machine.slug()), "md");
        write_whole(&path, &record::document(&machine, &invocation(), &measured, &sets))?;
        println!("written: {}", path.strip_prefix(&root).unwrap_or(&path).display());
    }
    Ok(())
}

/// Runs the script that fits all, and prints a line for each fit as it comes.
fn fit(root: &Path, args: &Args, python: &Path, command: &Path, config: &Path) -> Result<Rows> {
    let mut script = Command::new(python);
    script.arg(root.join("benches/peers/python/tables.py"));
    script.arg("--minibatch").arg(command).arg("--config").arg(config);
    script.args(["--seeds", &args.seeds.to_string(), "--threads", &args.threads.to_string()]);
    for (option, names) in [("--only", &args.only), ("--trainers", &args.trainers)] {
        if !names.is_empty() {
            script.args([option, &names.join(",")]);
        }
    }
    let mut child = script.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("Python")?;
    let mut rows = Rows::default();
    for line in BufReader::new(child.stdout.take().context("no pipe")?).lines() {
        let line = line.context("the script's output")?;
        match serde_json::from_str(&line).with_context(|| line.clone())? {
            Report::Versions { versions } => rows.take_versions(&versions),
            Report::Fit(fit) => {
                let Fit { set, seed, trainer, error, seconds, .. } = &fit;
                println!("{set}, seed {seed}, {trainer}: {:.2}, {} s", 100.0 * error, three_digits(*seconds));
                rows.take(fit);
            }
        }
    }
    let status = child.wait().context("Python")?;
    ensure!(status.success(), "{script:?} ends with {status}");
    Ok(rows)
}
