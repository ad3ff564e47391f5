//! How many steps members with shares take before the driver looks at the machine again, and whether they are worth it.
//!
//! Steps are taken in **slices** of some milliseconds, each in one way. The team says whether its members are
//! [ready](minibatch_kernels::Team::ready); while they aren't, one thread trains alone. Members that wait for one another for a
//! considerable part of a slice, and are slower than the one thread was, are sent to rest.
//!
//! Nothing here knows of threads or clocks.

use std::time::Duration;

/// What a slice in shares should take, or up to twice as much: long enough that opening it costs a thousandth.
const SHARED: Duration = Duration::from_millis(2);
/// The same of a slice of one thread, which costs nothing to open: members that have been called stand by for as long.
const ALONE: Duration = Duration::from_micros(100);
/// The part of a slice that members may wait for each other.
const TOLERATED: f64 = 0.25;
/// A wait that is no turn of another process's.
const PATIENCE: Duration = Duration::from_millis(1);

/// Who takes the next steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// All members, each with its part of the network.
    Shares,
    /// One thread, with the whole network.
    Alone,
}

/// Decides how many steps are taken in one go.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Steps of a slice of each way.
    steps: [usize; 2],
    /// What has been done of this one; calls may be shorter than a slice.
    done: Taken,
    /// How long members waited in it.
    delay: Duration,
    way: Way,
    /// The last slice that one thread trained; no steps if there was none.
    alone: Taken,
    /// In tests, the way of the slices to come, whoever is ready; the last one first.
    #[cfg(test)]
    pub(crate) script: Vec<Way>,
}

/// Steps, and how long they took.
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

    /// How long a step took.
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

    /// Who takes the next steps; `ready` says whether members could.
    pub(crate) fn way(&mut self, ready: bool) -> Way {
        let way = if ready { Way::Shares } else { Way::Alone };
        #[cfg(test)]
        let way = self.script.pop().unwrap_or(way);
        if way != self.way {
            (self.way, self.done, self.delay) = (way, Taken::default(), Duration::ZERO);
        }
        way
    }

    /// The number of steps at most, at least 1.
    pub(crate) fn steps(&self) -> usize {
        self.steps[self.way as usize].saturating_sub(self.done.steps).max(1)
    }

    /// How long members wait for one another before they leave a slice: longer than the step of a member with a larger part.
    pub(crate) fn patience(&self) -> Duration {
        if cfg!(test) { Duration::ZERO } else { PATIENCE + 2 * self.alone.step() }
    }

    /// Takes account of steps that were taken, and how long members waited for each other in them. Returns the time that one
    /// thread alone would have saved, if that is reason for a rest.
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

    /// Trains so many slices where a step takes so many nanoseconds, and members wait so large a part of the time. Returns the
    /// time that was lost in each.
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
        // Even where one thread would be faster: that is the cost model's business.
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
        // Two thirds of what a slice of one step takes.
        let lost = train(&mut pace, Way::Shares, 1, 30_000, 0.5)[0].expect("a loss");
        assert_eq!(lost.as_micros(), 20);
        assert!(train(&mut pace, Way::Shares, 100, 8_000, 0.5).iter().all(Option::is_none));
        // Nobody knows how fast one thread is.
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
        // Never without a step.
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
