//! The errors of datasets. Each message is one line: what, where, expected, found, what to do.

use std::io;
use std::path::{Path, PathBuf};

/// The reason why a dataset was refused. Every message is a single line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to open, read, list or write a path.
    #[error("{}: cannot {action}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The action that failed: `open`, `read`, `map`, …
        action: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A folder, pipe or device where a file is needed.
    #[error("{}: expected a regular file, found {found}", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// The kind of thing at the path.
        found: &'static str,
    },
    /// A file that is not the IDX file it should be.
    #[error("{}: {defect}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The point at which the file departs from the format.
        defect: Defect,
    },
    /// Inputs and targets that do not number the same.
    #[error(
        "{}: holds {found} labels, but {} holds {expected} examples; take both files from the same set",
        .labels.display(), .images.display()
    )]
    CountMismatch {
        /// The file of inputs.
        images: PathBuf,
        /// Number of examples in it.
        expected: usize,
        /// The file of targets.
        labels: PathBuf,
        /// Number of targets in it.
        found: usize,
    },
    /// Training and test set whose examples or targets differ in kind.
    #[error(
        "{}: expected {expected} as in {}, found {found}; take both files from the same set",
        .path.display(), .reference.display()
    )]
    SetMismatch {
        /// The file of the test set.
        path: PathBuf,
        /// The file of the training set it was compared with.
        reference: PathBuf,
        /// The property of the training set.
        expected: String,
        /// The property of the test set.
        found: String,
    },
    /// A folder without one of the files of an MNIST-style set.
    #[error(
        "{}: expected {expected}, found {found}; `cargo xtask fetch-mnist` fetches MNIST, and `--dataset synthetic` \
         needs no files", .folder.display()
    )]
    NotInFolder {
        /// The folder searched.
        folder: PathBuf,
        /// The names looked for.
        expected: String,
        /// The content of the folder.
        found: String,
    },
    /// A folder with a file of an MNIST-style set that is packed, or there twice.
    #[error("{}: expected {expected}, found {found}; {help}", .folder.display())]
    UnclearInFolder {
        /// The folder searched.
        folder: PathBuf,
        /// The names looked for.
        expected: String,
        /// The names that were found.
        found: String,
        /// The advice to the user.
        help: String,
    },
    /// A table that can't be read or used.
    #[error("{}: {fault}", .path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The place and the fault.
        fault: Box<TableFault>,
    },
    /// An argument of a constructor that contradicts another or is out of range.
    #[error("{what}: expected {expected}, found {found}")]
    Argument {
        /// The argument.
        what: &'static str,
        /// The accepted values.
        expected: String,
        /// The value of the argument.
        found: String,
    },
}

/// The point at which bytes stop being the IDX file they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: expected {expected}, found {found}{}{help}", if .help.is_empty() { "" } else { "; " })]
pub struct Defect {
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// The expected content.
    pub expected: String,
    /// The content that was found.
    pub found: String,
    /// The advice to the user. It may be empty.
    pub help: &'static str,
}

impl Defect {
    pub(crate) fn in_file(self, path: &Path) -> Error {
        Error::Malformed { path: path.to_owned(), defect: self }
    }
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    pub(crate) fn argument(
        what: &'static str,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Argument { what, expected: expected.into(), found: found.to_string() }
    }
}

/// The reason why a table can't be read or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}expected {expected}, found {found}{}{help}", place(*line, column.as_deref()),
    if .help.is_empty() { "" } else { "; " }
)]
pub struct TableFault {
    /// The line, from 1.
    pub line: Option<u64>,
    /// The name of the column.
    pub column: Option<String>,
    /// The expected content.
    pub expected: String,
    /// The content that was found.
    pub found: String,
    /// The advice to the user. It may be empty.
    pub help: String,
}

#[cfg(feature = "table")]
impl TableFault {
    pub(crate) fn new(
        expected: impl Into<String>,
        found: impl Into<String>,
        help: impl Into<String>,
    ) -> TableFault {
        let (expected, found, help) = (expected.into(), found.into(), help.into());
        TableFault { line: None, column: None, expected, found, help }
    }

    pub(crate) fn at_line(self, line: u64) -> TableFault {
        TableFault { line: Some(line), ..self }
    }

    pub(crate) fn in_column(self, name: &str) -> TableFault {
        TableFault { column: Some(name.to_owned()), ..self }
    }

    /// The error for the file at `path`. Names and cells may have line feeds, and the message stays one line.
    pub(crate) fn in_file(mut self, path: &Path) -> Error {
        let texts = [&mut self.expected, &mut self.found, &mut self.help];
        for text in texts.into_iter().chain(&mut self.column) {
            if text.contains(char::is_control) {
                let escaped = |c: char| if c.is_control() { c.escape_default().collect() } else { vec![c] };
                *text = text.chars().flat_map(escaped).collect();
            }
        }
        Error::Table { path: path.to_owned(), fault: Box::new(self) }
    }
}

/// The place in a table, in words.
fn place(line: Option<u64>, column: Option<&str>) -> String {
    match (line, column) {
        (None, None) => String::new(),
        (Some(line), None) => format!("line {line}: "),
        (None, Some(column)) => format!("column '{column}': "),
        (Some(line), Some(column)) => format!("line {line}, column '{column}': "),
    }
}

/// A column's name as an item of a list with commas: in quotes, as in CSV, where it has a comma or a quote.
///
/// ```
/// assert_eq!(minibatch_data::list_item("width"), "width");
/// assert_eq!(minibatch_data::list_item("width, mm"), r#""width, mm""#);
/// ```
#[must_use]
pub fn list_item(name: &str) -> String {
    match name.contains([',', '"']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.to_owned(),
    }
}

/// Names in a line, the first dozen of them if there are more.
pub(crate) fn listed(names: impl Iterator<Item = String>) -> String {
    /// Names that a message lists at most.
    const MOST: usize = 12;
    let names: Vec<String> = names.collect();
    match names.len() {
        0..=MOST => names.join(", "),
        more => format!("{} and {} more", names[..MOST].join(", "), more - MOST),
    }
}
