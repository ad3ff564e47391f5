use super::{Activation, Range};
use minibatch_kernels::{Isa, Mat, MatMut, softmax, softmax_backward};

/// The softmax a_j = e^z_j / Σ e^z_k of a whole row: the probabilities of classes. For the output layer only.
///
/// Its Jacobian is ∂a_j/∂z_k = a_j·(1 if j = k else 0 − a_k), so that Δ = a ⊙ (g − Σ g·a) for the cost's derivative g.
#[derive(Clone, Copy, Debug, Default)]
pub struct Softmax;

impl Activation for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    /// 1, the softmax of a row of one.
    fn value(&self, _: f64) -> f64 {
        1.0
    }

    fn derivative(&self, _: f64) -> f64 {
        0.0
    }

    fn range(&self) -> Range {
        Range::Distribution
    }

    fn is_row_wise(&self) -> bool {
        true
    }

    fn row(&self, z: &mut [f64]) {
        let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        z.iter_mut().for_each(|z| *z = libm::exp(*z - largest));
        let sum: f64 = z.iter().sum();
        z.iter_mut().for_each(|z| *z /= sum);
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        softmax(isa, z);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
        softmax_backward(isa, delta, a);
    }
}
