use super::{Activation, Initializer};
use crate::bounded::Bounded;
use minibatch_kernels::{Isa, Mat, MatMut};

/// No activation: σ(z) = z.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl Activation for Identity {
    fn name(&self) -> &'static str {
        "identity"
    }

    fn initializer(&self) -> Initializer {
        Initializer::LecunNormal
    }

    fn value(&self, z: f64) -> f64 {
        z
    }

    fn derivative(&self, _: f64) -> f64 {
        1.0
    }

    fn bounded(&self, z: Bounded) -> (Bounded, Bounded) {
        (z, Bounded::exact(1.0))
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, _: Isa, _: &mut MatMut<'_>) {}

    fn backward(&self, _: Isa, _: &mut MatMut<'_>, _: Mat<'_>) {}
}
