//! Tables: rows of cells under named columns, from CSV and TSV files.
//!
//! A table is read once. Each cell becomes one f32, so a table takes four bytes a cell, whatever its text took:
//!
//! - In a column of numbers it is the number, rounded to nearest. Where the cell has no value it is NaN.
//! - In a column of categories it is the index of the cell's text among the column's [texts](Column::texts).
//!
//! The kind of a column is found by looking: a column whose cells are all numbers is one of numbers, every other one of
//! categories. [`Preparation`](crate::Preparation) makes a network's inputs and targets of it.

mod cells;
mod dialect;
mod options;
mod read;
mod summary;

pub use options::{Missing, Need, TableOptions};
pub(crate) use read::{Form, Hint, OnMissing, Wanted, read, read_commas};
pub use read::{is_parquet, unpacked};
pub use summary::{ColumnSummary, Content};

pub(crate) use cells::number;

use std::path::{Path, PathBuf};

/// Rows of a sheet. The rows of a table lie in sheets, so that a table that grows is never copied, and one that is turned into a
/// dataset is given back sheet by sheet.
pub(crate) const SHEET_ROWS: usize = 4096;

/// A table in memory, of at least one row.
#[derive(Debug, Clone)]
pub struct Table {
    /// The file, or the name of what was read.
    pub(crate) path: PathBuf,
    pub(crate) columns: Vec<Column>,
    /// (rows × columns) each, `SHEET_ROWS` rows but in the last one
    pub(crate) sheets: Vec<Vec<f32>>,
    pub(crate) rows: usize,
    /// Rows that were left out, because a value was missing.
    pub(crate) dropped: usize,
    pub(crate) delimiter: u8,
    pub(crate) has_decimal_comma: bool,
    pub(crate) has_header: bool,
    /// Whether rows without a value are left out, be there some or not.
    pub(crate) drops_rows: bool,
    /// The delimiter, if it wasn't found by looking.
    pub(crate) given_delimiter: Option<u8>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub(crate) name: String,
    pub(crate) is_target: bool,
    /// The texts of the cells, in order, if they are categories.
    pub(crate) texts: Option<Vec<Text>>,
    /// Cells without a value.
    pub(crate) missing: usize,
}

/// A text that cells of a column have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    pub(crate) text: String,
    /// The line of the first cell that has it.
    pub(crate) line: u64,
}

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Column {
    /// The name in the header; without a header the number of the column, from 1.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the column is a target.
    #[must_use]
    pub fn is_target(&self) -> bool {
        self.is_target
    }

    /// The different texts of a column of categories: numbers by size, other texts by their characters. `None` for numbers.
    #[must_use]
    pub fn texts(&self) -> Option<&[Text]> {
        self.texts.as_deref()
    }

    /// Cells without a value.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.missing
    }
}

impl Table {
    /// The file that was read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows that were left out, because a value was missing.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The character between two cells.
    #[must_use]
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Whether the first line has names.
    #[must_use]
    pub fn has_header(&self) -> bool {
        self.has_header
    }

    /// The columns that are inputs or targets, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The cells of row `index`, a number each.
    ///
    /// # Panics
    /// If `index` is not below [`Table::rows`].
    #[must_use]
    pub fn row(&self, index: usize) -> &[f32] {
        let width = self.columns.len();
        &self.sheets[index / SHEET_ROWS][index % SHEET_ROWS * width..][..width]
    }

    /// The cells of a column, row by row.
    pub(crate) fn cells(&self, column: usize) -> impl Iterator<Item = f32> {
        let width = self.columns.len();
        self.sheets.iter().flat_map(move |sheet| sheet.iter().skip(column).step_by(width).copied())
    }

    /// The indices of the columns that are targets.
    pub(crate) fn target_columns(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|&index| self.columns[index].is_target).collect()
    }
}
