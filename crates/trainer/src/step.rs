//! The step of training: one minibatch, and one after the other.

use crate::backprop::{self, Worker};
use crate::error::Divergence;
use crate::guard::{self, Guard};
use crate::network::Network;
use crate::optimizer::OptimizerState;
use crate::trainer::Settings;
use crate::workspace::{Workspace, with_examples};
use minibatch_data::{Dataset, Shuffle};
use minibatch_kernels::Member;

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

impl Steps<'_> {
    /// How many there are before the end of the epoch.
    pub(crate) fn to_come(self) -> usize {
        self.steps.min((self.data.len() - self.position).div_ceil(self.settings.batch_size))
    }
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

/// What takes the step: one thread of a team with the whole network, or a member with its part.
pub(crate) struct Share<'a> {
    pub(crate) worker: Worker<'a>,
    pub(crate) network: &'a mut Network,
    pub(crate) state: &'a mut OptimizerState,
    pub(crate) workspace: &'a mut Workspace,
    pub(crate) guard: &'a mut Guard,
}

impl Share<'_> {
    /// Minibatch after minibatch, to the end of the steps or of the epoch, or until members hinder each other.
    pub(crate) fn train(mut self, steps: Steps<'_>, mut trained: Trained) -> Trained {
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
            if self.worker.member.is_some_and(Member::is_hindered) {
                break;
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
        workspace.expect(data, next);
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
