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

use crate::backprop;
use crate::error::{Divergence, Error};
use crate::guard::{self, Guard};
use crate::network::Network;
use crate::trainer::Settings;
use crate::workspace::{Workspace, with_examples};
use minibatch_data::{Dataset, Row, Shuffle};
use minibatch_kernels::{Exchange, Member, Panels, Pool, Team};

/// Those who train, and what each needs for it.
#[derive(Debug)]
pub(crate) struct Crew {
    members: Vec<Box<Station>>,
    exchange: Exchange,
}

/// What one member trains with.
#[derive(Debug)]
struct Station {
    workspace: Workspace,
    /// Every member's says the same.
    guard: Guard,
    /// The member's part of the network while it trains; none if it has the whole.
    part: Option<Network>,
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
    /// For training `network` on `data` in minibatches of `batch_size`.
    ///
    /// # Errors
    ///
    /// If a weight or a bias isn't finite.
    pub(crate) fn new(
        pool: &Pool,
        network: &Network,
        data: &Dataset,
        batch_size: usize,
    ) -> Result<Crew, Error> {
        let sharing = sharing(network, batch_size, pool.cores());
        let guard = Guard::new(pool.isa(), network, data)?;
        let neurons = network.layers[0].outputs();
        let mut exchange = Exchange::new(sharing, batch_size, neurons);
        let mut members: Vec<_> = (0..sharing).map(|_| None).collect();
        pool.run(|team| {
            team.together(&mut exchange, &mut members, |member, station| {
                // Each makes its own: what one thread allocates lies apart from what another does, so that members don't take
                // lines from each other. They meet first, or a quick one would do another's work.
                member.largest(0.0);
                let teams = if sharing == 1 { pool.threads() } else { 1 };
                *station = Some(Box::new(Station {
                    workspace: Workspace::for_training(network, batch_size, teams),
                    guard: guard.clone(),
                    part: (sharing > 1).then(|| part_of(network, member.columns(neurons).len())),
                }));
            });
        });
        let members = members.into_iter().map(|station| station.expect("every member made one")).collect();
        Ok(Crew { members, exchange })
    }

    /// Trains `network`. `cost_sum` is the cost of the epoch so far.
    pub(crate) fn train(
        &mut self,
        pool: &Pool,
        network: &mut Network,
        steps: Steps<'_>,
        cost_sum: f64,
    ) -> Trained {
        let before = Trained { position: steps.position, cost_sum, diverged: None };
        let Crew { members, exchange } = self;
        if let [station] = &mut members[..] {
            let Station { workspace, guard, .. } = &mut **station;
            return pool
                .run(|team| Share { team, member: None, network, workspace, guard }.train(steps, before));
        }
        for (index, member) in members.iter_mut().enumerate() {
            member.take_part(
                network,
                Exchange::columns(network.layers[0].outputs(), exchange.members(), index).start,
            );
        }
        let mut shares: Vec<_> = members.iter_mut().map(|station| (station, before)).collect();
        pool.run(|team| {
            team.together(exchange, &mut shares, |member, (station, trained)| {
                let Station { workspace, guard, part } = &mut ***station;
                let network = part.as_mut().expect("every member of several has a part");
                let share = Share { team: member.team(), member: Some(member), network, workspace, guard };
                *trained = share.train(steps, before);
            });
        });
        let trained = shares[0].1;
        for (index, member) in members.iter().enumerate() {
            member.give_back(
                network,
                Exchange::columns(network.layers[0].outputs(), exchange.members(), index).start,
            );
        }
        trained
    }
}

/// Room for `own` neurons of the first layer of `network`, and for all of the other layers.
fn part_of(network: &Network, own: usize) -> Network {
    let mut part = network.clone();
    let first = &mut part.layers[0];
    first.weights = Panels::zeros(first.inputs(), own);
    first.biases = vec![0.0; own];
    part
}

impl Station {
    /// Takes the member's neurons of the first layer, from `start` on, and all of the other layers.
    fn take_part(&mut self, network: &Network, start: usize) {
        let part = self.part.as_mut().expect("every member of several has a part");
        for (l, (to, from)) in part.layers.iter_mut().zip(&network.layers).enumerate() {
            let start = if l == 0 { start } else { 0 };
            to.weights.copy_columns(0, &from.weights, start);
            let own = to.biases.len();
            to.biases.copy_from_slice(&from.biases[start..][..own]);
        }
    }

    /// Puts them back.
    fn give_back(&self, network: &mut Network, start: usize) {
        let part = self.part.as_ref().expect("every member of several has a part");
        for (l, (to, from)) in network.layers.iter_mut().zip(&part.layers).enumerate() {
            let start = if l == 0 { start } else { 0 };
            to.weights.copy_columns(start, &from.weights, 0);
            to.biases[start..][..from.biases.len()].copy_from_slice(&from.biases);
        }
    }
}

/// What takes the step: one thread of a team with the whole network, or a member with its part.
struct Share<'a> {
    team: &'a Team<'a>,
    member: Option<&'a Member<'a>>,
    network: &'a mut Network,
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
        let Share { team, member, network, workspace, guard } = self;
        let (team, member) = (*team, *member);
        let (isa, layers, rows) = (team.isa(), network.layers.len(), indices.len());
        let index = move |row: usize| indices[row] as usize;
        let forward = |workspace: &mut Workspace, layers| {
            with_examples(data, index, |examples| {
                backprop::forward_through(team, member, network, workspace, examples, rows, layers);
            });
        };
        forward(workspace, 1..2);
        if let Some(member) = member {
            member.send(&workspace.activations[0], rows);
        }
        workspace.take_targets(data, rows, index);
        // The first layer's update asks for them on its way.
        workspace.inputs.expect(next.iter().filter_map(|&index| match data.input(index as usize) {
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
        let factor = (-settings.learning_rate / rows as f64) as f32;
        guard.check(isa, member, network, workspace, rows, factor)?;
        for l in (1..=layers).rev() {
            backprop::update(team, member, network, workspace, rows, l, factor);
        }
        Ok(cost)
    }
}

/// How many members should share `network`'s first layer, at most `cores`; 1 if phases are better. Never changes a result.
fn sharing(network: &Network, batch_size: usize, cores: usize) -> usize {
    /// What an exchange costs, and what members lose to one another's pace, in floating-point operations: measured,
    /// 0.7 µs at 200 GFLOP/s.
    const EXCHANGE: f64 = 150_000.0;
    /// What it costs to share one product in a phase.
    const PHASE: f64 = 300_000.0;
    let [first, others @ ..] = network.layers() else { return 1 };
    // Others don't have what these need: a whole row, or Z_1.
    if first.activation().is_row_wise() || first.activation().needs_pre_activation() {
        return 1;
    }
    let product = |inputs: usize, outputs: usize| 2.0 * batch_size as f64 * inputs as f64 * outputs as f64;
    // Half of the inputs of an image are 0; forward and update.
    let shared = product(first.inputs(), first.outputs());
    let alone: f64 = others.iter().map(|layer| 3.0 * product(layer.inputs(), layer.outputs())).sum();
    let lines = first.outputs().div_ceil(16);
    let by_shares = |members: usize| {
        let part = lines.div_ceil(members) as f64 / lines as f64;
        shared * part + alone + if members > 1 { EXCHANGE } else { 0.0 }
    };
    let by_phases = |members: usize| {
        let phases = 2.0 + 3.0 * others.len() as f64;
        (shared + alone) / members as f64 + if members > 1 { phases * PHASE } else { 0.0 }
    };
    let best = (1..=cores.min(lines)).min_by(|&a, &b| by_shares(a).total_cmp(&by_shares(b))).unwrap_or(1);
    if by_shares(best) < by_phases(cores) { best } else { 1 }
}
