//! Records of measurements: their tables, and the names of their files.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::Machine;

/// A Markdown table, its columns aligned for reading as text.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these names of its columns.
    pub fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds one more row, with as many cells.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Whether there is no row below the header.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// The table as text.
    pub fn show(&self) -> String {
        let columns = self.rows[0].len();
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..columns).map(|column| width(column).max(3)).collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(text, "| {cell:width$} ");
            }
            text.push_str("|\n");
            if number == 0 {
                for width in &widths {
                    let _ = write!(text, "|{}", "-".repeat(width + 2));
                }
                text.push_str("|\n");
            }
        }
        text
    }
}

/// The head of a record: its title, the machine, the command, and how it measured.
pub fn head(title: &str, machine: &Machine, command: &str, measured: &str) -> String {
    let about = [
        ("processor", format!("{}, {} cores, {}", machine.cpu, machine.cores, machine.caches)),
        ("instruction sets", machine.instruction_sets.clone()),
        ("system", format!("{}, {}", machine.system, machine.rustc)),
        ("commit", machine.commit.clone()),
        ("command", format!("`{command}`")),
        ("measured", measured.to_owned()),
        ("load before", machine.load.clone()),
    ];
    let mut text = format!("# {title}\n\n");
    for (name, value) in about {
        // Writing into a string can't fail.
        let _ = writeln!(text, "- {name}: {value}");
    }
    text
}

/// The `cargo xtask` command that this program was called by.
pub fn invocation() -> String {
    let words: Vec<String> =
        std::iter::once("cargo xtask".to_owned()).chain(std::env::args().skip(1)).collect();
    words.join(" ")
}

/// `1 thread`, `2 threads`.
pub fn plural(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

/// `SLUG.md`, or `SLUG-2.md` and so on, where `md` is the `extension`. A record is never written over.
pub fn free_name(folder: &Path, slug: &str, extension: &str) -> PathBuf {
    let named = |number: usize| match number {
        1 => folder.join(format!("{slug}.{extension}")),
        _ => folder.join(format!("{slug}-{number}.{extension}")),
    };
    (1..).map(named).find(|path| !path.exists()).expect("a number is free")
}

/// Writes a file whole or not at all, in a folder that it makes if there is none.
///
/// # Errors
///
/// If the system refuses.
pub fn write_whole(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, text).with_context(|| unfinished.display().to_string())?;
    std::fs::rename(&unfinished, path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        for expected in ["a.md", "a-2.md", "a-3.md"] {
            let path = free_name(folder.path(), "a", "md");
            assert_eq!(path, folder.path().join(expected));
            std::fs::write(path, "").unwrap();
        }
    }
}
