//! The names of a run's files: the checkpoint's own and those beside it.

use crate::error::Error;
use crate::place;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// Hexadecimal digits between the file's name and `.tmp` in the names of temporary files.
const TOKEN: usize = 16;

/// The names that belong to one checkpoint path. They are made once, so that writing allocates none.
#[derive(Debug)]
pub(crate) struct Names {
    /// The checkpoint.
    pub(crate) path: PathBuf,
    /// The folder it lies in.
    pub(crate) folder: PathBuf,
    /// A new checkpoint until it is complete: `.run.ckpt.0123456789abcdef.tmp`. The digits are drawn anew by each
    /// run. So two runs never share a temporary file, even if a network file system does not heed locks.
    pub(crate) temp: PathBuf,
    /// A second name of a file on its way to another place, of the same form.
    pub(crate) link: PathBuf,
}

impl Names {
    pub(crate) fn new(path: &Path) -> Result<Self, Error> {
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
        // No name of the run's files is longer. The error comes now and not at the first checkpoint, after an epoch of hours.
        match fs::symlink_metadata(&names.temp) {
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => Err(Error::NameTooLong {
                path: names.path,
                more: ".".len() + ".".len() + TOKEN + ".tmp".len(),
            }),
            _ => Ok(names),
        }
    }

    /// `run.ckpt` → `run.ckpt` + `suffix`.
    pub(crate) fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    /// `run.ckpt` → `run.best.ckpt`.
    pub(crate) fn best(&self) -> PathBuf {
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(".best");
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }

    /// Removes the temporary files that killed runs left, as far as possible. They only take space. The caller
    /// holds the lock of the path, so no living run needs them.
    pub(crate) fn remove_leftovers(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten().filter(|entry| self.is_temporary(&entry.file_name())) {
            // A file of another user in a shared folder cannot be removed, and does no harm.
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn is_temporary(&self, name: &OsStr) -> bool {
        let own = self.path.file_name().unwrap_or_default().as_encoded_bytes();
        let token = name
            .as_encoded_bytes()
            .strip_prefix(b".")
            .and_then(|name| name.strip_prefix(own))
            .and_then(|name| name.strip_prefix(b"."))
            .and_then(|name| name.strip_suffix(b".tmp"));
        token.is_some_and(|token| token.len() == TOKEN && token.iter().all(u8::is_ascii_hexdigit))
    }
}
