//! The front of a checkpoint's file, read without its numbers.

use super::Tag;
use super::codec::{MAX_VALUE, decode_value, too_long};
use super::container::{Entry, Table};
use super::disk::open_file;
use super::error::{Error, FormatError, Step};
use super::wire::{OptimizerSection, SettingsSection};
use crate::optimizer::Optimizer;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The recipe that a checkpoint records, all that decides the bits of its run: layers, cost, optimiser, data, seed.
///
/// It stands at the front of the file, so it is known before there is memory for the rest.
#[derive(Debug)]
pub struct Recipe {
    settings: SettingsSection,
    /// Length of the file.
    bytes: u64,
}

impl Recipe {
    /// Reads the recipe in the checkpoint at `path`. The numbers behind it are not looked at.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or its header, its layout or its recipe is damaged.
    pub fn read(path: &Path) -> Result<Recipe, Error> {
        let invalid = |source| Error::Format { path: path.to_owned(), source };
        let (mut file, bytes, table) = open(path)?;
        let entry = table.find(Tag::Settings).map_err(invalid)?;
        if entry.length > MAX_VALUE {
            return Err(invalid(too_long(Tag::Settings, entry.length)));
        }
        let payload = read(&mut file, entry).map_err(|source| Error::io(Step::Read, path, source))?;
        let settings = entry.verify(&payload).and_then(|()| decode_value(Tag::Settings, &payload));
        Ok(Recipe { settings: settings.map_err(invalid)?, bytes })
    }

    /// n_0, n_1, …, n_L, as the file has them.
    pub fn sizes(&self) -> &[u64] {
        &self.settings.sizes
    }

    /// Moments of each parameter that the optimiser remembers.
    pub fn moments(&self) -> usize {
        match &self.settings.optimizer {
            OptimizerSection::Sgd { .. } => 0,
            OptimizerSection::Named { name, .. } => name.parse().map_or(0, |one: Optimizer| one.moments()),
        }
    }

    /// Length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True if two checkpoints are of one run: all but the number of epochs is equal, since a run may be extended.
    pub fn is_of_run(&self, other: &Recipe) -> bool {
        let epochs = other.settings.epochs;
        SettingsSection { epochs, ..self.settings.clone() } == other.settings
    }
}

/// Verifies header and layout of the file at `path`, so that a file that is no checkpoint isn't read whole.
pub(super) fn check_layout(path: &Path) -> Result<(), Error> {
    open(path).map(|_| ())
}

/// The open file, its length, and where its sections are.
fn open(path: &Path) -> Result<(File, u64, Table), Error> {
    let (mut file, bytes) = open_file(path)?;
    let mut start = Vec::new();
    let read = (&mut file).take(Table::MOST as u64).read_to_end(&mut start);
    read.map_err(|source| Error::io(Step::Read, path, source))?;
    let invalid = |source: FormatError| Error::Format { path: path.to_owned(), source };
    let table = Table::read(&start, bytes.max(start.len() as u64)).map_err(invalid)?;
    Ok((file, bytes, table))
}

fn read(file: &mut File, entry: &Entry) -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    payload.try_reserve_exact(entry.length)?;
    file.seek(SeekFrom::Start(entry.offset as u64))?;
    file.take(entry.length as u64).read_to_end(&mut payload)?;
    Ok(payload)
}
