//! One file, replaced as a whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::error::{Error, Step};
use super::place;

/// Hexadecimal digits between the file's name and `.tmp` in the names of temporary files.
const TOKEN: usize = 16;

/// The names that belong to one checkpoint path, made once so that writing allocates none.
#[derive(Debug)]
pub(super) struct Names {
    /// The checkpoint.
    pub(super) path: PathBuf,
    /// The folder it lies in.
    pub(super) folder: PathBuf,
    /// A new checkpoint until it is complete: `.run.ckpt.0123456789abcdef.tmp`. The digits are drawn anew by
    /// each run: where a network file system does not heed locks, two runs still never share a temporary file.
    temp: PathBuf,
    /// A second name of a file on its way to another place, of the same form.
    link: PathBuf,
}

impl Names {
    pub(super) fn new(path: &Path) -> Result<Self, Error> {
        let path = &place::followed(path)?;
        // The rename would put a plain file in the place of a device, even of /dev/null.
        let replaceable = fs::metadata(path).map_or(true, |found| found.is_file());
        let Some(name) = path.file_name().filter(|_| replaceable) else {
            return Err(Error::NotAFile { path: path.to_owned() });
        };
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let temporary = || {
            let token = RandomState::new().build_hasher().finish();
            let mut temporary = OsString::from(".");
            temporary.push(name);
            temporary.push(format!(".{token:0TOKEN$x}.tmp"));
            folder.join(temporary)
        };
        let names = Names { path: path.to_owned(), temp: temporary(), link: temporary(), folder };
        // No name of the run's files is longer. Better now than at the first checkpoint, after an epoch of hours.
        match fs::symlink_metadata(&names.temp) {
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => Err(Error::NameTooLong {
                path: names.path,
                more: ".".len() + ".".len() + TOKEN + ".tmp".len(),
            }),
            _ => Ok(names),
        }
    }

    /// `run.ckpt` → `run.ckpt` + `suffix`.
    pub(super) fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    /// `run.ckpt` → `run.best.ckpt`.
    pub(super) fn best(&self) -> PathBuf {
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(".best");
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }

    /// Removes the temporary files that killed runs left, as far as possible: they only take space. The caller
    /// holds the lock of the path, so no living run needs them.
    pub(super) fn remove_leftovers(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten().filter(|entry| self.is_temporary(&entry.file_name())) {
            // A file of another user in a shared folder cannot be removed, and does no harm.
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn is_temporary(&self, name: &std::ffi::OsStr) -> bool {
        let own = self.path.file_name().unwrap_or_default().as_encoded_bytes();
        let token = name
            .as_encoded_bytes()
            .strip_prefix(b".")
            .and_then(|name| name.strip_prefix(own))
            .and_then(|name| name.strip_prefix(b"."))
            .and_then(|name| name.strip_suffix(b".tmp"));
        token.is_some_and(|token| token.len() == TOKEN && token.iter().all(u8::is_ascii_hexdigit))
    }

    /// Writes the temporary file and brings it to disk. On failure nothing remains of it.
    pub(super) fn stage(&self, disk: &dyn Disk, bytes: &[u8]) -> Result<(), Error> {
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
            // Left by an earlier attempt of this run that could not even be removed.
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

    /// Gives the staged file its final name. What isn't a checkpoint is not replaced there.
    pub(super) fn commit(&self, disk: &dyn Disk, to: &Path) -> Result<(), Error> {
        let renamed = || disk.rename(&self.temp, to).map_err(|source| Error::io(Step::Rename, to, source));
        place::check(to).and_then(|_| renamed()).inspect_err(|_| self.discard(disk))
    }

    /// Gives the staged file a second name, replacing the checkpoint that had it.
    pub(super) fn commit_copy(&self, disk: &dyn Disk, to: &Path) -> Result<(), Error> {
        place::check(to)?;
        self.link(disk, &self.temp).map_err(|source| Error::io(Step::Keep, to, source))?;
        self.place_link(disk, to)
    }

    /// Gives `from` the second name that [`Names::place_link`] moves to its place.
    pub(super) fn link(&self, disk: &dyn Disk, from: &Path) -> io::Result<()> {
        match disk.link(from, &self.link) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove(&self.link)?;
                disk.link(from, &self.link)
            }
            linked => linked,
        }
    }

    /// Renames the second name over `to`, where a checkpoint or nothing stands.
    pub(super) fn place_link(&self, disk: &dyn Disk, to: &Path) -> Result<(), Error> {
        let renamed = || disk.rename(&self.link, to).map_err(|source| Error::io(Step::Keep, to, source));
        place::check(to).and_then(|_| renamed()).inspect_err(|_| self.discard_link(disk))
    }

    /// Removes the second name after a failure.
    pub(super) fn discard_link(&self, disk: &dyn Disk) {
        let _ = disk.remove(&self.link);
    }

    pub(super) fn sync_folder(&self, disk: &dyn Disk) -> Result<(), Error> {
        disk.sync_folder(&self.folder).map_err(|source| Error::io(Step::SyncFolder, &self.path, source))
    }

    /// Replaces `to`, the checkpoint or a file beside it.
    pub(super) fn replace(&self, disk: &dyn Disk, to: &Path, bytes: &[u8]) -> Result<(), Error> {
        self.stage(disk, bytes)?;
        self.commit(disk, to)?;
        self.sync_folder(disk)
    }
}
