//! `cargo xtask speedrun`: trains the presets on MNIST with several seeds, and holds accuracy and seconds against their goals.

mod figures;
mod presets;
mod record;

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use xtask_tools::{Machine, built_command, free_name, invocation, plural, three_digits, write_whole};

use crate::floor;
use crate::trained::{self, check_mnist};
use figures::{Figures, Run};
use presets::{PRESETS, Preset};
use record::Row;

/// Train the presets of benches/presets with several seeds, and hold accuracy and seconds against their goals
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these presets, such as `97` or `98,98.5` [default: those with a goal in seconds]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = PRESETS.map(|preset| preset.name))]
    only: Vec<String>,

    /// Seeds 1 to N of each preset
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,

    /// Threads that train
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,

    /// Train each preset by JAX, too, in turns (97 and 98; `cargo xtask peers --only jax` makes the environment)
    #[arg(long)]
    beside_jax: bool,

    /// Write a record into benches/record
    #[arg(long)]
    record: bool,
}

/// JAX's Python, and the script that trains a preset.
const JAX: [&str; 2] = ["target/peers/venv/bin/python", "benches/peers/python/jax_speedrun.py"];

/// The fewest seeds of a record.
const LEAST_SEEDS: u32 = 10;

/// Trains, prints, and records if asked to.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    check_mnist(&root)?;
    ensure!(
        !args.record || args.seeds >= LEAST_SEEDS,
        "a record needs {LEAST_SEEDS} seeds, not {}",
        args.seeds
    );
    let machine = Machine::ask(&root);
    let command = built_command(&root)?;
    let mut peak = floor::register_peak(&root, args.threads)?;

    let is_wanted = |preset: &Preset| match &args.only[..] {
        [] => preset.seconds.is_some(),
        only => only.iter().any(|name| name == preset.name),
    };
    let mut rows = Vec::new();
    for preset in PRESETS.into_iter().filter(is_wanted) {
        rows.extend(measure(&root, &command, preset, args)?);
    }
    // The best of both looks: another process takes from a peak, and none adds to it.
    peak = peak.max(floor::register_peak(&root, args.threads)?);

    let measured = format!(
        "seeds 1 to {}, one run each, {}; register peak {} GFLOP/s",
        args.seeds,
        plural(args.threads),
        three_digits(peak * 1e-9)
    );
    println!("\n{}\n{measured}", record::table(&rows, peak));
    if args.record {
        let path = free_name(&root.join("benches/record"), &format!("{}-speedrun", machine.slug()), "md");
        write_whole(&path, &record::document(&machine, &invocation(), &measured, peak, &rows))?;
        println!("written: {}", path.strip_prefix(&root).unwrap_or(&path).display());
    }
    Ok(())
}

/// Trains `preset` with every seed, and prints a line for each. Returns its row, and that of JAX if it was asked for.
fn measure(root: &Path, command: &Path, preset: Preset, args: &Args) -> Result<Vec<Row>> {
    println!("{}", preset.file());
    let (started, waited) = (Instant::now(), waited());
    let (mut runs, mut of_jax) = (Vec::new(), Vec::new());
    for seed in 1..=args.seeds {
        let mut train = trained::command(root, command, seed, args.threads);
        train.args(["--config", &preset.file()]);
        runs.push(run_once("", train, seed, args.threads)?);
        if args.beside_jax {
            let mut train = Command::new(JAX[0]);
            train.args([JAX[1], &preset.file(), "--data", "data/mnist", "--seed", &seed.to_string()]);
            train.args(["--threads", &args.threads.to_string()]).current_dir(root);
            of_jax.push(run_once("JAX ", train, seed, args.threads)?);
        }
    }
    let elapsed = started.elapsed().as_secs_f64();
    let waiting = waited.zip(self::waited()).map(|(before, after)| (after - before) / elapsed);
    let row =
        |trainer, runs: &[Run]| Figures::of(runs).map(|figures| Row { preset, trainer, figures, waiting });
    Ok([row(None, &runs), row(Some("JAX"), &of_jax)].into_iter().flatten().collect())
}

/// Trains once, by `command` in a process of its own, and prints a line.
fn run_once(name: &str, mut command: Command, seed: u32, threads: usize) -> Result<Run> {
    print!("  {name}seed {seed:2}");
    std::io::stdout().flush().context("stdout")?;
    let run = train(&mut command, threads)?;
    println!(
        "  {:.2}%  {} s of training, {} s in all",
        100.0 * run.accuracy,
        three_digits(run.training),
        three_digits(run.process)
    );
    Ok(run)
}

/// The results of a run.
fn train(command: &mut Command, threads: usize) -> Result<Run> {
    let started = Instant::now();
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Run::read(&String::from_utf8_lossy(&output.stdout), threads, seconds)
        .with_context(|| format!("{command:?}"))
}

/// Seconds since the system's start in which some process waited for a core. `None` where the system doesn't tell them.
pub(crate) fn waited() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    let some = text.lines().find(|line| line.starts_with("some "))?;
    let micros: f64 = some.rsplit_once("total=")?.1.parse().ok()?;
    Some(micros * 1e-6)
}
