//! Regular files, opened to be read. Opening one waits for nobody.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file to read it, and refuses everything else.
///
/// The name is looked at before it is opened, because opening a device can have effects. The open file is looked at once
/// more, because the name may stand for something else by then.
pub(super) fn open(path: &Path) -> io::Result<File> {
    check(&fs::metadata(path)?)?;
    open_now(path)
}

/// Opens the file that `path` stands for now, and refuses it if it is not regular.
///
/// Opening a pipe would wait for its writer. On Unix it doesn't, because of `O_NONBLOCK`, which changes nothing for a
/// regular file.
fn open_now(path: &Path) -> io::Result<File> {
    let file = options().open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// The text of a regular file of at most `most` bytes.
pub(super) fn read_to_string(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    if open(path)?.take(most + 1).read_to_string(&mut text)? as u64 > most {
        return Err(io::Error::other(format!("expected at most {most} bytes, found more")));
    }
    Ok(text)
}

fn options() -> OpenOptions {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options
}

fn check(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let found = if metadata.is_dir() { "a folder" } else { "a pipe or device" };
    Err(io::Error::other(format!("expected a regular file, found {found}; move it away")))
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
        thread::spawn(move || done.send(open_now(&pipe)));
        let opened = wait.recv_timeout(Duration::from_secs(20)).expect("it waits for a writer");
        let expected = "expected a regular file, found a pipe or device; move it away";
        assert_eq!(opened.unwrap_err().to_string(), expected);
    }

    #[test]
    fn no_more_is_read_than_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "four").unwrap();
        assert_eq!(read_to_string(&path, 4).unwrap(), "four");
        let error = read_to_string(&path, 3).unwrap_err().to_string();
        assert_eq!(error, "expected at most 3 bytes, found more");
    }
}
