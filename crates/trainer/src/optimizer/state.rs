//! The memory of an optimiser from step to step.

use super::Optimizer;
use crate::average::{Average, Averaged};
use crate::input_scaling::InputScaling;
use crate::network::{Layer, LayerValues, Network};

/// The memory of an optimiser: its steps, and the moments of each layer.
#[derive(Clone, Debug)]
pub struct OptimizerState {
    /// The optimiser's name.
    optimizer: &'static str,
    /// t
    pub(crate) steps: u64,
    /// The rule's scalars after t steps, such as β₁ᵗ.
    pub(crate) scalars: Vec<f64>,
    /// The scalars of the step that is about to be taken.
    next: Vec<f64>,
    /// The moments of the layers 1, …, L.
    pub(crate) layers: Vec<LayerState>,
    /// The average of the weights, where the run has one.
    pub(crate) averaged: Option<Averaged>,
    /// The factors of the inputs, where the run learns them.
    pub(crate) scaling: Option<InputScaling>,
    /// The inputs of each neuron of the layers 1, …, L.
    inputs: Vec<usize>,
}

/// The moments of one layer, as many as the optimiser has.
pub(crate) type LayerState = Vec<LayerValues>;

impl OptimizerState {
    /// The memory before the first step.
    pub(crate) fn new(optimizer: &Optimizer, layers: &[Layer]) -> OptimizerState {
        let moments = |layer: &Layer| {
            let moment = |_| LayerValues::zeros(layer.inputs(), layer.outputs());
            (0..optimizer.moments()).map(moment).collect()
        };
        let scalars = optimizer.scalars();
        OptimizerState {
            optimizer: optimizer.name(),
            steps: 0,
            next: scalars.clone(),
            scalars,
            layers: layers.iter().map(moments).collect(),
            averaged: None,
            scaling: None,
            inputs: layers.iter().map(Layer::inputs).collect(),
        }
    }

    /// The same memory, with the average of the weights of `network`, if `average` is used.
    pub(crate) fn with_average(mut self, average: Option<&Average>, network: &Network) -> OptimizerState {
        if average.is_some() && self.averaged.is_none() {
            self.averaged = Some(Averaged::new(network));
        }
        self
    }

    /// The same memory, with factors of 1 for the inputs of `network`, if they are `learned` and there are none.
    pub(crate) fn with_scaling(
        mut self,
        learned: bool,
        optimizer: &Optimizer,
        network: &Network,
    ) -> OptimizerState {
        if learned && self.scaling.is_none() {
            self.scaling = Some(InputScaling::new(optimizer.moments(), &network.layers[0]));
        }
        self
    }

    /// The average of the weights, once there is one.
    pub(crate) fn average(&self) -> Option<&Network> {
        self.averaged.as_ref().filter(|averaged| averaged.count > 0).map(|averaged| &averaged.network)
    }

    /// As [`average`](Self::average), without a copy.
    pub(crate) fn into_average(self) -> Option<Network> {
        self.averaged.filter(|averaged| averaged.count > 0).map(|averaged| averaged.network)
    }

    /// t, the number of steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The name of the optimiser whose memory it is.
    pub(crate) fn optimizer(&self) -> &'static str {
        self.optimizer
    }

    /// The number of moments of each weight and bias.
    pub(crate) fn moments(&self) -> usize {
        self.layers.first().map_or(0, Vec::len)
    }

    /// The inputs of each neuron of layer l.
    pub(super) fn inputs(&self, l: usize) -> usize {
        self.inputs[l - 1]
    }

    /// The scalars of the step that [`advance`](Self::advance) has prepared.
    pub(super) fn next(&self) -> &[f64] {
        &self.next
    }

    /// Takes over the steps and scalars of `other`, a memory of the same optimiser.
    pub(crate) fn count_as(&mut self, other: &OptimizerState) {
        self.steps = other.steps;
        self.scalars.copy_from_slice(&other.scalars);
    }

    /// Prepares the scalars of the step to come, whose momentum is given.
    pub(super) fn advance(&mut self, optimizer: &Optimizer, momentum: Option<f64>) {
        self.next.copy_from_slice(&self.scalars);
        optimizer.advance(&mut self.next, momentum);
    }

    /// Counts the step that was prepared.
    pub(crate) fn took(&mut self) {
        self.steps += 1;
        std::mem::swap(&mut self.scalars, &mut self.next);
    }

    /// Whether this is a state of `optimizer` on a network of these layers.
    pub(crate) fn fits(&self, optimizer: &Optimizer, layers: &[Layer]) -> bool {
        let sizes = |layer: &Layer| (layer.inputs(), layer.outputs());
        let layer_fits = |(moments, layer): (&LayerState, &Layer)| {
            let mut shapes = moments.iter().map(|moment| (moment.weights.rows(), moment.weights.cols()));
            moments.len() == optimizer.moments() && shapes.all(|shape| shape == sizes(layer))
        };
        let same = self.optimizer == optimizer.name() && self.scalars.len() == optimizer.scalars().len();
        let scaling = |scaling: &InputScaling| {
            scaling.moments.len() == optimizer.moments()
                && layers.first().is_some_and(|first| scaling.is_of(first))
        };
        same && self.scaling.as_ref().is_none_or(scaling)
            && self.layers.len() == layers.len()
            && self.layers.iter().zip(layers).all(layer_fits)
    }

    /// The values of moment i in all layers, in the order of the parameters.
    pub(crate) fn slices(&self, index: usize) -> impl Iterator<Item = &[f32]> {
        self.layers.iter().flat_map(move |moments| moments[index].slices())
    }

    /// Calls `f` with each of the [`slices`](Self::slices), to write, until a call fails.
    pub(crate) fn try_for_each_slice<E>(
        &mut self,
        index: usize,
        mut f: impl FnMut(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.layers.iter_mut().try_for_each(|moments| moments[index].try_for_each_slice(&mut f))
    }
}
