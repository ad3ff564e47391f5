//! Parquet files as the text of a table, which a [`Table`](crate::Table) is read from.
//!
//! ```text
//! look at the schema: the names of the columns, and the kind of each that is needed
//! for each group of rows, BATCH rows at a time:
//!     decode the batch of each column that is read
//!     write a line for each row: numbers as the shortest text that gives them back, texts in quotes, nothing for a null
//! ```
//!
//! So a Parquet file is read as the CSV file of the same rows: the same kinds of columns, the same classes, the same bits.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ::parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::schema::types::Type;

use crate::error::{Error, TableFault, list_item};
use crate::numpy::half;
use crate::regular::open_regular;
use crate::table::Need;

/// Rows that are decoded at a time.
const BATCH: usize = 1024;

/// The kind of a column's values, and those of a batch. Nulls have no value here.
enum Values {
    Truth(Vec<bool>),
    Signed32(Vec<i32>),
    Unsigned32(Vec<i32>),
    Signed64(Vec<i64>),
    Unsigned64(Vec<i64>),
    Half(Vec<FixedLenByteArray>),
    Single(Vec<f32>),
    Double(Vec<f64>),
    Text(Vec<ByteArray>),
}

/// A column of the file.
struct Column {
    name: String,
    /// Its index among the leaves of the schema, and its values. `None` if it isn't read; its cells are then empty.
    read: Option<(usize, Values)>,
    reader: Option<ColumnReader>,
    /// Whether each row of the batch has a value: 1 or 0. Empty if the column can't have nulls.
    levels: Vec<i16>,
    can_be_null: bool,
    /// Values of the batch that have been written.
    written: usize,
}

/// The text of the table in a Parquet file, written as it is read. A row is a line, cells are parted by commas, and the first line
/// has the names. [`Table::from_commas`](crate::Table::from_commas) reads it.
///
/// Columns of truth values, integers, floats and texts are read, plain or with a dictionary, packed by Snappy, gzip or not at all.
pub struct ParquetText {
    path: PathBuf,
    file: SerializedFileReader<File>,
    columns: Vec<Column>,
    /// The next group of rows.
    group: usize,
    /// Rows of the present group that are left.
    left: usize,
    /// The text that has been written and not yet read.
    line: Vec<u8>,
    taken: usize,
}

impl fmt::Debug for ParquetText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetText").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ParquetText {
    /// Opens the file at `path`. `need` says by its name whether a column is needed.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NotAFile`], and [`Error::Table`] for a damaged file, or a needed column that holds something else than
    /// truth values, numbers or texts.
    pub fn open(path: &Path, need: impl Fn(&str) -> Need) -> Result<ParquetText, Error> {
        let file = open_regular(path)?;
        let damaged = |why: String| TableFault::new("a Parquet file", why, "write it again").in_file(path);
        let file = guarded(|| SerializedFileReader::new(file)).map_err(damaged)?;
        let schema = file.metadata().file_metadata().schema_descr();
        let mut columns = Vec::new();
        let mut leaf = 0;
        for (index, field) in schema.root_schema().get_fields().iter().enumerate() {
            let name = match field.name().trim_ascii() {
                "" => (index + 1).to_string(),
                name => name.to_owned(),
            };
            let read = match (
                need(&name),
                values(field).and_then(|values| unpacked(&file, leaf).map(|()| values)),
            ) {
                (Need::No, _) | (Need::IfPossible, Err(_)) => None,
                (_, Ok(values)) => Some((leaf, values)),
                (Need::Yes, Err(found)) => {
                    let item = list_item(&name);
                    let help = format!("leave it out with --drop '{item}', or write it as numbers or texts");
                    let fault = TableFault::new("truth values, numbers or texts", found, help);
                    return Err(fault.in_column(&name).in_file(path));
                }
            };
            leaf += leaves(field);
            let can_be_null = field.get_basic_info().repetition() == Repetition::OPTIONAL;
            columns.push(Column { name, read, reader: None, levels: Vec::new(), can_be_null, written: 0 });
        }
        if leaf != schema.num_columns() || columns.iter().all(|column| column.read.is_none()) {
            let found = "no column that can be read".to_owned();
            return Err(TableFault::new("a table", found, "").in_file(path));
        }
        let mut line = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            line.extend((index > 0).then_some(b','));
            quote(&mut line, column.name.as_bytes());
        }
        line.push(b'\n');
        Ok(ParquetText { path: path.to_owned(), file, columns, group: 0, left: 0, line, taken: 0 })
    }

    /// Writes the next rows into `line`, if there are some.
    fn fill(&mut self) -> Result<(), String> {
        self.line.clear();
        self.taken = 0;
        while self.left == 0 {
            if self.group == self.file.num_row_groups() {
                return Ok(());
            }
            let (group, columns) = (guarded(|| self.file.get_row_group(self.group))?, &mut self.columns);
            let rows = group.metadata().num_rows();
            self.left = usize::try_from(rows).map_err(|_| format!("a group of {rows} rows"))?;
            for column in columns {
                if let Some((leaf, _)) = column.read {
                    column.reader = Some(guarded(|| group.get_column_reader(leaf))?);
                }
            }
            self.group += 1;
        }
        let rows = self.left.min(BATCH);
        for column in &mut self.columns {
            column.decode(rows).map_err(|why| format!("column '{}': {why}", column.name))?;
        }
        self.left -= rows;
        for row in 0..rows {
            for index in 0..self.columns.len() {
                self.line.extend((index > 0).then_some(b','));
                self.columns[index].write(row, &mut self.line).map_err(|error| error.to_string())?;
            }
            // An empty line would be none.
            if self.columns.len() == 1 && self.line.last().is_none_or(|&last| last == b'\n') {
                self.line.extend(b"\"\"");
            }
            self.line.push(b'\n');
        }
        Ok(())
    }
}

impl Read for ParquetText {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.line.len() {
            self.fill().map_err(|why| io::Error::other(format!("the Parquet file is damaged: {why}")))?;
        }
        let count = out.len().min(self.line.len() - self.taken);
        out[..count].copy_from_slice(&self.line[self.taken..][..count]);
        self.taken += count;
        Ok(count)
    }
}

impl Column {
    /// Decodes the values of so many rows.
    fn decode(&mut self, rows: usize) -> Result<(), String> {
        let (Some((_, values)), Some(reader)) = (&mut self.read, &mut self.reader) else { return Ok(()) };
        self.levels.clear();
        self.written = 0;
        let levels = &mut self.levels;
        let found = match (values, reader) {
            (Values::Truth(to), ColumnReader::BoolColumnReader(from)) => batch(from, rows, levels, to),
            (Values::Signed32(to) | Values::Unsigned32(to), ColumnReader::Int32ColumnReader(from)) => {
                batch(from, rows, levels, to)
            }
            (Values::Signed64(to) | Values::Unsigned64(to), ColumnReader::Int64ColumnReader(from)) => {
                batch(from, rows, levels, to)
            }
            (Values::Half(to), ColumnReader::FixedLenByteArrayColumnReader(from)) => {
                batch(from, rows, levels, to)
            }
            (Values::Single(to), ColumnReader::FloatColumnReader(from)) => batch(from, rows, levels, to),
            (Values::Double(to), ColumnReader::DoubleColumnReader(from)) => batch(from, rows, levels, to),
            (Values::Text(to), ColumnReader::ByteArrayColumnReader(from)) => batch(from, rows, levels, to),
            _ => return Err("values of another type than the schema says".to_owned()),
        };
        let (records, count) = found?;
        let expected =
            if self.can_be_null { levels.iter().filter(|&&level| level == 1).count() } else { rows };
        if records != rows || count != expected || (self.can_be_null && levels.len() != rows) {
            return Err(format!("{rows} rows, and {records} in this column"));
        }
        Ok(())
    }

    /// Writes the cell of a row of the batch. Cells are written in order.
    fn write(&mut self, row: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let Some((_, values)) = &self.read else { return Ok(()) };
        if self.can_be_null && self.levels[row] == 0 {
            return Ok(());
        }
        let at = self.written;
        self.written += 1;
        // With `{:?}` a float keeps its point, and a very large one has an exponent.
        match values {
            Values::Truth(values) => write!(out, "{}", values[at]),
            Values::Signed32(values) => write!(out, "{}", values[at]),
            Values::Unsigned32(values) => write!(out, "{}", values[at].cast_unsigned()),
            Values::Signed64(values) => write!(out, "{}", values[at]),
            Values::Unsigned64(values) => write!(out, "{}", values[at].cast_unsigned()),
            Values::Half(values) => match *values[at].data() {
                [low, high] => write!(out, "{:?}", half(u16::from_le_bytes([low, high]))),
                _ => Err(io::Error::other("a half float that hasn't two bytes")),
            },
            Values::Single(values) => write!(out, "{:?}", values[at]),
            Values::Double(values) => write!(out, "{:?}", values[at]),
            Values::Text(values) => {
                quote(out, values[at].data());
                Ok(())
            }
        }
    }
}

/// Decodes so many rows. Returns the rows and the values that were found.
fn batch<T: DataType>(
    from: &mut ColumnReaderImpl<T>,
    rows: usize,
    levels: &mut Vec<i16>,
    to: &mut Vec<T::T>,
) -> Result<(usize, usize), String> {
    to.clear();
    let (records, ..) = guarded(|| from.read_records(rows, Some(levels), None, to))?;
    Ok((records, to.len()))
}

/// Calls `read`, which decodes what a file holds. A damaged file can make the decoder panic, which is an error here.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(outcome) => outcome.map_err(|error| error.to_string().replace(char::is_control, " ")),
        Err(_) => Err("its bytes make no sense".to_owned()),
    }
}

/// The leaves of the schema below a field.
fn leaves(field: &Type) -> usize {
    if field.is_group() { field.get_fields().iter().map(|field| leaves(field)).sum() } else { 1 }
}

/// The kind of a field's values, or words for a kind that no table has.
fn values(field: &Type) -> Result<Values, String> {
    let other = |found: &str| Err(found.to_owned());
    if field.is_group() {
        return other("nested values");
    }
    let info = field.get_basic_info();
    if info.repetition() == Repetition::REPEATED {
        return other("lists");
    }
    let is_unsigned = match info.logical_type_ref() {
        Some(LogicalType::Integer(integer)) => !integer.is_signed,
        Some(LogicalType::Date | LogicalType::Time(_) | LogicalType::Timestamp(_)) => {
            return other("dates or times");
        }
        Some(LogicalType::Decimal(_)) => return other("decimal numbers"),
        _ => match info.converted_type() {
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64 => true,
            ConvertedType::DATE
            | ConvertedType::TIME_MILLIS
            | ConvertedType::TIME_MICROS
            | ConvertedType::TIMESTAMP_MILLIS
            | ConvertedType::TIMESTAMP_MICROS
            | ConvertedType::INTERVAL => return other("dates or times"),
            ConvertedType::DECIMAL => return other("decimal numbers"),
            ConvertedType::BSON => return other("binary data"),
            _ => false,
        },
    };
    Ok(match (field.get_physical_type(), is_unsigned) {
        (Physical::BOOLEAN, _) => Values::Truth(Vec::new()),
        (Physical::INT32, false) => Values::Signed32(Vec::new()),
        (Physical::INT32, true) => Values::Unsigned32(Vec::new()),
        (Physical::INT64, false) => Values::Signed64(Vec::new()),
        (Physical::INT64, true) => Values::Unsigned64(Vec::new()),
        (Physical::INT96, _) => return other("dates or times"),
        (Physical::FLOAT, _) => Values::Single(Vec::new()),
        (Physical::DOUBLE, _) => Values::Double(Vec::new()),
        (Physical::BYTE_ARRAY, _) => Values::Text(Vec::new()),
        (Physical::FIXED_LEN_BYTE_ARRAY, _) => match info.logical_type_ref() {
            Some(LogicalType::Float16) => Values::Half(Vec::new()),
            _ => return other("binary data"),
        },
    })
}

/// Checks that a column can be unpacked.
fn unpacked(file: &SerializedFileReader<File>, leaf: usize) -> Result<(), String> {
    for group in file.metadata().row_groups() {
        match group.columns().get(leaf).map(ColumnChunkMetaData::compression) {
            Some(Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_)) => {}
            Some(other) => {
                let name = format!("{other:?}");
                let name = name.split('(').next().unwrap_or_default();
                return Err(format!("values packed by {name}, where Snappy and gzip can be read"));
            }
            None => return Err("a group of rows without it".to_owned()),
        }
    }
    Ok(())
}

/// Writes a text as a cell.
fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
