//! A layer: its weights, biases and activation.

use super::activation::Activation;
use super::error::NetworkError;
use super::init::{Initializer, centring};
use super::values::{slices, try_for_each_slice};
use minibatch_kernels::{Mat, Matrix, Panels};
use rand::rngs::Xoshiro256PlusPlus;
use std::sync::Arc;

/// A fully connected layer: A_l = σ_l(A_{l−1}·W_lᵀ + b_l).
///
/// W_l is stored input-major, (n_{l−1} × n_l), so that the forward product reads contiguous rows over the outputs. The accessors
/// speak of W_l as the equations do: (n_l × n_{l−1}), its element W_jk from input k to output j.
///
/// ```
/// use minibatch::{Mat, Network};
///
/// let mut network = Network::builder(3).layer(2).build()?;
/// let layer = &mut network.layers_mut()[0];
/// // Row-major: a row holds the weights into one neuron.
/// layer.set_weights(Mat::row_major(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 2, 3))?;
/// layer.biases_mut().copy_from_slice(&[0.5, -0.5]);
/// assert_eq!(layer.weight(1, 0), 0.4);
/// assert_eq!(layer.weights().row(1), [0.4, 0.5, 0.6]);
/// # Ok::<(), minibatch::Error>(())
/// ```
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

    /// Draws the weights W_jk with j (output) before k (input), then the biases. It is layer `l` of `count`, counted from 1.
    pub(super) fn draw(
        &mut self,
        initializer: Initializer,
        (l, count): (usize, usize),
        generator: &mut Xoshiro256PlusPlus,
    ) {
        let (weights, biases) = initializer.draws(self.inputs(), self.outputs(), l == count);
        for j in 0..self.outputs() {
            for k in 0..self.inputs() {
                self.set_weight(j, k, weights.sample(generator));
            }
        }
        self.biases.fill_with(|| biases.sample(generator));
        if initializer == Initializer::GlorotSigmoid && l > 1 {
            for j in 0..self.outputs() {
                self.biases[j] = centring((0..self.inputs()).map(|k| self.weight(j, k)));
            }
        }
    }

    /// n_{l−1}, the fan-in of each neuron.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.weights.rows()
    }

    /// n_l, the number of neurons.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.weights.cols()
    }

    /// W_l (n_l × n_{l−1}), copied.
    #[must_use]
    pub fn weights(&self) -> Matrix {
        self.weights.view().transposed().to_matrix()
    }

    /// Sets W_l to `weights` (n_l × n_{l−1}). The transpose of input-major weights, as Keras and JAX keep them, is
    /// [`Mat::transposed`]. Numbers that aren't finite are refused by a trainer.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Weights`] if the shape is another. The layer is then as it was.
    pub fn set_weights(&mut self, weights: Mat<'_>) -> Result<(), NetworkError> {
        let (expected, found) = ([self.outputs(), self.inputs()], [weights.rows(), weights.cols()]);
        if found != expected {
            return Err(NetworkError::Weights { expected, found });
        }
        for k in 0..self.inputs() {
            for j in 0..self.outputs() {
                self.weights.set(k, j, weights.get(j, k));
            }
        }
        Ok(())
    }

    /// W_jk, the weight from input k to output j.
    ///
    /// # Panics
    ///
    /// If there is no such weight.
    #[must_use]
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
    #[must_use]
    pub fn biases(&self) -> &[f32] {
        &self.biases
    }

    /// b_l, to write.
    pub fn biases_mut(&mut self) -> &mut [f32] {
        &mut self.biases
    }

    /// Weights and biases in the order in which a checkpoint has them.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[f32]> {
        slices(&self.weights, &self.biases)
    }

    /// Calls `f` with each of the [`slices`](Self::slices), to write, until a call fails.
    pub(crate) fn try_for_each_slice<E>(
        &mut self,
        f: impl FnMut(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        try_for_each_slice(&mut self.weights, &mut self.biases, f)
    }

    /// σ_l.
    #[must_use]
    pub fn activation(&self) -> &dyn Activation {
        &*self.activation
    }

    /// Number of weights and biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.inputs() * self.outputs() + self.outputs()
    }
}
