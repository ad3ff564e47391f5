//! `minibatch compare`: several runs side by side. It says which settings differ, draws their curves and tells their results.

use crate::draw::{Chart, Format, Scale, Series, Target, Terminal, fitted, width};
use crate::failure::Failure;
use crate::page::{self, Cell, Section, Table};
use crate::recorded;
use crate::report::{self, Event, Report, shown};
use crate::text::{duration, figure, grouped, percent};
use minibatch::{Checkpoint, Epoch, Evaluation};
use serde::Serialize;
use std::io::{self, Write};
use std::mem;
use std::path::PathBuf;

/// The lines of a chart in the terminal.
const LINES: usize = 12;
/// The size of a chart in a file.
const SIZE: (u32, u32) = (720, 320);

/// The options of `compare`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoints of two runs or more
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    checkpoints: Vec<PathBuf>,

    /// Write the comparison into this file: the curves if it ends with .svg, a page if it ends with .html
    #[arg(long, value_name = "FILE", value_parser = Target::of_curves)]
    output: Option<Target>,

    /// Print one JSON object
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

/// Several runs side by side.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "comparison")]
struct Comparison {
    /// The settings that aren't equal in all runs: for each run its value, null where a run does without.
    differences: Vec<Row>,
    runs: Vec<Run>,
    #[serde(skip)]
    charts: Vec<Chart>,
}

/// A value of each run, under its name.
#[derive(Clone, Debug, Serialize)]
struct Row {
    name: &'static str,
    values: Vec<Option<String>>,
}

/// The results of a run.
#[derive(Debug, Serialize)]
struct Run {
    /// The path of its checkpoint.
    checkpoint: String,
    /// The part of the path that tells it from the others.
    #[serde(skip)]
    name: String,
    /// Finished epochs.
    epochs: usize,
    /// The training cost of the last epoch.
    cost: Option<f64>,
    /// The results of the last epoch.
    validation: Option<Evaluation>,
    test: Option<Evaluation>,
    /// The seconds of its epochs' training, and the examples that it trained on in each of them.
    training_seconds: f64,
    samples_per_second: f64,
    /// 16 hexadecimal digits.
    weight_hash: String,
}

/// Compares.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let checkpoints =
        args.checkpoints.iter().map(|path| recorded::load(path)).collect::<Result<Vec<_>, _>>()?;
    let comparison = Comparison::new(&args.checkpoints, &checkpoints);
    match &args.output {
        None => Report::new(args.json).print(&comparison),
        Some(target) => {
            let text = match target.format {
                Format::Html => comparison.page(),
                Format::Svg | Format::Png => Chart::svg_of_all(&comparison.charts, SIZE),
            };
            target.write(text.as_bytes())?;
            let (runs, file) = (comparison.runs.len(), shown(&target.path));
            report::write_out(format!("Wrote the comparison of {runs} runs into {file}.\n").as_bytes())
        }
    }
}

impl Comparison {
    fn new(paths: &[PathBuf], checkpoints: &[Checkpoint]) -> Comparison {
        let names = names(paths);
        let runs: Vec<Run> = paths
            .iter()
            .zip(&names)
            .zip(checkpoints)
            .map(|((path, name), checkpoint)| Run::new(shown(path), name.clone(), checkpoint))
            .collect();
        Comparison { differences: differences(checkpoints), charts: charts(&names, checkpoints), runs }
    }

    /// The results of the runs: for each its value, under the value's name.
    fn results(&self) -> Vec<Row> {
        let row = |name, value: &dyn Fn(&Run) -> Option<String>| Row {
            name,
            values: self.runs.iter().map(value).collect(),
        };
        let score = |evaluation: &Option<Evaluation>| {
            evaluation.map(|it| it.accuracy().map_or_else(|| report::score(&it), percent))
        };
        let cost = |evaluation: &Option<Evaluation>| evaluation.map(|it| figure(it.cost));
        let mut rows = vec![
            row("epochs", &|run| Some(run.epochs.to_string())),
            row("training cost", &|run| run.cost.map(figure)),
            row("validation cost", &|run| cost(&run.validation)),
            row("validation result", &|run| score(&run.validation)),
            row("test cost", &|run| cost(&run.test)),
            row("test result", &|run| score(&run.test)),
            row("training time", &|run| Some(duration(run.training_seconds))),
            row("samples/s", &|run| {
                (run.training_seconds > 0.0).then(|| grouped(run.samples_per_second.round() as usize))
            }),
            row("weight hash", &|run| Some(run.weight_hash.clone())),
        ];
        rows.retain(|row| row.values.iter().any(Option::is_some));
        rows
    }

    fn page(&self) -> String {
        let names = || self.runs.iter().map(|run| run.name.clone());
        let cell = |value: &Option<String>| Cell::new(value.as_deref().unwrap_or("–"));
        let results = self.results();
        let heads = std::iter::once("run").chain(results.iter().map(|row| row.name));
        let mut of_runs = Table::new("After the last epoch", heads);
        for (place, name) in names().enumerate() {
            of_runs.row(name, results.iter().map(|row| cell(&row.values[place])));
        }
        let mut settings =
            Table::new("The others are equal", std::iter::once("setting".to_owned()).chain(names()));
        self.differences.iter().for_each(|row| settings.row(row.name, row.values.iter().map(cell)));
        let settings = match &*self.differences {
            [] => page::paragraph("All settings are equal."),
            _ => settings.html(),
        };
        let charts: String = self.charts.iter().map(page::chart).collect();
        let section = |id, heading: &str, html| Section { id, heading: heading.to_owned(), html };
        let sections = [
            section("results", "Results", of_runs.html()),
            section("settings", "Settings that differ", settings),
            section("curves", "Learning curves", format!("<div class=\"columns\">\n{charts}</div>\n")),
        ];
        let names = names().collect::<Vec<_>>().join(", ");
        page::document(&format!("{} runs compared", self.runs.len()), &page::paragraph(&names), &sections)
    }
}

impl Event for Comparison {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let terminal = Terminal::of_output();
        let names: Vec<Option<String>> = self.runs.iter().map(|run| Some(run.name.clone())).collect();
        let titled = |name, rows: &[Row]| [&[Row { name, values: names.clone() }], rows].concat();
        match &*self.differences {
            [] => writeln!(out, "all settings are equal")?,
            rows => write_columns(out, &titled("settings that differ", rows), &terminal)?,
        }
        writeln!(out)?;
        write_columns(out, &titled("results", &self.results()), &terminal)?;
        for chart in &self.charts {
            writeln!(out)?;
            chart.text(&terminal, LINES).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        Ok(())
    }
}

/// Writes a column for the names and one for each run. A text that is too long for its column goes on in the next lines.
fn write_columns(out: &mut Vec<u8>, rows: &[Row], terminal: &Terminal) -> io::Result<()> {
    /// Characters of a column at most, and where a terminal is too narrow for that.
    const MOST: usize = 32;
    const LEAST: usize = 16;
    let runs = rows.first().map_or(0, |row| row.values.len());
    let first = rows.iter().map(|row| width(row.name)).max().unwrap_or(0);
    let fitting = terminal.columns.saturating_sub(first) / runs.max(1);
    let most = if terminal.is_terminal { fitting.saturating_sub(2).clamp(LEAST, MOST) } else { MOST };
    let widest = |run: usize| {
        let longest = rows.iter().map(|row| row.values[run].as_deref().map_or(1, width)).max();
        longest.unwrap_or(1).min(most)
    };
    let widths: Vec<usize> = (0..runs).map(widest).collect();
    for Row { name, values } in rows {
        let cells: Vec<Vec<String>> = values
            .iter()
            .zip(&widths)
            .map(|(value, &width)| wrapped(value.as_deref().unwrap_or("–"), width))
            .collect();
        for line in 0..cells.iter().map(Vec::len).max().unwrap_or(1) {
            let mut text = format!("{:<first$}", if line == 0 { name } else { "" });
            for (cell, width) in cells.iter().zip(&widths) {
                text.push_str("  ");
                text.push_str(&fitted(cell.get(line).map_or("", String::as_str), *width));
            }
            writeln!(out, "{}", text.trim_end())?;
        }
    }
    Ok(())
}

/// Text in lines of so many columns at most, broken at spaces where it can be.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            if width(&line) >= columns {
                lines.push(mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines
}

impl Run {
    fn new(checkpoint: String, name: String, run: &Checkpoint) -> Run {
        let last = run.history.last();
        let training_seconds: f64 = run.history.iter().map(|epoch| epoch.seconds).sum();
        let examples = run.settings.epoch_examples(run.data.examples as usize) * run.history.len();
        Run {
            checkpoint,
            name,
            epochs: run.history.len(),
            cost: last.map(|epoch| epoch.cost),
            validation: last.and_then(|epoch| epoch.validation),
            test: last.and_then(|epoch| epoch.test),
            training_seconds,
            samples_per_second: examples as f64 / training_seconds.max(f64::MIN_POSITIVE),
            weight_hash: format!("{:016x}", run.result().weight_hash()),
        }
    }
}

/// The shortest ends of the paths that differ: `b.ckpt`, or `x/b.ckpt` and `y/b.ckpt`. A path that is named twice is itself.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let end = |path: &PathBuf, parts: usize| {
        let all: Vec<_> = path.iter().collect();
        all[all.len().saturating_sub(parts)..].iter().collect::<PathBuf>()
    };
    let differ = |parts: &usize| {
        let ends: Vec<PathBuf> = paths.iter().map(|path| end(path, *parts)).collect();
        (1..ends.len()).all(|i| !ends[..i].contains(&ends[i]))
    };
    let parts = (1..=16).find(differ).unwrap_or(16);
    paths.iter().map(|path| shown(&end(path, parts))).collect()
}

/// The settings that aren't equal in all runs.
fn differences(checkpoints: &[Checkpoint]) -> Vec<Row> {
    let of_runs: Vec<Vec<(&'static str, String)>> = checkpoints.iter().map(report::settings).collect();
    let mut keys: Vec<&'static str> = Vec::new();
    for (key, _) in of_runs.iter().flatten() {
        if !keys.contains(key) {
            keys.push(key);
        }
    }
    let value = |run: &Vec<(&'static str, String)>, key| {
        run.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
    };
    let row = |name| Row { name, values: of_runs.iter().map(|run| value(run, name)).collect() };
    keys.into_iter().map(row).filter(|row| row.values.iter().any(|value| *value != row.values[0])).collect()
}

/// The curves of the runs: their training costs, and their results on the test set, or else on the validation set.
fn charts(names: &[String], checkpoints: &[Checkpoint]) -> Vec<Chart> {
    let chart = |title: &str, scale, value: &dyn Fn(&Epoch) -> Option<f64>| {
        let series = names.iter().zip(checkpoints).map(|(name, run)| Series {
            name: name.clone(),
            points: run
                .history
                .iter()
                .filter_map(|epoch| Some((epoch.number as f64, value(epoch)?)))
                .collect(),
        });
        Chart { title: title.to_owned(), x: "epoch", scale, series: series.collect() }
    };
    let rmse = |evaluation: Option<Evaluation>| Some(evaluation?.fit()?.rmse);
    let accuracy = |evaluation: Option<Evaluation>| evaluation?.accuracy();
    let all = [
        chart("Training cost", Scale::Decades, &|epoch| Some(epoch.cost)),
        chart("Test accuracy", Scale::Percent, &|epoch| accuracy(epoch.test)),
        chart("Test error (RMSE)", Scale::Decades, &|epoch| rmse(epoch.test)),
        chart("Validation accuracy", Scale::Percent, &|epoch| accuracy(epoch.validation)),
        chart("Validation error (RMSE)", Scale::Decades, &|epoch| rmse(epoch.validation)),
    ];
    all.into_iter().filter(|chart| chart.series.iter().any(|series| !series.points.is_empty())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_short_as_they_can_be() {
        let names = |paths: &[&str]| names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(names(&["runs/a.ckpt", "b.ckpt"]), ["a.ckpt", "b.ckpt"]);
        assert_eq!(names(&["x/a.ckpt", "y/a.ckpt", "b"]), ["x/a.ckpt", "y/a.ckpt", "b"]);
        assert_eq!(names(&["a", "a"]), ["a", "a"]);
    }

    #[test]
    fn long_texts_are_broken_at_spaces() {
        assert_eq!(wrapped("he-normal: weights from N", 10), ["he-normal:", "weights", "from N"]);
        assert_eq!(wrapped("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
