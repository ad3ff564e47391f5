//! The front of a checkpoint's file: single sections, read without the rest.

use crate::codec::{MAX_VALUE, decode_value, too_long};
use crate::container::{Entry, Table};
use crate::disk::open_file;
use crate::error::{Error, FormatError, Step};
use crate::format::Tag;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// An open checkpoint whose header and layout are verified. Its sections are read one by one, on demand.
///
/// A file that is no checkpoint is refused here before memory for all of it is asked for.
#[derive(Debug)]
pub struct Front {
    path: PathBuf,
    file: File,
    /// Length of the file.
    bytes: u64,
    table: Table,
}

impl Front {
    /// Opens the checkpoint at `path` and verifies its header and its layout.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or its header or its layout is damaged.
    pub fn open(path: &Path) -> Result<Front, Error> {
        let (mut file, bytes) = open_file(path)?;
        let mut start = Vec::new();
        let read = (&mut file).take(Table::MOST as u64).read_to_end(&mut start);
        read.map_err(|source| Error::io(Step::Read, path, source))?;
        let table = Table::read(&start, bytes.max(start.len() as u64));
        let table = table.map_err(|source| Error::Format { path: path.to_owned(), source })?;
        Ok(Front { path: path.to_owned(), file, bytes, table })
    }

    /// Length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The value that a section holds. Only this section is read and verified.
    ///
    /// # Errors
    ///
    /// If the section is missing or damaged, can't be read, or doesn't hold such a value.
    pub fn value<T: DeserializeOwned>(&mut self, tag: Tag) -> Result<T, Error> {
        let Front { path, file, table, .. } = self;
        let invalid = |source: FormatError| Error::Format { path: path.clone(), source };
        let entry = table.find(tag).map_err(invalid)?;
        if entry.length > MAX_VALUE {
            return Err(invalid(too_long(tag, entry.length)));
        }
        let payload = read(file, entry).map_err(|source| Error::io(Step::Read, &*path, source))?;
        entry.verify(&payload).and_then(|()| decode_value(tag, &payload)).map_err(invalid)
    }
}

fn read(file: &mut File, entry: &Entry) -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    payload.try_reserve_exact(entry.length)?;
    file.seek(SeekFrom::Start(entry.offset as u64))?;
    file.take(entry.length as u64).read_to_end(&mut payload)?;
    Ok(payload)
}
