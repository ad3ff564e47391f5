//! The columns of a table at a glance.

use super::title_of;
use crate::draw::{Terminal, cut, fitted, histogram, width};
use crate::failure::Failure;
use crate::report::{Event, Report, write_out};
use crate::text::{figure, grouped};
use minibatch_data::{ColumnSummary, Content, Table};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// Parts of a histogram.
const PARTS: usize = 16;
/// Characters of a name or a text at most.
const LONGEST: usize = 24;

/// A column, as JSON has it.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "column")]
struct Column<'a> {
    column: &'a str,
    /// `numbers`, `texts` or `empty`.
    kind: &'static str,
    rows: usize,
    missing: usize,
    distinct: usize,
    #[serde(flatten)]
    numbers: Option<Numbers<'a>>,
    /// The most frequent texts, each with the number of its cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    texts: Option<&'a [(String, usize)]>,
}

#[derive(Debug, Serialize)]
struct Numbers<'a> {
    least: f32,
    greatest: f32,
    mean: f64,
    median: f32,
    deviation: f64,
    histogram: &'a [usize],
}

/// Shows the columns of `table`, which was read from `path`.
pub(super) fn show(path: &Path, table: &Table, json: bool) -> Result<(), Failure> {
    let (columns, rows) = (table.summary(PARTS), table.rows());
    if json {
        return columns.iter().try_for_each(|column| Report::Json.print(&Column::new(column, rows)));
    }
    write_out(text(&title_of(path), rows, &columns, &Terminal::of_output()).as_bytes())
}

/// The columns as text, one on a line.
fn text(title: &str, rows: usize, columns: &[ColumnSummary], terminal: &Terminal) -> String {
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let (all, rows_s, columns_s) = (columns.len(), s(rows), s(columns.len()));
    let names: Vec<String> = columns.iter().map(|column| cut(&column.name, LONGEST)).collect();
    let first = names.iter().map(|name| width(name)).fold(6, usize::max);
    let mut lines = vec![
        format!("{title}: {} row{rows_s}, {} column{columns_s}", grouped(rows), grouped(all)),
        String::new(),
        format!("{:<first$}  kind     missing  distribution      values", "column"),
    ];
    for (name, ColumnSummary { missing, content, .. }) in names.iter().zip(columns) {
        let (kind, bars, words) = words(content);
        let line =
            format!("{}  {kind:<7}  {:>7}  {bars:<PARTS$}  {words}", fitted(name, first), grouped(*missing));
        // A terminal would break a long line; a pipe has room.
        let most = if terminal.is_terminal { terminal.columns } else { usize::MAX };
        lines.push(cut(line.trim_end(), most));
    }
    lines.join("\n") + "\n"
}

impl<'a> Column<'a> {
    fn new(summary: &'a ColumnSummary, rows: usize) -> Column<'a> {
        /// Texts that are told.
        const MOST: usize = 100;
        let (kind, distinct, numbers, texts) = match &summary.content {
            Content::Numbers { least, greatest, mean, median, deviation, distinct, histogram } => {
                let (least, greatest, median) = (*least, *greatest, *median);
                let numbers =
                    Numbers { least, greatest, mean: *mean, median, deviation: *deviation, histogram };
                ("numbers", *distinct, Some(numbers), None)
            }
            Content::Texts { counts } => {
                ("texts", counts.len(), None, Some(&counts[..counts.len().min(MOST)]))
            }
            _ => ("empty", 0, None, None),
        };
        Column { column: &summary.name, kind, rows, missing: summary.missing, distinct, numbers, texts }
    }
}

impl Event for Column<'_> {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        writeln!(out, "{}", self.column)
    }
}

/// A number of a column. Whole ones are shown as such.
fn number(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e9 { format!("{x:.0}") } else { figure(x) }
}

/// A column's content in words.
fn words(content: &Content) -> (&'static str, String, String) {
    match content {
        Content::Numbers { least, greatest, mean, median, deviation, distinct, histogram: counts } => {
            let [least, greatest, median] = [least, greatest, median].map(|&x| number(f64::from(x)));
            let [mean, deviation] = [mean, deviation].map(|&x| figure(x));
            let distinct = if *distinct == 1 {
                "one value".to_owned()
            } else {
                format!("{} values", grouped(*distinct))
            };
            let words =
                format!("{least} to {greatest}, median {median}, mean {mean} ± {deviation}, {distinct}");
            ("numbers", histogram(counts), words)
        }
        Content::Texts { counts } => {
            let bars: Vec<usize> = counts.iter().map(|(_, count)| *count).take(PARTS).collect();
            let first = counts
                .iter()
                .take(3)
                .map(|(text, count)| format!("{} {}", cut(text, LONGEST), grouped(*count)));
            let more = if counts.len() > 3 {
                format!(" and {} others", grouped(counts.len() - 3))
            } else {
                String::new()
            };
            ("texts", histogram(&bars), format!("{}{more}", first.collect::<Vec<_>>().join(", ")))
        }
        _ => ("empty", String::new(), "no cell has a value".to_owned()),
    }
}
