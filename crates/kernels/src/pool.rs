//! Where a team's threads come from: a rayon pool of our own, entered once for a whole session.

use crate::isa::Isa;
use crate::team::{MAX_MEMBERS, Shared, Team};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Owns the threads, their packing buffers and the choice of instruction set.
///
/// Entering a pool costs some microseconds, so a session should hold much work: an epoch, an evaluation.
pub struct Pool {
    isa: Isa,
    shared: Shared,
    /// The workers; none for a team of one.
    workers: Option<rayon::ThreadPool>,
    /// One session at a time.
    session: Mutex<()>,
}

/// Why a pool couldn't be made.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The number of threads is out of range.
    #[error("{threads} threads asked for: expected 1 to {MAX_MEMBERS}")]
    Threads {
        /// What was asked for.
        threads: usize,
    },
    /// The operating system refused a thread.
    #[error("could not start {threads} threads: {source}")]
    Start {
        /// What was asked for.
        threads: usize,
        /// rayon's reason.
        source: rayon::ThreadPoolBuildError,
    },
}

impl Pool {
    /// A pool of `threads` threads, the caller of [`run`](Self::run) being one of them.
    ///
    /// # Errors
    ///
    /// If `threads` is 0 or too many, or the operating system refuses one.
    pub fn new(isa: Isa, threads: usize) -> Result<Pool, PoolError> {
        if !(1..=MAX_MEMBERS).contains(&threads) {
            return Err(PoolError::Threads { threads });
        }
        let workers = if threads == 1 {
            None
        } else {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(threads - 1);
            let named = builder.thread_name(|i| format!("minibatch-{}", i + 1));
            Some(named.build().map_err(|source| PoolError::Start { threads, source })?)
        };
        Ok(Pool { isa, shared: Shared::new(threads), workers, session: Mutex::new(()) })
    }

    /// The instruction set of its kernels.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Number of threads, the caller's included.
    pub fn threads(&self) -> usize {
        self.workers.as_ref().map_or(1, |workers| workers.current_num_threads() + 1)
    }

    /// Number of threads that can run at once: no more than the machine gives this process cores.
    pub fn cores(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from).min(self.threads())
    }

    /// Runs `program` with a team whose members are awake, and returns its result. Another session on the same pool
    /// waits for this one to end; so a program, or an epilogue, must not start one on its own pool.
    ///
    /// # Panics
    ///
    /// If the program or a kernel panics; the pool can be used again.
    pub fn run<R>(&self, program: impl FnOnce(&Team<'_>) -> R) -> R {
        /// Ends the session also when the program unwinds, then lets the next one begin: before rayon waits for the
        /// workers, because a caller that is itself a rayon thread steals jobs while it waits, and such a job may
        /// begin a session. A worker that hasn't left by then serves that session, and returns at its end.
        struct Session<'a>(&'a Shared, #[expect(dead_code, reason = "held")] MutexGuard<'a, ()>);
        impl Drop for Session<'_> {
            fn drop(&mut self) {
                self.0.end();
            }
        }
        let one = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let team = Team::new(&self.shared, self.isa);
        let Some(workers) = &self.workers else {
            return program(&team);
        };
        let seen = self.shared.current();
        workers.in_place_scope(|scope| {
            scope.spawn_broadcast(|_, worker| self.shared.serve(worker.index() + 1, seen));
            let _session = Session(&self.shared, one);
            program(&team)
        })
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({}, {} threads)", self.isa, self.threads())
    }
}
