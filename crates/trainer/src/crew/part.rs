//! A member's part of a network and of its optimiser's memory.

use crate::network::cost::Cost;
use crate::network::{Layer, LayerValues, Network};
use crate::optimizer::{Optimizer, OptimizerState};
use minibatch_kernels::Panels;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

/// A member's part of a network: some neurons of the first layer, and a copy of every other layer, each with its moments.
#[derive(Debug)]
pub(super) struct Part {
    /// The first layer has the weights and biases of the part's own neurons only.
    pub(super) layers: Vec<Layer>,
    pub(super) cost: Arc<dyn Cost>,
    /// The optimiser's memory of these weights and biases.
    pub(super) state: OptimizerState,
    /// The part's own neurons of the network's first layer.
    neurons: Range<usize>,
}

impl Part {
    /// Room for the part of `network` that has these neurons of the first layer, and for what `optimizer` remembers of it. Its
    /// numbers are not the network's until [`take`](Self::take) is called.
    pub(super) fn new(network: &Network, optimizer: &Optimizer, neurons: Range<usize>) -> Part {
        let first = &network.layers[0];
        let own = Layer::new(first.inputs(), neurons.len(), Arc::clone(&first.activation));
        let layers: Vec<_> = iter::once(own).chain(network.layers[1..].iter().cloned()).collect();
        let state = OptimizerState::new(optimizer, &layers);
        Part { layers, cost: Arc::clone(&network.cost), state, neurons }
    }

    /// Copies the part's numbers from `network` and from its optimiser's memory `state`.
    pub(super) fn take(&mut self, network: &Network, state: &OptimizerState) {
        for (l, (to, from)) in self.layers.iter_mut().zip(&network.layers).enumerate() {
            copy(of_layer_mut(to), 0, of_layer(from), first_column(l, &self.neurons));
        }
        self.state.count_as(state);
        for (l, (to, from)) in self.state.layers.iter_mut().zip(&state.layers).enumerate() {
            for (to, from) in to.iter_mut().zip(from) {
                copy(of_moment_mut(to), 0, of_moment(from), first_column(l, &self.neurons));
            }
        }
    }

    /// Copies the weights and biases that the part stands for to `network`.
    pub(super) fn put(&self, network: &mut Network) {
        for (l, (to, from)) in network.layers.iter_mut().zip(&self.layers[..self.stands_for()]).enumerate() {
            copy(of_layer_mut(to), first_column(l, &self.neurons), of_layer(from), 0);
        }
    }

    /// Copies the moments that the part stands for to `state`, and its count of steps.
    pub(super) fn put_state(&self, state: &mut OptimizerState) {
        state.count_as(&self.state);
        for (l, (to, from)) in
            state.layers.iter_mut().zip(&self.state.layers[..self.stands_for()]).enumerate()
        {
            for (to, from) in to.iter_mut().zip(from) {
                copy(of_moment_mut(to), first_column(l, &self.neurons), of_moment(from), 0);
            }
        }
    }

    /// The number of layers that the part hands in. All parts have the same copy of the layers after the first, and the first part
    /// hands them in.
    fn stands_for(&self) -> usize {
        if self.neurons.start == 0 { self.layers.len() } else { 1 }
    }
}

/// The column of layer `l`, counted from 0, at which a part with these `neurons` begins. A part has all of every layer but the
/// first.
fn first_column(l: usize, neurons: &Range<usize>) -> usize {
    if l == 0 { neurons.start } else { 0 }
}

fn of_layer(layer: &Layer) -> (&Panels, &[f32]) {
    (&layer.weights, &layer.biases)
}

fn of_layer_mut(layer: &mut Layer) -> (&mut Panels, &mut [f32]) {
    (&mut layer.weights, &mut layer.biases)
}

fn of_moment(moment: &LayerValues) -> (&Panels, &[f32]) {
    (&moment.weights, &moment.biases)
}

fn of_moment_mut(moment: &mut LayerValues) -> (&mut Panels, &mut [f32]) {
    (&mut moment.weights, &mut moment.biases)
}

/// Copies the columns of weights and biases, as many as both have from their first columns on.
fn copy(
    (weights, biases): (&mut Panels, &mut [f32]),
    first: usize,
    (from_weights, from_biases): (&Panels, &[f32]),
    from_first: usize,
) {
    weights.copy_columns(first, from_weights, from_first);
    let (to, from) = (&mut biases[first..], &from_biases[from_first..]);
    let count = to.len().min(from.len());
    to[..count].copy_from_slice(&from[..count]);
}
