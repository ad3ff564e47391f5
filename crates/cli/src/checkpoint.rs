//! The file that a run is kept in.

use crate::failure::Failure;
use minibatch::Trainer;
use minibatch::checkpoint::{Error, Lock, OsDisk};
use std::path::Path;

/// A checkpoint file that this run alone writes.
#[derive(Debug)]
pub(crate) struct Keeper {
    lock: Lock,
    bytes: Vec<u8>,
}

impl Keeper {
    /// Reserves `path`. Whatever would make the first save fail is better found out before training.
    pub(crate) fn new(path: &Path) -> Result<Keeper, Failure> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            let (path, folder) = (path.display(), folder.display());
            return Err(Failure::usage(format!("--checkpoint {path}: no folder {folder}; create it first")));
        }
        if path.exists() && !path.is_file() {
            let path = path.display();
            return Err(Failure::usage(format!(
                "--checkpoint {path}: expected a regular file or a new name"
            )));
        }
        Ok(Keeper { lock: Lock::acquire(path)?, bytes: Vec::new() })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.lock.checkpoint()
    }

    /// Saves the state of the run. When this returns it is on disk.
    pub(crate) fn save(&mut self, trainer: &Trainer<'_>) -> Result<(), Failure> {
        self.bytes.clear();
        let format = |source| Error::Format { path: self.lock.checkpoint().to_owned(), source };
        trainer.encode_into(&mut self.bytes).map_err(format)?;
        Ok(self.lock.write(&OsDisk, &self.bytes)?)
    }
}
