//! A checkpoint path with the files kept beside it. When a new checkpoint is saved, the older ones move on by one.

use crate::disk::Disk;
use crate::error::{Error, Step};
use crate::keep::Keep;
use crate::lock::Lock;
use crate::place::{self, Occupant, same_file};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A checkpoint path with its lock and the files kept beside it.
#[derive(Debug)]
pub(crate) struct Shelf {
    lock: Lock,
    /// Checkpoints of other runs, until one of this run is saved.
    superseded: Mutex<Vec<PathBuf>>,
    /// `run.ckpt.1` …, newest first.
    older: Vec<PathBuf>,
    /// `run.best.ckpt`, if it is to be kept.
    best: Option<PathBuf>,
}

impl Shelf {
    /// The shelf of the path that `lock` holds.
    pub(crate) fn new(mut lock: Lock, keep: Keep) -> Self {
        let superseded = Mutex::new(lock.superseded());
        let (older, best) = (keep.older(lock.names()), keep.best(lock.names()));
        Shelf { lock, superseded, older, best }
    }

    pub(crate) fn lock(&self) -> &Lock {
        &self.lock
    }

    pub(crate) fn keeps_best(&self) -> bool {
        self.best.is_some()
    }

    /// Saves the newest checkpoint, after moving the one before to the older ones. `is_best` saves it as the best too.
    ///
    /// - `Err`: the path holds its old content. After a failed fsync of the folder, it holds the new bytes, perhaps not yet on disk.
    /// - `Ok(Some(_))`: the checkpoint is saved, but an older or best copy could not be kept.
    ///
    /// At every moment in between, `run.ckpt` is a complete checkpoint, and so is every other name.
    pub(crate) fn put_newest(
        &self,
        disk: &dyn Disk,
        bytes: &[u8],
        is_best: bool,
    ) -> Result<Option<Error>, Error> {
        let names = self.lock.names();
        let mut superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        names.stage(disk, bytes)?;
        let mut not_kept = None;
        if !superseded.contains(&names.path) {
            // Only checkpoints of this run may become older ones.
            if names.path.exists() {
                not_kept = discard(disk, &mut superseded).err();
            }
            not_kept = not_kept.or(self.keep_previous(disk).err());
        }
        // The best is saved before the newest, because a resumed run that knows of the best must find it.
        if let Some(best) = self.best.as_ref().filter(|_| is_best) {
            match names.commit_copy(disk, best) {
                Ok(()) => superseded.retain(|other| other != best),
                Err(error) => drop(not_kept.get_or_insert(error)),
            }
        }
        names.commit(disk, &names.path)?;
        names.sync_folder(disk)?;
        superseded.retain(|other| *other != names.path);
        Ok(not_kept.or(discard(disk, &mut superseded).err()))
    }

    /// Saves a checkpoint as the best one only.
    pub(crate) fn put_best(&self, disk: &dyn Disk, bytes: &[u8]) -> Result<(), Error> {
        let Some(best) = &self.best else { return Ok(()) };
        self.lock.names().replace(disk, best, bytes)?;
        self.superseded.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other != best);
        Ok(())
    }

    /// Gives `run.ckpt` the second name `run.ckpt.1`. The older ones move up by one, into the first gap or over the oldest.
    fn keep_previous(&self, disk: &dyn Disk) -> Result<(), Error> {
        let names = self.lock.names();
        let Some(youngest) = self.older.first() else { return Ok(()) };
        let Ok(current) = fs::metadata(&names.path) else { return Ok(()) };
        // A run that was killed after this step and before the rename of the newest has done the step already.
        if fs::symlink_metadata(youngest).is_ok_and(|kept| same_file(&kept, &current)) {
            return Ok(());
        }
        // The link comes first, because it can fail for want of space. So the shift loses nothing.
        names.link(disk, &names.path).map_err(|source| Error::io(Step::Keep, youngest, source))?;
        self.shift(disk).inspect_err(|_| names.discard_link(disk))?;
        names.place_link(disk, youngest)
    }

    fn shift(&self, disk: &dyn Disk) -> Result<(), Error> {
        // All places are checked before any checkpoint is moved.
        let mut moved = 0;
        for path in &self.older {
            match place::check(path)? {
                Occupant::Checkpoint => moved += 1,
                _ => break,
            }
        }
        for age in (1..self.older.len().min(moved + 1)).rev() {
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

/// Removes the checkpoints of other runs, once there is one of this run. Anything else that stands there by then stays.
fn discard(disk: &dyn Disk, superseded: &mut Vec<PathBuf>) -> Result<(), Error> {
    superseded.drain(..).try_for_each(|path| match place::occupant(&path) {
        Ok(Occupant::Checkpoint) => {
            disk.remove(&path).map_err(|source| Error::io(Step::Remove, path, source))
        }
        _ => Ok(()),
    })
}
