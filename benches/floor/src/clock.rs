//! Two clocks, in seconds.

use std::sync::LazyLock;
use std::time::Instant;

/// The kind of time that is measured.
#[derive(Clone, Copy)]
pub(crate) enum Clock {
    /// Time as it passes.
    Wall,
    /// CPU time of the calling thread, if the system tells it. The core's time for other processes isn't in it.
    Thread,
}

impl Clock {
    /// The clock for work on so many threads. Waiting for one another is part of the work of several.
    pub(crate) fn of(threads: usize) -> Clock {
        if threads == 1 { Clock::Thread } else { Clock::Wall }
    }

    pub(crate) fn now(self) -> f64 {
        match self {
            #[cfg(unix)]
            Clock::Thread => {
                let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
                time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
            }
            _ => {
                static START: LazyLock<Instant> = LazyLock::new(Instant::now);
                START.elapsed().as_secs_f64()
            }
        }
    }
}
