//! When members train in shares, and when one thread trains alone because other processes take the members' cores.
//!
//! Steps are taken in **slices** of some milliseconds, each in one way. After a slice in shares in which members waited for
//! each other for a considerable part of the time, what follows is trained alone for some slices, a *rest*; then shares are
//! tried again. Each rest is twice as long as the one before, until nothing has disturbed the members for some slices in a
//! row. Where members are still faster than one thread was in the last rest, as many of them may be, they go on.
//!
//! Nothing here knows of threads or clocks.

use std::time::Duration;

/// Steps of the first slice.
const FIRST: usize = 64;
/// What a slice should take, or up to twice as much. Long enough that opening it costs a thousandth; and as long as one of the
/// scheduler's slices, for which a disturbed member waits.
const SLICE: Duration = Duration::from_millis(2);
/// The part of a slice that members may wait for each other.
const TOLERATED: f64 = 0.25;
/// Slices of the shortest rest, and of the longest: to try shares in vain takes the time of a few.
const RESTS: [u32; 2] = [4, 64];
/// Undisturbed slices in a row after which rests are short again.
const CALM: u32 = 8;

/// Who takes the next steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// All members, each with its part of the network.
    Shares,
    /// One thread, with the whole network.
    Alone,
}

/// Decides who takes the next steps, and how many.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Steps of a slice.
    steps: usize,
    /// What has been done of this one; calls may be shorter than a slice.
    done: Taken,
    /// How long members waited in it.
    delay: Duration,
    /// Slices that are left of this rest; 0 in shares.
    left: u32,
    /// Slices of the next rest.
    rest: u32,
    /// Undisturbed slices in a row.
    calm: u32,
    /// The last rest; no steps if it was long ago.
    rested: Taken,
}

/// Steps, and how long they took.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    steps: usize,
    time: Duration,
}

impl Taken {
    fn add(&mut self, other: Taken) {
        self.steps += other.steps;
        self.time += other.time;
    }

    /// Whether a step took longer than one of `other`; nothing is slower than no steps.
    fn slower_than(self, other: Taken) -> bool {
        self.time.as_secs_f64() * other.steps as f64 > other.time.as_secs_f64() * self.steps as f64
    }
}

impl Pace {
    /// Begins in shares.
    pub(crate) fn new() -> Pace {
        let (done, rested) = (Taken::default(), Taken::default());
        Pace { steps: FIRST, done, delay: Duration::ZERO, left: 0, rest: RESTS[0], calm: 0, rested }
    }

    /// Who takes the next steps.
    pub(crate) fn way(&self) -> Way {
        if self.left == 0 { Way::Shares } else { Way::Alone }
    }

    /// How many they are at most, at least 1.
    pub(crate) fn steps(&self) -> usize {
        self.steps - self.done.steps
    }

    /// Takes account of `steps` of them: how long they took, and how long members waited for each other in them.
    pub(crate) fn took(&mut self, steps: usize, time: Duration, delay: Duration) {
        self.done.add(Taken { steps, time });
        self.delay += delay;
        if self.done.steps < self.steps {
            return;
        }
        let (done, delay) = (std::mem::take(&mut self.done), std::mem::take(&mut self.delay));
        if done.time < SLICE {
            self.steps = self.steps.saturating_mul(2);
        } else if done.time > 2 * SLICE {
            self.steps = (self.steps / 2).max(1);
        }
        match self.way() {
            Way::Alone => {
                self.rested.add(done);
                self.left -= 1;
            }
            Way::Shares if delay > done.time.mul_f64(TOLERATED) => {
                self.calm = 0;
                if self.rested.steps == 0 || done.slower_than(self.rested) {
                    self.left = self.rest;
                    self.rest = (2 * self.rest).min(RESTS[1]);
                    self.rested = Taken::default();
                }
            }
            Way::Shares => {
                self.calm = self.calm.saturating_add(1);
                if self.calm == CALM {
                    self.rest = RESTS[0];
                    self.rested = Taken::default();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trains so many slices where a step takes so many nanoseconds, in shares and alone, and members wait so large a part of the
    /// time that it takes in shares. Says which slices were trained alone.
    fn train(pace: &mut Pace, slices: usize, [shares, alone]: [u64; 2], waiting: f64) -> Vec<bool> {
        let slice = |_| {
            let (way, steps) = (pace.way(), pace.steps());
            let step = if way == Way::Shares { shares } else { alone };
            let time = Duration::from_nanos(step) * steps as u32;
            pace.took(steps, time, if way == Way::Shares { time.mul_f64(waiting) } else { Duration::ZERO });
            way == Way::Alone
        };
        (0..slices).map(slice).collect()
    }

    /// The lengths of the rests, as slices between those in shares.
    fn rests(alone: &[bool]) -> Vec<usize> {
        alone.split(|alone| !alone).map(<[bool]>::len).filter(|&rest| rest > 0).collect()
    }

    #[test]
    fn undisturbed_members_never_leave_their_shares() {
        // Even where one thread would be faster: that is the cost model's business.
        for alone in [5_000, 10_000] {
            assert_eq!(rests(&train(&mut Pace::new(), 1000, [7_000, alone], 0.2)), []);
        }
    }

    #[test]
    fn disturbed_members_rest_longer_and_longer() {
        let alone = train(&mut Pace::new(), 300, [30_000, 10_000], 0.5);
        assert_eq!(rests(&alone)[..7], [4, 8, 16, 32, 64, 64, 64]);
    }

    #[test]
    fn members_come_back_and_after_some_quiet_slices_rests_are_short_again() {
        let mut pace = Pace::new();
        train(&mut pace, 1 + 4 + 1 + 8, [30_000, 10_000], 0.5);
        // Not yet.
        assert_eq!(rests(&train(&mut pace, CALM as usize - 1, [7_000, 10_000], 0.0)), []);
        assert_eq!(rests(&train(&mut pace, 1 + 16, [30_000, 10_000], 0.5)), [16]);
        assert_eq!(rests(&train(&mut pace, CALM as usize, [7_000, 10_000], 0.0)), []);
        assert_eq!(rests(&train(&mut pace, 1 + 4, [30_000, 10_000], 0.5)), [4]);
    }

    #[test]
    fn members_that_are_faster_disturbed_than_one_thread_go_on() {
        let alone = train(&mut Pace::new(), 300, [8_000, 10_000], 0.5);
        // It has to be seen once.
        assert_eq!(rests(&alone), [4]);
    }

    #[test]
    fn slices_take_some_milliseconds_however_long_a_step_takes() {
        for step in [100, 7_000, 300_000, 1_500_000] {
            let mut pace = Pace::new();
            train(&mut pace, 20, [step, step], 0.0);
            let time = Duration::from_nanos(step) * pace.steps() as u32;
            assert!((SLICE..=2 * SLICE).contains(&time), "{time:?}");
        }
        // Never without a step.
        let mut pace = Pace::new();
        train(&mut pace, 20, [1_000_000_000; 2], 0.0);
        assert_eq!(pace.steps(), 1);
    }

    #[test]
    fn short_calls_are_judged_by_the_slice() {
        let mut pace = Pace::new();
        let step = Duration::from_micros(10);
        for done in 0..FIRST {
            assert_eq!((pace.way(), pace.steps()), (Way::Shares, FIRST - done));
            pace.took(1, step, if done == 0 { step * 40 } else { Duration::ZERO });
        }
        assert_eq!(pace.way(), Way::Alone);
    }
}
