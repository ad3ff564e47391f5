//! Who takes the steps of training.
//!
//! A network is trained in one of two ways, whichever the [cost model](crate::sharing) expects to be faster; the bits are the
//! same.
//!
//! - **Phases**: one thread runs the step, and each product is shared out among the team, where it is worth it. For large
//!   layers.
//! - **Shares**: every member runs the whole step on data of its own. It owns a block of the first layer's neurons,
//!   weights and biases, and a copy of all other layers, whose small products it computes again rather than wait for
//!   them. One exchange a step, of A_1, is all that passes between members. For a first layer that is nearly all of
//!   a small network.
//!
//! Members with shares wait for each other in every step. Where other processes take their cores now and then, all of them
//! wait for a slice of the scheduler's each time, and one thread is faster. So it trains alone for a while: [`Pace`] says when, and
//! for how long.

use crate::backprop::Worker;
use crate::error::Error;
use crate::guard::Guard;
use crate::network::Network;
use crate::optimizer::OptimizerState;
use crate::pace::{Pace, Way};
use crate::sharing::{sharing, worth_phases};
use crate::step::{Share, Steps, Trained};
use crate::trainer::Settings;
use crate::workspace::Workspace;
use minibatch_data::Dataset;
use minibatch_kernels::{Exchange, Isa, Panels, Pool, Solo, Team, TeamInputs};
use std::cell::OnceCell;
use std::time::{Duration, Instant};

/// Those who train, and what each needs for it.
#[derive(Debug)]
pub(crate) struct Crew {
    /// What is trained; what it was before where its parts have been trained since.
    network: Network,
    /// The members' parts have been trained since the network was.
    apart: bool,
    /// The members' parts put together, if anyone has asked since they changed: copying a network in and out of every call
    /// can take longer than its steps.
    whole: OnceCell<Network>,
    members: Vec<Station>,
    exchange: Exchange,
    /// For one thread that trains by itself: because no product is worth sharing, or for a rest of the members; made when it is
    /// first needed.
    solo: Option<Solo<()>>,
    /// What one thread trains with where members have parts; made when it is first needed.
    alone: Option<Station>,
    /// Where members have parts: whether they train or one thread alone.
    pub(crate) pace: Pace,
}

/// What one member trains with. Two cache lines: a core fetches them in pairs, and must not take another member's along.
#[derive(Debug)]
#[repr(align(128))]
struct Station {
    workspace: Workspace,
    /// Every member's says the same.
    guard: Guard,
    /// The member's part of the network, and what the optimiser remembers of it; none if it trains the whole.
    part: Option<(OptimizerState, Network)>,
    /// How far the member came with its part, and how long it was kept waiting.
    came: Option<(Trained, Duration)>,
}

const HAS_PART: &str = "every member of several has a part";

impl Crew {
    /// For training `network` on `data`.
    ///
    /// # Errors
    ///
    /// If a weight or a bias isn't finite.
    pub(crate) fn new(
        pool: &Pool,
        network: Network,
        data: &Dataset,
        settings: &Settings,
    ) -> Result<Crew, Error> {
        let (batch_size, optimizer) = (settings.batch_size, &settings.optimizer);
        // What an optimiser remembers isn't shared out.
        let cores = if optimizer.moments() == 0 { pool.members() } else { 1 };
        let sharing = sharing(&network, batch_size, cores);
        let guard = Guard::new(pool.isa(), &network, data)?;
        let solo = !worth_phases(&network, batch_size, pool.members());
        // Who computes a product of the first layer together.
        let team_size = if sharing > 1 || solo { 1 } else { pool.members() };
        let neurons = network.layers[0].outputs();
        let mut exchange = Exchange::new(sharing, batch_size, neurons);
        let mut members: Vec<_> = (0..sharing).map(|_| None).collect();
        pool.run(|team| {
            team.together(&mut exchange, &mut members, |member, station| {
                // Each makes its own: what one thread allocates lies apart from what another does, so that members don't take
                // lines from each other. They meet first, or a quick one would do another's work.
                member.largest(0.0);
                let own = member.columns(neurons);
                let inputs = match optimizer.moments() {
                    0 => TeamInputs::to_accumulate(
                        pool.isa(),
                        network.inputs(),
                        own.len(),
                        batch_size,
                        team_size,
                    ),
                    _ => TeamInputs::new(pool.isa(), network.inputs(), own.len(), batch_size, team_size),
                };
                let part = (sharing > 1).then(|| {
                    let mut part = network.clone();
                    let first = &mut part.layers[0];
                    first.weights = Panels::zeros(first.inputs(), own.len());
                    first.biases = vec![0.0; own.len()];
                    (OptimizerState::new(optimizer, &part), part)
                });
                *station = Some(Station {
                    workspace: Workspace::new(&network, batch_size, inputs),
                    guard: guard.clone(),
                    part,
                    came: None,
                });
            });
        });
        let members = members.into_iter().map(|station| station.expect("every member made one")).collect();
        let solo = solo.then(|| Solo::new(()));
        let (apart, whole, alone, pace) = (false, OnceCell::new(), None, Pace::new());
        Ok(Crew { network, apart, whole, members, exchange, solo, alone, pace })
    }

    /// The network as it is now.
    pub(crate) fn network(&self) -> &Network {
        if !self.apart {
            return &self.network;
        }
        self.whole.get_or_init(|| {
            let mut network = self.network.clone();
            put_together(&mut network, &self.members);
            network
        })
    }

    /// The network as it is now.
    pub(crate) fn into_network(mut self) -> Network {
        if self.apart && self.whole.get().is_none() {
            put_together(&mut self.network, &self.members);
        }
        self.whole.take().unwrap_or(self.network)
    }

    /// Bounds of the network as it is now.
    #[cfg(test)]
    pub(crate) fn guard(&self) -> &Guard {
        self.alone.as_ref().filter(|_| !self.apart).map_or(&self.members[0].guard, |alone| &alone.guard)
    }

    /// Takes account of what an optimiser remembers.
    pub(crate) fn look_at(&mut self, isa: Isa, state: &OptimizerState) {
        self.members.iter_mut().for_each(|station| station.guard.look_at(isa, state));
    }

    /// Trains the network. `cost_sum` is the cost of the epoch so far.
    pub(crate) fn train(
        &mut self,
        pool: &Pool,
        state: &mut OptimizerState,
        steps: Steps<'_>,
        cost_sum: f64,
    ) -> Trained {
        let mut trained = Trained { position: steps.position, cost_sum, diverged: None };
        if let [station] = &mut self.members[..] {
            let network = &mut self.network;
            let mut train = |team: &Team<'_>| station.train_whole(team, network, state, steps, trained);
            return match &mut self.solo {
                Some(solo) => solo.run(pool.isa(), |team, ()| train(team)),
                None => pool.run(train),
            };
        }
        self.whole.take();
        let (mut began, mut left) = (Instant::now(), steps.to_come());
        pool.run(|team| {
            while left > 0 && trained.diverged.is_none() {
                let slice = Steps { steps: self.pace.steps().min(left), ..steps };
                let delay;
                (trained, delay) = match self.pace.way() {
                    Way::Shares => self.train_in_shares(team, state, slice, trained),
                    Way::Alone => (self.train_alone(pool.isa(), state, slice, trained), Duration::ZERO),
                };
                let ended = Instant::now();
                if trained.diverged.is_none() {
                    self.pace.took(slice.steps, ended - began, delay);
                }
                (began, left) = (ended, left - slice.steps);
            }
        });
        trained
    }

    /// Trains on all members, and says how long they were kept waiting.
    fn train_in_shares(
        &mut self,
        team: &Team<'_>,
        state: &mut OptimizerState,
        steps: Steps<'_>,
        before: Trained,
    ) -> (Trained, Duration) {
        let Crew { network, apart, members, exchange, alone, .. } = self;
        let neurons = network.layers[0].outputs();
        let (whole, bounds) = (&*network, alone.as_ref().map(|alone| &alone.guard));
        let trained_alone = !std::mem::replace(apart, true);
        let (steps_taken, powers) = (state.steps, state.powers);
        team.together(exchange, members, |member, station| {
            let Station { workspace, guard, part, came } = station;
            let (state, network) = part.as_mut().expect(HAS_PART);
            if trained_alone {
                take_part(network, whole, member.columns(neurons).start);
                bounds.into_iter().for_each(|bounds| *guard = bounds.clone());
            }
            // There are no moments to share out.
            (state.steps, state.powers) = (steps_taken, powers);
            let worker = Worker { team: member.team(), member: Some(member) };
            let trained = Share { worker, network, state, workspace, guard }.train(steps, before);
            *came = Some((trained, member.delay()));
        });
        let (own_state, _) = members[0].part();
        (state.steps, state.powers) = (own_state.steps, own_state.powers);
        let came = members.iter().filter_map(|station| station.came);
        came.reduce(|first, other| (first.0, first.1.max(other.1))).expect("every member comes somewhere")
    }

    /// Trains on the calling thread, where members have parts.
    fn train_alone(
        &mut self,
        isa: Isa,
        state: &mut OptimizerState,
        steps: Steps<'_>,
        before: Trained,
    ) -> Trained {
        let Crew { network, apart, members, solo, alone, .. } = self;
        let alone = alone.get_or_insert_with(|| {
            let (inputs, neurons) = (network.inputs(), network.layers[0].outputs());
            let batch_size = steps.settings.batch_size;
            let inputs = TeamInputs::to_accumulate(isa, inputs, neurons, batch_size, 1);
            let (workspace, guard) = (Workspace::new(network, batch_size, inputs), members[0].guard.clone());
            Station { workspace, guard, part: None, came: None }
        });
        if std::mem::replace(apart, false) {
            put_together(network, members);
            alone.guard = members[0].guard.clone();
        }
        let solo = solo.get_or_insert_with(|| Solo::new(()));
        solo.run(isa, |team, ()| alone.train_whole(team, network, state, steps, before))
    }
}

impl Station {
    fn part(&self) -> &(OptimizerState, Network) {
        self.part.as_ref().expect(HAS_PART)
    }

    /// Trains the whole network on one thread of a team.
    fn train_whole(
        &mut self,
        team: &Team<'_>,
        network: &mut Network,
        state: &mut OptimizerState,
        steps: Steps<'_>,
        before: Trained,
    ) -> Trained {
        let Station { workspace, guard, .. } = self;
        Share { worker: Worker { team, member: None }, network, state, workspace, guard }.train(steps, before)
    }
}

/// Copies to `part` its neurons of the first layer of `network`, those from `start` on, and all of the other layers.
fn take_part(part: &mut Network, network: &Network, start: usize) {
    let (to, from) = (&mut part.layers[0], &network.layers[0]);
    to.weights.copy_columns(0, &from.weights, start);
    let neurons = to.biases.len();
    to.biases.copy_from_slice(&from.biases[start..][..neurons]);
    copy_layers(part, network);
}

/// Copies to `network` the parts that the members have of it.
fn put_together(network: &mut Network, members: &[Station]) {
    let neurons = network.layers[0].outputs();
    for (index, member) in members.iter().enumerate() {
        let (_, part) = member.part();
        let start = Exchange::columns(neurons, members.len(), index).start;
        let (to, from) = (&mut network.layers[0], &part.layers[0]);
        to.weights.copy_columns(start, &from.weights, 0);
        to.biases[start..][..from.biases.len()].copy_from_slice(&from.biases);
    }
    // Every member has these.
    copy_layers(network, &members[0].part().1);
}

/// Copies all layers but the first.
fn copy_layers(to: &mut Network, from: &Network) {
    for (to, from) in to.layers.iter_mut().zip(&from.layers).skip(1) {
        to.weights.copy_columns(0, &from.weights, 0);
        to.biases.copy_from_slice(&from.biases);
    }
}
