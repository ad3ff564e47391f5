//! The time that the dashboard may take from the run.
//!
//! The time of everything that the dashboard does is counted. Before it does something that can wait, it asks whether the count
//! stays below a share of the time that has passed:
//!
//! | work | its own time stays below | all of the dashboard's time stays below |
//! |---|---|---|
//! | a frame that shows what has changed | 0.35% | 0.8% |
//! | an inspection of the layers | 0.35% | 0.8% |
//! | a frame that answers a key | | 0.8% |
//!
//! So there is nearly always time left for keys. Looking for keys can't wait. It is cheap, and counted with the rest.

use std::time::{Duration, Instant};

/// The share of all of the dashboard's work, and of frames and inspections each.
const ALL: f64 = 0.008;
const EACH: f64 = 0.0035;

/// Work that can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// A frame that shows what has changed.
    Frame,
    /// An inspection of the layers.
    Inspection,
    /// A frame that answers a key.
    Answer,
}

/// The count of the dashboard's time.
#[derive(Debug)]
pub(super) struct Budget {
    started: Instant,
    all: Duration,
    frames: Duration,
    inspections: Duration,
}

impl Budget {
    /// The count of a dashboard that begins now.
    pub(super) fn new() -> Budget {
        let zero = Duration::ZERO;
        Budget { started: Instant::now(), all: zero, frames: zero, inspections: zero }
    }

    /// Counts all that was done since `begun`.
    pub(super) fn count(&mut self, begun: Instant) {
        self.all += begun.elapsed();
    }

    /// Notes that `spent` of the counted time was for this work.
    pub(super) fn note(&mut self, work: Work, spent: Duration) {
        match work {
            Work::Frame => self.frames += spent,
            Work::Inspection => self.inspections += spent,
            Work::Answer => {}
        }
    }

    /// Whether there is time for work that takes about `next`.
    pub(super) fn allows(&self, work: Work, next: Duration) -> bool {
        self.allows_after(self.started.elapsed(), work, next)
    }

    fn allows_after(&self, elapsed: Duration, work: Work, next: Duration) -> bool {
        let own = match work {
            Work::Frame => self.frames,
            Work::Inspection => self.inspections,
            Work::Answer => Duration::ZERO,
        };
        let own_fits = work == Work::Answer || own + next <= elapsed.mul_f64(EACH);
        own_fits && self.all + next <= elapsed.mul_f64(ALL)
    }

    /// The share of the time since the dashboard began.
    pub(super) fn share(&self) -> f64 {
        self.all.as_secs_f64() / self.started.elapsed().as_secs_f64().max(1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of 2 ms and inspections of 5 ms, asked for every 15 ms of a run of 10 s.
    #[test]
    fn a_run_of_ten_seconds_loses_less_than_a_hundredth() {
        let mut budget = Budget::new();
        let (mut frames, mut inspections, mut answers) = (0, 0, 0);
        for slice in 0..667u32 {
            let elapsed = Duration::from_millis(15) * slice;
            let mut work = |work, millis, times: &mut u32| {
                let spent = Duration::from_millis(millis);
                if budget.allows_after(elapsed, work, spent) {
                    budget.all += spent;
                    budget.note(work, spent);
                    *times += 1;
                }
            };
            work(Work::Frame, 2, &mut frames);
            work(Work::Inspection, 5, &mut inspections);
            // A key is held down in the last second.
            if slice > 600 {
                work(Work::Answer, 2, &mut answers);
            }
        }
        assert!(budget.all <= Duration::from_millis(80), "{:?}", budget.all);
        assert_eq!((frames, inspections), (17, 6));
        assert!(answers >= 4, "{answers}");
    }
}
