//! The step of training, and who takes it.
//!
//! A minibatch is trained in one of two ways, whichever the cost model expects to be faster; the bits are the same.
//!
//! - **Phases**: one thread runs the step, and each product is shared out among the team, where it is worth it. For large
//!   layers.
//! - **Shares**: every member runs the whole step on data of its own. It owns a block of the first layer's neurons,
//!   weights and biases, and a copy of all other layers, whose small products it computes again rather than wait for
//!   them. One exchange a step, of A_1, is all that passes between members. For a first layer that is nearly all of
//!   a small network.

use crate::backprop::{self, Worker};
use crate::error::{Divergence, Error};
use crate::guard::{self, Guard};
use crate::network::{Layer, Network};
use crate::optimizer::OptimizerState;
use crate::trainer::Settings;
use crate::workspace::{Workspace, with_examples};
use minibatch_data::{Dataset, Row, Shuffle};
use minibatch_kernels::{Exchange, Isa, Panels, Pool, Solo, Team, TeamInputs};
use std::cell::OnceCell;
use std::ops::Range;

/// Those who train, and what each needs for it.
#[derive(Debug)]
pub(crate) struct Crew {
    /// What is trained; where members have parts of it, what it was before.
    network: Network,
    /// The members' parts put together, if anyone has asked since they changed: copying a network in and out of every call
    /// can take longer than its steps.
    whole: OnceCell<Network>,
    members: Vec<Station>,
    exchange: Exchange,
    /// For a single member that shares no product with the team.
    alone: Option<Solo<()>>,
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
}

/// What is to be trained.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    pub(crate) data: &'a Dataset,
    pub(crate) shuffle: &'a Shuffle,
    pub(crate) settings: &'a Settings,
    /// Examples of the epoch that have been trained on.
    pub(crate) position: usize,
    /// Minibatches at most.
    pub(crate) steps: usize,
}

/// How far it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trained {
    /// Examples of the epoch that have been trained on by now.
    pub(crate) position: usize,
    /// The summed cost of those trained on now, in f64, minibatch after minibatch from this sum on.
    pub(crate) cost_sum: f64,
    /// Why the next step was refused.
    pub(crate) diverged: Option<Divergence>,
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
        let neurons = network.layers[0].outputs();
        let mut exchange = Exchange::new(sharing, batch_size, neurons);
        let mut members: Vec<_> = (0..sharing).map(|_| None).collect();
        pool.run(|team| {
            team.together(&mut exchange, &mut members, |member, station| {
                // Each makes its own: what one thread allocates lies apart from what another does, so that members don't take
                // lines from each other. They meet first, or a quick one would do another's work.
                member.largest(0.0);
                let teams = if sharing == 1 { pool.members() } else { 1 };
                let part = (sharing > 1).then(|| part_of(&network, member.columns(neurons)));
                let own = part.as_ref().map_or(neurons, |part| part.layers[0].outputs());
                let inputs = match optimizer.moments() {
                    0 => TeamInputs::to_accumulate(pool.isa(), network.inputs(), own, batch_size, teams),
                    _ => TeamInputs::new(pool.isa(), network.inputs(), own, batch_size, teams),
                };
                *station = Some(Station {
                    workspace: Workspace::new(&network, batch_size, inputs),
                    guard: guard.clone(),
                    part: part.map(|part| (OptimizerState::new(optimizer, &part), part)),
                });
            });
        });
        let members = members.into_iter().map(|station| station.expect("every member made one")).collect();
        let alone = !worth_phases(&network, batch_size, pool.members());
        let alone = alone.then(|| Solo::new(()));
        Ok(Crew { network, whole: OnceCell::new(), members, exchange, alone })
    }

    /// The network as it is now.
    pub(crate) fn network(&self) -> &Network {
        if self.members.len() == 1 { &self.network } else { self.whole.get_or_init(|| self.put_together()) }
    }

    /// The network as it is now.
    pub(crate) fn into_network(mut self) -> Network {
        if self.members.len() == 1 {
            return self.network;
        }
        self.whole.take().unwrap_or_else(|| self.put_together())
    }

    /// The network whose parts the members have.
    fn put_together(&self) -> Network {
        let mut network = self.network.clone();
        let neurons = network.layers[0].outputs();
        for (index, member) in self.members.iter().enumerate() {
            let (_, part) = member.part.as_ref().expect("every member of several has a part");
            let start = Exchange::columns(neurons, self.members.len(), index).start;
            let (first, from) = (&mut network.layers[0], &part.layers[0]);
            first.weights.copy_columns(start, &from.weights, 0);
            first.biases[start..][..from.biases.len()].copy_from_slice(&from.biases);
            // Every member has these.
            if index == 0 {
                network.layers[1..].clone_from_slice(&part.layers[1..]);
            }
        }
        network
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
        let before = Trained { position: steps.position, cost_sum, diverged: None };
        let Crew { network, whole, members, exchange, alone } = self;
        if let [station] = &mut members[..] {
            let Station { workspace, guard, .. } = station;
            let mut train = |team: &Team<'_>| {
                Share { worker: Worker { team, member: None }, network, state, workspace, guard }
                    .train(steps, before)
            };
            return match alone {
                Some(alone) => alone.run(pool.isa(), |team, ()| train(team)),
                None => pool.run(train),
            };
        }
        whole.take();
        let mut shares: Vec<_> = members.iter_mut().map(|station| (station, before)).collect();
        for (station, _) in &mut shares {
            let (own_state, _) = station.part.as_mut().expect("every member of several has a part");
            // There are no moments to share out.
            (own_state.steps, own_state.powers) = (state.steps, state.powers);
        }
        pool.run(|team| {
            team.together(exchange, &mut shares, |member, (station, trained)| {
                let Station { workspace, guard, part } = &mut **station;
                let (state, network) = part.as_mut().expect("every member of several has a part");
                let worker = Worker { team: member.team(), member: Some(member) };
                let share = Share { worker, network, state, workspace, guard };
                *trained = share.train(steps, before);
            });
        });
        let (station, trained) = &shares[0];
        let (own_state, _) = station.part.as_ref().expect("every member of several has a part");
        (state.steps, state.powers) = (own_state.steps, own_state.powers);
        *trained
    }
}

/// The neurons `own` of the first layer of `network`, and all of the other layers.
fn part_of(network: &Network, own: Range<usize>) -> Network {
    let mut part = network.clone();
    let first = &mut part.layers[0];
    let mut weights = Panels::zeros(first.inputs(), own.len());
    weights.copy_columns(0, &first.weights, own.start);
    first.weights = weights;
    first.biases = network.layers[0].biases[own].to_vec();
    part
}

/// What takes the step: one thread of a team with the whole network, or a member with its part.
struct Share<'a> {
    worker: Worker<'a>,
    network: &'a mut Network,
    state: &'a mut OptimizerState,
    workspace: &'a mut Workspace,
    guard: &'a mut Guard,
}

impl Share<'_> {
    /// Minibatch after minibatch, to the end of the steps or of the epoch.
    fn train(mut self, steps: Steps<'_>, mut trained: Trained) -> Trained {
        let Steps { data, shuffle, settings, .. } = steps;
        for _ in 0..steps.steps {
            let indices = shuffle.minibatch(trained.position, settings.batch_size);
            if indices.is_empty() {
                break;
            }
            let next = shuffle.minibatch(trained.position + indices.len(), settings.batch_size);
            match self.step(data, indices, next, settings) {
                Ok(cost) => {
                    trained.cost_sum += cost;
                    trained.position += indices.len();
                }
                Err(cause) => {
                    trained.diverged = Some(cause);
                    break;
                }
            }
        }
        trained
    }

    /// One minibatch: forward, output error, for l = L, …, 2 the error below, and, if all of that is finite, the updates.
    /// Returns its summed cost, before the update.
    fn step(
        &mut self,
        data: &Dataset,
        indices: &[u32],
        next: &[u32],
        settings: &Settings,
    ) -> Result<f64, Divergence> {
        let Share { worker, network, state, workspace, guard } = self;
        let Worker { team, member } = *worker;
        let (isa, layers, rows) = (team.isa(), network.layers.len(), indices.len());
        let index = move |row: usize| indices[row] as usize;
        let forward = |workspace: &mut Workspace, layers| {
            with_examples(data, index, |examples| {
                backprop::forward_through(*worker, network, workspace, examples, rows, layers);
            });
        };
        forward(workspace, 1..2);
        if let Some(member) = member {
            member.send(&workspace.activations[0], rows);
        }
        workspace.take_targets(data, rows, index);
        // The first layer's update asks for them on its way.
        workspace.inputs.expect(&next.iter().filter_map(|&index| match data.input(index as usize) {
            Row::Bytes(bytes) => Some(bytes),
            Row::Floats(_) => None,
        }));
        if let Some(member) = member {
            member.receive(&mut workspace.activations[0], rows);
        }
        forward(workspace, 2..layers + 1);
        let cost = backprop::cost(isa, network, workspace, rows);
        if !cost.is_finite() {
            return Err(guard::cause_of_cost(isa, network, workspace, rows, cost));
        }
        backprop::output_error(isa, network, workspace, rows);
        for l in (2..=layers).rev() {
            backprop::backward(team, network, workspace, rows, l);
        }
        let update = settings.optimizer.step(settings.learning_rate, rows, state);
        guard.check(*worker, network, state, workspace, rows, &update)?;
        for l in (1..=layers).rev() {
            backprop::update(*worker, network, &mut state.layers[l - 1], workspace, rows, l, &update);
        }
        state.took(&update);
        Ok(cost)
    }
}

/// How many members should share `network`'s first layer, at most `cores`; 1 if phases are better. Never changes a result.
fn sharing(network: &Network, batch_size: usize, cores: usize) -> usize {
    /// What an exchange costs, and what members lose to one another's pace, in floating-point operations: measured,
    /// 0.7 µs at 200 GFLOP/s.
    const EXCHANGE: f64 = 150_000.0;
    /// What each line of 16 values costs that comes from another's cache: measured, 8 ns.
    const LINE: f64 = 1_600.0;
    /// What it costs to share one product in a phase.
    const PHASE: f64 = 300_000.0;
    /// A gain this small isn't worth another core.
    const LEAST_GAIN: f64 = 0.02;
    let [first, others @ ..] = network.layers() else { return 1 };
    // Others don't have what these need: a whole row, or Z_1.
    if first.activation().is_row_wise() || first.activation().needs_pre_activation() {
        return 1;
    }
    let product = |inputs: usize, outputs: usize| 2.0 * batch_size as f64 * inputs as f64 * outputs as f64;
    // Half of the inputs of an image are 0; forward and update.
    let shared = product(first.inputs(), first.outputs());
    let alone: f64 = others.iter().map(|layer| 3.0 * product(layer.inputs(), layer.outputs())).sum();
    let besides = besides_products(network, batch_size);
    let lines = first.outputs().div_ceil(16);
    let by_shares = |members: usize| {
        let part = lines.div_ceil(members) as f64 / lines as f64;
        let received = batch_size as f64 * lines as f64 * (1.0 - part);
        shared * part + alone + besides + if members > 1 { EXCHANGE + LINE * received } else { 0.0 }
    };
    let by_phases = |members: usize| {
        let phases = 2.0 + 3.0 * others.len() as f64;
        (shared + alone) / members as f64 + besides + if members > 1 { phases * PHASE } else { 0.0 }
    };
    let best = (1..=cores.min(lines)).min_by(|&a, &b| by_shares(a).total_cmp(&by_shares(b))).unwrap_or(1);
    let least = by_phases(cores).min((1.0 - LEAST_GAIN) * by_shares(1));
    if by_shares(best) < least { best } else { 1 }
}

/// Whether sharing single products among `members` makes the step shorter: what it saves against what the phases cost. Never
/// changes a result.
fn worth_phases(network: &Network, batch_size: usize, members: usize) -> bool {
    /// Smaller products stay on one thread.
    const LEAST: f64 = 8e5;
    /// A phase whose worker still spins: 1.5 µs.
    const WARM: f64 = 300_000.0;
    /// One whose worker has parked, because there was more to do between phases than it waits: measured, 15 µs.
    const COLD: f64 = 3e6;
    /// How long it waits: 50 µs.
    const WAIT: f64 = 1e7;
    let phase = if besides_products(network, batch_size) < WAIT / 2.0 { WARM } else { COLD };
    let layers = network.layers().iter().enumerate();
    let gains = layers.map(|(index, layer)| {
        let product = 2.0 * batch_size as f64 * layer.inputs() as f64 * layer.outputs() as f64;
        // Forward, update, and in all layers but the first the error of the one before.
        let products = if index == 0 { 2.0 } else { 3.0 };
        if product < LEAST { 0.0 } else { products * (product * (1.0 - 1.0 / members as f64) - phase) }
    });
    members > 1 && gains.sum::<f64>() > 0.0
}

/// What a step does besides products, in floating-point operations; everyone does nearly all of it.
fn besides_products(network: &Network, batch_size: usize) -> f64 {
    /// For an input of an example, and for a neuron: 0.4 and 1.6 ns, measured.
    const INPUT: f64 = 80.0;
    const NEURON: f64 = 320.0;
    let neurons: usize = network.layers().iter().map(Layer::outputs).sum();
    batch_size as f64 * (INPUT * network.inputs() as f64 + NEURON * neurons as f64)
}
