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

    /// Calls `f` with each of the [`slices`](Self::slices), to write.
    pub(crate) fn for_each_slice(&mut self, mut f: impl FnMut(&mut [f32])) {
        let Ok(()) = self.try_for_each_slice(|values| {
            f(values);
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
        f: impl FnMut(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        try_for_each_slice(&mut self.weights, &mut self.biases, f)
    }
}

/// The weights input by input (row k holds the values of W_jk for all j), then the biases.
pub(super) fn slices<'a>(weights: &'a Panels, biases: &'a [f32]) -> impl Iterator<Item = &'a [f32]> {
    (0..weights.rows()).flat_map(|k| weights.row_slices(k)).chain(iter::once(biases))
}

/// Calls `f` with each of the [`slices`], to write, until a call fails.
pub(super) fn try_for_each_slice<E>(
    weights: &mut Panels,
    biases: &mut [f32],
    mut f: impl FnMut(&mut [f32]) -> Result<(), E>,
) -> Result<(), E> {
    for k in 0..weights.rows() {
        weights.row_slices_mut(k).try_for_each(&mut f)?;
    }
    f(biases)
}
