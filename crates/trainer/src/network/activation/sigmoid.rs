use super::{Activation, Range};
use minibatch_kernels::{Isa, Mat, MatMut, sigmoid, sigmoid_backward};

/// The logistic sigmoid σ(z) = 1 / (1 + e⁻ᶻ); σ′ = σ·(1 − σ).
#[derive(Clone, Copy, Debug, Default)]
pub struct Sigmoid;

impl Activation for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
    }

    fn value(&self, z: f64) -> f64 {
        1.0 / (1.0 + libm::exp(-z))
    }

    fn derivative(&self, z: f64) -> f64 {
        self.value(z) * self.value(-z)
    }

    fn range(&self) -> Range {
        Range::Unit
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        sigmoid(isa, z);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
        sigmoid_backward(isa, delta, a);
    }
}
