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
//! The last two are those of plain descent; other optimisers take (1/B)·Σ rows of Δ_l and (1/B)·Δ_lᵀ·A_{l−1} into their step.
//!
//! Layers are counted from 1 as in the equations, so layer l is `layers[l − 1]`. W_l is stored input-major, as W_lᵀ of
//! the equations. Nothing is allocated.

use crate::activation::Activation;
use crate::cost::Outputs;
use crate::network::Network;
use crate::optimizer::{LayerState, Step};
use crate::workspace::Workspace;
use minibatch_kernels::{
    Epilogue, Examples, Isa, Mat, MatMut, Matrix, Member, Panels, Start, Store, Team, TeamInputs,
    accumulate_gathered, descend, descend_gathered, descend_gemm, gather_gemm, gemm, scale_and_sum,
};
use std::ops::Range;

/// Who computes.
#[derive(Clone, Copy)]
pub(crate) struct Worker<'a> {
    /// Shares in each product.
    pub(crate) team: &'a Team<'a>,
    /// Set for one of several members that train on shares of their own: of the first layer's neurons it computes and
    /// updates its own only.
    pub(crate) member: Option<&'a Member<'a>>,
}

impl Worker<'_> {
    /// Which of the `neurons` of layer l are its own.
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
    /// A_{l−1} or Z_{l−1} (B × n_{l−1}), whichever σ_{l−1} needs
    saved: Mat<'a>,
}

impl Epilogue for Differentiate<'_> {
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, row: usize, col: usize) {
        let saved = self.saved.part(row..row + part.rows(), col..col + part.cols());
        self.activation.backward(isa, part, saved);
    }
}

/// All layers' activations A_l = σ_l(A_{l−1}·W_lᵀ + b_l) of the first `rows` of `examples`, which become A_0.
pub(crate) fn forward(
    team: &Team<'_>,
    network: &Network,
    workspace: &mut Workspace,
    examples: Examples<'_>,
    rows: usize,
) {
    let worker = Worker { team, member: None };
    forward_through(worker, network, workspace, examples, rows, 1..network.layers.len() + 1);
}

/// The activations of `layers`, counted from 1.
pub(crate) fn forward_through(
    worker: Worker<'_>,
    network: &Network,
    workspace: &mut Workspace,
    examples: Examples<'_>,
    rows: usize,
    layers: Range<usize>,
) {
    let team = worker.team;
    let Workspace { inputs, activations, pre_activations, .. } = workspace;
    for l in layers.start - 1..layers.end - 1 {
        let layer = &network.layers[l];
        let (before, from) = activations.split_at_mut(l);
        let (weights, start) = (layer.weights.view(), Start::Bias(&layer.biases));
        let activation = layer.activation();
        let own = worker.own_neurons(l + 1, from[0].cols());
        let output = &mut from[0].top_mut(rows).columns(own);
        let mut product = |output: &mut MatMut<'_>, epilogue: &dyn Epilogue| match before.last() {
            None => gather_gemm(team, inputs, examples, &layer.weights, output, start, epilogue),
            Some(input) => gemm(team, input.top(rows), weights, output, start, epilogue),
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
            // A part of a product isn't a row.
            None if activation.is_row_wise() => {
                product(output, &Store);
                team.share_rows(output, |isa, part, _| activation.forward(isa, part));
            }
            None => product(output, &Activate(activation)),
        }
    }
}

/// The output layer of the `rows` examples in the workspace.
fn outputs<'a>(isa: Isa, network: &'a Network, workspace: &'a Workspace, rows: usize) -> Outputs<'a> {
    let last = network.layers.len() - 1;
    Outputs {
        isa,
        activation: network.layers[last].activation(),
        z: workspace.pre_activations[last].as_ref().map(|z| z.top(rows)),
        a: workspace.activations[last].top(rows),
        y: workspace.targets.top(rows),
    }
}

/// The summed cost of the `rows` examples, in f64, examples in order.
pub(crate) fn cost(isa: Isa, network: &Network, workspace: &Workspace, rows: usize) -> f64 {
    network.cost.total(outputs(isa, network, workspace, rows))
}

/// BP1: Δ_L, from the pair of cost and output activation.
pub(crate) fn output_error(isa: Isa, network: &Network, workspace: &mut Workspace, rows: usize) {
    // Out of the workspace while the rest of it is read.
    let mut error = workspace.errors.pop().expect("a network has layers");
    network.cost.output_error(outputs(isa, network, workspace, rows), &mut error.top_mut(rows));
    workspace.errors.push(error);
}

/// BP2: Δ_{l−1} from Δ_l, for l = 2, …, L.
pub(crate) fn backward(team: &Team<'_>, network: &Network, workspace: &mut Workspace, rows: usize, l: usize) {
    let (before, from) = workspace.errors.split_at_mut(l - 1);
    let weights = network.layers[l - 1].weights.view().transposed();
    let activation = network.layers[l - 2].activation();
    let epilogue = Differentiate {
        activation,
        saved: match &workspace.pre_activations[l - 2] {
            Some(z) if activation.needs_pre_activation() => z.top(rows),
            _ => workspace.activations[l - 2].top(rows),
        },
    };
    gemm(team, from[0].top(rows), weights, &mut before[l - 2].top_mut(rows), Start::Zero, &epilogue);
}

/// BP3 and BP4: the step of layer l. Neither plain descent, whose gradient product goes on from the weights, nor another
/// optimiser, whose step is that product's epilogue, has a buffer for the weights' gradient. The step's factor is folded into Δ_l,
/// which afterwards is no longer the error. One of several members descends plainly.
pub(crate) fn update(
    worker: Worker<'_>,
    network: &mut Network,
    state: &mut LayerState,
    workspace: &mut Workspace,
    rows: usize,
    l: usize,
    step: &Step,
) {
    let team = worker.team;
    let Workspace { inputs, activations, errors, .. } = workspace;
    let layer = &mut network.layers[l - 1];
    let error = &mut errors[l - 1];
    let own = worker.own_neurons(l, error.cols());
    let scaled = &mut error.top_mut(rows).columns(own.clone());
    let Some(descent) = step.descent else {
        scale_and_sum(team, scaled, step.factor, &mut layer.biases);
        let error = error.top(rows).part(0..rows, own);
        return accumulate(team, inputs, activations, error, l, &mut layer.weights);
    };
    let LayerState { moments, bias_gradient } = state;
    bias_gradient.fill(0.0);
    scale_and_sum(team, scaled, step.factor, bias_gradient);
    let error = error.top(rows).part(0..rows, own);
    let mut take = |weights: &mut [MatMut<'_>], biases: &mut [MatMut<'_>]| {
        let gradient = Mat::row_major(bias_gradient, 1, bias_gradient.len());
        descend(team.isa(), descent.without_decay(), &mut row_mut(&mut layer.biases), biases, gradient);
        let parameters = &mut layer.weights.view_mut();
        match l {
            1 => descend_gathered(team, inputs, error, parameters, weights, descent),
            _ => {
                let input = activations[l - 2].top(rows).transposed();
                descend_gemm(team, input, error, parameters, weights, descent);
            }
        }
    };
    match &mut moments[..] {
        [m] => take(&mut [m.weights.view_mut()], &mut [row_mut(&mut m.biases)]),
        [m, v] => {
            let weights = &mut [m.weights.view_mut(), v.weights.view_mut()];
            take(weights, &mut [row_mut(&mut m.biases), row_mut(&mut v.biases)]);
        }
        _ => unreachable!("a step with moments has one or two"),
    }
}

/// A row of numbers as a matrix.
fn row_mut(row: &mut [f32]) -> MatMut<'_> {
    let len = row.len();
    MatMut::row_major(row, 1, len)
}

/// `weights` ← `weights` + A_{l−1}ᵀ·`error`, input-major as W_l.
pub(crate) fn accumulate(
    team: &Team<'_>,
    inputs: &TeamInputs,
    activations: &[Matrix],
    error: Mat<'_>,
    l: usize,
    weights: &mut Panels,
) {
    match l {
        1 => accumulate_gathered(team, inputs, error, weights),
        _ => {
            let input = activations[l - 2].top(error.rows()).transposed();
            gemm(team, input, error, &mut weights.view_mut(), Start::Scaled(1.0), &Store);
        }
    }
}
