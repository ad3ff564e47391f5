use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::checkpoint;
use crate::checkpoint::{Error, Lock, OsDisk, save};

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

#[test]
fn a_lock_file_alone_locks_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    for content in ["", "1\n", "4294967295\n garbage of a longer text \u{fffd}"] {
        fs::write(dir.path().join("run.ckpt.lock"), content).unwrap();
        let lock = Lock::acquire(&path).unwrap();
        let text = fs::read_to_string(dir.path().join("run.ckpt.lock")).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
        drop(lock);
    }
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

/// What the child of the next test does: holds the lock until it is killed or its input ends.
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
        .args(["checkpoint::tests::lock::hold_the_lock", "--exact", "--ignored", "--nocapture"])
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
