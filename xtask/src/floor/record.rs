//! The tables, for the terminal and as a dated file.

use std::fmt::Write;

use xtask_tools::{Machine, Table, three_digits};

use super::cells::{Storage, Strides};
use super::{Entry, Theirs};

const HOW: &str = "Each product of the networks C1 to C4 (../peers/README.md), and squares, as a share of the register peak: \
the rate of multiply-adds that stay in registers, on as many threads. *powers*: rows of row-major matrices are the least power \
of two of cache lines apart; *odd*: the least odd number of them. *rows*: all three matrices are row-major; *panels*: the \
weights are in panels, as the trainer keeps them. Product and peak take turns, and the best turn of each counts. On one thread \
time is the thread's own CPU time.";

/// A table for each instruction set and number of threads. The libraries stand in those of the fastest instruction set.
pub(super) fn sections(entries: &[Entry], theirs: &[Theirs]) -> Vec<String> {
    let mut tables: Vec<(&str, usize)> = Vec::new();
    for entry in entries {
        let table = (entry.cell.isa.as_str(), entry.cell.threads);
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    let fastest = tables.first().map(|(isa, _)| *isa);
    tables.sort_by_key(|(isa, threads)| (Some(*isa) != fastest, isa.to_owned(), *threads));
    tables
        .into_iter()
        .map(|(isa, threads)| section(entries, theirs, isa, threads, Some(isa) == fastest))
        .collect()
}

fn section(entries: &[Entry], theirs: &[Theirs], isa: &str, threads: usize, is_fastest: bool) -> String {
    let is_here = |entry: &&Entry| entry.cell.isa == isa && entry.cell.threads == threads;
    let here: Vec<&Entry> = entries.iter().filter(is_here).collect();
    let is_beside = |theirs: &&Theirs| is_fastest && theirs.threads == threads && theirs.rate.is_some();
    let theirs: Vec<&Theirs> = theirs.iter().filter(is_beside).collect();

    let mut header = vec!["m × n × k".to_owned()];
    header.extend(ways().iter().map(|(strides, storage)| format!("{}, {}", strides.name(), storage.name())));
    if !theirs.is_empty() {
        header.extend(Strides::ALL.map(|strides| format!("MKL or oneDNN, {}", strides.name())));
    }
    let mut table = Table::new(&header.iter().map(String::as_str).collect::<Vec<_>>());
    for ours in here.chunk_by(|a, b| a.cell.product == b.cell.product) {
        let mut row = own_cells(ours);
        if !theirs.is_empty() {
            row.extend(their_cells(ours, &theirs));
        }
        table.row(row);
    }
    let plural = if threads == 1 { "" } else { "s" };
    let peak = three_digits(peak(&here) * 1e-9);
    format!("### {isa}, {threads} thread{plural}: peak {peak} GFLOP/s\n\n{}\n", table.show())
}

fn ways() -> Vec<(Strides, Storage)> {
    Strides::ALL.map(|strides| Storage::ALL.map(|storage| (strides, storage))).concat()
}

/// The best peak that was measured beside any of them.
fn peak(entries: &[&Entry]) -> f64 {
    entries.iter().filter_map(|entry| entry.best()).map(|look| look.peak).fold(0.0, f64::max)
}

/// A product's name, and its share in each way.
fn own_cells(entries: &[&Entry]) -> Vec<String> {
    let name = entries[0].cell.product.to_string();
    let share = |(strides, storage)| {
        let is_it = |entry: &&&Entry| (entry.cell.strides, entry.cell.storage) == (strides, storage);
        percent(entries.iter().find(is_it)?.best()?.share())
    };
    std::iter::once(name).chain(ways().into_iter().map(|way| share(way).unwrap_or_else(dash))).collect()
}

/// The libraries' share of the same peak, with each kind of stride.
fn their_cells(entries: &[&Entry], theirs: &[&Theirs]) -> Vec<String> {
    let share = |strides| {
        let is_it =
            |theirs: &&&Theirs| (theirs.product, theirs.strides) == (entries[0].cell.product, strides);
        percent(theirs.iter().find(is_it)?.rate? / peak(entries))
    };
    Strides::ALL.map(|strides| share(strides).unwrap_or_else(dash)).into()
}

fn dash() -> String {
    "–".to_owned()
}

/// `None` where there is nothing to divide.
fn percent(share: f64) -> Option<String> {
    share.is_finite().then(|| format!("{:.0}%", 100.0 * share))
}

/// The origin of the record and of the floors.
pub(super) fn about(
    machine: &Machine,
    kind: &str,
    model: &str,
    command: &str,
    how: &str,
) -> Vec<(&'static str, String)> {
    vec![
        ("kind of cache", kind.to_owned()),
        ("processor", format!("{}, {model}, {} cores, {}", machine.cpu, machine.cores, machine.caches)),
        ("instruction sets", machine.instruction_sets.clone()),
        ("system", format!("{}, {}", machine.system, machine.rustc)),
        ("commit", machine.commit.clone()),
        ("command", command.to_owned()),
        ("measured", how.to_owned()),
        ("load before", machine.load.clone()),
    ]
}

/// The whole record.
pub(super) fn document(
    machine: &Machine,
    about: &[(&'static str, String)],
    notes: &[String],
    sections: &[String],
) -> String {
    let mut text = format!("# Floor, {}, {}\n\n", machine.date, machine.cpu);
    for (name, value) in about {
        // Writing into a string can't fail.
        let _ = writeln!(text, "- {name}: {value}");
    }
    for note in notes {
        let _ = writeln!(text, "- {note}");
    }
    let _ = write!(text, "\n{HOW}\n\n{}", sections.join("\n"));
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
