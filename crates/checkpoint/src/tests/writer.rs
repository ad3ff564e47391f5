use std::fs::File;
use std::io;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{encode_small, mark_at};
use crate::{Disk, Error, Keep, Lock, OsDisk, Receipt, Step, Writer};

/// A disk whose every write announces itself, then waits for leave: an error number, 0 for none.
struct GatedDisk {
    arrived: Sender<()>,
    leave: Mutex<Receiver<i32>>,
}

/// The test's side of the gate.
struct Gate {
    arrived: Receiver<()>,
    leave: Sender<i32>,
}

impl Gate {
    /// Waits until a write has begun.
    fn await_write(&self) {
        self.arrived.recv_timeout(Duration::from_secs(10)).expect("a write begins");
    }

    fn let_pass(&self) {
        self.leave.send(0).unwrap();
    }
}

impl Disk for GatedDisk {
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.arrived.send(()).unwrap();
        match self.leave.lock().unwrap().recv().unwrap() {
            0 => OsDisk.write(file, bytes),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

struct Run {
    dir: tempfile::TempDir,
    writer: Writer,
}

impl Run {
    fn new(keep: Keep, disk: impl Disk) -> Run {
        let dir = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(&dir.path().join("run.ckpt")).unwrap();
        let writer = Writer::start(lock, keep, 256, Arc::new(disk)).unwrap();
        Run { dir, writer }
    }

    fn gated(keep: Keep) -> (Run, Gate) {
        let ((arrived, arrivals), (leave, leaves)) = (mpsc::channel(), mpsc::channel());
        let run = Run::new(keep, GatedDisk { arrived, leave: Mutex::new(leaves) });
        (run, Gate { arrived: arrivals, leave })
    }

    fn submit(&mut self, mark: u64, is_best: bool) -> Receipt {
        self.writer.submit(is_best, |bytes| encode_small(mark, bytes)).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn keep(last: u16, best: bool) -> Keep {
    Keep { last: NonZeroU16::new(last).unwrap(), best }
}

#[test]
fn flush_waits_for_the_newest() {
    let mut run = Run::new(Keep::default(), OsDisk);
    run.writer.flush().unwrap();
    assert!(!run.path("run.ckpt").exists());
    for mark in 0..50 {
        assert!(run.submit(mark, false).failure.is_none());
        if mark % 7 == 0 {
            run.writer.flush().unwrap();
            assert_eq!(mark_at(&run.path("run.ckpt")), mark);
        }
    }
    run.writer.flush().unwrap();
    assert_eq!(mark_at(&run.path("run.ckpt")), 49);
}

#[test]
fn dropping_waits_for_the_newest_and_releases_the_path() {
    let Run { dir, mut writer } = Run::new(Keep::default(), OsDisk);
    let path = dir.path().join("run.ckpt");
    writer.submit(false, |bytes| encode_small(7, bytes)).unwrap();
    assert!(matches!(Lock::acquire(&path).unwrap_err(), Error::Locked { .. }));
    drop(writer);
    assert_eq!(mark_at(&path), 7);
    assert!(Lock::acquire(&path).is_ok());
}

#[test]
fn while_one_is_written_the_newer_replaces_the_waiting() {
    let (mut run, gate) = Run::gated(keep(10, false));
    assert!(!run.submit(1, false).replaced);
    gate.await_write();
    // The disk stands still, and nothing here waits for it.
    assert!(!run.submit(2, false).replaced);
    assert!(run.submit(3, false).replaced);
    assert!(run.submit(4, false).replaced);
    gate.let_pass();
    gate.let_pass();
    run.writer.flush().unwrap();
    assert_eq!(mark_at(&run.path("run.ckpt")), 4);
    assert_eq!(mark_at(&run.path("run.ckpt.1")), 1);
    assert!(!run.path("run.ckpt.2").exists());
}

#[test]
fn a_best_one_that_is_replaced_still_becomes_the_best_on_disk() {
    let (mut run, gate) = Run::gated(keep(1, true));
    run.submit(1, true);
    gate.await_write();
    for (mark, is_best) in [(2, true), (3, false), (4, true), (5, false), (6, false)] {
        run.submit(mark, is_best);
    }
    // The writes are 1, then 4 as the best, then 6.
    gate.let_pass();
    gate.await_write();
    assert_eq!(mark_at(&run.path("run.best.ckpt")), 1);
    gate.let_pass();
    gate.await_write();
    assert_eq!(mark_at(&run.path("run.best.ckpt")), 4);
    assert_eq!(mark_at(&run.path("run.ckpt")), 1);
    gate.let_pass();
    run.writer.flush().unwrap();
    assert_eq!(mark_at(&run.path("run.best.ckpt")), 4);
    assert_eq!(mark_at(&run.path("run.ckpt")), 6);
}

#[test]
fn a_newer_best_in_line_supersedes_an_older_one() {
    let (mut run, gate) = Run::gated(keep(1, true));
    run.submit(1, false);
    gate.await_write();
    run.submit(2, true);
    run.submit(3, true);
    gate.let_pass();
    gate.let_pass();
    run.writer.flush().unwrap();
    assert_eq!((mark_at(&run.path("run.ckpt")), mark_at(&run.path("run.best.ckpt"))), (3, 3));
}

#[test]
fn a_failure_is_reported_once_by_the_next_submit_and_the_run_goes_on() {
    let (mut run, gate) = Run::gated(Keep::default());
    run.submit(1, false);
    gate.await_write();
    gate.let_pass();
    run.writer.flush().unwrap();

    run.submit(2, false);
    gate.await_write();
    gate.leave.send(28).unwrap();
    // The thread learns of the fault in its own time.
    let failure = loop {
        if let Some(failure) = run.submit(3, false).failure {
            break failure;
        }
    };
    assert!(matches!(&failure, Error::Io { step: Step::Write, .. }), "{failure}");
    assert!(failure.to_string().contains("run.ckpt"), "{failure}");
    assert!(run.submit(4, false).failure.is_none());
    // The writes are the last snapshot, and perhaps one of those before it.
    gate.let_pass();
    gate.let_pass();
    run.writer.flush().unwrap();
    assert_eq!(mark_at(&run.path("run.ckpt")), 4);
}

#[test]
fn flush_returns_the_newest_failure_and_does_not_forget_it() {
    let (mut run, gate) = Run::gated(Keep::default());
    for (mark, leave) in [(1, 0), (2, 5)] {
        run.submit(mark, false);
        gate.await_write();
        gate.leave.send(leave).unwrap();
        let flushed = run.writer.flush();
        assert_eq!(flushed.is_ok(), leave == 0);
    }
    assert!(matches!(run.writer.flush().unwrap_err(), Error::NotSaved { .. }));
    assert_eq!(mark_at(&run.path("run.ckpt")), 1);
    run.submit(3, false);
    gate.let_pass();
    run.writer.flush().unwrap();
    assert_eq!(mark_at(&run.path("run.ckpt")), 3);
}

#[test]
fn an_older_snapshot_on_disk_does_not_count_as_the_newest() {
    let (mut run, gate) = Run::gated(Keep::default());
    run.submit(1, false);
    gate.await_write();
    run.submit(2, false);
    gate.let_pass();
    gate.leave.send(28).unwrap();
    assert!(matches!(run.writer.flush().unwrap_err(), Error::Io { step: Step::Write, .. }));
    assert!(matches!(run.writer.flush().unwrap_err(), Error::NotSaved { .. }));
    assert_eq!(mark_at(&run.path("run.ckpt")), 1);
}

#[test]
fn a_failure_made_good_by_a_newer_snapshot_is_no_failure() {
    let (mut run, gate) = Run::gated(Keep::default());
    run.submit(1, false);
    gate.await_write();
    run.submit(2, false);
    gate.leave.send(28).unwrap();
    gate.let_pass();
    run.writer.flush().unwrap();
    assert_eq!(mark_at(&run.path("run.ckpt")), 2);
}

#[test]
fn a_failed_best_copy_is_reported_though_the_newest_is_saved() {
    let (mut run, gate) = Run::gated(keep(1, true));
    run.submit(1, false);
    gate.await_write();
    run.submit(2, true);
    run.submit(3, false);
    gate.let_pass();
    gate.await_write();
    gate.leave.send(28).unwrap();
    gate.let_pass();
    assert!(matches!(run.writer.flush().unwrap_err(), Error::Io { step: Step::Write, .. }));
    run.writer.flush().unwrap();
    assert_eq!(mark_at(&run.path("run.ckpt")), 3);
}

#[test]
fn buffers_are_those_of_the_start() {
    let (mut run, gate) = Run::gated(keep(1, true));
    let mut seen = std::collections::BTreeSet::new();
    for mark in 0..40 {
        run.writer
            .submit(mark % 3 == 0, |bytes| {
                assert!(bytes.is_empty() && bytes.capacity() >= 256);
                seen.insert(bytes.as_ptr() as usize);
                encode_small(mark, bytes)
            })
            .unwrap();
        if mark % 4 == 0 {
            gate.let_pass();
        }
    }
    assert!(seen.len() <= 4, "{} buffers", seen.len());
    (0..40).for_each(|_| gate.let_pass());
    run.writer.flush().unwrap();
}

#[test]
fn a_snapshot_that_cannot_be_built_changes_nothing() {
    let mut run = Run::new(Keep::default(), OsDisk);
    run.submit(1, false);
    let refused = run.writer.submit(false, |bytes| {
        bytes.extend([1, 2, 3]);
        Err("not finite")
    });
    assert_eq!(refused.unwrap_err(), "not finite");
    run.writer.flush().unwrap();
    assert_eq!(mark_at(&run.path("run.ckpt")), 1);
}

#[test]
fn buffers_larger_than_the_memory_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let lock = Lock::acquire(&dir.path().join("run.ckpt")).unwrap();
    let error = Writer::start(lock, Keep::default(), usize::MAX / 2, Arc::new(OsDisk)).unwrap_err();
    assert!(matches!(error, Error::Io { step: Step::Start, .. }), "{error}");
}

/// A disk that panics at its first file.
struct BrokenDisk(AtomicI32);

impl Disk for BrokenDisk {
    fn create(&self, _: &Path) -> io::Result<File> {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("as the test wants it");
    }
}

#[test]
fn a_panic_of_the_thread_is_an_error_and_never_a_hang() {
    let mut run = Run::new(Keep::default(), BrokenDisk(AtomicI32::new(0)));
    run.submit(1, false);
    assert!(matches!(run.writer.flush().unwrap_err(), Error::WriterStopped { .. }));
    assert!(matches!(run.submit(2, false).failure, Some(Error::WriterStopped { .. })));
    assert!(matches!(run.writer.flush().unwrap_err(), Error::WriterStopped { .. }));
}
