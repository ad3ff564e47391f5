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
//! wait for a slice of the scheduler's each time, and one thread is faster. So one thread trains alone until the team's
//! members are [ready](Team::ready), and members that a stranger keeps waiting leave in the middle of a slice, all after the same
//! step. [`Pace`] says how long slices are.

use crate::backprop::Worker;
use crate::error::Error;
use crate::guard::Guard;
use crate::network::Network;
use crate::optimizer::OptimizerState;
use crate::pace::{Pace, Taken, Way};
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
    /// For one thread that trains by itself: because no product is worth sharing, or for a rest of the members.
    solo: Option<Solo<()>>,
    /// What the whole network is trained with.
    station: Station,
    /// Members that may have parts; 1 if the whole network is trained in one place.
    sharing: usize,
    /// What members train with. Made when they are first ready: until then nobody waits for them.
    parts: Vec<Part>,
    exchange: Exchange,
    /// Where members have parts: whether they train or one thread alone.
    pub(crate) pace: Pace,
}

/// What a network, or a part of one, is trained with.
#[derive(Debug)]
struct Station {
    workspace: Workspace,
    /// Every member's says the same.
    guard: Guard,
}

/// A member's part of the network. Two cache lines: a core fetches them in pairs, and must not take another member's along.
#[derive(Debug)]
#[repr(align(128))]
struct Part {
    station: Station,
    network: Network,
    /// What the optimiser remembers of it.
    state: OptimizerState,
    /// How far the member came with it, and how long it was kept waiting.
    came: Option<(Trained, Duration)>,
}

impl Station {
    /// For the whole `network` or a part of it with so many of the first layer's neurons, and a team of `team_size` members.
    fn new(
        isa: Isa,
        network: &Network,
        guard: Guard,
        neurons: usize,
        settings: &Settings,
        team_size: usize,
    ) -> Station {
        let (inputs, batch_size) = (network.inputs(), settings.batch_size);
        let inputs = match settings.optimizer.moments() {
            0 => TeamInputs::to_accumulate(isa, inputs, neurons, batch_size, team_size),
            _ => TeamInputs::new(isa, inputs, neurons, batch_size, team_size),
        };
        Station { workspace: Workspace::new(network, batch_size, inputs), guard }
    }
}

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
        let solo = sharing > 1 || !worth_phases(&network, batch_size, pool.members());
        let neurons = network.layers[0].outputs();
        let exchange = Exchange::new(sharing, batch_size, neurons);
        let team_size = if solo { 1 } else { pool.members() };
        let station = Station::new(pool.isa(), &network, guard, neurons, settings, team_size);
        let solo = solo.then(|| Solo::new(()));
        let (apart, whole, parts, pace) = (false, OnceCell::new(), Vec::new(), Pace::new());
        Ok(Crew { network, apart, whole, solo, station, sharing, parts, exchange, pace })
    }

    /// Makes the members' parts.
    fn make_parts(&mut self, team: &Team<'_>, settings: &Settings) {
        let Crew { network, station: Station { guard, .. }, sharing, exchange, .. } = self;
        let (network, guard, neurons) = (&*network, &*guard, network.layers[0].outputs());
        let mut parts = Vec::new();
        parts.resize_with(*sharing, || None);
        team.together(exchange, &mut parts, |member, slot| {
            // Each makes its own: what one thread allocates lies apart from what another does, so that members don't take
            // lines from each other. They meet first, or a quick one would do another's work.
            member.largest(0.0);
            let own = member.columns(neurons);
            let mut part = network.clone();
            let first = &mut part.layers[0];
            first.weights = Panels::zeros(first.inputs(), own.len());
            first.biases = vec![0.0; own.len()];
            let station = Station::new(member.team().isa(), network, guard.clone(), own.len(), settings, 1);
            let state = OptimizerState::new(&settings.optimizer, &part);
            *slot = Some(Part { station, network: part, state, came: None });
        });
        self.parts = parts.into_iter().map(|part| part.expect("every member made one")).collect();
    }

    /// The network as it is now.
    pub(crate) fn network(&self) -> &Network {
        if !self.apart {
            return &self.network;
        }
        self.whole.get_or_init(|| {
            let mut network = self.network.clone();
            put_together(&mut network, &self.parts);
            network
        })
    }

    /// The network as it is now.
    pub(crate) fn into_network(mut self) -> Network {
        if self.apart && self.whole.get().is_none() {
            put_together(&mut self.network, &self.parts);
        }
        self.whole.take().unwrap_or(self.network)
    }

    /// Bounds of the network as it is now.
    #[cfg(test)]
    pub(crate) fn guard(&self) -> &Guard {
        if self.apart { &self.parts[0].station.guard } else { &self.station.guard }
    }

    /// Takes account of what an optimiser remembers.
    pub(crate) fn look_at(&mut self, isa: Isa, state: &OptimizerState) {
        self.station.guard.look_at(isa, state);
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
        if self.sharing == 1 {
            return self.train_whole(pool, state, steps, trained);
        }
        self.whole.take();
        let (mut began, mut left) = (Instant::now(), steps.to_come());
        pool.run(|team| {
            while left > 0 && trained.diverged.is_none() {
                let (slice, before) =
                    (Steps { steps: self.pace.steps().min(left), ..steps }, trained.position);
                let delay;
                (trained, delay) = match self.pace.way(team.ready() > 1) {
                    Way::Shares => {
                        if self.parts.is_empty() {
                            self.make_parts(team, steps.settings);
                        }
                        self.train_in_shares(team, state, slice, trained)
                    }
                    Way::Alone => (self.train_whole(pool, state, slice, trained), Duration::ZERO),
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

    /// Trains on all members, and says how long they were kept waiting.
    fn train_in_shares(
        &mut self,
        team: &Team<'_>,
        state: &mut OptimizerState,
        steps: Steps<'_>,
        before: Trained,
    ) -> (Trained, Duration) {
        let Crew { network: whole, apart, station, parts, exchange, pace, .. } = self;
        let bounds = &station.guard;
        exchange.set_patience(pace.patience());
        let neurons = whole.layers[0].outputs();
        let trained_whole = !std::mem::replace(apart, true);
        let (steps_taken, powers) = (state.steps, state.powers);
        let whole = &*whole;
        team.together(exchange, parts, |member, part| {
            let Part { station: Station { workspace, guard }, network, state, came } = part;
            if trained_whole {
                take_part(network, whole, member.columns(neurons).start);
                *guard = bounds.clone();
            }
            // There are no moments to share out.
            (state.steps, state.powers) = (steps_taken, powers);
            let worker = Worker { team: member.team(), member: Some(member) };
            let trained = Share { worker, network, state, workspace, guard }.train(steps, before);
            *came = Some((trained, member.delay()));
        });
        (state.steps, state.powers) = (parts[0].state.steps, parts[0].state.powers);
        let came = parts.iter().filter_map(|part| part.came);
        came.reduce(|first, other| (first.0, first.1.max(other.1))).expect("every member comes somewhere")
    }

    /// Trains the whole network: on the calling thread alone, or with a team that shares its products.
    fn train_whole(
        &mut self,
        pool: &Pool,
        state: &mut OptimizerState,
        steps: Steps<'_>,
        before: Trained,
    ) -> Trained {
        let Crew { network, apart, solo, station: Station { workspace, guard }, parts, .. } = self;
        if std::mem::replace(apart, false) {
            put_together(network, parts);
            *guard = parts[0].station.guard.clone();
        }
        let mut train = |team: &Team<'_>| {
            let worker = Worker { team, member: None };
            Share { worker, network, state, workspace, guard }.train(steps, before)
        };
        match solo {
            Some(solo) => solo.run(pool.isa(), |team, ()| train(team)),
            None => pool.run(train),
        }
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
fn put_together(network: &mut Network, parts: &[Part]) {
    let neurons = network.layers[0].outputs();
    for (index, Part { network: part, .. }) in parts.iter().enumerate() {
        let start = Exchange::columns(neurons, parts.len(), index).start;
        let (to, from) = (&mut network.layers[0], &part.layers[0]);
        to.weights.copy_columns(start, &from.weights, 0);
        to.biases[start..][..from.biases.len()].copy_from_slice(&from.biases);
    }
    // Every member has these.
    copy_layers(network, &parts[0].network);
}

/// Copies all layers but the first.
fn copy_layers(to: &mut Network, from: &Network) {
    for (to, from) in to.layers.iter_mut().zip(&from.layers).skip(1) {
        to.weights.copy_columns(0, &from.weights, 0);
        to.biases.copy_from_slice(&from.biases);
    }
}
