use super::Activation;
use minibatch_kernels::{Isa, Mat, MatMut, tanh, tanh_backward};

/// The hyperbolic tangent tanh z. tanh′ = 1 − tanh² = (1 − a)(1 + a).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tanh;

impl Activation for Tanh {
    fn name(&self) -> &'static str {
        "tanh"
    }

    fn value(&self, z: f64) -> f64 {
        libm::tanh(z)
    }

    fn derivative(&self, z: f64) -> f64 {
        let cosh = libm::cosh(z);
        1.0 / (cosh * cosh)
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        tanh(isa, z);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
        tanh_backward(isa, delta, a);
    }
}
