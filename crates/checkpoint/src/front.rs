//! The front of a checkpoint's file: single entries, read without the rest.

use crate::codec::{MAX_VALUE, decode_value, too_long};
use crate::container::{MOST, Record, Table};
use crate::directory;
use crate::disk::open_file;
use crate::error::{Error, FormatError, Step};
use crate::format::Part;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// An open checkpoint whose header, layout and directory are verified. Its entries are read one by one, on demand.
///
/// A file that is no checkpoint is refused here before memory for all of it is asked for.
#[derive(Debug)]
pub struct Front {
    path: PathBuf,
    file: File,
    /// Length of the file.
    bytes: u64,
    version: u32,
    records: Vec<Record>,
}

impl Front {
    /// Opens the checkpoint at `path` and verifies its header, its layout and its directory.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or its header, its layout or its directory is damaged.
    pub fn open(path: &Path) -> Result<Front, Error> {
        let invalid = |source| Error::Format { path: path.to_owned(), source };
        let failed = |source| Error::io(Step::Read, path, source);
        let (mut file, bytes) = open_file(path)?;
        let mut start = Vec::new();
        (&mut file).take(MOST as u64).read_to_end(&mut start).map_err(failed)?;
        let (version, table) = Table::read(&start, bytes.max(start.len() as u64)).map_err(invalid)?;
        let records = match table {
            Table::Old(records) => records,
            Table::New { directory, .. } if directory.length > MAX_VALUE => {
                return Err(invalid(too_long(Part::Directory, directory.length)));
            }
            Table::New { directory, data } => {
                let lines = read(&mut file, directory.offset, directory.length).map_err(failed)?;
                let lines = directory.verified(Part::Directory, &lines);
                lines.and_then(|lines| directory::read(lines, &data)).map_err(invalid)?
            }
        };
        Ok(Front { path: path.to_owned(), file, bytes, version, records })
    }

    /// Length of the file in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The version of the file.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The entries of the file. Their payloads aren't verified.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The value that an entry holds. Only this entry is read and verified.
    ///
    /// # Errors
    ///
    /// If the entry is missing or damaged, can't be read, or doesn't hold such a value.
    pub fn value<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        let Front { path, file, records, .. } = self;
        let invalid = |source: FormatError| Error::Format { path: path.clone(), source };
        let missing = || FormatError::Missing { part: Part::entry(name) };
        let record =
            records.iter().find(|record| record.name == name).ok_or_else(missing).map_err(invalid)?;
        if record.length > MAX_VALUE {
            return Err(invalid(too_long(Part::entry(name), record.length)));
        }
        let payload = read(file, record.offset, record.length);
        let payload = payload.map_err(|source| Error::io(Step::Read, &*path, source))?;
        record.verify(&payload).and_then(|()| decode_value(name, &payload)).map_err(invalid)
    }
}

fn read(file: &mut File, offset: usize, length: usize) -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    payload.try_reserve_exact(length)?;
    file.seek(SeekFrom::Start(offset as u64))?;
    file.take(length as u64).read_to_end(&mut payload)?;
    Ok(payload)
}
