//! The memory of an optimiser from step to step.

use super::{Optimizer, Step};
use crate::network::Layer;
use minibatch_kernels::Panels;

/// The memory of an optimiser: its steps, and the moments of each layer.
#[derive(Clone, Debug)]
pub struct OptimizerState {
    /// t
    pub(crate) steps: u64,
    /// β₁ᵗ and β₂ᵗ, as products of t factors.
    pub(crate) powers: [f64; 2],
    /// For the layers 1, …, L.
    pub(crate) layers: Vec<LayerState>,
}

/// The memory of an optimiser for one layer.
#[derive(Clone, Debug)]
pub(crate) struct LayerState {
    /// First and second moments, as many as the optimiser has.
    pub(crate) moments: Vec<Moment>,
    /// The gradient of the biases in a step (n_l); empty where the optimiser has no moments.
    pub(crate) bias_gradient: Vec<f32>,
}

/// A number for each weight and bias of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// (n_{l−1} × n_l)
    pub(crate) weights: Panels,
    /// (n_l)
    pub(crate) biases: Vec<f32>,
}

impl LayerState {
    /// Before the first step.
    pub(crate) fn new(optimizer: &Optimizer, layer: &Layer) -> LayerState {
        let (inputs, outputs) = (layer.inputs(), layer.outputs());
        let moment = || Moment { weights: Panels::zeros(inputs, outputs), biases: vec![0.0; outputs] };
        let moments: Vec<_> = (0..optimizer.moments()).map(|_| moment()).collect();
        let bias_gradient = vec![0.0; if moments.is_empty() { 0 } else { outputs }];
        LayerState { moments, bias_gradient }
    }
}

impl OptimizerState {
    /// Before the first step.
    pub(crate) fn new(optimizer: &Optimizer, layers: &[Layer]) -> OptimizerState {
        let layers = layers.iter().map(|layer| LayerState::new(optimizer, layer)).collect();
        OptimizerState { steps: 0, powers: [1.0; 2], layers }
    }

    /// Steps taken, t.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Moments of each weight and bias.
    pub(crate) fn moments(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.moments.len())
    }

    /// β₁ᵗ and β₂ᵗ of the step to come.
    pub(super) fn next_powers(&self, betas: Option<[f64; 2]>) -> [f64; 2] {
        betas.map_or(self.powers, |betas| [0, 1].map(|i| self.powers[i] * betas[i]))
    }

    /// Counts a step that has been taken.
    pub(crate) fn took(&mut self, step: &Step) {
        self.steps += 1;
        self.powers = step.powers;
    }

    /// Whether this is a state of `optimizer` on a network of these layers.
    pub(crate) fn fits(&self, optimizer: &Optimizer, layers: &[Layer]) -> bool {
        let sizes = |layer: &Layer| (layer.inputs(), layer.outputs());
        let layer_fits = |(state, layer): (&LayerState, &Layer)| {
            let shapes = state.moments.iter().map(|moment| (moment.weights.rows(), moment.weights.cols()));
            state.moments.len() == optimizer.moments()
                && shapes.into_iter().all(|shape| shape == sizes(layer))
        };
        self.layers.len() == layers.len() && self.layers.iter().zip(layers).all(layer_fits)
    }

    /// First moments of all layers, then second ones, each in the order of the parameters.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.moments()).flat_map(move |i| {
            self.layers.iter().flat_map(move |layer| {
                let Moment { weights, biases } = &layer.moments[i];
                let rows = (0..weights.rows()).flat_map(|k| weights.row_slices(k));
                rows.chain(std::iter::once(&biases[..]))
            })
        })
    }

    /// A second moment that is negative. Second moments are means of squares, so there should be none.
    pub(crate) fn negative_second_moment(&self) -> Option<f32> {
        let first = if self.moments() == 2 { self.blocks().count() / 2 } else { usize::MAX };
        self.blocks().skip(first).flatten().copied().find(|v| *v < 0.0)
    }

    /// Calls `f` with each of the [`blocks`](Self::blocks), to write, until a call fails.
    pub(crate) fn try_for_each_block<E>(
        &mut self,
        mut f: impl FnMut(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        for i in 0..self.moments() {
            for layer in &mut self.layers {
                let Moment { weights, biases } = &mut layer.moments[i];
                for k in 0..weights.rows() {
                    weights.row_slices_mut(k).try_for_each(&mut f)?;
                }
                f(biases)?;
            }
        }
        Ok(())
    }
}
