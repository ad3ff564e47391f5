//! Looks at a place before a file is put there. Only a checkpoint is ever replaced, and no link is followed.

use crate::error::{Error, Step};
use crate::format::MAGIC;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The thing that stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occupant {
    /// Nothing.
    Nothing,
    /// A file that begins with the [magic](MAGIC). It is a checkpoint even if it is damaged further on.
    Checkpoint,
    /// Something of the user's, in words.
    Other(&'static str),
}

/// Looks at `path` itself. A link isn't followed.
pub(crate) fn occupant(path: &Path) -> io::Result<Occupant> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Occupant::Nothing),
        Err(error) => return Err(error),
    };
    if let Some(other) = no_file(&found) {
        return Ok(Occupant::Other(other));
    }
    let mut start = [0; MAGIC.len()];
    match open_itself(path, File::options().read(true))?.read_exact(&mut start) {
        Ok(()) if start == MAGIC => Ok(Occupant::Checkpoint),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(Occupant::Other("a file that is no checkpoint")),
    }
}

/// The kind of a thing that is no regular file, in words.
pub(crate) fn no_file(found: &Metadata) -> Option<&'static str> {
    match found.file_type() {
        kind if kind.is_file() => None,
        kind if kind.is_dir() => Some("a folder"),
        kind if kind.is_symlink() => Some("a symbolic link"),
        _ => Some("a pipe, socket or device"),
    }
}

/// Opens `path` itself. This fails for a link, and doesn't wait for the other end of a pipe.
pub(crate) fn open_itself(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options.open(path)
}

/// Checks that `path` may be given to a checkpoint, because nothing or a checkpoint stands there.
pub(crate) fn check(path: &Path) -> Result<Occupant, Error> {
    match occupant(path).map_err(|source| Error::io(Step::Read, path, source))? {
        Occupant::Other(found) => {
            Err(Error::InTheWay { path: path.to_owned(), expected: "a checkpoint or nothing at all", found })
        }
        free => Ok(free),
    }
}

/// The file that the user's own `path` leads to, link after link. A checkpoint is replaced where it lies, with its lock and
/// the kept ones beside it. The link to it isn't replaced.
pub(crate) fn followed(path: &Path) -> Result<PathBuf, Error> {
    /// The most links in a row that Linux follows.
    const LINKS: usize = 40;
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        return Ok(path.to_owned());
    }
    let leads = fs::metadata(path);
    let (mut file, mut links) = (path.to_owned(), 0);
    while let Ok(target) = fs::read_link(&file)
        && links < LINKS
    {
        file = file.with_file_name(target);
        links += 1;
    }
    // Links that the system makes up, such as those to open files, may tell a name that isn't one.
    match (leads, fs::symlink_metadata(&file)) {
        (Ok(end), Ok(found)) if same_file(&end, &found) => Ok(file),
        _ => Err(Error::InTheWay {
            path: path.to_owned(),
            expected: "a checkpoint or nothing at all",
            found: "a symbolic link that leads to no file",
        }),
    }
}

/// True if two names lead to one file.
#[cfg(unix)]
pub(crate) fn same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Always false, because there are no inode numbers. This costs one of the kept copies after a kill in the middle of a shift.
#[cfg(not(unix))]
pub(crate) fn same_file(_: &Metadata, _: &Metadata) -> bool {
    false
}
