//! The four equations of backpropagation, a whole minibatch at a time. docs/backprop.md derives them.
//!
//! | | equation | here |
//! |---|---|---|
//! | | A_l = σ_l(A_{l−1}·W_lᵀ + b_l) | [`forward`] |
//! | BP1 | Δ_L = ∂C/∂A_L ⊙ σ′_L(Z_L) | [`output_error`] |
//! | BP2 | Δ_{l−1} = (Δ_l·W_l) ⊙ σ′_{l−1}(Z_{l−1}) | [`backward`] |
//! | BP3 | b_l ← b_l − (η/B)·Σ rows of Δ_l | [`update`] |
//! | BP4 | W_l ← W_l − (η/B)·Δ_lᵀ·A_{l−1} | [`update`] |
//!
//! BP3 and BP4 stand here as plain descent has them. Other optimisers take (1/B)·Σ rows of Δ_l and (1/B)·Δ_lᵀ·A_{l−1} into
//! their step.
//!
//! Layers are counted from 1 as in the equations, so layer l is `layers[l − 1]`. W_l is stored input-major, as W_lᵀ of
//! the equations. Nothing is allocated.

use super::workspace::{Workspace, output};
use crate::network::activation::Activation;
use crate::network::cost::{Cost, Outputs};
use crate::network::{Layer, LayerValues};
use crate::noise::{Context, Noise, Noises};
use crate::optimizer::{LayerStep, MOST_MOMENTS, PlainStep, RuleStep};
use minibatch_kernels::{
    Epilogue, Examples, Isa, Mat, MatMut, Matrix, Member, Panels, Start, Store, Team, TeamInputs,
    accumulate_gathered, descend, descend_gathered, descend_gemm, gather_gemm, gemm, scale, scale_and_sum,
};
use std::ops::Range;

/// The runner of the equations: a team that shares each product, or one of several members that each have a part of the network.
#[derive(Clone, Copy)]
pub(crate) struct Runner<'a> {
    /// The team that shares each product.
    pub(crate) team: &'a Team<'a>,
    /// The member that runs the equations on its part of the network. It computes and updates its own neurons of the first
    /// layer only. Its team is that member alone.
    pub(crate) member: Option<&'a Member<'a>>,
}

impl Runner<'_> {
    /// The range of the `neurons` of layer l that the runner computes.
    fn own_neurons(self, l: usize, neurons: usize) -> Range<usize> {
        match self.member {
            Some(member) if l == 1 => member.columns(neurons),
            _ => 0..neurons,
        }
    }
}

/// The epilogue of the forward product: Z_l becomes A_l.
pub(crate) struct Activate<'a>(pub(crate) &'a dyn Activation);

impl Epilogue for Activate<'_> {
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, _: usize, _: usize) {
        self.0.forward(isa, part);
    }
}

/// The epilogue of the backward product: Δ_l·W_l becomes Δ_{l−1}.
struct Differentiate<'a> {
    /// σ_{l−1}
    activation: &'a dyn Activation,
    /// The noise of A_{l−1}
    noise: Option<(&'a Noise, Context<'a>)>,
    /// A_{l−1} or Z_{l−1} (B × n_{l−1}), whichever σ_{l−1} needs
    saved: Mat<'a>,
}

impl Epilogue for Differentiate<'_> {
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, row: usize, col: usize) {
        if let Some((noise, at)) = self.noise {
            noise.backward(at.part(row, col), part);
        }
        let saved = self.saved.part(row..row + part.rows(), col..col + part.cols());
        self.activation.backward(isa, part, saved);
    }
}

/// All layers' activations A_l = σ_l(A_{l−1}·W_lᵀ + b_l) of the first `rows` of `examples`, which become A_0.
pub(crate) fn forward(
    team: &Team<'_>,
    layers: &[Layer],
    workspace: &mut Workspace,
    examples: Examples<'_>,
    rows: usize,
) {
    let runner = Runner { team, member: None };
    forward_through(runner, Noises::NONE, layers, workspace, examples, rows, 1..layers.len() + 1);
}

/// The activations of the layers in `range`, counted from 1.
pub(crate) fn forward_through(
    runner: Runner<'_>,
    noises: Noises<'_>,
    layers: &[Layer],
    workspace: &mut Workspace,
    examples: Examples<'_>,
    rows: usize,
    range: Range<usize>,
) {
    let team = runner.team;
    let Workspace { inputs, activations, noisy, pre_activations, .. } = workspace;
    for l in range.start - 1..range.end - 1 {
        let layer = &layers[l];
        let (before, from) = activations.split_at_mut(l);
        let input = before.last().map(|a| with_noise(team, noises, l, a, &mut noisy[l - 1], rows));
        let (weights, start) = (layer.weights.view(), Start::Bias(&layer.biases));
        let activation = layer.activation();
        let own = runner.own_neurons(l + 1, from[0].cols());
        let output = &mut from[0].top_mut(rows).columns(own);
        let mut product = |output: &mut MatMut<'_>, epilogue: &dyn Epilogue| match input {
            None => gather_gemm(team, inputs, examples, &layer.weights, output, start, epilogue),
            Some(input) => gemm(team, input, weights, output, start, epilogue),
        };
        match &mut pre_activations[l] {
            Some(z) => {
                product(&mut z.top_mut(rows), &Store);
                let (z, cols) = (z.top(rows), 0..layer.outputs());
                team.share_rows(output, |isa, part, first| {
                    part.copy_from(z.part(first..first + part.rows(), cols.clone()));
                    activation.forward(isa, part);
                });
            }
            // A row-wise activation needs whole rows, and a part of a product isn't one.
            None if activation.is_row_wise() => {
                product(output, &Store);
                team.share_rows(output, |isa, part, _| activation.forward(isa, part));
            }
            None => product(output, &Activate(activation)),
        }
    }
}

/// A_l as the next layer takes it: with its noise, for which there is room in `noisy`.
fn with_noise<'a>(
    team: &Team<'_>,
    noises: Noises<'_>,
    l: usize,
    a: &'a Matrix,
    noisy: &'a mut Option<Matrix>,
    rows: usize,
) -> Mat<'a> {
    let (Some((noise, at)), Some(noisy)) = (noises.of_layer(l), noisy) else { return a.top(rows) };
    let cols = 0..a.cols();
    team.share_rows(&mut noisy.top_mut(rows), |_, part, first| {
        part.copy_from(a.top(rows).part(first..first + part.rows(), cols.clone()));
        noise.forward(at.part(first, 0), part);
    });
    noisy.top(rows)
}

/// The output layer of the `rows` examples in the workspace.
fn outputs<'a>(isa: Isa, layers: &'a [Layer], workspace: &'a Workspace, rows: usize) -> Outputs<'a> {
    let last = layers.len() - 1;
    Outputs {
        isa,
        activation: layers[last].activation(),
        z: workspace.pre_activations[last].as_ref().map(|z| z.top(rows)),
        a: workspace.activations[last].top(rows),
        y: workspace.targets.top(rows),
    }
}

/// The summed cost of the `rows` examples, in f64, examples in order.
pub(crate) fn cost(isa: Isa, layers: &[Layer], cost: &dyn Cost, workspace: &Workspace, rows: usize) -> f64 {
    cost.total(outputs(isa, layers, workspace, rows))
}

/// BP1: Δ_L, from the pair of cost and output activation.
pub(crate) fn output_error(
    isa: Isa,
    layers: &[Layer],
    cost: &dyn Cost,
    workspace: &mut Workspace,
    rows: usize,
) {
    // The matrix is taken out of the workspace while the rest of it is read.
    let mut error = workspace.errors.pop().expect("a network has layers");
    cost.output_error(outputs(isa, layers, workspace, rows), &mut error.top_mut(rows));
    workspace.errors.push(error);
}

/// Multiplies the cost and the error Δ_L of each example by its sample weight. Returns the summed cost, examples in order, and
/// the sum of the weights.
pub(crate) fn weigh(
    isa: Isa,
    layers: &[Layer],
    cost: &dyn Cost,
    workspace: &mut Workspace,
    rows: usize,
    weight: impl Fn(usize) -> f32,
) -> (f64, f64) {
    let (mut total, mut sum) = (0.0, 0.0);
    for row in 0..rows {
        let weight = weight(row);
        let outputs = outputs(isa, layers, workspace, rows).example(row);
        total += f64::from(weight) * cost.total(outputs);
        sum += f64::from(weight);
        let error = workspace.errors.last_mut().expect("a network has layers");
        scale(isa, &mut error.rows_mut(row..row + 1), weight);
    }
    (total, sum)
}

/// BP2 for l = L, …, 2: the errors of all layers below the output layer.
pub(crate) fn backward(
    team: &Team<'_>,
    noises: Noises<'_>,
    layers: &[Layer],
    workspace: &mut Workspace,
    rows: usize,
) {
    (2..=layers.len()).rev().for_each(|l| backward_through(team, noises, layers, workspace, rows, l));
}

/// BP2: Δ_{l−1} from Δ_l.
fn backward_through(
    team: &Team<'_>,
    noises: Noises<'_>,
    layers: &[Layer],
    workspace: &mut Workspace,
    rows: usize,
    l: usize,
) {
    let (before, from) = workspace.errors.split_at_mut(l - 1);
    let weights = layers[l - 1].weights.view().transposed();
    let activation = layers[l - 2].activation();
    let epilogue = Differentiate {
        activation,
        noise: noises.of_layer(l - 1),
        saved: match &workspace.pre_activations[l - 2] {
            Some(z) if activation.needs_pre_activation() => z.top(rows),
            _ => workspace.activations[l - 2].top(rows),
        },
    };
    gemm(team, from[0].top(rows), weights, &mut before[l - 2].top_mut(rows), Start::Zero, &epilogue);
}

/// BP3 and BP4: the step of `layer`, which is layer l.
///
/// There is no buffer for the weights' gradient. In plain descent the gradient product goes on from the weights. In other
/// optimisers the step is that product's epilogue. The step's factor is folded into Δ_l, which afterwards is no longer the
/// error.
pub(crate) fn update(
    runner: Runner<'_>,
    layer: &mut Layer,
    moments: &mut [LayerValues],
    workspace: &mut Workspace,
    rows: usize,
    l: usize,
    step: LayerStep<'_>,
) {
    let team = runner.team;
    let Workspace { inputs, activations, noisy, errors, bias_gradient, .. } = workspace;
    let error = &mut errors[l - 1];
    let own = runner.own_neurons(l, error.cols());
    let scaled = &mut error.top_mut(rows).columns(own.clone());
    let bias_gradient = &mut bias_gradient[..own.len()];
    match step {
        LayerStep::Plain(PlainStep { factor, biases, start }) => {
            if biases == 1.0 {
                scale_and_sum(team, scaled, factor, &mut layer.biases);
            } else {
                bias_gradient.fill(0.0);
                scale_and_sum(team, scaled, factor, bias_gradient);
                layer.biases.iter_mut().zip(bias_gradient).for_each(|(b, g)| *b = biases.mul_add(*g, *b));
            }
            let error = error.top(rows).part(0..rows, own);
            accumulate(team, inputs, output(activations, noisy, l - 1), error, start, &mut layer.weights);
        }
        LayerStep::Rule(step) => {
            bias_gradient.fill(0.0);
            scale_and_sum(team, scaled, step.factor, bias_gradient);
            descend_biases(team, &mut layer.biases, moments, bias_gradient, &step);
            let error = error.top(rows).part(0..rows, own);
            let parameters = &mut layer.weights.view_mut();
            with_views(
                moments,
                |moment| moment.weights.view_mut(),
                |moments| match output(activations, noisy, l - 1) {
                    None => descend_gathered(team, inputs, error, parameters, moments, step.of_weights),
                    Some(input) => {
                        let input = input.top(rows).transposed();
                        descend_gemm(team, input, error, parameters, moments, step.of_weights);
                    }
                },
            );
        }
    }
}

/// Adds `factor` times the gradient of layer l to the workspace's, which stands by itself. The factor is folded into Δ_l, which
/// afterwards is no longer the error.
///
/// # Panics
///
/// If the workspace has no gradient.
pub(crate) fn add_gradient(team: &Team<'_>, workspace: &mut Workspace, rows: usize, l: usize, factor: f32) {
    let Workspace { inputs, activations, noisy, errors, gradient, .. } = workspace;
    let gradient = &mut gradient.as_mut().expect("a workspace for the whole gradient")[l - 1];
    let error = &mut errors[l - 1];
    scale_and_sum(team, &mut error.top_mut(rows), factor, &mut gradient.biases);
    let input = output(activations, noisy, l - 1);
    accumulate(team, inputs, input, error.top(rows), 1.0, &mut gradient.weights);
}

/// The step of `layer` against a gradient that stands by itself.
///
/// # Panics
///
/// If it is a step whose gradient product goes on from the parameters.
pub(crate) fn descend_by(
    team: &Team<'_>,
    layer: &mut Layer,
    moments: &mut [LayerValues],
    gradient: &LayerValues,
    step: LayerStep<'_>,
) {
    let LayerStep::Rule(step) = step else { panic!("a step of a gradient that stands by itself") };
    descend_biases(team, &mut layer.biases, moments, &gradient.biases, &step);
    let (parameters, gradient) = (&mut layer.weights.view_mut(), gradient.weights.view());
    with_views(
        moments,
        |moment| moment.weights.view_mut(),
        |moments| descend(team, step.of_weights, parameters, moments, gradient),
    );
}

fn descend_biases(
    team: &Team<'_>,
    biases: &mut [f32],
    moments: &mut [LayerValues],
    gradient: &[f32],
    step: &RuleStep<'_>,
) {
    let gradient = Mat::row_major(gradient, 1, gradient.len());
    with_views(
        moments,
        |moment| row_mut(&mut moment.biases),
        |moments| descend(team, step.of_biases, &mut row_mut(biases), moments, gradient),
    );
}

/// Calls `f` with a view of each moment. A step has no list to allocate.
fn with_views<'m>(
    moments: &'m mut [LayerValues],
    view: impl Fn(&'m mut LayerValues) -> MatMut<'m>,
    f: impl FnOnce(&mut [MatMut<'m>]),
) {
    let empty = || MatMut::row_major(&mut [], 0, 0);
    let mut views: [MatMut<'m>; MOST_MOMENTS] = std::array::from_fn(|_| empty());
    let count = moments.len();
    views.iter_mut().zip(moments).for_each(|(slot, moment)| *slot = view(moment));
    f(&mut views[..count]);
}

/// A row of numbers as a matrix.
fn row_mut(row: &mut [f32]) -> MatMut<'_> {
    let len = row.len();
    MatMut::row_major(row, 1, len)
}

/// `weights` ← `start`·`weights` + A_{l−1}ᵀ·`error`, input-major as W_l. A_{l−1} is `input`, or what was gathered.
fn accumulate(
    team: &Team<'_>,
    gathered: &TeamInputs,
    input: Option<&Matrix>,
    error: Mat<'_>,
    start: f32,
    weights: &mut Panels,
) {
    match input {
        None => accumulate_gathered(team, gathered, error, start, weights),
        Some(input) => {
            let input = input.top(error.rows()).transposed();
            gemm(team, input, error, &mut weights.view_mut(), Start::Scaled(start), &Store);
        }
    }
}
