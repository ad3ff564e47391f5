//! A number for each weight and bias of a layer.

use minibatch_kernels::Panels;
use std::convert::Infallible;
use std::iter;

/// A number for each weight and bias of a layer: a moment, or a gradient.
#[derive(Clone, Debug)]
pub(crate) struct LayerValues {
    /// (n_{l−1} × n_l)
    pub(crate) weights: Panels,
    /// (n_l)
    pub(crate) biases: Vec<f32>,
}

impl LayerValues {
    /// 0 for each weight and bias of a layer of so many inputs and outputs.
    pub(crate) fn zeros(inputs: usize, outputs: usize) -> LayerValues {
        LayerValues { weights: Panels::zeros(inputs, outputs), biases: vec![0.0; outputs] }
    }

    /// Makes all values `value`.
    pub(crate) fn fill(&mut self, value: f32) {
        let Ok(()) = self.try_for_each_slice(|values| {
            values.fill(value);
            Ok::<(), Infallible>(())
        });
    }

    /// All values, in the order in which a checkpoint has the parameters.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[f32]> {
        slices(&self.weights, &self.biases)
    }

    /// Calls `f` with each of the [`slices`](Self::slices), to write, until a call fails.
    pub(crate) fn try_for_each_slice<E>(
        &mut self,
        mut f: impl FnMut(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        for k in 0..self.weights.rows() {
            self.weights.row_slices_mut(k).try_for_each(&mut f)?;
        }
        f(&mut self.biases)
    }
}

/// The weights input by input (row k holds the values of W_jk for all j), then the biases.
pub(super) fn slices<'a>(weights: &'a Panels, biases: &'a [f32]) -> impl Iterator<Item = &'a [f32]> {
    (0..weights.rows()).flat_map(|k| weights.row_slices(k)).chain(iter::once(biases))
}
