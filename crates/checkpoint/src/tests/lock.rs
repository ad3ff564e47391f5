use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::checkpoint;
use crate::{Error, Lock, OsDisk, save};

#[test]
fn a_second_writer_is_refused_until_the_first_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let first = Lock::acquire(&path).unwrap();
    let error = Lock::acquire(&path).unwrap_err();
    assert!(matches!(error, Error::Locked { holder: Some(pid), .. } if pid == std::process::id()));
    let text = error.to_string();
    let expected = format!("run.ckpt is being written by another run (process {})", std::process::id());
    assert!(text.contains(&expected), "{text}");
    assert!(matches!(save(&path, b"x").unwrap_err(), Error::Locked { .. }));
    // Another path is another lock, and reading needs none.
    Lock::acquire(&dir.path().join("other.ckpt")).unwrap();
    first.write(&OsDisk, &checkpoint(1)).unwrap();
    assert_eq!(super::mark_at(&path), 1);
    drop(first);
    assert!(Lock::acquire(&path).is_ok());
}

/// The content counts, and not the name.
#[test]
fn only_a_checkpoint_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    for content in [&b""[..], b"years of work", b"MINIBTC", b" MINIBTCH"] {
        fs::write(&path, content).unwrap();
        let error = save(&path, &checkpoint(1)).unwrap_err().to_string();
        assert!(
            error.contains("run.ckpt: expected a checkpoint or nothing at all, found a file that is no"),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
    // A damaged checkpoint is still a checkpoint.
    fs::write(&path, b"MINIBTCH and noise").unwrap();
    save(&path, &checkpoint(1)).unwrap();
    assert_eq!(super::mark_at(&path), 1);
    // A file that came there while the lock was held isn't replaced either.
    let lock = Lock::acquire(&path).unwrap();
    fs::write(&path, b"years of work").unwrap();
    assert!(matches!(lock.write(&OsDisk, &checkpoint(2)).unwrap_err(), Error::InTheWay { .. }));
    assert_eq!(fs::read(&path).unwrap(), b"years of work");
    drop(lock);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
}

/// The user's own path may be a link. It stands for the file that it leads to.
#[cfg(unix)]
#[test]
fn a_link_stands_for_the_file_that_it_leads_to() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let (folder, path) = (dir.path().join("disk"), dir.path().join("run.ckpt"));
    fs::create_dir(&folder).unwrap();
    let file = folder.join("file.ckpt");
    save(&file, &checkpoint(1)).unwrap();
    symlink("disk/link", &path).unwrap();
    symlink(&file, folder.join("link")).unwrap();
    let lock = Lock::acquire(&path).unwrap();
    assert!(folder.join("file.ckpt.lock").exists());
    assert!(matches!(Lock::acquire(&file).unwrap_err(), Error::Locked { .. }));
    lock.write(&OsDisk, &checkpoint(2)).unwrap();
    drop(lock);
    assert_eq!(super::mark_at(&file), 2);
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count() + fs::read_dir(&folder).unwrap().count(), 4);

    let link = dir.path().join("link");
    for target in ["nothing", "link", "run.ckpt/below"] {
        symlink(target, &link).unwrap();
        let error = save(&link, &checkpoint(1)).unwrap_err().to_string();
        assert!(error.contains("found a symbolic link that leads to no file"), "{error}");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && !dir.path().join("nothing").exists());
        fs::remove_file(&link).unwrap();
    }
    symlink("disk", &link).unwrap();
    assert!(matches!(save(&link, &checkpoint(1)).unwrap_err(), Error::NotAFile { .. }));
}

/// The error comes at the start, not at the first checkpoint after hours.
#[cfg(unix)]
#[test]
fn a_name_without_room_for_the_temporary_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let most = (1..=255).rev().find(|&len| fs::write(dir.path().join("x".repeat(len)), b"").is_ok()).unwrap();
    fs::remove_file(dir.path().join("x".repeat(most))).unwrap();
    // The temporary name has 22 bytes more: a dot, a dot, 16 digits and `.tmp`.
    save(&dir.path().join("x".repeat(most - 22)), &checkpoint(1)).unwrap();
    for len in [most - 21, most - 5, most, most + 1] {
        let error = Lock::acquire(&dir.path().join("x".repeat(len))).unwrap_err();
        assert!(matches!(error, Error::NameTooLong { more: 22, .. }), "{error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// A rename over a device such as /dev/null would turn it into a plain file.
#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(Lock::acquire(&path).unwrap_err(), Error::NotAFile { .. }));
    assert!(matches!(save(&path, b"x").unwrap_err(), Error::NotAFile { .. }));
}

#[test]
fn a_lock_file_alone_locks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    // A killed run leaves its number, or nothing if it was killed before it wrote it.
    for content in ["", "minibatch, process 1\n", "minibatch, process 4294967295\n"] {
        fs::write(dir.path().join("run.ckpt.lock"), content).unwrap();
        let lock = Lock::acquire(&path).unwrap();
        let text = fs::read_to_string(dir.path().join("run.ckpt.lock")).unwrap();
        assert_eq!(text, format!("minibatch, process {}\n", std::process::id()));
        drop(lock);
        assert!(!dir.path().join("run.ckpt.lock").exists());
    }
}

/// The entries of a folder: the kind of each, and its content or the target of a link.
#[cfg(unix)]
fn contents(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| match fs::symlink_metadata(&path).unwrap().file_type() {
            kind if kind.is_file() => (path.clone(), format!("{:?}", fs::read(path).unwrap())),
            kind if kind.is_symlink() => {
                (path.clone(), format!("to {}", fs::read_link(path).unwrap().display()))
            }
            kind => (path, format!("{kind:?}")),
        })
        .collect();
    all.sort_unstable();
    all
}

#[cfg(unix)]
#[test]
fn what_is_no_lock_is_left_alone() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let dir = tempfile::tempdir().unwrap();
    let (path, lock) = (dir.path().join("run.ckpt"), dir.path().join("run.ckpt.lock"));
    fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
    // A link leads to a file with the content of a stale lock.
    fs::write(dir.path().join("stale"), "minibatch, process 1\n").unwrap();
    let make = |found: &str, content: &str| match found {
        "a symbolic link" => symlink(content, &lock).unwrap(),
        "a folder" => fs::create_dir(&lock).unwrap(),
        "a pipe, socket or device" => drop(UnixListener::bind(&lock).unwrap()),
        _ => fs::write(&lock, content).unwrap(),
    };
    for (found, content) in [
        ("a symbolic link", "thesis.txt"),
        ("a symbolic link", "stale"),
        ("a symbolic link", "nothing"),
        ("a folder", ""),
        ("a pipe, socket or device", ""),
        ("a file that is no lock", "notes"),
        ("a file that is no lock", "1\n"),
        ("a file that is no lock", "minibatch, process\n"),
        ("a file that is no lock", "minibatch, process 1"),
        ("a file that is no lock", "minibatch, process 1\n\n"),
    ] {
        make(found, content);
        let before = contents(dir.path());
        let error = Lock::acquire(&path).unwrap_err();
        let expected = format!(
            "{}: expected the lock of a run or nothing at all, found {found}; move it away, or choose another file for the run",
            lock.display()
        );
        assert_eq!(error.to_string(), expected);
        assert!(matches!(save(&path, &checkpoint(1)).unwrap_err(), Error::InTheWay { .. }));
        assert_eq!(contents(dir.path()), before);
        if lock.is_dir() {
            fs::remove_dir(&lock).unwrap();
        } else {
            fs::remove_file(&lock).unwrap();
        }
    }
    // A file that took the lock's place while it was held isn't ours.
    let held = Lock::acquire(&path).unwrap();
    fs::remove_file(&lock).unwrap();
    fs::write(&lock, "notes").unwrap();
    drop(held);
    assert_eq!(fs::read(&lock).unwrap(), b"notes");
}

#[test]
fn exactly_one_of_many_gets_the_lock_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = &dir.path().join("run.ckpt");
    let holders = &std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut taken = 0;
                while taken < 50 {
                    match Lock::acquire(path) {
                        Ok(lock) => {
                            use std::sync::atomic::Ordering::SeqCst;
                            assert_eq!(holders.fetch_add(1, SeqCst), 0, "two hold the lock");
                            std::thread::yield_now();
                            holders.fetch_sub(1, SeqCst);
                            drop(lock);
                            taken += 1;
                        }
                        Err(Error::Locked { .. }) => std::thread::yield_now(),
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
}

const HELD_PATH: &str = "MINIBATCH_TEST_HELD_PATH";

/// The child of the next test. It holds the lock until it is killed or its input ends.
#[test]
#[ignore = "the child process of a_killed_run_does_not_block"]
fn hold_the_lock() {
    let Some(path) = env::var_os(HELD_PATH).map(PathBuf::from) else { return };
    let lock = Lock::acquire(&path).unwrap();
    let temporary = path.with_file_name(".run.ckpt.00112233445566aa.tmp");
    fs::write(temporary, "half a checkp").unwrap();
    std::io::stdout().write_all(b"\nheld\n").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    drop(lock);
}

fn spawn_holder(path: &Path) -> Child {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["tests::lock::hold_the_lock", "--exact", "--ignored", "--nocapture"])
        .env(HELD_PATH, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "held"), "the child must get the lock");
    child
}

#[test]
fn a_killed_run_does_not_block() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let mut child = spawn_holder(&path);
    let error = Lock::acquire(&path).unwrap_err();
    assert!(matches!(error, Error::Locked { holder: Some(pid), .. } if pid == child.id()), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(dir.path().join("run.ckpt.lock").exists());
    let lock = Lock::acquire(&path).unwrap();
    assert!(!dir.path().join(".run.ckpt.00112233445566aa.tmp").exists());
    drop(lock);
}
