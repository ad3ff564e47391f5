//! Training in shares: every member takes every step on its own part of the network.
//!
//! A member's part has some neurons of the first layer, with their weights and biases, and a copy of every other layer. One
//! step of a member:
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
use super::part::{Part, put_together};
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
    /// The whole network, for the thread that trains alone. Its weights are old while the parts have the newest.
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

/// The place of the newest weights and biases.
#[derive(Debug)]
enum Newest {
    /// In the whole network.
    Whole,
    /// In the parts. The cell holds the network put together from them, if anyone has asked since they changed. Copying a network
    /// in and out of every call can take longer than the call's steps.
    Parts(OnceLock<Network>),
}

/// A member's part of the network, with all that trains it.
///
/// It begins on a pair of cache lines of its own. A core fetches lines in pairs, and must not take another member's along.
#[derive(Debug)]
#[repr(align(128))]
struct Seat {
    part: Part,
    /// The optimiser's memory for the part.
    state: OptimizerState,
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
            let part = Part::new(network, member.columns(neurons));
            let own = part.layers[0].outputs();
            let workspace = workspace(member.team().isa(), network, own, settings, 1);
            let state = OptimizerState::new(&settings.optimizer, &part.layers);
            *seat = Some(Seat { part, state, workspace, guard: guard.clone(), came: None });
        });
        let seats = seats.into_iter().map(|seat| seat.expect("every member made one")).collect();
        Parts { seats, newest: Newest::Whole }
    }

    /// Copies all parts to `network`.
    fn put_together(&self, network: &mut Network) {
        put_together(network, self.seats.iter().map(|seat| &seat.part));
    }
}

impl Shares {
    /// Shares for the network of `whole`, which was made for a team of one, and so many members.
    pub(super) fn new(whole: Whole, members: usize, batch_size: usize) -> Shares {
        let exchange = Exchange::new(members, batch_size, whole.network.layers[0].outputs());
        Shares { whole, alone: Solo::new(()), parts: None, exchange, pace: Pace::new() }
    }

    /// The network as it is now.
    pub(super) fn network(&self) -> &Network {
        let whole = &self.whole.network;
        match &self.parts {
            Some(parts @ Parts { newest: Newest::Parts(together), .. }) => together.get_or_init(|| {
                let mut network = whole.clone();
                parts.put_together(&mut network);
                network
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
            match together.take() {
                Some(together) => network = together,
                None => parts.put_together(&mut network),
            }
        }
        network
    }

    /// Takes `steps`, slice after slice, each on all members or on the calling thread.
    pub(super) fn train(
        &mut self,
        pool: &Pool,
        state: &mut OptimizerState,
        steps: Steps<'_>,
        before: Trained,
    ) -> Trained {
        if let Some(Parts { newest: Newest::Parts(together), .. }) = &mut self.parts {
            together.take();
        }
        let mut trained = before;
        let (mut began, mut left) = (Instant::now(), steps.to_come());
        pool.run(|team| {
            while left > 0 && trained.diverged.is_none() {
                let (slice, before) =
                    (Steps { steps: self.pace.steps().min(left), ..steps }, trained.position);
                let delay;
                (trained, delay) = match self.pace.way(team.ready() > 1) {
                    Way::Shares => self.train_in_shares(team, state, slice, trained),
                    Way::Alone => (self.train_alone(pool, state, slice, trained), Duration::ZERO),
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
    fn train_in_shares(
        &mut self,
        team: &Team<'_>,
        state: &mut OptimizerState,
        steps: Steps<'_>,
        before: Trained,
    ) -> (Trained, Duration) {
        let Shares { whole, parts, exchange, pace, .. } = self;
        let whole = &*whole;
        let parts = parts.get_or_insert_with(|| Parts::new(team, exchange, whole, steps.settings));
        exchange.set_patience(pace.patience());
        let newest = mem::replace(&mut parts.newest, Newest::Parts(OnceLock::new()));
        let trained_alone = matches!(newest, Newest::Whole);
        let steps_taken = state.steps;
        team.together(exchange, &mut parts.seats, |member, seat| {
            let Seat { part, state, workspace, guard, came } = seat;
            if trained_alone {
                part.take(&whole.network);
                *guard = whole.guard.clone();
            }
            // There are no moments to share out.
            state.steps = steps_taken;
            let runner = Runner { team: member.team(), member: Some(member) };
            let Part { layers, cost, .. } = part;
            let stepper = Stepper { runner, layers, cost: &**cost, state, workspace, guard };
            *came = Some((stepper.train(steps, before), member.delay()));
        });
        let seats = &parts.seats;
        state.steps = seats[0].state.steps;
        let came = seats.iter().filter_map(|seat| seat.came);
        came.reduce(|first, other| (first.0, first.1.max(other.1))).expect("every member comes somewhere")
    }

    /// Trains the whole network on the calling thread.
    fn train_alone(
        &mut self,
        pool: &Pool,
        state: &mut OptimizerState,
        steps: Steps<'_>,
        before: Trained,
    ) -> Trained {
        let Shares { whole, alone, parts, .. } = self;
        if let Some(parts) = parts
            && let Newest::Parts(_) = mem::replace(&mut parts.newest, Newest::Whole)
        {
            parts.put_together(&mut whole.network);
            whole.guard = parts.seats[0].guard.clone();
        }
        alone.run(pool.isa(), |team, ()| whole.train(team, state, steps, before))
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
