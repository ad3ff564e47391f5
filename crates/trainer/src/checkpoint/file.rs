//! Checkpoints as whole files and as bytes.

use super::decode::read_checkpoint;
use super::state::{Checkpoint, Snapshot};
use crate::registry::Registry;
use minibatch_checkpoint::{Error, FormatError, Front, read_file, save};
use std::path::Path;

impl Checkpoint {
    /// Reads and verifies the checkpoint at `path`.
    ///
    /// # Errors
    ///
    /// If the file can't be read, is damaged, or holds a state that no run can have written.
    pub fn load(path: &Path) -> Result<Checkpoint, Error> {
        Self::load_with(path, &Registry::default())
    }

    /// As [`load`](Self::load), where activations or costs of one's own are in `registry`.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn load_with(path: &Path, registry: &Registry) -> Result<Checkpoint, Error> {
        // A file that is no checkpoint isn't read whole.
        Front::open(path)?;
        let bytes = read_file(path)?;
        Self::decode_with(&bytes, registry).map_err(|source| Error::Format { path: path.to_owned(), source })
    }

    /// Writes the checkpoint to `path`: whole or not at all.
    ///
    /// # Errors
    ///
    /// If it can't be written, or another run writes there.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.snapshot().save(path)
    }

    /// Reads a checkpoint from its bytes.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn decode(bytes: &[u8]) -> Result<Checkpoint, FormatError> {
        Self::decode_with(bytes, &Registry::default())
    }

    /// As [`decode`](Self::decode), where activations or costs of one's own are in `registry`.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn decode_with(bytes: &[u8], registry: &Registry) -> Result<Checkpoint, FormatError> {
        read_checkpoint(bytes, registry)
    }

    /// The hash that two runs share if they agree in everything but wall-clock time.
    ///
    /// # Errors
    ///
    /// If a value doesn't fit the format.
    pub fn compared_hash(&self) -> Result<u64, FormatError> {
        self.snapshot().compared_hash()
    }
}

impl Snapshot<'_> {
    /// Writes the state to `path`: whole or not at all.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Error> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes).map_err(|source| Error::Format { path: path.to_owned(), source })?;
        save(path, &bytes)
    }
}
