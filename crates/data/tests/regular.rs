//! Only regular files are opened, and opening waits for nobody.
#![cfg(unix)]

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use minibatch_data::{IdxFile, open_regular};

fn pipe(path: PathBuf) -> PathBuf {
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// The result of `work`, which must come soon.
fn soon<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    wait.recv_timeout(Duration::from_secs(20)).expect("opening a file waits for somebody")
}

fn refused(path: &Path) -> String {
    let owned = path.to_owned();
    let results =
        soon(move || [open_regular(&owned).err(), IdxFile::map(&owned).err(), IdxFile::read(&owned).err()]);
    let [opened, mapped, read] = results.map(|error| error.unwrap().to_string());
    assert_eq!((&mapped, &read), (&opened, &opened));
    opened.replace(&format!("{}: ", path.display()), "")
}

#[test]
fn all_but_regular_files_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(folder.path().join("pipe"));
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&pipe, &link).unwrap();
    let expected = "expected a regular file, found a pipe or device";
    for path in [&pipe, &socket, &link, Path::new("/dev/null")] {
        assert_eq!(refused(path), expected, "{}", path.display());
    }
    assert_eq!(refused(folder.path()), "expected a regular file, found a folder");
}
