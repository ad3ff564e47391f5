//! One file, replaced as a whole or not at all.
//!
//! ```text
//! create  .run.ckpt.0123456789abcdef.tmp
//! write   the new content to it
//! sync    it to disk
//! rename  it to run.ckpt
//! sync    the folder to disk
//! ```
//!
//! `run.ckpt` is always the whole old file or the whole new one, even if a step fails or the power goes after any of them.

use crate::disk::Disk;
use crate::error::{Error, Step};
use crate::names::Names;
use crate::place;
use std::fs::File;
use std::io;
use std::path::Path;

impl Names {
    /// Writes the temporary file and brings it to disk. On failure the file is removed.
    pub(crate) fn stage(&self, disk: &dyn Disk, bytes: &[u8]) -> Result<(), Error> {
        let failed = |step| move |source| Error::io(step, &self.path, source);
        let mut file = self.create_temp(disk).map_err(failed(Step::Create))?;
        let staged = disk
            .write(&mut file, bytes)
            .map_err(failed(Step::Write))
            .and_then(|()| disk.sync(&file).map_err(failed(Step::Sync)));
        drop(file);
        if staged.is_err() {
            self.discard(disk);
        }
        staged
    }

    fn create_temp(&self, disk: &dyn Disk) -> io::Result<File> {
        match disk.create(&self.temp) {
            // An earlier attempt of this run left the file, and could not remove it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove(&self.temp)?;
                disk.create(&self.temp)
            }
            created => created,
        }
    }

    /// Removes the staged file after a failure, whose error is the one worth reporting.
    fn discard(&self, disk: &dyn Disk) {
        let _ = disk.remove(&self.temp);
    }

    /// Gives the staged file its final name. Only a checkpoint, or nothing, is replaced there.
    pub(crate) fn commit(&self, disk: &dyn Disk, to: &Path) -> Result<(), Error> {
        let renamed = || disk.rename(&self.temp, to).map_err(|source| Error::io(Step::Rename, to, source));
        place::check(to).and_then(|_| renamed()).inspect_err(|_| self.discard(disk))
    }

    /// Gives the staged file a second name, replacing the checkpoint that had it.
    pub(crate) fn commit_copy(&self, disk: &dyn Disk, to: &Path) -> Result<(), Error> {
        place::check(to)?;
        self.link(disk, &self.temp).map_err(|source| Error::io(Step::Keep, to, source))?;
        self.place_link(disk, to)
    }

    /// Gives `from` the second name that [`Names::place_link`] moves to its place.
    pub(crate) fn link(&self, disk: &dyn Disk, from: &Path) -> io::Result<()> {
        match disk.link(from, &self.link) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove(&self.link)?;
                disk.link(from, &self.link)
            }
            linked => linked,
        }
    }

    /// Renames the second name over `to`, where a checkpoint or nothing stands.
    pub(crate) fn place_link(&self, disk: &dyn Disk, to: &Path) -> Result<(), Error> {
        let renamed = || disk.rename(&self.link, to).map_err(|source| Error::io(Step::Keep, to, source));
        place::check(to).and_then(|_| renamed()).inspect_err(|_| self.discard_link(disk))
    }

    /// Removes the second name after a failure.
    pub(crate) fn discard_link(&self, disk: &dyn Disk) {
        let _ = disk.remove(&self.link);
    }

    pub(crate) fn sync_folder(&self, disk: &dyn Disk) -> Result<(), Error> {
        disk.sync_folder(&self.folder).map_err(|source| Error::io(Step::SyncFolder, &self.path, source))
    }

    /// Replaces `to`, the checkpoint or a file beside it.
    pub(crate) fn replace(&self, disk: &dyn Disk, to: &Path, bytes: &[u8]) -> Result<(), Error> {
        self.stage(disk, bytes)?;
        self.commit(disk, to)?;
        self.sync_folder(disk)
    }
}
