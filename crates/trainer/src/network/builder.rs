//! The builder of networks.

use super::activation::{self, Activation, Sigmoid};
use super::cost::{Cost, Quadratic};
use super::error::{MAX_WEIGHTS, NetworkError};
use super::footprint;
use super::init::{Initializer, Origin};
use super::layer::Layer;
use super::network::Network;
use minibatch_data::generator;
use std::sync::Arc;

impl Network {
    /// Starts a network of `inputs` inputs. Layers are sigmoid, the cost quadratic and the initial values from
    /// N(0, 1) unless told otherwise.
    pub fn builder(inputs: usize) -> NetworkBuilder {
        NetworkBuilder {
            inputs,
            layers: Vec::new(),
            cost: Arc::new(Quadratic),
            initializer: Initializer::default(),
            seed: 0,
            zero_output_layer: false,
        }
    }
}

/// Collects the parts of a [`Network`].
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until `build`"]
pub struct NetworkBuilder {
    inputs: usize,
    layers: Vec<(usize, Arc<dyn Activation>)>,
    cost: Arc<dyn Cost>,
    initializer: Initializer,
    seed: u64,
    zero_output_layer: bool,
}

impl NetworkBuilder {
    /// Adds a layer of `outputs` sigmoid neurons.
    pub fn layer(self, outputs: usize) -> NetworkBuilder {
        self.layer_with(outputs, Sigmoid)
    }

    /// Adds a layer of `outputs` neurons with another activation.
    pub fn layer_with(self, outputs: usize, activation: impl Activation + 'static) -> NetworkBuilder {
        self.layer_named(outputs, Arc::new(activation))
    }

    /// Adds a layer of `outputs` neurons with an activation found by its name, in a [`Registry`](crate::Registry).
    pub fn layer_named(mut self, outputs: usize, activation: Arc<dyn Activation>) -> NetworkBuilder {
        self.layers.push((outputs, activation));
        self
    }

    /// Sets the cost.
    pub fn cost(self, cost: impl Cost + 'static) -> NetworkBuilder {
        self.cost_named(Arc::new(cost))
    }

    /// Sets a cost found by its name, in a [`Registry`](crate::Registry).
    pub fn cost_named(mut self, cost: Arc<dyn Cost>) -> NetworkBuilder {
        self.cost = cost;
        self
    }

    /// Sets the distribution of the first weights and biases.
    pub fn initializer(mut self, initializer: Initializer) -> NetworkBuilder {
        self.initializer = initializer;
        self
    }

    /// Sets the seed of the initial weights and biases.
    pub fn seed(mut self, seed: u64) -> NetworkBuilder {
        self.seed = seed;
        self
    }

    /// Sets whether the weights and biases of the output layer start at 0. All outputs are then equal before the first step, and the
    /// layers below learn from the second step on. The other layers are drawn as they would be without it.
    ///
    /// ```
    /// use minibatch::Network;
    ///
    /// let network = Network::builder(6).layer(3).layer(2).zero_output_layer(true).build()?;
    /// let [hidden, output] = network.layers() else { unreachable!("two layers") };
    /// assert!(hidden.weight(0, 0) != 0.0 && output.weight(0, 0) == 0.0 && output.biases() == [0.0, 0.0]);
    /// # Ok::<(), minibatch::NetworkError>(())
    /// ```
    pub fn zero_output_layer(mut self, zero: bool) -> NetworkBuilder {
        self.zero_output_layer = zero;
        self
    }

    /// Makes the network.
    ///
    /// # Errors
    ///
    /// If there is no layer, or one without inputs or neurons, or one too large for memory. If a row-wise activation isn't the
    /// output's, or the cost can't follow the output activation.
    pub fn build(self) -> Result<Network, NetworkError> {
        if self.layers.is_empty() {
            return Err(NetworkError::NoLayers);
        }
        let widths = self.layers.iter().map(|(outputs, _)| *outputs);
        let sizes: Vec<usize> = std::iter::once(self.inputs).chain(widths).collect();
        if let Some(layer) = sizes.iter().position(|&neurons| neurons == 0) {
            return Err(NetworkError::EmptyLayer { layer });
        }
        for (l, pair) in (1..).zip(sizes.windows(2)) {
            let (inputs, outputs) = (pair[0], pair[1]);
            if inputs.saturating_mul(outputs.saturating_add(16)) > MAX_WEIGHTS {
                return Err(NetworkError::TooLarge { layer: l, inputs, outputs });
            }
        }
        let bytes = footprint::network(&sizes);
        if !footprint::is_available(bytes) {
            return Err(NetworkError::Memory { bytes });
        }
        let layer = |(pair, (outputs, activation)): (&[usize], _)| Layer::new(pair[0], outputs, activation);
        let mut layers: Vec<Layer> = sizes.windows(2).zip(self.layers).map(layer).collect();
        check_pairs(&layers, &*self.cost)?;
        let mut generator = generator(self.seed, *b"weights\0");
        // The output layer is drawn last, so the draws of the others stay as they are without its own.
        let count = layers.len();
        let drawn = count - usize::from(self.zero_output_layer);
        for (l, layer) in (1..).zip(&mut layers[..drawn]) {
            layer.draw(self.initializer, (l, count), &mut generator);
        }
        let NetworkBuilder { initializer, seed, zero_output_layer, .. } = self;
        let origin = Some(Origin { initializer, seed, zero_output_layer });
        Ok(Network { layers, cost: self.cost, origin, preparation: None, profile: None, class_names: None })
    }
}

/// Checks that the activations may stand at their layers, and the cost after the last of them.
fn check_pairs(layers: &[Layer], cost: &dyn Cost) -> Result<(), NetworkError> {
    let (output, hidden) = layers.split_last().expect("checked to have a layer");
    for (l, layer) in hidden.iter().enumerate() {
        if layer.activation().is_row_wise() {
            let activation = layer.activation().name();
            return Err(NetworkError::OutputOnly { layer: l + 1, activation });
        }
    }
    if !cost.accepts(output.activation().range()) {
        let legal = activation::built_in().into_iter().filter(|legal| cost.accepts(legal.range()));
        return Err(NetworkError::Pair {
            cost: cost.name(),
            activation: output.activation().name(),
            legal: legal.map(|legal| legal.name()).collect(),
        });
    }
    Ok(())
}
