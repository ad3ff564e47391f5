//! One step, and one step after the other.

use super::backprop::{self, Runner};
use super::guard::{self, Guard};
use super::whole;
use super::workspace::Workspace;
use crate::augment::{self, Changed, Form};
use crate::error::Divergence;
use crate::examples::with_examples;
use crate::network::Layer;
use crate::network::cost::Cost;
use crate::noise::Noises;
use crate::optimizer::{OptimizerState, Step};
use crate::schedule::Course;
use crate::settings::Settings;
use minibatch_data::{Dataset, Shuffle};
use minibatch_kernels::{Examples, Member, Team, limit_columns};

/// Steps to take.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    pub(crate) data: &'a Dataset,
    pub(crate) shuffle: &'a Shuffle,
    pub(crate) settings: &'a Settings,
    pub(crate) course: &'a Course,
    /// The number of the epoch's first step in the run, counted from 0.
    pub(crate) first: u64,
    /// Examples of the epoch that have been trained on.
    pub(crate) position: usize,
    /// Minibatches at most.
    pub(crate) steps: usize,
    /// Whether correctly classified examples are counted.
    pub(crate) counts: bool,
}

impl<'a> Steps<'a> {
    /// The number of steps before the end of the epoch.
    pub(crate) fn to_come(self) -> usize {
        let end = self.settings.epoch_examples(self.data.len());
        self.steps.min((end - self.position).div_ceil(self.settings.batch_size))
    }

    /// The minibatch that begins at `position` in the epoch. It is empty at the epoch's end.
    fn minibatch(self, position: usize) -> &'a [u32] {
        let Steps { data, shuffle, settings, .. } = self;
        let left = settings.epoch_examples(data.len()) - position;
        shuffle.minibatch(position, settings.batch_size.min(left))
    }

    /// The number in the run of the step that begins at `position` in the epoch, counted from 0.
    fn number(self, position: usize) -> u64 {
        self.first + (position / self.settings.batch_size) as u64
    }
}

/// The state that training came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trained {
    /// Examples of the epoch that have been trained on by now.
    pub(crate) position: usize,
    /// The summed cost of these examples, in f64. Each minibatch's cost is added to the sum before it.
    pub(crate) cost_sum: f64,
    /// Those of the examples trained on in these steps that were classified correctly, before their minibatches' updates. 0 if
    /// they aren't counted.
    pub(crate) correct: usize,
    /// The reason why the next step was refused, if it was.
    pub(crate) diverged: Option<Divergence>,
}

/// All that a step works on: the layers of a whole network, or of a member's part of one.
pub(crate) struct Stepper<'a> {
    pub(crate) runner: Runner<'a>,
    pub(crate) layers: &'a mut [Layer],
    pub(crate) cost: &'a dyn Cost,
    pub(crate) state: &'a mut OptimizerState,
    pub(crate) workspace: &'a mut Workspace,
    pub(crate) guard: &'a mut Guard,
}

impl Stepper<'_> {
    /// Takes one step after the other, to the end of `steps` or of the epoch, or until members hinder each other.
    pub(crate) fn train(mut self, steps: Steps<'_>, mut trained: Trained) -> Trained {
        for _ in 0..steps.steps {
            let indices = steps.minibatch(trained.position);
            if indices.is_empty() {
                break;
            }
            let next = steps.minibatch(trained.position + indices.len());
            let number = steps.number(trained.position);
            match self.step(steps, number, indices, next) {
                Ok((cost, correct)) => {
                    trained.cost_sum += cost;
                    trained.correct += correct;
                    trained.position += indices.len();
                }
                Err(cause) => {
                    trained.diverged = Some(cause);
                    break;
                }
            }
            if self.runner.member.is_some_and(Member::is_hindered) {
                break;
            }
        }
        trained
    }

    /// One minibatch: forward, output error, for l = L, …, 2 the error below, and, if all of that is finite, the updates.
    /// Returns its summed cost and its correctly classified examples, before the update.
    fn step(
        &mut self,
        steps: Steps<'_>,
        number: u64,
        indices: &[u32],
        next: &[u32],
    ) -> Result<(f64, usize), Divergence> {
        let Steps { data, settings, course, .. } = steps;
        let Stepper { runner, layers, cost, state, workspace, .. } = self;
        let Runner { team, member } = *runner;
        let (isa, count, rows) = (team.isa(), layers.len(), indices.len());
        let index = move |row: usize| indices[row] as usize;
        let noises = Noises::new(isa, &settings.noise, settings.seed, number, indices);
        // It is taken out of the workspace while the rest of it is written.
        let mut changed = workspace.changed.take();
        assert_eq!(
            changed.is_some(),
            settings.changes_inputs(),
            "no step goes on after a panic in augmentation"
        );
        if let Some(changed) = &mut changed {
            change_inputs(team, steps, noises, number, indices, changed, workspace);
        }
        let forward = |workspace: &mut Workspace, range| {
            let take = |examples: Examples<'_>| {
                backprop::forward_through(*runner, noises, layers, workspace, examples, rows, range);
            };
            match changed.as_ref().map(|changed| (changed, changed.form())) {
                Some((changed, Form::Bytes)) => take(Examples::Bytes(&|row| changed.bytes(row))),
                Some((changed, Form::Numbers)) => take(Examples::Floats(&|row| changed.numbers(row))),
                None | Some((_, Form::Data)) => with_examples(data, index, take),
            }
        };
        forward(workspace, 1..2);
        if let Some(member) = member {
            member.send(&workspace.activations[0], rows);
        }
        if changed.is_none() {
            workspace.take_targets(data, settings.label_smoothing, rows, index);
        }
        workspace.expect(data, next);
        if let Some(member) = member {
            member.receive(&mut workspace.activations[0], rows);
        }
        forward(workspace, 2..count + 1);
        workspace.changed = changed;
        let mut total = backprop::cost(isa, layers, *cost, workspace, rows);
        if !total.is_finite() {
            return Err(guard::cause_of_cost(isa, workspace, rows, total));
        }
        let correct = if steps.counts { workspace.correct(data, rows, index) } else { 0 };
        backprop::output_error(isa, layers, *cost, workspace, rows);
        let mut divisor = rows as f64;
        if let Some(weights) = data.sample_weights() {
            let (cost, sum) = backprop::weigh(isa, layers, *cost, workspace, rows, |row| weights[index(row)]);
            // The gradient is 0 if all weights of the minibatch are, whatever it is divided by.
            divisor = if sum > 0.0 { sum } else { 1.0 };
            // The weighted mean, as often as there are examples.
            total = cost / divisor * rows as f64;
        }
        backprop::backward(team, noises, layers, workspace, rows);
        let rates = settings.rates(course, number, data.len());
        let rates = rates.ok_or(Divergence::LearningRate { step: number })?;
        let whole = settings.needs_whole_gradient();
        let update = settings.optimizer.step(rates, divisor, whole, state);
        match whole {
            false => self.update(rows, &update)?,
            true => self.update_by_whole_gradient(rows, &update, settings)?,
        }
        self.state.took();
        self.constrain(settings.max_norm);
        self.average(steps, number);
        Ok((total, correct))
    }

    /// Shortens the weights into each hidden unit to the largest norm.
    fn constrain(&mut self, max_norm: Option<f64>) {
        if let Some(most) = max_norm
            && let Some((_, hidden)) = self.layers.split_last_mut()
        {
            hidden
                .iter_mut()
                .for_each(|layer| limit_columns(self.runner.team, &mut layer.weights, most as f32));
        }
    }

    /// Takes the weights after the step of this number into their average.
    fn average(&mut self, steps: Steps<'_>, number: u64) {
        let Steps { data, settings, course, .. } = steps;
        if let (Some(average), Some(averaged)) = (&settings.average, &mut self.state.averaged) {
            let at = course.at(number, settings.epoch_steps(data.len()) as u64);
            averaged.took(self.runner.team, self.layers, average, at);
        }
    }

    /// Updates layer after layer, each by its own gradient product.
    fn update(&mut self, rows: usize, update: &Step<'_>) -> Result<(), Divergence> {
        let Stepper { runner, layers, state, workspace, guard, .. } = self;
        guard.check(*runner, layers, state, workspace, rows, update)?;
        for l in (1..=layers.len()).rev() {
            let (layer, step) = (&mut layers[l - 1], update.of_layer(l, state));
            backprop::update(*runner, layer, &mut state.layers[l - 1], workspace, rows, l, step);
        }
        Ok(())
    }

    /// Computes the gradient of all layers, changes it as the settings say, and then updates them.
    fn update_by_whole_gradient(
        &mut self,
        rows: usize,
        update: &Step<'_>,
        settings: &Settings,
    ) -> Result<(), Divergence> {
        let Stepper { runner, layers, state, workspace, guard, .. } = self;
        guard.check_errors(*runner, workspace, layers.len(), rows)?;
        workspace.clear_gradient();
        for l in (1..=layers.len()).rev() {
            backprop::add_gradient(runner.team, workspace, rows, l, update.mean());
        }
        let gradient = workspace.gradient.as_mut().expect("a workspace for the whole gradient");
        let clip = settings.clip.as_ref();
        whole::descend(
            runner.team,
            layers,
            state,
            gradient,
            clip,
            update,
            |layers, state, gradient, scaling| {
                guard.check_gradient(*runner, layers, state, |l| &gradient[l - 1], scaling, update)
            },
        )
    }
}

/// Changes the inputs of a minibatch, in `changed`, and its targets, in the workspace, as the settings say.
fn change_inputs(
    team: &Team<'_>,
    steps: Steps<'_>,
    noises: Noises<'_>,
    number: u64,
    indices: &[u32],
    changed: &mut Changed,
    workspace: &mut Workspace,
) {
    let Steps { data, settings, .. } = steps;
    changed.begin();
    workspace.take_targets(data, settings.label_smoothing, indices.len(), |row| indices[row] as usize);
    let step = (settings.seed, number, indices);
    augment::apply(&settings.augment, team, data, step, changed, &mut workspace.targets);
    if let Some((noise, at)) = noises.of_layer(0) {
        noise.forward(at, &mut changed.make_numbers(team.isa(), data, indices));
    }
}
