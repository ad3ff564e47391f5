//! `cargo xtask recipes`: trains every two choices together on MNIST, leaves the rest to the recipe, and holds the accuracies
//! against their floors.

mod covering;
mod factors;
mod record;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use xtask_tools::{Machine, Outcome, built_command, free_name, invocation, plural, write_whole};

use crate::trained::{self, Trained, check_mnist};
use factors::Row;
use record::{Measured, Verdict};

/// Train every two choices together on MNIST, the rest left to the recipe, and hold accuracies against their floors
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the rows A to B, both included, counted from 1
    #[arg(long, value_name = "A..B", value_parser = range, conflicts_with = "part")]
    rows: Option<(usize, usize)>,

    /// Only every N-th row, from the K-th on: 1/4, 2/4, 3/4 and 4/4 are all rows
    #[arg(long, value_name = "K/N", value_parser = part)]
    part: Option<(usize, usize)>,

    /// Only the rows whose layers have at most so many neurons
    #[arg(long, value_name = "N")]
    most_width: Option<usize>,

    /// Only the rows whose layers have at least so many neurons
    #[arg(long, value_name = "N")]
    least_width: Option<usize>,

    /// Instead of the table, a few rows of small networks: each cost, and as many activations and optimisers
    #[arg(long, conflicts_with_all = ["rows", "part", "most_width", "least_width", "record"])]
    short: bool,

    /// Seeds 1 to N of each row
    #[arg(long, value_name = "N", default_value_t = SEEDS, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,

    /// Threads that train
    #[arg(long, value_name = "N", default_value_t = THREADS)]
    threads: usize,

    /// Write a record into benches/record
    #[arg(long, conflicts_with = "list")]
    record: bool,

    /// Print the rows' options, and train nothing
    #[arg(long)]
    list: bool,
}

/// The options of every row.
const OPTIONS: [&str; 4] = ["--epochs", "5", "--validation-split", "0.16667"];

/// How many seeds a row is trained with, unless told otherwise.
const SEEDS: u32 = 3;
/// How many threads train, unless told otherwise.
const THREADS: usize = 2;

/// The rows of the short form: one with each cost that has a floor, and one that leaves cost and output to the recipe.
const SHORT_ROWS: usize = 8;
/// The most neurons of a layer in the short form.
const SHORT_WIDTH: usize = 64;

/// Trains, prints, and records if asked to. The error says how many rows are below their floors.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let all = if args.short { short_rows() } else { factors::rows() };
    let rows: Vec<Row> = all.iter().copied().filter(|row| args.wants(row)).collect();
    if args.list {
        let mut out = std::io::stdout().lock();
        for row in &rows {
            writeln!(out, "{:4} {}", row.number, row.options().join(" ")).context("stdout")?;
        }
        return Ok(());
    }
    ensure!(!rows.is_empty(), "none of the {} rows is asked for", all.len());
    check_mnist(&root)?;
    let machine = Machine::ask(&root);
    let command = built_command(&root)?;
    let path = free_name(&root.join("benches/record"), &format!("{}-recipes", machine.slug()), "md");
    // A run of hours may be stopped. The record has the rows so far.
    let write = |measured: &[Measured]| {
        let (rows, seeds, threads) = (measured.len(), args.seeds, plural(args.threads));
        let how = format!("{rows} of {} rows, seeds 1 to {seeds}, {threads}", all.len());
        write_whole(&path, &record::document(&machine, &invocation(), &how, measured))
    };
    let after_row = |measured: &[Measured]| if args.record { write(measured) } else { Ok(()) };
    let measured = measure(&root, &command, &rows, args.seeds, args.threads, after_row)?;
    println!("\n{}", record::summary(&measured));
    if args.record {
        println!("written: {}", path.strip_prefix(&root).unwrap_or(&path).display());
    }
    check(&measured)
}

/// Trains the short form, as a step of `cargo xtask ci`.
pub(crate) fn short(root: &Path) -> Result<Outcome> {
    let command = built_command(root)?;
    check(&measure(root, &command, &short_rows(), SEEDS, THREADS, |_| Ok(()))?)?;
    Ok(Outcome::Passed)
}

/// The rows of the short form, numbered by themselves.
fn short_rows() -> Vec<Row> {
    let mut rows = factors::small_rows(SHORT_WIDTH);
    rows.truncate(SHORT_ROWS);
    rows
}

impl Args {
    fn wants(&self, row: &Row) -> bool {
        self.rows.is_none_or(|(first, last)| (first..=last).contains(&row.number))
            && self.part.is_none_or(|(part, of)| row.number % of == part % of)
            && self.most_width.is_none_or(|most| row.width <= most)
            && self.least_width.is_none_or(|least| row.width >= least)
    }
}

/// Reads `A..B`, counted from 1.
fn range(text: &str) -> Result<(usize, usize), String> {
    let numbers =
        text.split_once("..").and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let fits = |&(first, last): &(usize, usize)| 1 <= first && first <= last;
    numbers.filter(fits).ok_or_else(|| "expected two numbers from 1 on, such as 1..40".to_owned())
}

/// Reads `K/N`, where K is from 1 to N.
fn part(text: &str) -> Result<(usize, usize), String> {
    let numbers = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    let fits = |&(part, of): &(usize, usize)| 1 <= part && part <= of;
    numbers.filter(fits).ok_or_else(|| "expected K/N with K from 1 to N, such as 1/4".to_owned())
}

/// The error if a row is below its floor.
fn check(measured: &[Measured]) -> Result<()> {
    let below: Vec<String> = measured
        .iter()
        .filter(|row| row.verdict() == Verdict::Below)
        .map(|row| row.row.number.to_string())
        .collect();
    ensure!(below.is_empty(), "below their floors are the rows {}", below.join(", "));
    Ok(())
}

/// Trains `rows` with every seed, and prints a line for each. `after_row` is called with the rows so far after each of them.
fn measure(
    root: &Path,
    command: &Path,
    rows: &[Row],
    seeds: u32,
    threads: usize,
    after_row: impl Fn(&[Measured]) -> Result<()>,
) -> Result<Vec<Measured>> {
    let mut all = Vec::new();
    for &row in rows {
        print!("{:4} {}  ", row.number, row.options().join(" "));
        std::io::stdout().flush().context("stdout")?;
        let started = Instant::now();
        let accuracies = (1..=seeds).map(|seed| train(root, command, row, seed, threads));
        let accuracies = accuracies.collect::<Result<Vec<_>>>()?;
        let measured = Measured { row, accuracies, seconds: started.elapsed().as_secs_f64() };
        println!("{}", measured.line());
        all.push(measured);
        after_row(&all)?;
    }
    Ok(all)
}

/// The validation accuracy after the last epoch of a run in a process of its own. 0 if it diverges.
fn train(root: &Path, command: &Path, row: Row, seed: u32, threads: usize) -> Result<f64> {
    let mut command = trained::command(root, command, seed, threads);
    command.args(OPTIONS).args(row.options());
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(1) && is_divergence(&said) {
        return Ok(0.0);
    }
    ensure!(output.status.success(), "{command:?} failed: {}", said.trim_end());
    accuracy(&String::from_utf8_lossy(&output.stdout), threads).with_context(|| format!("{command:?}"))
}

/// Whether a run ended because its numbers were no longer finite. Other failures have the same exit code.
fn is_divergence(said: &str) -> bool {
    said.lines().any(|line| line.starts_with("error: step ") && line.contains("stopped before the update"))
}

/// The validation accuracy of the last epoch.
fn accuracy(output: &str, threads: usize) -> Result<f64> {
    let Trained { last, .. } = Trained::read(output, threads)?;
    last["validation"]["accuracy"].as_f64().context("no validation accuracy in the last epoch")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_validation_accuracy_of_the_last_epoch_counts() {
        let output = "{\"event\":\"plan\",\"epochs\":1,\"threads\":2}\n\
             {\"event\":\"epoch\",\"epoch\":1,\"validation\":{\"accuracy\":0.5},\"test\":{\"accuracy\":0.75}}\n\
             {\"event\":\"end\"}\n";
        assert_eq!(accuracy(output, 2).unwrap(), 0.5);
        assert!(accuracy(output, 1).is_err());
        assert!(accuracy(&output.replace("validation", "test"), 2).is_err());
    }

    #[test]
    fn a_divergence_is_told_from_other_failures() {
        let diverged = "note: a\nerror: step 3 of epoch 1: the update of layer 2 may pass the largest number: \
                        stopped before the update; try a smaller learning rate\n";
        assert!(is_divergence(diverged));
        assert!(!is_divergence("error: data/mnist: no such file\n") && !is_divergence(""));
    }

    #[test]
    fn parts_are_all_rows_and_each_once() {
        let args = |part| Args {
            rows: None,
            part: Some(part),
            most_width: None,
            least_width: None,
            short: false,
            seeds: 1,
            threads: 1,
            record: false,
            list: true,
        };
        let rows = factors::rows();
        let parts = (1..=4).map(|part| rows.iter().filter(|row| args((part, 4)).wants(row)).count());
        assert_eq!(parts.sum::<usize>(), rows.len());
        assert!(args((2, 4)).wants(&rows[1]) && args((4, 4)).wants(&rows[3]));
    }

    #[test]
    fn ranges_and_parts_are_read() {
        assert_eq!((range("1..40"), part("4/4")), (Ok((1, 40)), Ok((4, 4))));
        for text in ["", "1", "0..4", "4..1", "1..x", "0/4", "5/4", "1/0"] {
            assert!(range(text).is_err() && part(text).is_err(), "{text}");
        }
    }
}
