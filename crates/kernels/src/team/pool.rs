//! Where a team's threads come from: [`workers`](super::workers) of our own, called once for a whole session.

use super::contention::Contention;
use super::phase::{MAX_MEMBERS, Shared, Team};
use super::workers::{Workers, cores};
use crate::simd::Isa;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The threads, their packing buffers and the choice of instruction set.
///
/// A pool is a handle: a clone shares the threads, and they end with the last clone. Entering a pool costs some microseconds
/// once its workers are called, so a session should hold much work: an epoch, an evaluation.
#[derive(Clone)]
pub struct Pool(Arc<Threads>);

/// The threads that all clones of a pool share.
struct Threads {
    isa: Isa,
    threads: usize,
    /// Shared with workers that may still be on their way out of the last session.
    shared: Arc<Shared>,
    /// The workers; none for a team of one.
    workers: Option<Workers>,
    /// One session at a time, and what the last one found out about the machine.
    session: Mutex<Option<Contention>>,
}

/// Why a pool couldn't be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The number of threads is out of range.
    #[error("{threads} threads asked for: expected 1 to {MAX_MEMBERS}")]
    Threads {
        /// The number of threads that was asked for.
        threads: usize,
    },
    /// The operating system refused a thread, or the library was built without the feature `threads`.
    #[error("could not start {threads} threads: {source}")]
    Start {
        /// The number of threads that was asked for.
        threads: usize,
        /// The reason.
        source: io::Error,
    },
}

impl Pool {
    /// A pool with the CPU's best instruction set, and a thread for each core that the machine gives this process.
    ///
    /// ```
    /// let pool = minibatch_kernels::Pool::detect()?;
    /// assert_eq!(pool.isa(), minibatch_kernels::Isa::detect());
    /// # Ok::<(), minibatch_kernels::PoolError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the operating system refuses a thread.
    pub fn detect() -> Result<Pool, PoolError> {
        Self::new(Isa::detect(), cores().min(MAX_MEMBERS))
    }

    /// A pool of `threads` threads, the caller of [`run`](Self::run) being one of them; of no more than can run at once,
    /// which is as many as the machine gives this process cores. Others would only take the cores from these. Without the feature
    /// `threads` that is one, and without it `threads` changes nothing.
    ///
    /// # Errors
    ///
    /// If `threads` is 0 or too many, or the operating system refuses one.
    pub fn new(isa: Isa, threads: usize) -> Result<Pool, PoolError> {
        Self::with_members(isa, threads, threads.min(cores()), Some(Contention::new()))
    }

    /// A pool of `threads` threads, however few cores there are, that are called however busy these are: slower than
    /// [`new`](Self::new), to see on a small machine what happens on a larger one.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), and for more than one thread without the feature `threads`.
    pub fn oversubscribed(isa: Isa, threads: usize) -> Result<Pool, PoolError> {
        Self::with_members(isa, threads, threads, None)
    }

    fn with_members(
        isa: Isa,
        threads: usize,
        members: usize,
        contention: Option<Contention>,
    ) -> Result<Pool, PoolError> {
        if !(1..=MAX_MEMBERS).contains(&threads) {
            return Err(PoolError::Threads { threads });
        }
        let workers = if members == 1 {
            None
        } else {
            Some(Workers::start(members - 1).map_err(|source| PoolError::Start { threads, source })?)
        };
        let (shared, session) = (Arc::new(Shared::new(members)), Mutex::new(contention));
        Ok(Pool(Arc::new(Threads { isa, threads, shared, workers, session })))
    }

    /// The instruction set of its kernels.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.0.isa
    }

    /// Number of threads that were asked for.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.0.threads
    }

    /// Number of threads that work, the caller's included: [`Team::members`].
    #[must_use]
    pub fn members(&self) -> usize {
        self.0.workers.as_ref().map_or(1, |workers| workers.number() + 1)
    }

    /// Runs `program` with a team, and returns its result. The workers are called when it opens
    /// its first phase, and left alone while other processes need their cores ([`Team::ready`]). Another session on the same pool
    /// waits for this one to end; so a program, or an epilogue, must not start one on its own pool.
    ///
    /// # Panics
    ///
    /// If the program or a kernel panics; the pool can be used again.
    pub fn run<R>(&self, program: impl FnOnce(&Team<'_>) -> R) -> R {
        /// Ends the session also when the program unwinds, then lets the next one begin.
        ///
        /// Nobody waits for the workers to leave: where other processes have their cores, that takes long. A worker that hasn't
        /// left when the next session begins serves that one, and returns at its end.
        struct Session<'a>(&'a Shared, MutexGuard<'a, Option<Contention>>);
        impl Drop for Session<'_> {
            fn drop(&mut self) {
                self.0.end();
            }
        }
        let Threads { isa, shared, workers, session, .. } = &*self.0;
        let one = session.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(workers) = workers else {
            return program(&Team::new(shared, *isa, None));
        };
        let seen = shared.current();
        let call = || {
            let shared = Arc::clone(shared);
            workers.call(move |worker| shared.serve(worker + 1, seen));
        };
        let mut session = Session(shared, one);
        let team = Team::new(shared, *isa, Some(&call)).with_contention(*session.1);
        let result = program(&team);
        *session.1 = team.contention();
        result
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({}, {} threads)", self.isa(), self.threads())
    }
}
