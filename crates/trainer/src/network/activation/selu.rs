use super::Activation;
use minibatch_kernels::{Isa, Mat, MatMut, elu, elu_backward};

/// The self-normalising unit λ·ELU with λ ≈ 1.0507 and α ≈ 1.6733, for which mean 0 and variance 1 are a fixed point
/// (Klambauer et al. 2017). Start it with [`Initializer::LecunNormal`](crate::Initializer::LecunNormal).
#[derive(Clone, Copy, Debug, Default)]
pub struct Selu;

const SCALE: f64 = 1.050_700_987_355_480_5;
const ALPHA: f64 = 1.673_263_242_354_377_2;

impl Activation for Selu {
    fn name(&self) -> &'static str {
        "selu"
    }

    fn value(&self, z: f64) -> f64 {
        SCALE * if z > 0.0 { z } else { ALPHA * libm::expm1(z) }
    }

    fn derivative(&self, z: f64) -> f64 {
        SCALE * if z > 0.0 { 1.0 } else { ALPHA * libm::exp(z) }
    }

    fn piece(&self, z: f64) -> i32 {
        i32::from(z > 0.0)
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        elu(isa, z, SCALE as f32, ALPHA as f32);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
        elu_backward(isa, delta, a, SCALE as f32, ALPHA as f32);
    }
}
