//! How a table is read.

/// How a table is read to train on it.
///
/// Columns are named as the header names them; without a header by their number, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableOptions {
    /// The columns to learn. The other ones are inputs.
    pub targets: Vec<String>,
    /// Columns to leave out.
    pub drop: Vec<String>,
    /// Columns of numbers, where looking would find categories.
    pub numeric: Vec<String>,
    /// Columns of categories, where looking would find numbers or free text.
    pub categorical: Vec<String>,
    /// The treatment of a cell without a value.
    pub missing: Missing,
    /// The character between two cells. `None` is found by looking: a comma, semicolon, tab or vertical bar.
    pub delimiter: Option<u8>,
    /// Whether numbers are written as `1,5`.
    pub decimal_comma: bool,
    /// Whether the first line has names. `None` is found by looking: a line with a number in it has none.
    pub header: Option<bool>,
}

/// The treatment of a cell that is empty, or NA, N/A, NaN, null, none or ? in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// The table is refused.
    #[default]
    Refuse,
    /// A number becomes the median of the training rows, and another input tells that it was missing. A category becomes none.
    Median,
    /// The row is left out.
    Drop,
}

/// Whether a column of a Parquet file is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It is; the file is refused if the column can't be read.
    Yes,
    /// It is wanted; its cells are empty if it can't be read.
    IfPossible,
    /// It isn't; its cells are empty.
    No,
}

impl TableOptions {
    /// Whether a column with this name is needed.
    #[must_use]
    pub fn need(&self, name: &str) -> Need {
        if self.drop.iter().any(|drop| drop == name) { Need::No } else { Need::Yes }
    }
}
