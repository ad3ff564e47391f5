//! Input scaling: a factor for each input, learned with the weights (a front scaling layer, RealMLP's).
//!
//! ```text
//! A_1 = σ_1((x ⊙ s)·Vᵀ + b)      s: a factor of each input, 1 at first.   V: the weights of the first layer
//!     = σ_1(x·Wᵀ + b)            W_jk = s_k·V_jk
//!
//! ∂C/∂V_jk = s_k·G_jk            G = ∂C/∂W, which backpropagation gives
//! ∂C/∂s_k  = Σⱼ V_jk·G_jk
//! ```
//!
//! The network has W: it is a plain one to everything that evaluates, predicts or exports. A run remembers s and V, and moments of
//! both. A step takes V into the network's place, and leaves W there.

use crate::network::{Layer, LayerValues};
use minibatch_kernels::{
    Descent, MOST_MOMENTS, Mat, MatMut, Panels, Team, descend, scale_rows, split_row_factors,
};

/// The factors of the inputs, and the first layer's weights without them.
#[derive(Clone, Debug)]
pub(crate) struct InputScaling {
    /// s
    pub(crate) factors: Vec<f32>,
    /// V (n_0 × n_1), input-major. Between the calls of [`begin`](Self::begin) and [`end`](Self::end) it is W.
    pub(crate) weights: Panels,
    /// The moments of s.
    pub(crate) moments: Vec<Vec<f32>>,
    /// ∂C/∂s of the step that is taken.
    pub(crate) gradient: Vec<f32>,
}

impl InputScaling {
    /// Factors of 1 for the inputs of `layer`, a network's first, each with so many `moments`.
    pub(crate) fn new(moments: usize, layer: &Layer) -> InputScaling {
        let inputs = layer.inputs();
        InputScaling {
            factors: vec![1.0; inputs],
            weights: layer.weights.clone(),
            moments: vec![vec![0.0; inputs]; moments],
            gradient: vec![0.0; inputs],
        }
    }

    /// Whether the weights of `layer` are those that it stands for: W = s ⊙ V, to the bit.
    pub(crate) fn is_of(&self, layer: &Layer) -> bool {
        let fits = (self.weights.rows(), self.weights.cols()) == (layer.inputs(), layer.outputs());
        let is_product = |(k, &factor): (usize, &f32)| {
            let (v, w) = (self.weights.row_slices(k).flatten(), layer.weights.row_slices(k).flatten());
            v.zip(w).all(|(v, w)| (factor * v).to_bits() == w.to_bits())
        };
        fits && self.factors.len() == layer.inputs() && self.factors.iter().enumerate().all(is_product)
    }

    /// Puts V into the place of W, and makes `gradient`, that of W, the one of V. Keeps that of s.
    pub(crate) fn begin(&mut self, team: &Team<'_>, layer: &mut Layer, gradient: &mut LayerValues) {
        std::mem::swap(&mut self.weights, &mut layer.weights);
        split_row_factors(team, &mut gradient.weights, &layer.weights, &self.factors, &mut self.gradient);
    }

    /// Takes the step of s.
    pub(crate) fn descend(&mut self, team: &Team<'_>, step: Descent<'_>) {
        let mut moments: [MatMut<'_>; MOST_MOMENTS] = std::array::from_fn(|_| row_mut(&mut []));
        moments.iter_mut().zip(&mut self.moments).for_each(|(view, moment)| *view = row_mut(moment));
        let count = step.moments();
        let gradient = Mat::row_major(&self.gradient, 1, self.gradient.len());
        descend(team, step, &mut row_mut(&mut self.factors), &mut moments[..count], gradient);
    }

    /// Puts W = s ⊙ V into its place again.
    pub(crate) fn end(&mut self, team: &Team<'_>, layer: &mut Layer) {
        std::mem::swap(&mut self.weights, &mut layer.weights);
        scale_rows(team, &mut layer.weights, &self.weights, &self.factors);
    }
}

/// A row of numbers as a matrix.
fn row_mut(row: &mut [f32]) -> MatMut<'_> {
    let len = row.len();
    MatMut::row_major(row, 1, len)
}
