//! One writer per path.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::error::{Error, Step};
use crate::keep::Keep;
use crate::names::Names;
use crate::place::{self, Occupant};

/// The most times that a lock file is opened anew because its holder removed it just then.
const ATTEMPTS: usize = 100;

/// The text before the process number in a lock file. A lock file of Minibatch is known by it.
const MARK: &str = "minibatch, process ";

/// The right to write one checkpoint path, held until dropped.
///
/// It is an advisory lock of the operating system on `run.ckpt.lock`. It ends with the process, so a killed run never
/// blocks the next one. The lock file says that Minibatch made it, and which process holds it. If a file of the user's
/// own or a link has that name, it is left alone, and the path is refused.
#[derive(Debug)]
pub struct Lock {
    names: Names,
    path: PathBuf,
    /// Holds the lock until it is closed.
    file: File,
    /// Checkpoints of other runs: see [`supersede`](Self::supersede).
    superseded: Vec<PathBuf>,
}

impl Lock {
    /// Takes the lock of the checkpoint at `path` and removes the temporary files that killed runs left beside it. The
    /// checkpoint itself need not exist. If `path` is a link, it stands for the file that it leads to.
    ///
    /// # Errors
    ///
    /// - [`Error::Locked`] if another run, or this one, has the lock.
    /// - [`Error::InTheWay`] if something that is no checkpoint stands at `path`, or something that is no lock at the lock's place.
    /// - [`Error::NotAFile`] and [`Error::NameTooLong`] for a path that no checkpoint can have.
    pub fn acquire(path: &Path) -> Result<Lock, Error> {
        let names = Names::new(path)?;
        place::check(&names.path)?;
        let path = names.with_suffix(".lock");
        let failed = |source| Error::io(Step::Lock, &path, source);
        for _ in 0..ATTEMPTS {
            let mut file = open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = read(&mut file).ok().and_then(|content| holder(&content));
                    return Err(Error::Locked { holder, path: names.path });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // The holder before may have removed the file between its opening and its locking here. A third run may
            // then hold the lock of a new file.
            if still_named(&file, &path).map_err(failed)? {
                if !is_ours(&read(&mut file).map_err(failed)?) {
                    return Err(in_the_way(&path, "a file that is no lock"));
                }
                // An error is ignored. On a full disk the lock holds all the same.
                let _ = write_own(&mut file);
                names.remove_leftovers();
                return Ok(Lock { names, path, file, superseded: Vec::new() });
            }
        }
        Err(Error::Locked { path: names.path, holder: None })
    }

    /// The checkpoint's path.
    #[must_use]
    pub fn checkpoint(&self) -> &Path {
        &self.names.path
    }

    /// The path of the best checkpoint, if it is [kept](crate::Keep): `run.best.ckpt`.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.names.best()
    }

    /// The checkpoints at the places that a run kept as `keep` will use: the newest, older ones, the best.
    ///
    /// # Errors
    ///
    /// [`Error::InTheWay`] if something else stands at such a place.
    pub fn occupied(&self, keep: Keep) -> Result<Vec<PathBuf>, Error> {
        let mut places = vec![self.names.path.clone()];
        places.extend(keep.older(&self.names));
        places.extend(keep.best(&self.names));
        let mut occupied = Vec::new();
        for path in places {
            if place::check(&path)? == Occupant::Checkpoint {
                occupied.push(path);
            }
        }
        Ok(occupied)
    }

    /// Gives up checkpoints of other runs, some of the [occupied](Self::occupied) places. A [`Writer`](crate::Writer) removes
    /// them as soon as a checkpoint of its own run is saved, and keeps none of them as an older one.
    pub fn supersede(&mut self, others: Vec<PathBuf>) {
        self.superseded = others;
    }

    pub(crate) fn superseded(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.superseded)
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Replaces the checkpoint by `bytes`: a temporary file in the same folder, its fsync, a rename, the folder's
    /// fsync. If any step fails, the path still holds the whole old content or the whole new one.
    pub fn write(&self, disk: &dyn Disk, bytes: &[u8]) -> Result<(), Error> {
        self.names.replace(disk, &self.names.path, bytes)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The lock file is removed only while the lock is held, and only if the next run to lock it can tell: see
        // `still_named`. A lock file left behind is stale and harmless.
        if cfg!(unix) && still_named(&self.file, &self.path).is_ok_and(|named| named) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn in_the_way(path: &Path, found: &'static str) -> Error {
    Error::InTheWay { path: path.to_owned(), expected: "the lock of a run or nothing at all", found }
}

/// Opens the lock file, or makes it.
fn open(path: &Path) -> Result<File, Error> {
    let failed = |source| Error::io(Step::Lock, path, source);
    let refuse = |found: &fs::Metadata| match place::no_file(found) {
        None => Ok(()),
        Some(found) => Err(in_the_way(path, found)),
    };
    if let Ok(found) = fs::symlink_metadata(path) {
        refuse(&found)?;
    }
    let file = place::open_itself(path, File::options().read(true).write(true).create(true).truncate(false))
        .map_err(failed)?;
    refuse(&file.metadata().map_err(failed)?)?;
    Ok(file)
}

/// The content of a lock file, or the beginning of another file.
fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.rewind()?;
    file.take(64).read_to_end(&mut content)?;
    Ok(content)
}

fn write_own(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{MARK}{}\n", std::process::id()).as_bytes())
}

/// True if the content is that of a lock file of Minibatch. An empty file counts. A run that was killed before it wrote its
/// number leaves one, and so does a full disk. Nothing is lost with it.
fn is_ours(content: &[u8]) -> bool {
    content.is_empty() || holder(content).is_some()
}

/// The process number in a lock file.
fn holder(content: &[u8]) -> Option<u32> {
    std::str::from_utf8(content).ok()?.strip_prefix(MARK)?.strip_suffix('\n')?.parse().ok()
}

/// True if `path` still names the open file.
#[cfg(unix)]
fn still_named(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok(place::same_file(&open, &named)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn still_named(_: &File, _: &Path) -> io::Result<bool> {
    // Lock files are not removed here, see `drop`.
    Ok(true)
}
