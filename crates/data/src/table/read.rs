//! Reading a table: its text goes by once, and each cell becomes a number at once.
//!
//! ```text
//! look at the first 64 KiB: packed or not, the delimiter, names or none
//! for each row:
//!     count its cells; if one of a wanted column has no value: refuse, keep as NaN, or leave the row out
//!     for each wanted column: the cell's number, or the index of its text
//! for each column: if all of its texts are numbers, they replace the indices; else the texts are put in order
//! ```
//!
//! A column begins as one of categories. When it has more than [`FEW`](super::cells::FEW) texts, and all are numbers, the indices
//! so far are replaced by them.

use std::io::{self, Cursor, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use flate2::read::MultiGzDecoder;

use super::cells::{Cell, Cells, Ends, Seen, is_missing, number};
use super::options::{Missing, TableOptions};
use super::{Column, SHEET_ROWS, Table, Text, dialect};
use crate::error::{Error, TableFault, list_item, listed};
use crate::regular::open_regular;

pub(crate) use super::cells::Hint;

/// Bytes at the start of a file that tell its form.
const START: u64 = 1 << 16;

/// The first bytes of a file that is packed by gzip.
const PACKED: [u8; 2] = [0x1f, 0x8b];
/// The first bytes of a Parquet file.
const PARQUET: [u8; 4] = *b"PAR1";
const FROM_PARQUET: &str = if cfg!(feature = "parquet") {
    "name the file itself, unpacked, as it is read at several places"
} else {
    "build minibatch with the feature `parquet`, or export the file as CSV"
};
/// The bytes that some programs put before UTF-8 text.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Different texts above which a column of categories that mostly occur once is free text.
const SINGLES: usize = 10;

/// A column of the file that becomes one of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Its index in the file.
    pub(crate) index: usize,
    pub(crate) is_target: bool,
    pub(crate) hint: Hint,
    pub(crate) missing: OnMissing,
}

/// The treatment of a cell without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnMissing {
    Refuse,
    Keep,
    DropRow,
}

/// The form of a file, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Form {
    pub(crate) delimiter: Option<u8>,
    pub(crate) decimal_comma: bool,
    pub(crate) header: Option<bool>,
    /// Whether a network that has been trained decides about the columns.
    pub(crate) is_decided: bool,
}

impl Table {
    /// Reads the file at `path`, which may be packed by gzip. With the feature `parquet` it may be a Parquet file.
    ///
    /// ```
    /// use minibatch_data::{Table, TableOptions};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("flowers.csv");
    /// std::fs::write(&path, "length,colour,species\n5.1,white,setosa\n7.0,red,virginica\n6.1,white,virginica\n")?;
    ///
    /// let options = TableOptions { targets: vec!["species".to_owned()], ..TableOptions::default() };
    /// let table = Table::read(&path, &options)?;
    /// assert_eq!((table.rows(), table.row(1)), (3, &[7.0, 0.0, 1.0][..]));
    /// let texts = table.columns()[1].texts().expect("categories");
    /// assert_eq!((texts[0].as_str(), texts[1].as_str()), ("red", "white"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NotAFile`], and [`Error::Table`] with the line and column that can't be used.
    pub fn read(path: &Path, options: &TableOptions) -> Result<Table, Error> {
        #[cfg(feature = "parquet")]
        if is_parquet(path)? {
            let text = crate::ParquetText::open(path, |name| options.need(name))?;
            return Self::from_commas(path, text, options);
        }
        Self::from_reader(path, open_regular(path)?, options)
    }

    /// Reads a table from `reader`. Errors call it `path`.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn from_reader(path: &Path, reader: impl Read, options: &TableOptions) -> Result<Table, Error> {
        let TableOptions { delimiter, decimal_comma, header, .. } = *options;
        let form = Form { delimiter, decimal_comma, header, is_decided: false };
        read(path, reader, form, |names| wanted(path, names, options))
    }

    /// As [`Table::from_reader`], for text that is made of another file: cells are parted by commas, the first line has the names, and
    /// numbers have a decimal point, whatever the options say.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn from_commas(path: &Path, reader: impl Read, options: &TableOptions) -> Result<Table, Error> {
        read_commas(path, reader, false, |names| wanted(path, names, options))
    }
}

/// The columns that `options` make inputs and targets.
fn wanted(path: &Path, names: &[String], options: &TableOptions) -> Result<Vec<Wanted>, Error> {
    let TableOptions { targets, drop, numeric, categorical, missing, .. } = options;
    let unusable =
        |expected: &str, found: String, help: &str| TableFault::new(expected, found, help).in_file(path);
    for name in targets.iter().chain(drop).chain(numeric).chain(categorical) {
        if !names.contains(name) {
            let found = listed(names.iter().map(|name| format!("'{name}'")));
            return Err(unusable(&format!("a column '{name}'"), format!("the columns {found}"), ""));
        }
    }
    if targets.is_empty() {
        let found = listed(names.iter().map(|name| format!("'{name}'")));
        return Err(unusable(
            "the column to learn to be named",
            format!("the columns {found}"),
            "--target NAME",
        ));
    }
    for (one, other, help) in [
        (targets, drop, "a target can't be dropped"),
        (numeric, categorical, "a column is of numbers or of categories"),
        (targets, targets, "name each target once"),
    ] {
        let twice = |(i, name): &(usize, &String)| {
            other.iter().skip(if std::ptr::eq(one, other) { i + 1 } else { 0 }).any(|it| it == *name)
        };
        if let Some((_, name)) = one.iter().enumerate().find(twice) {
            return Err(unusable("each column to be named once", format!("'{name}' twice"), help));
        }
    }
    let column = |(index, name): (usize, &String)| {
        let is_target = targets.contains(name);
        let hint = match () {
            () if numeric.contains(name) => Hint::Numbers,
            () if categorical.contains(name) => Hint::Categories,
            () => Hint::Look,
        };
        let missing = match missing {
            Missing::Drop => OnMissing::DropRow,
            Missing::Median if !is_target => OnMissing::Keep,
            _ => OnMissing::Refuse,
        };
        Wanted { index, is_target, hint, missing }
    };
    let kept = names.iter().enumerate().filter(|(_, name)| !drop.contains(name));
    let wanted: Vec<Wanted> = kept.map(column).collect();
    if wanted.iter().all(|column| column.is_target) {
        return Err(unusable("a column besides the targets", "none".to_owned(), "a network needs inputs"));
    }
    Ok(wanted)
}

/// Reads the columns that `wanted` chooses by the names of all, in its order.
pub(crate) fn read(
    path: &Path,
    mut reader: impl Read,
    form: Form,
    wanted: impl FnOnce(&[String]) -> Result<Vec<Wanted>, Error>,
) -> Result<Table, Error> {
    let failed = |error: io::Error| Error::io(path, "read")(error);
    let mut start = Vec::new();
    reader.by_ref().take(2).read_to_end(&mut start).map_err(failed)?;
    if start == PACKED {
        let unpacked = MultiGzDecoder::new(Cursor::new(start).chain(reader));
        Reading::begin(path, Vec::new(), unpacked, form, wanted).map_err(|error| match error {
            Error::Io { path, source, .. } => Error::Io { path, action: "unpack", source },
            error => error,
        })
    } else {
        Reading::begin(path, start, reader, form, wanted)
    }
}

/// As [`read`], for text as [`Table::from_commas`] takes it.
pub(crate) fn read_commas(
    path: &Path,
    reader: impl Read,
    is_decided: bool,
    wanted: impl FnOnce(&[String]) -> Result<Vec<Wanted>, Error>,
) -> Result<Table, Error> {
    let form = Form { delimiter: Some(b','), decimal_comma: false, header: Some(true), is_decided };
    let table = read(path, reader, form, wanted)?;
    // A file of text may have another delimiter.
    Ok(Table { given_delimiter: None, ..table })
}

/// Whether the file at `path` begins as a Parquet file does.
///
/// # Errors
/// [`Error::Io`] if it can't be read.
pub fn is_parquet(path: &Path) -> Result<bool, Error> {
    let mut start = Vec::new();
    let mut file = open_regular(path)?.take(PARQUET.len() as u64);
    file.read_to_end(&mut start).map_err(Error::io(path, "read"))?;
    Ok(start == PARQUET)
}

/// The text of a file that may be packed by gzip, without a byte order mark. Errors call it `path`.
///
/// # Errors
/// [`Error::Io`] if it is packed badly.
pub fn unpacked(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    let mut text = bytes;
    if text.starts_with(&PACKED) {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(&*text).read_to_end(&mut unpacked).map_err(Error::io(path, "unpack"))?;
        text = unpacked;
    }
    if text.starts_with(&BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(text)
}

/// A table while it is read.
struct Reading<'p> {
    path: &'p Path,
    is_decided: bool,
    names: Vec<String>,
    wanted: Vec<Wanted>,
    cells: Vec<Cells>,
    sheets: Vec<Vec<f32>>,
    rows: usize,
    dropped: usize,
}

impl Reading<'_> {
    /// Reads the text that begins with `start` and goes on with what `reader` gives.
    fn begin(
        path: &Path,
        mut start: Vec<u8>,
        mut reader: impl Read,
        form: Form,
        wanted: impl FnOnce(&[String]) -> Result<Vec<Wanted>, Error>,
    ) -> Result<Table, Error> {
        let failed = |error: io::Error| Error::io(path, "read")(error);
        reader.by_ref().take(START).read_to_end(&mut start).map_err(failed)?;
        let is_whole = (start.len() as u64) < START;
        let text = check_text(path, &start)?;
        let delimiter = form.delimiter.unwrap_or_else(|| dialect::delimiter(text, is_whole));
        let mut csv = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(START as usize)
            .from_reader(Cursor::new(text).chain(reader));
        let mut record = ByteRecord::new();
        let mut read = |record: &mut ByteRecord| {
            csv.read_byte_record(record).map_err(|error| Error::io(path, "read")(io::Error::other(error)))
        };
        if !read(&mut record)? {
            return Err(TableFault::new("lines of cells", "an empty file", "").in_file(path));
        }
        let has_header = form.header.unwrap_or_else(|| dialect::are_names(record.iter(), form.decimal_comma));
        let names = names(path, &record, has_header)?;
        let wanted = wanted(&names)?;
        let cells = wanted.iter().map(|one| Cells::new(one.hint, form.decimal_comma, one.is_target));
        let mut reading = Reading {
            path,
            is_decided: form.is_decided,
            cells: cells.collect(),
            names,
            wanted,
            sheets: Vec::new(),
            rows: 0,
            dropped: 0,
        };
        if !has_header {
            reading.take(&record)?;
        }
        while read(&mut record)? {
            reading.take(&record)?;
        }
        reading.end(delimiter, form, has_header)
    }

    /// The error for a cell or column.
    fn problem(
        &self,
        line: Option<u64>,
        column: Option<usize>,
        expected: &str,
        found: String,
        help: String,
    ) -> Error {
        let fault = TableFault::new(expected, found, help);
        let fault = TableFault { line, ..fault };
        let name = column.map(|column| &*self.names[self.wanted[column].index]);
        name.map_or(fault.clone(), |name| fault.in_column(name)).in_file(self.path)
    }

    /// Takes a row.
    fn take(&mut self, record: &ByteRecord) -> Result<(), Error> {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != self.names.len() {
            let s = |n: usize| if n == 1 { "" } else { "s" };
            let (expected, found) = (self.names.len(), record.len());
            let expected = format!("{expected} cell{}, as in the first line", s(expected));
            let help = "is the delimiter right, or a quote missing?".to_owned();
            return Err(self.problem(Some(line), None, &expected, found.to_string(), help));
        }
        let cell = |wanted: &Wanted| record[wanted.index].trim_ascii();
        let mut drops = false;
        for (column, wanted) in self.wanted.iter().enumerate() {
            if is_missing(cell(wanted)) {
                match wanted.missing {
                    OnMissing::Keep => self.cells[column].missing += 1,
                    OnMissing::DropRow => drops = true,
                    OnMissing::Refuse => return Err(self.no_value(line, column, cell(wanted))),
                }
            }
        }
        if drops {
            self.dropped += 1;
            return Ok(());
        }
        self.make_room()?;
        for column in 0..self.wanted.len() {
            let text = cell(&self.wanted[column]);
            let value = if is_missing(text) { f32::NAN } else { self.number(column, text, line)? };
            self.sheets.last_mut().expect("a sheet with room").push(value);
        }
        self.rows += 1;
        Ok(())
    }

    /// The number that stands for a cell with a value.
    #[inline]
    fn number(&mut self, column: usize, text: &[u8], line: u64) -> Result<f32, Error> {
        match self.cells[column].take(text, line) {
            Cell::Is(number) => Ok(number),
            Cell::NumberFromHere(number) => {
                let numbers = self.cells[column].numbers();
                self.replace(column, &numbers);
                Ok(number)
            }
            other => Err(self.not_taken(other, column, text, line)),
        }
    }

    /// The error for a cell without a value.
    #[cold]
    fn no_value(&self, line: u64, column: usize, text: &[u8]) -> Error {
        let found = if text.is_empty() { "nothing".to_owned() } else { shown(text) };
        let help = match self.wanted[column].is_target {
            _ if self.is_decided => "the network was trained on rows that have one",
            true => "drop such rows with --missing drop",
            false => "fill in medians with --missing median, or drop such rows with --missing drop",
        };
        self.problem(Some(line), Some(column), "a value", found, help.to_owned())
    }

    /// The error for a cell that its column doesn't take.
    #[cold]
    fn not_taken(&self, cell: Cell, column: usize, text: &[u8], line: u64) -> Error {
        let (expected, help) = match cell {
            Cell::Infinite => (
                "a number within the range of f32".to_owned(),
                "clean the data before training on it".to_owned(),
            ),
            Cell::NotANumber => {
                let item = list_item(&self.names[self.wanted[column].index]);
                let why =
                    if self.wanted[column].hint == Hint::Numbers { "" } else { ", as on the lines before" };
                let help = if self.is_decided {
                    String::new()
                } else {
                    format!("leave the column out with --drop '{item}'")
                };
                (format!("a number{why}"), help)
            }
            _ => return self.free_text(column),
        };
        self.problem(Some(line), Some(column), &expected, shown(text), help)
    }

    /// The error for a column of free text.
    #[cold]
    fn free_text(&self, column: usize) -> Error {
        let cells = &self.cells[column];
        let item = list_item(&self.names[self.wanted[column].index]);
        // If most texts are numbers, the one that isn't is the fault.
        let texts = cells.seen.iter().filter(|seen| seen.number.is_none()).count();
        match cells.first_text() {
            Some(text) if 4 * texts < cells.seen.len() => {
                let help = format!("leave the column out with --drop '{item}'");
                self.problem(
                    Some(text.line),
                    Some(column),
                    "a number, as in most lines",
                    shown(&text.text),
                    help,
                )
            }
            text => {
                let example =
                    text.map_or_else(String::new, |text| format!(", such as {}", shown(&text.text)));
                let found = format!("free text, {} and more{example}", cells.seen.len());
                let help = format!(
                    "leave it out with --drop '{item}', or take every text as a category with --categorical '{item}'"
                );
                self.problem(None, Some(column), "numbers or categories", found, help)
            }
        }
    }

    /// Makes sure that the last sheet has room for a row.
    fn make_room(&mut self) -> Result<(), Error> {
        if u32::try_from(self.rows).is_err() {
            return Err(self.problem(
                None,
                None,
                "at most 4294967295 rows",
                "more".to_owned(),
                String::new(),
            ));
        }
        if self.rows.is_multiple_of(SHEET_ROWS) {
            let mut sheet = Vec::new();
            // The first sheet of a small table needn't be a whole one.
            let rows = if self.rows == 0 { 64 } else { SHEET_ROWS };
            sheet
                .try_reserve_exact(rows * self.wanted.len())
                .map_err(|error| Error::io(self.path, "hold in memory")(error.into()))?;
            self.sheets.push(sheet);
        }
        Ok(())
    }

    /// Replaces the indices in a column by the values that they stand for.
    fn replace(&mut self, column: usize, values: &[f32]) {
        let width = self.wanted.len();
        for cell in self.sheets.iter_mut().flat_map(|sheet| sheet.iter_mut().skip(column).step_by(width)) {
            // NaN stands for no value.
            if !cell.is_nan() {
                *cell = values[*cell as usize];
            }
        }
    }

    /// The table, once all rows are there.
    fn end(mut self, delimiter: u8, form: Form, has_header: bool) -> Result<Table, Error> {
        if self.rows == 0 {
            let found = match self.dropped {
                0 => "a header alone".to_owned(),
                dropped => format!("a missing value in each of {dropped}"),
            };
            return Err(self.problem(None, None, "at least one row", found, String::new()));
        }
        let mut columns = Vec::with_capacity(self.wanted.len());
        for column in 0..self.wanted.len() {
            let Wanted { index, is_target, hint, .. } = self.wanted[column];
            let texts = match self.cells[column].ends_as() {
                Ends::Numbers => None,
                Ends::FewNumbers if !is_target => {
                    let numbers = self.cells[column].numbers();
                    self.replace(column, &numbers);
                    None
                }
                Ends::FewNumbers | Ends::Texts => {
                    let seen = &self.cells[column].seen;
                    let comma = |seen: &Seen| number(&seen.text, true).is_some() && seen.text.contains(&b',');
                    if hint == Hint::Look && !seen.is_empty() && seen.iter().all(comma) {
                        let (found, help) = (shown(&seen[0].text), "--decimal-comma takes them for numbers");
                        let expected = "numbers with a decimal point, or texts";
                        return Err(self.problem(
                            Some(seen[0].line),
                            Some(column),
                            expected,
                            found,
                            help.to_owned(),
                        ));
                    }
                    let singles = seen.iter().filter(|seen| seen.count == 1).count();
                    if hint == Hint::Look && !is_target && seen.len() > SINGLES && 2 * singles > seen.len() {
                        return Err(self.free_text(column));
                    }
                    Some(self.sorted(column)?)
                }
            };
            columns.push(Column {
                name: self.names[index].clone(),
                is_target,
                texts,
                missing: self.cells[column].missing,
            });
        }
        Ok(Table {
            path: self.path.to_owned(),
            columns,
            sheets: self.sheets,
            rows: self.rows,
            dropped: self.dropped,
            delimiter,
            has_decimal_comma: form.decimal_comma,
            has_header,
            drops_rows: self.wanted.iter().any(|column| column.missing == OnMissing::DropRow),
            given_delimiter: form.delimiter,
        })
    }

    /// Puts the texts of a column in order, and makes its cells their indices.
    fn sorted(&mut self, column: usize) -> Result<Vec<Text>, Error> {
        let seen = &self.cells[column].seen;
        let mut order: Vec<usize> = (0..seen.len()).collect();
        let key = |Seen { number, .. }: &Seen| number.unwrap_or(f32::INFINITY);
        order.sort_by(|&a, &b| {
            let (a, b) = (&seen[a], &seen[b]);
            key(a).total_cmp(&key(b)).then_with(|| a.text.cmp(&b.text))
        });
        let text = |&index: &usize| {
            let Seen { text, line, .. } = &seen[index];
            match String::from_utf8(text.to_vec()) {
                Ok(text) => Ok(Text { text, line: *line }),
                Err(_) => Err(self.problem(
                    Some(*line),
                    Some(column),
                    "UTF-8 text",
                    shown(text),
                    SAVE_AS_UTF_8.to_owned(),
                )),
            }
        };
        let texts = order.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let mut places = vec![0.0; order.len()];
        order.iter().enumerate().for_each(|(place, &index)| places[index] = place as f32);
        self.replace(column, &places);
        Ok(texts)
    }
}

const SAVE_AS_UTF_8: &str = "save the file as UTF-8";

/// Checks that a file is text, and leaves its byte order mark away.
fn check_text<'s>(path: &Path, start: &'s [u8]) -> Result<&'s [u8], Error> {
    let refused = |found: &str, help: &str| {
        Err(TableFault::new("a table as text (CSV or TSV)", found, help).in_file(path))
    };
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => refused("UTF-16 text", SAVE_AS_UTF_8),
        [b'P', b'K', 3, 4, ..] => refused("a zip archive, as spreadsheets are", "export it as CSV"),
        _ if start.starts_with(&PARQUET) => refused("a Parquet file", FROM_PARQUET),
        _ if start.contains(&0) => refused("bytes that are no text", "is it the right file?"),
        text => Ok(text.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(text)),
    }
}

/// The names of the columns: those in the first line, or the numbers of the columns. A column without a name has its number.
fn names(path: &Path, first: &ByteRecord, has_header: bool) -> Result<Vec<String>, Error> {
    let problem = |expected: &str, found: String, help: &str| {
        TableFault::new(expected, found, help).at_line(1).in_file(path)
    };
    let mut names: Vec<String> = Vec::with_capacity(first.len());
    for (index, cell) in first.iter().enumerate() {
        let name = std::str::from_utf8(cell.trim_ascii())
            .map_err(|_| problem("names in UTF-8", shown(cell), SAVE_AS_UTF_8))?;
        let name = if has_header && !name.is_empty() { name.to_owned() } else { (index + 1).to_string() };
        if let Some(before) = names.iter().position(|before| *before == name) {
            let found = format!("'{name}' in columns {} and {}", before + 1, index + 1);
            return Err(problem("names that differ", found, "rename one"));
        }
        names.push(name);
    }
    Ok(names)
}

/// A cell's text, as messages show it.
fn shown(text: &[u8]) -> String {
    /// Characters that are shown of a long text.
    const MOST: usize = 40;
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("'{}…'", &text[..end]),
        None => format!("'{text}'"),
    }
}
