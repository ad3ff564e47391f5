//! A network: its layers' weights, biases and activations, and its cost.

use crate::activation::{self, Activation, Sigmoid};
use crate::cost::{Cost, Quadratic};
use crate::footprint;
use crate::init::Initializer;
use minibatch_kernels::Panels;
use std::sync::Arc;

/// A fully connected layer: A_l = σ_l(A_{l−1}·W_lᵀ + b_l).
///
/// W_l is stored input-major, (n_{l−1} × n_l), so that the forward product reads contiguous rows over the outputs; the
/// accessors speak W_jk, from input k to output j.
#[derive(Clone, Debug)]
pub struct Layer {
    /// (n_{l−1} × n_l)
    pub(crate) weights: Panels,
    /// (n_l)
    pub(crate) biases: Vec<f32>,
    pub(crate) activation: Arc<dyn Activation>,
}

impl Layer {
    fn new(inputs: usize, outputs: usize, activation: Arc<dyn Activation>) -> Layer {
        Layer { weights: Panels::zeros(inputs, outputs), biases: vec![0.0; outputs], activation }
    }

    /// n_{l−1}, the fan-in of each neuron.
    pub fn inputs(&self) -> usize {
        self.weights.rows()
    }

    /// n_l, the number of neurons.
    pub fn outputs(&self) -> usize {
        self.weights.cols()
    }

    /// W_jk, the weight from input k to output j.
    ///
    /// # Panics
    ///
    /// If there is no such weight.
    pub fn weight(&self, j: usize, k: usize) -> f32 {
        self.weights.get(k, j)
    }

    /// Sets W_jk.
    ///
    /// # Panics
    ///
    /// If there is no such weight.
    pub fn set_weight(&mut self, j: usize, k: usize, weight: f32) {
        self.weights.set(k, j, weight);
    }

    /// b_l, one for each output.
    pub fn biases(&self) -> &[f32] {
        &self.biases
    }

    /// b_l, to write.
    pub fn biases_mut(&mut self) -> &mut [f32] {
        &mut self.biases
    }

    /// σ_l.
    pub fn activation(&self) -> &dyn Activation {
        &*self.activation
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.inputs() * self.outputs() + self.outputs()
    }
}

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
    /// What made the weights and biases, as long as nothing has changed them.
    pub(crate) origin: Option<Origin>,
}

/// What made a network's first weights and biases: from it they can be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// How.
    pub initializer: Initializer,
    /// From which seed.
    pub seed: u64,
}

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
        }
    }

    /// n_0, n_1, …, n_L.
    pub fn sizes(&self) -> Vec<usize> {
        std::iter::once(self.inputs()).chain(self.layers.iter().map(Layer::outputs)).collect()
    }

    /// n_0, the number of inputs.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs()
    }

    /// n_L, the number of outputs.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs()
    }

    /// The layers 1, …, L, in this order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layers, to write.
    pub fn layers_mut(&mut self) -> &mut [Layer] {
        self.origin = None;
        &mut self.layers
    }

    /// C.
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
}

/// Collects what a [`Network`] is made of.
#[derive(Clone, Debug)]
pub struct NetworkBuilder {
    inputs: usize,
    layers: Vec<(usize, Arc<dyn Activation>)>,
    cost: Arc<dyn Cost>,
    initializer: Initializer,
    seed: u64,
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

    /// Sets how weights and biases start.
    pub fn initializer(mut self, initializer: Initializer) -> NetworkBuilder {
        self.initializer = initializer;
        self
    }

    /// Sets the seed of the initial weights and biases.
    pub fn seed(mut self, seed: u64) -> NetworkBuilder {
        self.seed = seed;
        self
    }

    /// Makes the network.
    ///
    /// # Errors
    ///
    /// If there is no layer, or one without inputs or neurons, or one too large for memory; if a row-wise activation
    /// isn't the output's, or the cost can't follow the output activation.
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
        self.initializer.fill(&mut layers, self.seed);
        let origin = Some(Origin { initializer: self.initializer, seed: self.seed });
        Ok(Network { layers, cost: self.cost, origin })
    }
}

/// Whether the activations may stand where they do, and the cost after the last of them.
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

/// The most weights of a layer: 2³³, 32 GiB of them; 2²⁸, 1 GiB, where a `usize` has 32 bits.
const MAX_WEIGHTS: usize = 1 << if usize::BITS > 32 { 33 } else { 28 };

/// Why a network can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The builder was given no layer.
    #[error("a network needs at least one layer after its inputs")]
    NoLayers,
    /// A layer of nothing.
    #[error("layer {layer} has no neurons: every layer, the inputs (layer 0) included, needs at least 1")]
    EmptyLayer {
        /// 0 is the input.
        layer: usize,
    },
    /// An activation of whole rows in a hidden layer.
    #[error("layer {layer} can't be {activation}, which is for the output layer only")]
    OutputOnly {
        /// Counted from 1.
        layer: usize,
        /// Its activation.
        activation: &'static str,
    },
    /// A cost that isn't defined for what the output activation gives.
    #[error("cost {cost} can't follow output activation {activation}: it takes {}", legal.join(", "))]
    Pair {
        /// The cost.
        cost: &'static str,
        /// The output activation.
        activation: &'static str,
        /// The built-in activations that it can follow.
        legal: Vec<&'static str>,
    },
    /// More weights than could be trained.
    #[error("layer {layer} is too large: {inputs} × {outputs} weights, at most {MAX_WEIGHTS} are supported")]
    TooLarge {
        /// Counted from 1.
        layer: usize,
        /// Its inputs.
        inputs: usize,
        /// Its neurons.
        outputs: usize,
    },
    /// The system doesn't give the memory.
    #[error("the network takes {:.1} GB, more memory than there is", *bytes as f64 / 1e9)]
    Memory {
        /// Bytes that the network takes.
        bytes: u64,
    },
}
