//! Keeps training among the finite numbers: a step that could leave them is refused before anything is written.

use crate::error::{Divergence, Error};
use crate::network::{Layer, Network};
use crate::workspace::Workspace;
use minibatch_data::{Dataset, Row};
use minibatch_kernels::{Isa, Mat, Member, max_magnitude};

/// What the magnitude of a weight or bias may grow to. Below the largest f32 by more than the roundings of a chain of
/// additions can be.
const LIMIT: f64 = f32::MAX as f64 * 0.99;

/// Bounds of all that goes into an update.
///
/// No update sweeps the weights: step by step, what a step can at most add to a weight is added to a bound. Only where
/// that passes [`LIMIT`] are the weights themselves looked at, and that is where a run goes astray.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// No input is larger, nor are the biases' inputs of 1.
    inputs: f64,
    /// No weight or bias of layer l is larger.
    parameters: Vec<f64>,
}

impl Guard {
    /// Looks at all that training starts from.
    ///
    /// # Errors
    ///
    /// If a weight or a bias isn't finite.
    pub(crate) fn new(isa: Isa, network: &Network, data: &Dataset) -> Result<Guard, Error> {
        let mut inputs = 1.0;
        for example in 0..data.len() {
            let Row::Floats(values) = data.input(example) else { break };
            // Datasets hold finite numbers only.
            inputs = f64::from(max_magnitude(isa, slice(values))).max(inputs);
        }
        let mut parameters = Vec::new();
        for (l, layer) in (1..).zip(network.layers()) {
            let mut magnitudes = blocks(layer).map(|block| magnitude(isa, block, l));
            parameters.push(magnitudes.try_fold(0.0, |largest, x| Ok::<f64, Error>(x?.max(largest)))?);
        }
        Ok(Guard { inputs, parameters })
    }

    /// Whether a step with these activations and errors, updating by `factor`·Δ_lᵀ·A_{l−1}, keeps every number finite.
    /// Where a `member` of several asks, all get the same answer.
    pub(crate) fn check(
        &mut self,
        isa: Isa,
        member: Option<&Member<'_>>,
        network: &Network,
        workspace: &Workspace,
        rows: usize,
        factor: f32,
    ) -> Result<(), Divergence> {
        for l in (1..=network.layers().len()).rev() {
            let errors = max_magnitude(isa, workspace.errors[l - 1].top(rows));
            if !errors.is_finite() {
                return Err(Divergence::Error { layer: l });
            }
            let inputs = match l {
                1 => self.inputs,
                _ => match max_magnitude(isa, workspace.activations[l - 2].top(rows)) {
                    largest if largest.is_finite() => f64::from(largest).max(1.0),
                    _ => return Err(Divergence::Activation { layer: l - 1 }),
                },
            };
            let step = rows as f64 * f64::from(factor.abs()) * f64::from(errors) * inputs;
            let bound = &mut self.parameters[l - 1];
            if *bound + step > LIMIT {
                let magnitudes =
                    blocks(&network.layers()[l - 1]).map(|block| max_magnitude(isa, slice(block)));
                let largest = magnitudes.fold(0.0, f32::max);
                // The first layer is shared out.
                *bound = member.filter(|_| l == 1).map_or(largest, |member| member.largest(largest)).into();
            }
            *bound += step;
            if *bound > LIMIT {
                return Err(Divergence::Update { layer: l });
            }
        }
        Ok(())
    }
}

/// Why the minibatch's cost isn't finite.
pub(crate) fn cause_of_cost(
    isa: Isa,
    network: &Network,
    workspace: &Workspace,
    rows: usize,
    cost: f64,
) -> Divergence {
    let finite = |l: &usize| max_magnitude(isa, workspace.activations[l - 1].top(rows)).is_finite();
    match (1..=network.layers().len()).find(|l| !finite(l)) {
        Some(layer) => Divergence::Activation { layer },
        None => Divergence::Cost { layer: network.layers().len(), cost },
    }
}

/// The weights and biases of a layer.
fn blocks(layer: &Layer) -> impl Iterator<Item = &[f32]> {
    let weights = (0..layer.inputs()).flat_map(|k| layer.weights.row_slices(k));
    weights.chain(std::iter::once(layer.biases()))
}

/// The largest magnitude of `values`, weights or biases of layer l; an error if one isn't finite.
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
