//! A layer: its weights, biases and activation.

use super::activation::Activation;
use super::init::Initializer;
use minibatch_kernels::Panels;
use rand::rngs::Xoshiro256PlusPlus;
use std::sync::Arc;

/// The most weights of a layer: 2³³ (32 GiB), or 2²⁸ (1 GiB) where a `usize` has 32 bits.
pub(super) const MAX_WEIGHTS: usize = 1 << if usize::BITS > 32 { 33 } else { 28 };

/// A fully connected layer: A_l = σ_l(A_{l−1}·W_lᵀ + b_l).
///
/// W_l is stored input-major, (n_{l−1} × n_l), so that the forward product reads contiguous rows over the outputs. The accessors
/// speak of W_jk, from input k to output j.
#[derive(Clone, Debug)]
pub struct Layer {
    /// (n_{l−1} × n_l)
    pub(crate) weights: Panels,
    /// (n_l)
    pub(crate) biases: Vec<f32>,
    pub(crate) activation: Arc<dyn Activation>,
}

impl Layer {
    /// A layer whose weights and biases are 0.
    pub(crate) fn new(inputs: usize, outputs: usize, activation: Arc<dyn Activation>) -> Layer {
        Layer { weights: Panels::zeros(inputs, outputs), biases: vec![0.0; outputs], activation }
    }

    /// Draws the weights W_jk with j (output) before k (input), then the biases.
    pub(super) fn draw(&mut self, initializer: Initializer, generator: &mut Xoshiro256PlusPlus) {
        let (weights, biases) = initializer.draws(self.inputs(), self.outputs());
        for j in 0..self.outputs() {
            for k in 0..self.inputs() {
                self.set_weight(j, k, weights.sample(generator));
            }
        }
        self.biases.fill_with(|| biases.sample(generator));
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
