use super::{Activation, Sigmoid};
use minibatch_kernels::{Isa, Mat, MatMut, silu, silu_backward};

/// The sigmoid linear unit z·σ(z), also called swish. Its derivative is σ(z)·(1 + z·σ(−z)).
#[derive(Clone, Copy, Debug, Default)]
pub struct Silu;

impl Activation for Silu {
    fn name(&self) -> &'static str {
        "silu"
    }

    fn value(&self, z: f64) -> f64 {
        z * Sigmoid.value(z)
    }

    fn derivative(&self, z: f64) -> f64 {
        Sigmoid.value(z) * (1.0 + z * Sigmoid.value(-z))
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        silu(isa, z);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, z: Mat<'_>) {
        silu_backward(isa, delta, z);
    }
}
