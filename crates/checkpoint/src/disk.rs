//! The file operations that a checkpoint is written with. Tests replace them by operations that fail.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::error::{Error, Step};

/// File operations. The provided methods are the operating system's own. Tests override them with faults.
pub trait Disk: Send + Sync + 'static {
    /// Creates a file that must not exist yet, with the permissions the umask leaves.
    fn create(&self, path: &Path) -> io::Result<File> {
        File::options().write(true).create_new(true).open(path)
    }

    /// Writes all of `bytes`.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Waits until the file's content is on disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Renames a file over whatever `to` names.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Gives a file a second name, which must not exist yet.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Waits until the folder's entries are on disk. Only Unix can do that, and only Unix needs it.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }
}

/// The operating system's own file operations.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

impl Disk for OsDisk {}

/// Reads a whole regular file. The memory for it is its proven length. A lack of memory is an error.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::io(Step::Read, path, source);
    let (file, length) = open_file(path)?;
    let mut bytes = Vec::new();
    let capacity = usize::try_from(length).map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
    bytes.try_reserve_exact(capacity).map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A regular file, open to be read, and its length.
pub(crate) fn open_file(path: &Path) -> Result<(File, u64), Error> {
    let failed = |source| Error::io(Step::Read, path, source);
    // The kind is checked before the file is opened, because opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok((file, length))
}
