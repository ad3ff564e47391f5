//! Whether the workers are called to the next phase: not while other processes need their cores.
//!
//! Members that compute together wait for one another. If another process has a member's core, all of them wait until the
//! scheduler gives it back: some milliseconds among equals, half a second for a process of low priority. So the driver
//! computes alone until the workers have shown that they have cores. It does so again, for a while, after one of them kept it
//! waiting.
//!
//! | state | the driver | ends |
//! |---|---|---|
//! | alone | runs every piece itself | after a rest: it then calls the workers and doesn't wait for them |
//! | called | runs every piece itself while they wake | after [`WAKE`]: it then asks them, and waits a little for an answer |
//! | together | shares its phases | when a member keeps it waiting for long, which is a *disturbance* |
//!
//! A rest is [`FIRST`] times as long as what the disturbance cost, and twice as long with each one that follows: on a busy
//! machine attempts take a small part of the time, however slowly the scheduler's turns come.
//!
//! Nothing here knows of threads or clocks. None of it changes a result.

use super::clock::Instant;
use std::time::Duration;

/// How long called workers need to wake up and answer.
const WAKE: Duration = Duration::from_micros(60);

/// The first rest is so many times as long as what was lost.
const FIRST: u32 = 2;

/// How often a rest is doubled at most.
const DOUBLINGS: u32 = 5;

/// The cost of an attempt at which a worker didn't answer: the call and the question.
const UNANSWERED: Duration = Duration::from_micros(120);

/// Members that have computed together for so long are undisturbed: the next rest is short again.
const CALM: Duration = Duration::from_millis(20);

/// They must also have done so for so many times as long as the disturbance took. The clock goes on while the driver has no core
/// itself: at low priority that alone takes longer than [`CALM`].
const CALM_SHARE: u32 = 16;

/// See the table above.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Alone {
        /// The end of the rest; none at first.
        until: Option<Instant>,
    },
    Called {
        at: Instant,
    },
    Together {
        since: Instant,
    },
}

/// The driver's next move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Share the next phase with the workers.
    Share,
    /// Run the next phase alone.
    Alone,
    /// Call the workers, then run the next phase alone.
    Call,
    /// Ask the workers whether they are there, and say so to [`Contention::answered`].
    Ask,
}

/// The state, and how often it has gone wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contention {
    state: State,
    /// Disturbances and questions without an answer, one after the other.
    failures: u32,
}

impl Contention {
    /// Alone, to call the workers at once.
    pub(crate) fn new() -> Contention {
        Contention { state: State::Alone { until: None }, failures: 0 }
    }

    /// The move before the next phase. The clock is looked at only if it matters.
    #[inline]
    pub(crate) fn next(&mut self, now: impl FnOnce() -> Instant) -> Next {
        match self.state {
            State::Together { .. } => Next::Share,
            State::Alone { until } => {
                let now = now();
                if until.is_some_and(|until| now < until) {
                    return Next::Alone;
                }
                self.state = State::Called { at: now };
                Next::Call
            }
            State::Called { at } if now() < at + WAKE => Next::Alone,
            State::Called { .. } => Next::Ask,
        }
    }

    /// Whether phases are shared.
    pub(crate) fn is_together(&self) -> bool {
        matches!(self.state, State::Together { .. })
    }

    /// Whether all workers answered.
    pub(crate) fn answered(&mut self, all: bool, now: Instant) {
        if all {
            self.state = State::Together { since: now };
        } else {
            self.rest(UNANSWERED, now);
        }
    }

    /// A member kept the others waiting: the time that it cost. A disturbance may be told twice, and counts once.
    pub(crate) fn disturbed(&mut self, lost: Duration, now: Instant) {
        let State::Together { since } = self.state else { return };
        if now.saturating_duration_since(since) > CALM + CALM_SHARE * lost {
            self.failures = 0;
        }
        self.rest(lost.max(UNANSWERED), now);
    }

    fn rest(&mut self, lost: Duration, now: Instant) {
        let rest = lost * (FIRST << self.failures.min(DOUBLINGS));
        self.failures = self.failures.saturating_add(1);
        self.state = State::Alone { until: now.checked_add(rest) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// A machine on which the driver's phases take a tenth of a millisecond.
    struct Machine {
        contention: Contention,
        now: Instant,
        /// Time that members lost waiting.
        lost: Duration,
        shared: Duration,
    }

    impl Machine {
        fn new() -> Machine {
            let (lost, shared) = (Duration::ZERO, Duration::ZERO);
            Machine { contention: Contention::new(), now: Instant::now(), lost, shared }
        }

        /// Runs for `time`. Workers answer if they `are_there`; where they share phases, each `every` one of them takes
        /// their core for `turn`.
        fn run(&mut self, time: Duration, are_there: bool, every: Duration, turn: Duration) {
            let (end, mut undisturbed) = (self.now + time, Duration::ZERO);
            while self.now < end {
                match self.contention.next(|| self.now) {
                    Next::Ask => self.contention.answered(are_there, self.now),
                    Next::Share if undisturbed >= every => {
                        undisturbed = Duration::ZERO;
                        self.now += turn;
                        self.lost += turn;
                        self.contention.disturbed(turn, self.now);
                    }
                    next => {
                        let phase = MILLISECOND / 10;
                        self.now += phase;
                        if next == Next::Share {
                            self.shared += phase;
                            undisturbed += phase;
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn on_a_quiet_machine_members_compute_together_from_the_second_phase_on() {
        let mut machine = Machine::new();
        machine.run(100 * MILLISECOND, true, Duration::MAX, Duration::ZERO);
        assert!(machine.shared >= 99 * MILLISECOND, "{:?}", machine.shared);
    }

    #[test]
    fn workers_that_are_not_there_are_called_more_and_more_rarely() {
        let (mut contention, mut now, mut calls) = (Contention::new(), Instant::now(), 0);
        let end = now + 100 * MILLISECOND;
        while now < end {
            match contention.next(|| now) {
                Next::Ask => contention.answered(false, now),
                next => {
                    calls += usize::from(next == Next::Call);
                    now += MILLISECOND / 100;
                }
            }
        }
        assert!((15..=30).contains(&calls), "{calls}");
    }

    #[test]
    fn attempts_on_a_busy_machine_take_a_small_part_of_the_time() {
        // Among equals, and with the lowest priority.
        for (turn, time) in [(6, 3_000), (400, 120_000)] {
            let mut machine = Machine::new();
            machine.run(time * MILLISECOND, true, 3 * MILLISECOND, turn * MILLISECOND);
            assert!(machine.lost * 20 < time * MILLISECOND, "{turn} ms: {:?}", machine.lost);
            // But it is tried.
            assert!(!machine.lost.is_zero());
        }
    }

    #[test]
    fn time_in_which_the_driver_has_no_core_is_no_calm() {
        let mut machine = Machine::new();
        // Each attempt takes half a second, a fifth of which a member waited.
        for _ in 0..10 {
            machine.contention.answered(true, machine.now);
            machine.now += 500 * MILLISECOND;
            machine.contention.disturbed(100 * MILLISECOND, machine.now);
        }
        assert_eq!(machine.contention.failures, 10);
    }

    #[test]
    fn a_disturbance_that_is_told_twice_counts_once() {
        let mut machine = Machine::new();
        machine.contention.answered(true, machine.now);
        machine.contention.disturbed(MILLISECOND, machine.now);
        let once = machine.contention;
        machine.contention.disturbed(2 * MILLISECOND, machine.now);
        assert_eq!((machine.contention.state, machine.contention.failures), (once.state, once.failures));
    }

    #[test]
    fn members_that_are_seldom_disturbed_nearly_always_compute_together() {
        let mut machine = Machine::new();
        machine.run(10_000 * MILLISECOND, true, 500 * MILLISECOND, 4 * MILLISECOND);
        assert!(machine.shared > 9_500 * MILLISECOND, "{:?}", machine.shared);
    }
}
