use super::{Activation, Range, Sigmoid};
use minibatch_kernels::{Isa, Mat, MatMut, softplus, softplus_backward};

/// The softplus ln(1 + eᶻ), a smooth rectifier that stays above 0. Its derivative is σ(z) = 1 − e⁻ᵃ.
#[derive(Clone, Copy, Debug, Default)]
pub struct Softplus;

impl Activation for Softplus {
    fn name(&self) -> &'static str {
        "softplus"
    }

    fn value(&self, z: f64) -> f64 {
        z.max(0.0) + libm::log1p(libm::exp(-z.abs()))
    }

    fn derivative(&self, z: f64) -> f64 {
        Sigmoid.value(z)
    }

    fn range(&self) -> Range {
        Range::Positive
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        softplus(isa, z);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
        softplus_backward(isa, delta, a);
    }
}
