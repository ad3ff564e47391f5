//! Keeps training among the finite numbers: a step that could leave them is refused before anything is written.
//!
//! ```text
//! e = largest error of layer l            a = largest input of layer l
//! gradient = rows · factor · e · a        no element of the gradient is larger
//! after(l) = what the optimiser makes of bound(l) with it at most
//! after(l) > LIMIT?                       set bound(l) to the largest numbers there are, and after(l) anew
//! bound(l) = after(l)
//! bound(l) > LIMIT?                       refuse the step
//! ```

use super::backprop::Runner;
use super::workspace::Workspace;
use crate::error::{Divergence, Error};
use crate::input_scaling::InputScaling;
use crate::network::{Layer, LayerValues, Network};
use crate::optimizer::{Growth, LayerState, LayerStep, MOST_MOMENTS, OptimizerState, Step};
use minibatch_data::{Dataset, Row};
use minibatch_kernels::{Isa, Mat, max_magnitude, max_magnitudes};

/// The largest magnitude that a weight or bias may have. It is below the largest f32 by more than a chain of additions can
/// round.
const LIMIT: f64 = f32::MAX as f64 * 0.99;

/// Bounds of the numbers that go into an update.
///
/// A check reads no weights. It adds to a bound the most that the step can add to a weight. Only when the bound passes
/// [`LIMIT`] are the weights themselves read, and that happens in a run that goes astray.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// The bound of the data's inputs: none is larger. It is at least 1, the input of a bias.
    data: f64,
    /// The bound of the inputs in the step that is checked. It is another if they are changed.
    inputs: f64,
    /// The bounds of each layer l: no weight, bias or moment of it is larger. Where factors of the inputs are learned, those of
    /// layer 1 are for its weights without them.
    layers: Vec<Growth>,
    /// The bounds of the inputs' factors, where they are learned.
    factors: Growth,
    /// The largest error of each layer, then the largest activation of each layer but the last, in the step that is checked.
    found: Vec<f32>,
}

impl Guard {
    /// Bounds of a network and the data that it is to be trained on.
    ///
    /// # Errors
    ///
    /// If a weight or a bias isn't finite.
    pub(crate) fn new(isa: Isa, network: &Network, data: &Dataset) -> Result<Guard, Error> {
        let mut guard = Guard::of(isa, network)?;
        for example in 0..data.len() {
            let Row::Floats(values) = data.input(example) else { break };
            // Datasets hold finite numbers only.
            guard.data = f64::from(max_magnitude(isa, slice(values))).max(guard.data);
        }
        guard.inputs = guard.data;
        Ok(guard)
    }

    /// Bounds of a network whose gradients are given.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub(crate) fn of(isa: Isa, network: &Network) -> Result<Guard, Error> {
        let mut bounds = Vec::new();
        for (l, layer) in (1..).zip(network.layers()) {
            let mut magnitudes = layer.slices().map(|values| magnitude(isa, values, l));
            let largest = magnitudes.try_fold(0.0, |largest, x| Ok::<f64, Error>(x?.max(largest)))?;
            bounds.push(Growth::new(largest, [0.0; MOST_MOMENTS]));
        }
        let (found, factors) = (vec![0.0; 2 * bounds.len() - 1], Growth::new(1.0, [0.0; MOST_MOMENTS]));
        Ok(Guard { data: 1.0, inputs: 1.0, layers: bounds, factors, found })
    }

    /// Takes account of the moments that an optimiser begins with, all of them finite.
    pub(crate) fn look_at(&mut self, isa: Isa, state: &OptimizerState) {
        for (bounds, layer) in self.layers.iter_mut().zip(&state.layers) {
            bounds.moments = largest_moments(isa, layer);
        }
        if let Some(scaling) = &state.scaling {
            self.factors = of_factors(isa, scaling);
            let weights = (0..scaling.weights.rows()).flat_map(|k| scaling.weights.row_slices(k));
            let largest = weights.fold(0.0, |largest, row| max_magnitude(isa, slice(row)).max(largest));
            self.layers[0].parameters = self.layers[0].parameters.max(largest.into());
        }
    }

    /// Checks that a step with these activations and errors keeps every number finite, moments included. All members that train
    /// in shares come to the same answer.
    pub(crate) fn check(
        &mut self,
        runner: Runner<'_>,
        layers: &[Layer],
        state: &OptimizerState,
        workspace: &Workspace,
        rows: usize,
        update: &Step<'_>,
    ) -> Result<(), Divergence> {
        self.look_for_the_largest(runner, workspace, layers.len(), rows);
        for l in (1..=layers.len()).rev() {
            let (errors, inputs) = self.largest_of_layer(l, layers.len())?;
            let factor = f64::from(update.of_layer(l, state).factor().abs());
            self.admit(runner, layers, state, update, l, rows as f64 * factor * errors * inputs)?;
        }
        Ok(())
    }

    /// Checks that errors and activations of a minibatch are finite. A gradient that follows from them is checked by itself.
    pub(crate) fn check_errors(
        &mut self,
        runner: Runner<'_>,
        workspace: &Workspace,
        count: usize,
        rows: usize,
    ) -> Result<(), Divergence> {
        self.look_for_the_largest(runner, workspace, count, rows);
        (1..=count).rev().try_for_each(|l| self.largest_of_layer(l, count).map(|_| ()))
    }

    /// Checks that a step against `gradient(l)`, l = 1, …, L, keeps every number finite. Factors of the inputs and their gradient come
    /// as `scaling`, where they are learned.
    pub(crate) fn check_gradient<'g>(
        &mut self,
        runner: Runner<'_>,
        layers: &[Layer],
        state: &OptimizerState,
        gradient: impl Fn(usize) -> &'g LayerValues,
        scaling: Option<&InputScaling>,
        update: &Step<'_>,
    ) -> Result<(), Divergence> {
        let isa = runner.team.isa();
        for l in (1..=layers.len()).rev() {
            let largest = gradient(l).slices().map(|values| max_magnitude(isa, slice(values)));
            // NaN stays: `max` would take the other number.
            let largest = largest.fold(0.0, |a: f32, b| if a.is_nan() || a >= b { a } else { b });
            if !largest.is_finite() {
                return Err(Divergence::Update { layer: l });
            }
            self.admit(runner, layers, state, update, l, largest.into())?;
        }
        if let Some(scaling) = scaling {
            let largest = f64::from(max_magnitude(isa, slice(&scaling.gradient)));
            let step = LayerStep::Rule(update.of_factors(state));
            let is_admitted = admit(&mut self.factors, &step, largest, || of_factors(isa, scaling));
            // A bound of the products. Bounds grow by the steps alone, so runs that learn stay far below.
            let weights = self.factors.parameters * self.layers[0].parameters;
            if !(largest.is_finite() && is_admitted && weights <= LIMIT) {
                return Err(Divergence::Update { layer: 1 });
            }
        }
        Ok(())
    }

    /// Finds the largest errors and activations of a minibatch.
    fn look_for_the_largest(&mut self, runner: Runner<'_>, workspace: &Workspace, count: usize, rows: usize) {
        // The errors of all layers, then the activations that are inputs of a layer.
        let matrix = |i: usize| match i.checked_sub(count) {
            None => workspace.errors[i].top(rows),
            Some(hidden) => workspace.output(hidden + 1).top(rows),
        };
        max_magnitudes(runner.team, matrix, &mut self.found);
        // Bytes are 1 at most.
        let numbers = workspace.changed.as_ref().and_then(|changed| changed.all_numbers(rows));
        self.inputs = numbers.map_or(self.data, |numbers| {
            let largest = f64::from(max_magnitude(runner.team.isa(), numbers));
            // NaN stays: `max` would take the other number.
            if largest.is_nan() { largest } else { largest.max(1.0) }
        });
    }

    /// The largest error and the largest input of layer l, as [found](Self::look_for_the_largest).
    fn largest_of_layer(&self, l: usize, count: usize) -> Result<(f64, f64), Divergence> {
        let errors = self.found[l - 1];
        if !errors.is_finite() {
            return Err(Divergence::Error { layer: l });
        }
        let inputs = match l {
            1 if self.inputs.is_finite() => self.inputs,
            1 => return Err(Divergence::Activation { layer: 0 }),
            _ => match self.found[count + l - 2] {
                largest if largest.is_finite() => f64::from(largest).max(1.0),
                _ => return Err(Divergence::Activation { layer: l - 1 }),
            },
        };
        Ok((errors.into(), inputs))
    }

    /// Admits the step of layer l against a gradient that is at most so large, or refuses it.
    fn admit(
        &mut self,
        runner: Runner<'_>,
        layers: &[Layer],
        state: &OptimizerState,
        update: &Step<'_>,
        l: usize,
        gradient: f64,
    ) -> Result<(), Divergence> {
        let isa = runner.team.isa();
        let now = || {
            let magnitudes = layers[l - 1].slices().map(|values| max_magnitude(isa, slice(values)));
            let largest = f64::from(magnitudes.fold(0.0, f32::max));
            // A member has a part of the first layer only.
            let member = runner.member.filter(|_| l == 1);
            // The numbers are f32.
            let of_all = |x: f64| member.map_or(x, |member| f64::from(member.largest(x as f32)));
            let moments = largest_moments(isa, &state.layers[l - 1]).map(of_all);
            Growth::new(of_all(largest), moments)
        };
        match admit(&mut self.layers[l - 1], &update.of_layer(l, state), gradient, now) {
            true => Ok(()),
            false => Err(Divergence::Update { layer: l }),
        }
    }
}

/// Makes `bounds` those after `step` against a gradient that is at most so large. Whether nothing is then beyond the limit. If
/// it seems so, the bounds `now` are read anew.
fn admit(bounds: &mut Growth, step: &LayerStep<'_>, gradient: f64, now: impl FnOnce() -> Growth) -> bool {
    let after = step.grown(*bounds, gradient);
    *bounds = if after.is_within(LIMIT) { after } else { step.grown(now(), gradient) };
    bounds.is_within(LIMIT)
}

/// The largest of the inputs' factors, and of their moments.
fn of_factors(isa: Isa, scaling: &InputScaling) -> Growth {
    let largest = |values: &[f32]| f64::from(max_magnitude(isa, slice(values)));
    let mut moments = [0.0; MOST_MOMENTS];
    moments.iter_mut().zip(&scaling.moments).for_each(|(to, moment)| *to = largest(moment));
    Growth::new(largest(&scaling.factors), moments)
}

/// The reason why the minibatch's cost isn't finite.
pub(crate) fn cause_of_cost(isa: Isa, workspace: &Workspace, rows: usize, cost: f64) -> Divergence {
    let count = workspace.activations.len();
    let finite = |l: &usize| max_magnitude(isa, workspace.activations[l - 1].top(rows)).is_finite();
    match (1..=count).find(|l| !finite(l)) {
        Some(layer) => Divergence::Activation { layer },
        None => Divergence::Cost { layer: count, cost },
    }
}

/// The largest moments of a layer.
fn largest_moments(isa: Isa, moments: &LayerState) -> [f64; MOST_MOMENTS] {
    let mut largest = [0.0_f64; MOST_MOMENTS];
    for (largest, moment) in largest.iter_mut().zip(moments) {
        let magnitudes = moment.slices().map(|values| f64::from(max_magnitude(isa, slice(values))));
        *largest = magnitudes.fold(0.0, f64::max);
    }
    largest
}

/// The largest magnitude of `values`, weights or biases of layer l. An error if one isn't finite.
fn magnitude(isa: Isa, values: &[f32], l: usize) -> Result<f64, Error> {
    match values.iter().find(|x| !x.is_finite()) {
        None => Ok(max_magnitude(isa, slice(values)).into()),
        Some(found) => {
            let what = format!("a weight or bias of layer {l}");
            Err(Error::NotFinite { what, found: found.to_string() })
        }
    }
}

fn slice(values: &[f32]) -> Mat<'_> {
    Mat::row_major(values, 1, values.len())
}
