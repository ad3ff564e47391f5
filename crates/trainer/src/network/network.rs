//! A network: its layers and its cost.

use super::cost::Cost;
use super::init::Origin;
use super::layer::Layer;
use std::convert::Infallible;
use std::iter;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3Default;

/// A feed-forward network of fully connected layers, and the cost it is trained on.
///
/// ```
/// use minibatch::Network;
///
/// let network = Network::builder(784).layer(32).layer(10).seed(7).build()?;
/// assert_eq!(network.sizes(), [784, 32, 10]);
/// assert_eq!(network.parameters(), 784 * 32 + 32 + 32 * 10 + 10);
/// # Ok::<(), minibatch::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    pub(crate) layers: Vec<Layer>,
    pub(crate) cost: Arc<dyn Cost>,
    /// The origin of the weights and biases, as long as nothing has changed them.
    pub(crate) origin: Option<Origin>,
}

impl Network {
    /// n_0, n_1, …, n_L.
    pub fn sizes(&self) -> Vec<usize> {
        iter::once(self.inputs()).chain(self.layers.iter().map(Layer::outputs)).collect()
    }

    /// n_0, the number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs()
    }

    /// n_L, the number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs()
    }

    /// The layers 1, …, L, in this order.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layers, to write.
    pub fn layers_mut(&mut self) -> &mut [Layer] {
        self.origin = None;
        &mut self.layers
    }

    /// The cost C.
    #[must_use]
    pub fn cost(&self) -> &dyn Cost {
        &*self.cost
    }

    /// Whether the cost is computed from Z_L.
    pub(crate) fn cost_needs_pre_activation(&self) -> bool {
        self.cost.needs_pre_activation(self.layers[self.layers.len() - 1].activation())
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(Layer::parameters).sum()
    }

    /// Weights and biases in the order of a checkpoint, layer by layer. The weights come input-major (row k holds W_jk for all j),
    /// then the biases.
    pub(crate) fn parameter_slices(&self) -> impl Iterator<Item = &[f32]> {
        self.layers.iter().flat_map(Layer::slices)
    }

    /// Sets all weights and biases, in the order of [`parameter_slices`](Self::parameter_slices). There are as many.
    pub(crate) fn set_parameters(&mut self, parameters: &[f32]) {
        let mut rest = parameters;
        for layer in &mut self.layers {
            let Ok(()) = layer.try_for_each_slice(|to| {
                let (taken, left) = rest.split_at(to.len());
                to.copy_from_slice(taken);
                rest = left;
                Ok::<(), Infallible>(())
            });
        }
    }

    /// xxh3-64 of all weights and biases. Equal hashes mean equal bits. It is also the checksum of these numbers in a
    /// checkpoint.
    #[must_use]
    pub fn weight_hash(&self) -> u64 {
        let mut hash = Xxh3Default::new();
        let mut bytes = Vec::new();
        for values in self.parameter_slices() {
            bytes.clear();
            bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
            hash.update(&bytes);
        }
        hash.digest()
    }
}
