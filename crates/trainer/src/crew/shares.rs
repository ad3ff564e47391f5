//! Training in shares: every member takes every step on its own part of the network.
//!
//! A member's part has some neurons of the first layer, with their weights, biases and moments, and a copy of every other layer.
//! One step of a member:
//!
//! ```text
//! A_1 of its own neurons            from all inputs
//! send its columns of A_1, receive the others'
//! A_2, …, A_L; Δ_L, …, Δ_1          computed again by every member: the products are small
//! update its own neurons of layer 1, and its copies of layers 2, …, L
//! ```
//!
//! The exchange of A_1 is all that passes between members in a step.
//!
//! Members wait for each other in every step. If another process takes the core of one member, all of them lose the scheduler's
//! slice, and one thread would be faster. So steps are taken in slices, and each slice in one of two ways:
//!
//! 1. One thread trains the whole network alone until the members are [ready](Team::ready).
//! 2. Then the members train their parts. If one of them waits for longer than its patience, all leave the slice after the
//!    same step.
//!
//! [`Pace`] says how long a slice is, and when members rest.

use super::pace::{Pace, Taken, Way};
use super::part::Part;
use super::whole::{Whole, workspace};
use crate::network::Network;
use crate::optimizer::OptimizerState;
use crate::settings::Settings;
use crate::step::{Guard, Runner, Stepper, Steps, Trained, Workspace};
use minibatch_kernels::{Exchange, Instant, Pool, Solo, Team};
use std::mem;
use std::sync::OnceLock;
use std::time::Duration;

/// A network that members train in shares, and one thread alone while they aren't ready.
#[derive(Debug)]
pub(crate) struct Shares {
    /// The whole network, for the thread that trains alone. Its numbers are old while the parts have the newest.
    pub(super) whole: Whole,
    /// A team of that thread.
    alone: Solo<()>,
    /// The parts. They are made when the members are ready for the first time. Until then nobody waits for them.
    parts: Option<Parts>,
    exchange: Exchange,
    pub(super) pace: Pace,
}

/// The parts of all members.
#[derive(Debug)]
struct Parts {
    seats: Vec<Seat>,
    newest: Newest,
}

/// The place of the newest weights, biases and moments.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a crew has one of them, and it stays where it is")]
enum Newest {
    /// In the whole network.
    Whole,
    /// In the parts.
    Parts(Together),
}

/// The whole network and the optimiser's whole memory, each put together from the parts once someone asks for it. Copying a
/// network in and out of every call can take longer than the call's steps.
#[derive(Debug, Default)]
struct Together {
    network: OnceLock<Network>,
    state: OnceLock<OptimizerState>,
}

/// A member's part of the network, with all that trains it.
///
/// It begins on a pair of cache lines of its own. A core fetches lines in pairs, and must not take another member's along.
#[derive(Debug)]
#[repr(align(128))]
struct Seat {
    part: Part,
    workspace: Workspace,
    /// Every member's guard has the same bounds.
    guard: Guard,
    /// The state that the member came to in the last slice, and the time that it was kept waiting.
    came: Option<(Trained, Duration)>,
}

impl Parts {
    /// Makes every member's part of the network, on the member's own thread.
    fn new(team: &Team<'_>, exchange: &mut Exchange, whole: &Whole, settings: &Settings) -> Parts {
        let Whole { network, guard, .. } = whole;
        let neurons = network.layers[0].outputs();
        let mut seats = Vec::new();
        seats.resize_with(exchange.members(), || None);
        team.together(exchange, &mut seats, |member, seat| {
            // Each member makes its own part. Memory that one thread allocates lies apart from another's, so members don't take
            // cache lines from each other. They meet first, or a quick one would do another's work.
            member.largest(0.0);
            let part = Part::new(network, &settings.optimizer, member.columns(neurons));
            let own = part.layers[0].outputs();
            let workspace = workspace(member.team().isa(), network, own, settings, 1);
            *seat = Some(Seat { part, workspace, guard: guard.clone(), came: None });
        });
        let seats = seats.into_iter().map(|seat| seat.expect("every member made one")).collect();
        Parts { seats, newest: Newest::Whole }
    }

    /// Copies the weights and biases of all parts to `network`.
    fn put_together(&self, network: &mut Network) {
        self.seats.iter().for_each(|seat| seat.part.put(network));
    }

    /// Copies the moments of all parts to `state`, and their count of steps.
    fn put_states_together(&self, state: &mut OptimizerState) {
        self.seats.iter().for_each(|seat| seat.part.put_state(state));
    }
}

impl Shares {
    /// Shares for the network of `whole`, which was made for a team of one, and so many members.
    pub(super) fn new(whole: Whole, members: usize, settings: &Settings) -> Shares {
        let exchange = Exchange::new(members, settings.batch_size, whole.network.layers[0].outputs());
        Shares { whole, alone: Solo::new(()), parts: None, exchange, pace: Pace::new() }
    }

    /// The network as it is now.
    pub(super) fn network(&self) -> &Network {
        let whole = &self.whole.network;
        match &self.parts {
            Some(parts @ Parts { newest: Newest::Parts(together), .. }) => {
                together.network.get_or_init(|| {
                    let mut network = whole.clone();
                    parts.put_together(&mut network);
                    network
                })
            }
            _ => whole,
        }
    }

    /// The optimiser's memory as it is now.
    pub(super) fn state(&self) -> &OptimizerState {
        let whole = &self.whole.state;
        match &self.parts {
            Some(parts @ Parts { newest: Newest::Parts(together), .. }) => together.state.get_or_init(|| {
                let mut state = whole.clone();
                parts.put_states_together(&mut state);
                state
            }),
            _ => whole,
        }
    }

    /// The network as it is now.
    pub(super) fn into_network(self) -> Network {
        let mut network = self.whole.network;
        if let Some(mut parts) = self.parts
            && let Newest::Parts(together) = &mut parts.newest
        {
            match together.network.take() {
                Some(together) => network = together,
                None => parts.put_together(&mut network),
            }
        }
        network
    }

    /// Takes `steps`, slice after slice, each on all members or on the calling thread.
    pub(super) fn train(&mut self, pool: &Pool, steps: Steps<'_>, before: Trained) -> Trained {
        if let Some(Parts { newest: Newest::Parts(together), .. }) = &mut self.parts {
            *together = Together::default();
        }
        let mut trained = before;
        let (mut began, mut left) = (Instant::now(), steps.to_come());
        pool.run(|team| {
            while left > 0 && trained.diverged.is_none() {
                let (slice, before) =
                    (Steps { steps: self.pace.steps().min(left), ..steps }, trained.position);
                let delay;
                (trained, delay) = match self.pace.way(team.ready() > 1) {
                    Way::Shares => self.train_in_shares(team, slice, trained),
                    Way::Alone => (self.train_alone(pool, slice, trained), Duration::ZERO),
                };
                let ended = Instant::now();
                // Members may have left the slice.
                let taken = (trained.position - before).div_ceil(steps.settings.batch_size);
                if trained.diverged.is_none()
                    && let Some(lost) = self.pace.took(Taken { steps: taken, time: ended - began }, delay)
                {
                    team.rest(lost);
                }
                (began, left) = (ended, left - taken);
            }
        });
        trained
    }

    /// Trains on all members. Returns how far they came, and how long they were kept waiting.
    fn train_in_shares(&mut self, team: &Team<'_>, steps: Steps<'_>, before: Trained) -> (Trained, Duration) {
        let Shares { whole, parts, exchange, pace, .. } = self;
        let whole = &*whole;
        let parts = parts.get_or_insert_with(|| Parts::new(team, exchange, whole, steps.settings));
        exchange.set_patience(pace.patience());
        let newest = mem::replace(&mut parts.newest, Newest::Parts(Together::default()));
        let trained_alone = matches!(newest, Newest::Whole);
        team.together(exchange, &mut parts.seats, |member, seat| {
            let Seat { part, workspace, guard, came } = seat;
            if trained_alone {
                part.take(&whole.network, &whole.state);
                *guard = whole.guard.clone();
            }
            let runner = Runner { team: member.team(), member: Some(member) };
            let Part { layers, cost, state, .. } = part;
            let stepper = Stepper { runner, layers, cost: &**cost, state, workspace, guard };
            *came = Some((stepper.train(steps, before), member.delay()));
        });
        let came = parts.seats.iter().filter_map(|seat| seat.came);
        came.reduce(|first, other| (first.0, first.1.max(other.1))).expect("every member comes somewhere")
    }

    /// Trains the whole network on the calling thread.
    fn train_alone(&mut self, pool: &Pool, steps: Steps<'_>, before: Trained) -> Trained {
        let Shares { whole, alone, parts, .. } = self;
        if let Some(parts) = parts
            && let Newest::Parts(_) = mem::replace(&mut parts.newest, Newest::Whole)
        {
            parts.put_together(&mut whole.network);
            parts.put_states_together(&mut whole.state);
            whole.guard = parts.seats[0].guard.clone();
        }
        alone.run(pool.isa(), |team, ()| whole.train(team, steps, before))
    }

    /// Bounds of the network as it is now.
    #[cfg(test)]
    pub(super) fn guard(&self) -> &Guard {
        match &self.parts {
            Some(Parts { seats, newest: Newest::Parts(_) }) => &seats[0].guard,
            _ => &self.whole.guard,
        }
    }
}
