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
//! Layers are counted from 1 as in the equations, so layer l is `layers[l − 1]`. W_l is stored input-major, as W_lᵀ of
//! the equations. Nothing is allocated.

use crate::activation::Activation;
use crate::network::Network;
use crate::workspace::Workspace;
use minibatch_kernels::{
    Epilogue, Examples, Isa, Mat, MatMut, Matrix, Panels, Start, Store, Team, TeamInputs,
    accumulate_gathered, add_column_sums, gather_gemm, gemm, scale,
};

/// The epilogue of the forward product: Z_l becomes A_l.
struct Activate<'a>(&'a dyn Activation);

impl Epilogue for Activate<'_> {
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, _: usize, _: usize) {
        self.0.forward(isa, part);
    }
}

/// The epilogue of the backward product: Δ_l·W_l becomes Δ_{l−1}.
struct Differentiate<'a> {
    /// σ_{l−1}
    activation: &'a dyn Activation,
    /// A_{l−1} (B × n_{l−1})
    a: Mat<'a>,
}

impl Epilogue for Differentiate<'_> {
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, row: usize, col: usize) {
        let a = self.a.part(row..row + part.rows(), col..col + part.cols());
        self.activation.backward(isa, part, a);
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
    let Workspace { inputs, activations, .. } = workspace;
    for (l, layer) in network.layers.iter().enumerate() {
        let (before, from) = activations.split_at_mut(l);
        let (weights, output) = (layer.weights.view(), &mut from[0].top_mut(rows));
        let (start, epilogue) = (Start::Bias(&layer.biases), &Activate(layer.activation()));
        match before.last() {
            None => gather_gemm(team, inputs, examples, weights, output, start, epilogue),
            Some(input) => gemm(team, input.top(rows), weights, output, start, epilogue),
        }
    }
}

/// The summed cost of the `rows` examples, in f64, examples in order.
pub(crate) fn cost(network: &Network, workspace: &Workspace, rows: usize) -> f64 {
    let (outputs, targets) = (workspace.outputs(), &workspace.targets);
    (0..rows).map(|row| network.cost.value(outputs.row(row), targets.row(row))).sum()
}

/// BP1: Δ_L, from the pair of cost and output activation.
pub(crate) fn output_error(isa: Isa, network: &Network, workspace: &mut Workspace, rows: usize) {
    let Workspace { activations, errors, targets, .. } = workspace;
    let last = network.layers.len() - 1;
    let (a, y) = (activations[last].top(rows), targets.top(rows));
    let activation = network.layers[last].activation();
    network.cost.output_error(isa, activation, a, y, &mut errors[last].top_mut(rows));
}

/// BP2: Δ_{l−1} from Δ_l, for l = 2, …, L.
pub(crate) fn backward(team: &Team<'_>, network: &Network, workspace: &mut Workspace, rows: usize, l: usize) {
    let (before, from) = workspace.errors.split_at_mut(l - 1);
    let weights = network.layers[l - 1].weights.view().transposed();
    let epilogue = Differentiate {
        activation: network.layers[l - 2].activation(),
        a: workspace.activations[l - 2].top(rows),
    };
    gemm(team, from[0].top(rows), weights, &mut before[l - 2].top_mut(rows), Start::Zero, &epilogue);
}

/// BP3 and BP4: the step of plain gradient descent for layer l, the weights' without a gradient buffer. −η/B
/// (`factor`) is folded into Δ_l, which afterwards is no longer the error.
pub(crate) fn update(
    team: &Team<'_>,
    network: &mut Network,
    workspace: &mut Workspace,
    rows: usize,
    l: usize,
    factor: f32,
) {
    let Workspace { inputs, activations, errors, .. } = workspace;
    let layer = &mut network.layers[l - 1];
    let error = &mut errors[l - 1];
    scale(team.isa(), &mut error.top_mut(rows), factor);
    let error = error.top(rows);
    add_column_sums(team.isa(), error, &mut layer.biases);
    accumulate(team, inputs, activations, error, l, &mut layer.weights);
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
        1 => accumulate_gathered(team, inputs, error, &mut weights.view_mut()),
        _ => {
            let input = activations[l - 2].top(error.rows()).transposed();
            gemm(team, input, error, &mut weights.view_mut(), Start::Scaled(1.0), &Store);
        }
    }
}
