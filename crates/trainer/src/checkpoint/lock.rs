//! One writer per path.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::atomic::Names;
use super::disk::Disk;
use super::error::{Error, Step};

/// How often a lock file is opened anew because its holder removed it just then.
const ATTEMPTS: usize = 100;

/// The right to write one checkpoint path, held until dropped.
///
/// It is an advisory lock of the operating system on `run.ckpt.lock`, so it ends with the process, however that
/// ends: a killed run never blocks the next one. The file holds the process number, for the message only.
#[derive(Debug)]
pub struct Lock {
    names: Names,
    path: PathBuf,
    // Holds the lock until it is closed.
    _file: File,
}

impl Lock {
    /// Takes the lock of the checkpoint at `path` and removes the temporary files that killed runs left beside it;
    /// [`Error::Locked`] if another run, or this one, has it. The checkpoint itself need not exist.
    pub fn acquire(path: &Path) -> Result<Lock, Error> {
        let names = Names::new(path)?;
        let path = names.with_suffix(".lock");
        let failed = |source| Error::io(Step::Lock, &path, source);
        for _ in 0..ATTEMPTS {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked { holder: holder(&mut file), path: names.path });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // The holder before may have removed the file between its opening and its locking here, and a third
            // run may hold the lock of a new one.
            if still_named(&file, &path).map_err(failed)? {
                // Best effort: on a full disk the lock holds all the same.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                names.remove_leftovers();
                return Ok(Lock { names, path, _file: file });
            }
        }
        Err(Error::Locked { path: names.path, holder: None })
    }

    /// The checkpoint's path.
    pub fn checkpoint(&self) -> &Path {
        &self.names.path
    }

    /// Where [`Keep`](super::Keep) puts the best one: `run.best.ckpt`.
    pub fn best(&self) -> PathBuf {
        self.names.best()
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Replaces the checkpoint by `bytes`: a temporary file in the same folder, its fsync, a rename, the folder's
    /// fsync. Whatever fails, the path holds the old content or the new, whole.
    pub fn write(&self, disk: &dyn Disk, bytes: &[u8]) -> Result<(), Error> {
        self.names.replace(disk, &self.names.path, bytes)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only while the lock is held, and only where the next one to lock can tell: see `still_named`. A lock file
        // left behind is stale and harmless.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether `path` still names the open file.
#[cfg(unix)]
fn still_named(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok(same_file(&open, &named)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn still_named(_: &File, _: &Path) -> io::Result<bool> {
    // Lock files are not removed here, see `drop`.
    Ok(true)
}

/// Whether two names lead to one file.
#[cfg(unix)]
pub(super) fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Without inode numbers: never, which costs one of the kept copies after a kill in the middle of a shift.
#[cfg(not(unix))]
pub(super) fn same_file(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}

/// The process number in a lock file that another process holds.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}
