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

    /// Copies the part's weights and biases to `network`.
    fn put(&self, network: &mut Network) {
        for (l, (to, from)) in network.layers.iter_mut().zip(&self.layers).enumerate() {
            copy(of_layer_mut(to), first_column(l, &self.neurons), of_layer(from), 0);
        }
    }

    /// Copies the part's moments to `state`.
    fn put_moments(&self, state: &mut OptimizerState) {
        for (l, (to, from)) in state.layers.iter_mut().zip(&self.state.layers).enumerate() {
            for (to, from) in to.iter_mut().zip(from) {
                copy(of_moment_mut(to), first_column(l, &self.neurons), of_moment(from), 0);
            }
        }
    }
}

/// Copies the weights and biases of all `parts` to the `network` that they make up.
pub(super) fn put_together<'a>(network: &mut Network, parts: impl Iterator<Item = &'a Part>) {
    parts.for_each(|part| part.put(network));
}

/// Copies the memory of all `parts` to the `state` that they make up.
pub(super) fn put_states_together<'a>(state: &mut OptimizerState, parts: impl Iterator<Item = &'a Part>) {
    for part in parts {
        part.put_moments(state);
        state.count_as(&part.state);
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
