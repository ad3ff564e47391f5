//! Checkpoints written while training goes on.

use std::collections::TryReserveError;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::disk::Disk;
use crate::error::{Error, Step};
use crate::keep::Keep;
use crate::lock::Lock;
use crate::shelf::Shelf;

/// A thread that writes snapshots to one checkpoint path. The caller never waits for a disk, except in
/// [`Writer::flush`] and at the end.
///
/// A snapshot is built in a buffer set aside at the start. While the thread is busy, the snapshot waits, and a newer one
/// replaces it. A snapshot that was the best so far is not lost by that: it is still written to `run.best.ckpt`, if best ones
/// are kept.
///
/// **When writing fails** the run goes on and the file stays as it was. The next [`Writer::submit`] hands the error to
/// the caller, as a warning to show, unless a newer snapshot has been saved by then. [`Writer::flush`] returns it as an
/// error. Dropping the writer waits for the snapshots handed over and releases the path.
///
/// ```
/// use minibatch_checkpoint::{Keep, Lock, OsDisk, Writer, decode, encode_into, read_file};
/// use std::sync::Arc;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("run.ckpt");
/// let mut writer = Writer::start(Lock::acquire(&path)?, Keep::default(), 4096, Arc::new(OsDisk))?;
/// for epoch in 1..=20_u64 {
///     // Copies the state; another thread writes it.
///     let receipt = writer.submit(false, |bytes| {
///         encode_into(bytes, &[("progress", 0)], |_, payload| payload.put_value(&epoch))
///     })?;
///     if let Some(failure) = receipt.failure {
///         eprintln!("warning: {failure}");
///     }
/// }
/// writer.flush()?;
/// assert_eq!(decode(&read_file(&path)?)?.value::<u64>("progress")?, 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer {
    shared: Arc<SharedState>,
    /// The buffer of the next snapshot.
    filling: Vec<u8>,
    thread: Option<JoinHandle<()>>,
}

/// The answer of [`Writer::submit`].
#[derive(Debug, Default)]
pub struct Receipt {
    /// The error of an earlier snapshot, or of a copy to keep, that could not be written. It is reported once.
    pub failure: Option<Error>,
    /// True if an earlier snapshot was still waiting and is replaced by this one.
    pub replaced: bool,
}

#[derive(Debug)]
struct SharedState {
    state: Mutex<WriterState>,
    /// Notified on every change of the state that someone may wait for.
    changed: Condvar,
    /// The shelf. Only the thread uses it. It is here for its path.
    shelf: Shelf,
}

#[derive(Debug, Default)]
struct WriterState {
    /// The newest snapshot, while it waits.
    newest: Option<Pending>,
    /// A best snapshot that a newer one replaced while it waited. It goes to `run.best.ckpt` alone.
    best: Option<Vec<u8>>,
    /// Buffers not in use. The others are being filled, being written, or waiting.
    free: Vec<Vec<u8>>,
    busy: bool,
    /// True once no snapshot comes any more.
    closing: bool,
    /// True once the thread has ended. It has panicked, unless `closing` is true.
    ended: bool,
    /// True if the path holds the newest snapshot handed over, or if none was handed over.
    saved: bool,
    newest_failure: Option<Error>,
    kept_failure: Option<Error>,
}

#[derive(Debug)]
struct Pending {
    bytes: Vec<u8>,
    is_best: bool,
}

impl WriterState {
    fn idle(&self) -> bool {
        self.newest.is_none() && self.best.is_none() && !self.busy
    }

    fn take_failure(&mut self) -> Option<Error> {
        let kept = self.kept_failure.take();
        self.newest_failure.take().or(kept)
    }
}

impl SharedState {
    /// The state is whole at every unlock, so a panic elsewhere does not taint it.
    fn state(&self) -> MutexGuard<'_, WriterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, WriterState>,
        blocked: impl FnMut(&mut WriterState) -> bool,
    ) -> MutexGuard<'a, WriterState> {
        self.changed.wait_while(state, blocked).unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> Error {
        Error::WriterStopped { path: self.shelf.lock().checkpoint().to_owned() }
    }
}

impl Writer {
    /// Starts the thread. `capacity` is the size of a snapshot in bytes. Three buffers of that size are set aside, four
    /// if the best is kept. A snapshot that is larger makes its buffer grow.
    pub fn start(lock: Lock, keep: Keep, capacity: usize, disk: Arc<dyn Disk>) -> Result<Writer, Error> {
        let path = lock.checkpoint().to_owned();
        let failed = |source| Error::io(Step::Start, path.clone(), source);
        let buffer = || -> Result<Vec<u8>, TryReserveError> {
            let mut buffer = Vec::new();
            buffer.try_reserve_exact(capacity)?;
            Ok(buffer)
        };
        let no_memory = |_| failed(io::ErrorKind::OutOfMemory.into());
        let filling = buffer().map_err(no_memory)?;
        let others = if keep.best { 3 } else { 2 };
        let free = (0..others).map(|_| buffer()).collect::<Result<Vec<_>, _>>().map_err(no_memory)?;
        let state = Mutex::new(WriterState { free, saved: true, ..WriterState::default() });
        let shared = Arc::new(SharedState { state, changed: Condvar::new(), shelf: Shelf::new(lock, keep) });
        let thread = thread::Builder::new().name("checkpoint".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || run(&shared, &*disk)
        });
        Ok(Writer { shared, filling, thread: Some(thread.map_err(failed)?) })
    }

    /// Hands over a snapshot. `fill` builds the file's bytes in an empty buffer, and no other copy is made. `is_best` is true
    /// if it is the best so far. If `fill` fails, its error is returned and nothing is handed over.
    pub fn submit<E>(
        &mut self,
        is_best: bool,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Receipt, E> {
        self.filling.clear();
        fill(&mut self.filling)?;
        let mut state = self.shared.state();
        if state.ended {
            return Ok(Receipt { failure: Some(self.shared.stopped()), replaced: false });
        }
        let replaced = state.newest.take();
        let receipt = Receipt { failure: state.take_failure(), replaced: replaced.is_some() };
        let freed = match replaced {
            Some(Pending { bytes, is_best: true }) if !is_best && self.shared.shelf.keeps_best() => {
                state.best.replace(bytes)
            }
            replaced => replaced.map(|snapshot| snapshot.bytes),
        };
        state.free.extend(freed);
        // A buffer is free here, because one more exists than can be filling, waiting and being written at once.
        let next = state.free.pop().unwrap_or_default();
        let bytes = std::mem::replace(&mut self.filling, next);
        state.newest = Some(Pending { bytes, is_best });
        state.saved = false;
        self.shared.changed.notify_all();
        Ok(receipt)
    }

    /// Waits until every snapshot handed over is written or has failed. `Ok` means that the path holds the newest one,
    /// on disk, and that no copy to keep has failed unreported.
    pub fn flush(&mut self) -> Result<(), Error> {
        let state = self.shared.state();
        let mut state = self.shared.wait(state, |state| !state.idle() && !state.ended);
        if !state.idle() {
            return Err(self.shared.stopped());
        }
        match state.take_failure() {
            Some(failure) => Err(failure),
            None if state.saved => Ok(()),
            None => Err(Error::NotSaved { path: self.shared.shelf.lock().checkpoint().to_owned() }),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.state().closing = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported as it happened, and by `submit` or `flush`.
            let _ = thread.join();
        }
    }
}

/// Tells the waiting caller that the thread is gone, even by a panic.
struct Ended<'a>(&'a SharedState);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.changed.notify_all();
    }
}

/// The program of the thread. It writes the waiting snapshots until `closing` is true and none waits. The best is written before
/// the newest, because it is older.
fn run(shared: &SharedState, disk: &dyn Disk) {
    let _ended = Ended(shared);
    let mut state = shared.state();
    loop {
        state = shared.wait(state, |state| state.idle() && !state.closing);
        let bytes = if let Some(bytes) = state.best.take() {
            state.busy = true;
            drop(state);
            let written = shared.shelf.put_best(disk, &bytes);
            state = shared.state();
            state.kept_failure = written.err().or(state.kept_failure.take());
            bytes
        } else if let Some(Pending { bytes, is_best }) = state.newest.take() {
            state.busy = true;
            drop(state);
            let written = shared.shelf.put_newest(disk, &bytes, is_best);
            state = shared.state();
            match written {
                Ok(not_kept) => {
                    state.newest_failure = None;
                    state.kept_failure = not_kept.or(state.kept_failure.take());
                    state.saved = state.newest.is_none();
                }
                Err(failure) => state.newest_failure = Some(failure),
            }
            bytes
        } else {
            return;
        };
        state.free.push(bytes);
        state.busy = false;
        shared.changed.notify_all();
    }
}
