//! Which checkpoints stay: the newest at the given path, older ones and the best beside it.

use std::fs;
use std::io;
use std::num::NonZeroU16;
use std::path::PathBuf;

use super::disk::Disk;
use super::error::{Error, Step};
use super::lock::{Lock, same_file};

/// How many checkpoints stay.
///
/// The newest is always `run.ckpt` itself; the ones before it are `run.ckpt.1`, `run.ckpt.2` …, ascending with
/// age; the best is `run.best.ckpt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The newest so many, `run.ckpt` included. Files that an earlier run kept beyond this number stay.
    pub last: NonZeroU16,
    /// The best as well.
    pub best: bool,
}

impl Default for Keep {
    /// The newest only.
    fn default() -> Self {
        Keep { last: NonZeroU16::MIN, best: false }
    }
}

/// A checkpoint path with its lock and the files kept beside it.
#[derive(Debug)]
pub(super) struct Shelf {
    lock: Lock,
    /// `run.ckpt.1` …, newest first.
    older: Vec<PathBuf>,
    /// `run.best.ckpt`, if it is to be kept.
    best: Option<PathBuf>,
}

impl Shelf {
    pub(super) fn new(lock: Lock, keep: Keep) -> Self {
        let older = (1..keep.last.get()).map(|age| lock.names().with_suffix(&format!(".{age}"))).collect();
        let best = keep.best.then(|| lock.names().best());
        Shelf { lock, older, best }
    }

    pub(super) fn lock(&self) -> &Lock {
        &self.lock
    }

    pub(super) fn keeps_best(&self) -> bool {
        self.best.is_some()
    }

    /// Saves the newest checkpoint, after moving the one before to the older ones; `is_best` saves it as the best too.
    ///
    /// `Err`: the path holds what it held before (or, after a failed fsync of the folder, the new bytes, perhaps not
    /// yet on disk). `Ok(Some(_))`: it is saved, but an older or best copy could not be kept. At every moment in
    /// between, `run.ckpt` is a complete checkpoint, and so is every other name.
    pub(super) fn put_newest(
        &self,
        disk: &dyn Disk,
        bytes: &[u8],
        is_best: bool,
    ) -> Result<Option<Error>, Error> {
        let names = self.lock.names();
        names.stage(disk, bytes)?;
        let mut not_kept = self.keep_previous(disk).err();
        // Before the newest: a resumed run that knows of the best must find it.
        if let Some(best) = self.best.as_ref().filter(|_| is_best)
            && let Err(source) = names.commit_copy(disk, best)
        {
            not_kept.get_or_insert(Error::io(Step::Keep, best, source));
        }
        names.commit(disk, &names.path)?;
        names.sync_folder(disk)?;
        Ok(not_kept)
    }

    /// Saves a checkpoint as the best one only.
    pub(super) fn put_best(&self, disk: &dyn Disk, bytes: &[u8]) -> Result<(), Error> {
        match &self.best {
            Some(best) => self.lock.names().replace(disk, best, bytes),
            None => Ok(()),
        }
    }

    /// Gives `run.ckpt` the second name `run.ckpt.1`, those before it moving up by one into the first gap, or over the
    /// oldest.
    fn keep_previous(&self, disk: &dyn Disk) -> Result<(), Error> {
        let names = self.lock.names();
        let Some(youngest) = self.older.first() else { return Ok(()) };
        let Ok(current) = fs::metadata(&names.path) else { return Ok(()) };
        // A run killed after this step and before the rename of the newest has done it already.
        if fs::metadata(youngest).is_ok_and(|kept| same_file(&kept, &current)) {
            return Ok(());
        }
        // First what can fail for want of space, so that the shift loses nothing.
        names.link(disk, &names.path).map_err(|source| Error::io(Step::Keep, youngest, source))?;
        self.shift(disk).inspect_err(|_| names.discard_link(disk))?;
        names.place_link(disk, youngest).map_err(|source| Error::io(Step::Keep, youngest, source))
    }

    fn shift(&self, disk: &dyn Disk) -> Result<(), Error> {
        let gap = self.older.iter().position(|path| fs::symlink_metadata(path).is_err());
        for age in (1..=gap.unwrap_or(self.older.len() - 1)).rev() {
            let (from, to) = (&self.older[age - 1], &self.older[age]);
            match disk.rename(from, to) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io(Step::Keep, to, source));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
