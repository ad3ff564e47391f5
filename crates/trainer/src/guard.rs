//! Keeps training among the finite numbers: a step that could leave them is refused before anything is written.

use crate::error::{Divergence, Error};
use crate::network::Network;
use crate::workspace::Workspace;
use minibatch_data::{Dataset, Row};
use minibatch_kernels::{Isa, Mat, max_magnitude};

/// What the magnitude of a weight or bias may grow to. Below the largest f32 by more than the roundings of a chain of
/// additions can be.
const LIMIT: f64 = f32::MAX as f64 * 0.99;

/// Bounds of all that goes into an update.
///
/// No update sweeps the weights: step by step, what a step can at most add to a weight is added to a bound. Only where
/// that passes [`LIMIT`] are the weights themselves looked at, and that is where a run goes astray.
#[derive(Debug)]
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
    /// If an input, a weight or a bias isn't finite.
    pub(crate) fn new(isa: Isa, network: &Network, data: &Dataset) -> Result<Guard, Error> {
        let not_finite = |what, found: f32| Err(Error::NotFinite { what, found: found.to_string() });
        let mut inputs = 1.0;
        for example in 0..data.len() {
            let Row::Floats(row) = data.input(example) else { break };
            let largest = magnitude(isa, row);
            if !largest.is_finite() {
                return not_finite(format!("an input of training example {example}"), largest);
            }
            inputs = f64::from(largest).max(inputs);
        }
        let mut parameters = Vec::new();
        for l in 1..=network.layers().len() {
            let largest = largest_parameter(isa, network, l);
            if !largest.is_finite() {
                return not_finite(format!("a weight or bias of layer {l}"), largest);
            }
            parameters.push(f64::from(largest));
        }
        Ok(Guard { inputs, parameters })
    }

    /// Whether a step with these activations and errors, updating by `factor`·Δ_lᵀ·A_{l−1}, keeps every number finite.
    pub(crate) fn check(
        &mut self,
        isa: Isa,
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
                *bound = f64::from(largest_parameter(isa, network, l));
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

/// The largest magnitude of a weight or bias of layer l; not finite if one isn't.
fn largest_parameter(isa: Isa, network: &Network, l: usize) -> f32 {
    let layer = &network.layers()[l - 1];
    let weights = (0..layer.inputs()).flat_map(|k| layer.weights.row_slices(k));
    let blocks = weights.chain(std::iter::once(layer.biases()));
    // Where one is NaN so is what follows; `f32::max` would lose it.
    blocks
        .map(|block| magnitude(isa, block))
        .fold(0.0, |largest, x| if x <= largest || largest.is_nan() { largest } else { x })
}

fn magnitude(isa: Isa, values: &[f32]) -> f32 {
    max_magnitude(isa, Mat::row_major(values, 1, values.len()))
}
