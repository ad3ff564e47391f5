//! The length of slices, and the reason for a rest.
//!
//! A **slice** is some steps that are taken in one go, on all members or on one thread. Between two slices the driver looks at
//! the machine again.
//!
//! ```text
//! way    = shares if members are ready, else alone
//! steps  = as many as fill a slice of this way; doubled or halved when a slice was too short or too long
//! after a slice in shares:
//!     if members waited for a quarter of it or more, and one thread would have been faster:
//!         rest, because of the time that was lost
//! ```
//!
//! Nothing here knows of threads or clocks.

use std::time::Duration;

/// The least time of a slice in shares. The most is twice as much. Opening such a slice costs a thousandth of it.
const SHARED: Duration = Duration::from_millis(2);
/// The least time of a slice of one thread. It is short because members that have been called stand by for as long, and it
/// costs nothing to open.
const ALONE: Duration = Duration::from_micros(100);
/// The fraction of a slice that members may spend waiting for each other.
const TOLERATED: f64 = 0.25;
/// The longest wait that isn't put down to another process.
const PATIENCE: Duration = Duration::from_millis(1);

/// The way in which the next steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// All members, each on its part of the network.
    Shares,
    /// One thread, on the whole network.
    Alone,
}

/// Decides how many steps a slice has, and the way in which they are taken.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Steps of a slice, for each way.
    steps: [usize; 2],
    /// The steps of the current slice so far. A call may be shorter than a slice.
    done: Taken,
    /// The time that members have waited in the current slice.
    delay: Duration,
    /// The way of the current slice.
    way: Way,
    /// The last slice that one thread trained. It has no steps if there was none.
    alone: Taken,
    /// In tests, the ways of the slices to come, the last one first. They count whether members are ready or not.
    #[cfg(test)]
    pub(crate) script: Vec<Way>,
}

/// Steps, and the time that they took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) steps: usize,
    pub(crate) time: Duration,
}

impl Taken {
    fn add(&mut self, other: Taken) {
        self.steps += other.steps;
        self.time += other.time;
    }

    /// The time of one step.
    fn step(self) -> Duration {
        Duration::from_secs_f64(self.time.as_secs_f64() / self.steps.max(1) as f64)
    }
}

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace {
            steps: [1; 2],
            done: Taken::default(),
            delay: Duration::ZERO,
            way: Way::Alone,
            alone: Taken::default(),
            #[cfg(test)]
            script: Vec::new(),
        }
    }

    /// Decides the way of the next steps. `ready` says whether members could take them.
    pub(crate) fn way(&mut self, ready: bool) -> Way {
        let way = if ready { Way::Shares } else { Way::Alone };
        #[cfg(test)]
        let way = self.script.pop().unwrap_or(way);
        if way != self.way {
            (self.way, self.done, self.delay) = (way, Taken::default(), Duration::ZERO);
        }
        way
    }

    /// The most steps that are left of the slice, at least 1.
    pub(crate) fn steps(&self) -> usize {
        self.steps[self.way as usize].saturating_sub(self.done.steps).max(1)
    }

    /// The time that a member waits for another before all leave the slice. It is longer than a step: a member with a larger
    /// part takes longer, and that is no reason to leave.
    pub(crate) fn patience(&self) -> Duration {
        if cfg!(test) { Duration::ZERO } else { PATIENCE + 2 * self.alone.step() }
    }

    /// Takes account of steps that were taken, and of the time that members waited for each other in them. If the members should
    /// rest, returns the time that one thread alone would have saved.
    pub(crate) fn took(&mut self, taken: Taken, delay: Duration) -> Option<Duration> {
        self.done.add(taken);
        self.delay += delay;
        let slice = if self.way == Way::Shares { SHARED } else { ALONE };
        let steps = &mut self.steps[self.way as usize];
        if self.done.steps < *steps && self.done.time < slice {
            return None;
        }
        let (done, delay) = (std::mem::take(&mut self.done), std::mem::take(&mut self.delay));
        if done.time < slice {
            *steps = steps.saturating_mul(2);
        } else if done.time > 2 * slice {
            *steps = (done.steps / 2).max(1);
        }
        if self.way == Way::Alone {
            self.alone = done;
            return None;
        }
        let alone = self.alone.step().mul_f64(done.steps as f64);
        let disturbed = delay > done.time.mul_f64(TOLERATED) && self.alone.steps > 0;
        if disturbed { done.time.checked_sub(alone).filter(|lost| !lost.is_zero()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trains `slices` slices. A step takes `step` nanoseconds, and members wait for the fraction `waiting` of the time. Returns
    /// the time that was lost in each slice.
    fn train(pace: &mut Pace, way: Way, slices: usize, step: u64, waiting: f64) -> Vec<Option<Duration>> {
        let slice = |_| {
            assert_eq!(pace.way(way == Way::Shares), way);
            let steps = pace.steps();
            let time = Duration::from_nanos(step) * steps as u32;
            pace.took(Taken { steps, time }, time.mul_f64(waiting))
        };
        (0..slices).map(slice).collect()
    }

    #[test]
    fn undisturbed_members_never_rest() {
        // Members don't rest even if one thread would be faster: that choice is the cost model's.
        for alone in [5_000, 10_000] {
            let mut pace = Pace::new();
            train(&mut pace, Way::Alone, 20, alone, 0.0);
            assert!(train(&mut pace, Way::Shares, 100, 7_000, 0.2).iter().all(Option::is_none));
        }
    }

    #[test]
    fn disturbed_members_rest_where_one_thread_is_faster() {
        let mut pace = Pace::new();
        train(&mut pace, Way::Alone, 20, 10_000, 0.0);
        // The loss is two thirds of the time of a slice of one step.
        let lost = train(&mut pace, Way::Shares, 1, 30_000, 0.5)[0].expect("a loss");
        assert_eq!(lost.as_micros(), 20);
        assert!(train(&mut pace, Way::Shares, 100, 8_000, 0.5).iter().all(Option::is_none));
        // The time of one thread isn't known.
        assert_eq!(train(&mut Pace::new(), Way::Shares, 1, 30_000, 0.5), [None]);
    }

    #[test]
    fn slices_take_some_milliseconds_however_long_a_step_takes() {
        for (way, slice) in [(Way::Alone, ALONE), (Way::Shares, SHARED)] {
            for step in [100, 7_000, 30_000] {
                let mut pace = Pace::new();
                train(&mut pace, way, 40, step, 0.0);
                let time = Duration::from_nanos(step) * pace.steps() as u32;
                assert!((slice..=2 * slice).contains(&time), "{time:?}");
            }
        }
        // A slice always has a step.
        let mut pace = Pace::new();
        train(&mut pace, Way::Alone, 20, 1_000_000_000, 0.0);
        assert_eq!(pace.steps(), 1);
    }

    #[test]
    fn short_calls_are_judged_by_the_slice() {
        let mut pace = Pace::new();
        train(&mut pace, Way::Alone, 20, 1_000, 0.0);
        train(&mut pace, Way::Shares, 20, 10_000, 0.0);
        let (all, time) = (pace.steps(), Duration::from_micros(7));
        for done in 0..all {
            assert_eq!((pace.way(true), pace.steps()), (Way::Shares, all - done));
            let lost = pace.took(Taken { steps: 1, time }, time);
            assert_eq!(lost.is_some(), done + 1 == all, "step {done} of {all}");
        }
    }
}
