//! Opening files to read them. Only regular files are opened, and opening waits for nobody.

use std::fs::{self, File, Metadata, OpenOptions};
use std::path::Path;

use crate::error::Error;

/// Opens a regular file to read it, and refuses everything else.
///
/// The name is looked at before it is opened, because opening a device can have effects. The open file is looked at once
/// more, because the name may stand for something else by then.
///
/// # Errors
/// [`Error::NotAFile`] for a folder, pipe, socket or device, [`Error::Io`] if the file cannot be opened.
pub fn open_regular(path: &Path) -> Result<File, Error> {
    check(path, &fs::metadata(path).map_err(Error::io(path, "open"))?)?;
    open(path)
}

/// Opens the file that `path` names now, and refuses it if it is no regular file.
///
/// Opening a pipe would wait for its writer. On Unix, `O_NONBLOCK` prevents that, and changes nothing for a regular file.
fn open(path: &Path) -> Result<File, Error> {
    let file = options().open(path).map_err(Error::io(path, "open"))?;
    check(path, &file.metadata().map_err(Error::io(path, "read"))?)?;
    Ok(file)
}

fn options() -> OpenOptions {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return Ok(());
    }
    let found = if metadata.is_dir() { "a folder" } else { "a pipe or device" };
    Err(Error::NotAFile { path: path.to_owned(), found })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::process::Command;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn a_pipe_that_has_taken_the_files_place_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (done, wait) = mpsc::channel();
        thread::spawn(move || done.send(open(&pipe)));
        let opened = wait.recv_timeout(Duration::from_secs(20)).expect("it waits for a writer");
        assert!(matches!(opened, Err(Error::NotAFile { .. })));
    }
}
