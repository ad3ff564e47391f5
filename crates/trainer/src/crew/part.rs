//! A member's part of a network.

use crate::network::cost::Cost;
use crate::network::{Layer, Network};
use std::iter;
use std::ops::Range;
use std::sync::Arc;

/// A member's part of a network: some neurons of the first layer, and a copy of every other layer.
#[derive(Debug)]
pub(super) struct Part {
    /// The first layer has the weights and biases of the part's own neurons only.
    pub(super) layers: Vec<Layer>,
    pub(super) cost: Arc<dyn Cost>,
    /// The part's own neurons of the network's first layer.
    neurons: Range<usize>,
}

impl Part {
    /// Room for the part of `network` that has these neurons of the first layer. Its weights are not the network's until
    /// [`take`](Self::take) is called.
    pub(super) fn new(network: &Network, neurons: Range<usize>) -> Part {
        let first = &network.layers[0];
        let own = Layer::new(first.inputs(), neurons.len(), Arc::clone(&first.activation));
        let layers = iter::once(own).chain(network.layers[1..].iter().cloned()).collect();
        Part { layers, cost: Arc::clone(&network.cost), neurons }
    }

    /// Copies the part's weights and biases from `network`.
    pub(super) fn take(&mut self, network: &Network) {
        let (to, from) = (&mut self.layers[0], &network.layers[0]);
        to.weights.copy_columns(0, &from.weights, self.neurons.start);
        to.biases.copy_from_slice(&from.biases[self.neurons.clone()]);
        copy(&mut self.layers[1..], &network.layers[1..]);
    }
}

/// Copies the weights and biases of all `parts` to the `network` that they make up.
pub(super) fn put_together<'a>(network: &mut Network, parts: impl Iterator<Item = &'a Part>) {
    for (index, Part { layers, neurons, .. }) in parts.enumerate() {
        let (to, from) = (&mut network.layers[0], &layers[0]);
        to.weights.copy_columns(neurons.start, &from.weights, 0);
        to.biases[neurons.clone()].copy_from_slice(&from.biases);
        // All parts have the same copy of the other layers.
        if index == 0 {
            copy(&mut network.layers[1..], &layers[1..]);
        }
    }
}

fn copy(to: &mut [Layer], from: &[Layer]) {
    for (to, from) in to.iter_mut().zip(from) {
        to.weights.copy_columns(0, &from.weights, 0);
        to.biases.copy_from_slice(&from.biases);
    }
}
