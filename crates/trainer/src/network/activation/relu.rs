use super::{Activation, Range};
use minibatch_kernels::{Isa, Mat, MatMut, relu, relu_backward};

/// The rectifier max(0, z). Its derivative is 1 where z > 0, else 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relu;

impl Activation for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn value(&self, z: f64) -> f64 {
        if 0.0 > z { 0.0 } else { z }
    }

    fn derivative(&self, z: f64) -> f64 {
        if z > 0.0 { 1.0 } else { 0.0 }
    }

    fn piece(&self, z: f64) -> i32 {
        i32::from(z > 0.0)
    }

    fn range(&self) -> Range {
        Range::NonNegative
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        relu(isa, z);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
        relu_backward(isa, delta, a);
    }
}
