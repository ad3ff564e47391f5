//! The memory of an optimiser from step to step.

use super::Optimizer;
use crate::network::Layer;
use minibatch_kernels::Panels;

/// The memory of an optimiser: its steps, and the moments of each layer.
#[derive(Clone, Debug)]
pub struct OptimizerState {
    /// t
    pub(crate) steps: u64,
    /// The rule's scalars after t steps, such as β₁ᵗ.
    pub(crate) scalars: Vec<f64>,
    /// The scalars of the step that is about to be taken.
    next: Vec<f64>,
    /// The memory for the layers 1, …, L.
    pub(crate) layers: Vec<LayerState>,
}

/// The memory of an optimiser for one layer.
#[derive(Clone, Debug)]
pub(crate) struct LayerState {
    /// The moments, as many as the optimiser has.
    pub(crate) moments: Vec<Moment>,
    /// The gradient of the biases in a step (n_l). Empty if the optimiser has no moments.
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
    /// The memory before the first step.
    pub(crate) fn new(optimizer: &Optimizer, layer: &Layer) -> LayerState {
        let (inputs, outputs) = (layer.inputs(), layer.outputs());
        let moment = || Moment { weights: Panels::zeros(inputs, outputs), biases: vec![0.0; outputs] };
        let moments: Vec<_> = (0..optimizer.moments()).map(|_| moment()).collect();
        let bias_gradient = vec![0.0; if moments.is_empty() { 0 } else { outputs }];
        LayerState { moments, bias_gradient }
    }
}

impl OptimizerState {
    /// The memory before the first step.
    pub(crate) fn new(optimizer: &Optimizer, layers: &[Layer]) -> OptimizerState {
        let layers = layers.iter().map(|layer| LayerState::new(optimizer, layer)).collect();
        let scalars = optimizer.scalars();
        OptimizerState { steps: 0, next: scalars.clone(), scalars, layers }
    }

    /// t, the number of steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The number of moments of each weight and bias.
    pub(crate) fn moments(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.moments.len())
    }

    /// The scalars of the step to come.
    pub(super) fn next_scalars(&mut self, optimizer: &Optimizer) -> &[f64] {
        self.next.copy_from_slice(&self.scalars);
        optimizer.advance(&mut self.next);
        &self.next
    }

    /// Counts the step whose scalars were asked for last.
    pub(crate) fn took(&mut self) {
        self.steps += 1;
        std::mem::swap(&mut self.scalars, &mut self.next);
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

    /// The moment with this index of all layers, in the order of the parameters.
    pub(crate) fn blocks(&self, index: usize) -> impl Iterator<Item = &[f32]> {
        self.layers.iter().flat_map(move |layer| {
            let Moment { weights, biases } = &layer.moments[index];
            let rows = (0..weights.rows()).flat_map(|k| weights.row_slices(k));
            rows.chain(std::iter::once(&biases[..]))
        })
    }

    /// Calls `f` with each of the [`blocks`](Self::blocks), to write, until a call fails.
    pub(crate) fn try_for_each_block<E>(
        &mut self,
        index: usize,
        mut f: impl FnMut(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        for layer in &mut self.layers {
            let Moment { weights, biases } = &mut layer.moments[index];
            for k in 0..weights.rows() {
                weights.row_slices_mut(k).try_for_each(&mut f)?;
            }
            f(biases)?;
        }
        Ok(())
    }
}
