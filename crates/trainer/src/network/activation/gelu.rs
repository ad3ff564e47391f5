use super::{Activation, Sigmoid};
use minibatch_kernels::{Isa, Mat, MatMut, gelu, gelu_backward};

/// The Gaussian error linear unit, in its tanh form ½z·(1 + tanh(√(2/π)·(z + 0.044715·z³))) (Hendrycks and Gimpel 2016).
///
/// The tanh form is the one that GPT-2 and BERT trained with. It differs from z·Φ(z) by less than 5·10⁻⁴ and costs one
/// exponential. Its negative tail keeps its relative accuracy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gelu;

/// v = 2·√(2/π)·(z + 0.044715·z³), for which GELU is z·σ(v), and v′.
fn argument(z: f64) -> (f64, f64) {
    let scale = 2.0 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
    (scale * (z + 0.044715 * z * z * z), scale * (1.0 + 3.0 * 0.044715 * z * z))
}

impl Activation for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn value(&self, z: f64) -> f64 {
        z * Sigmoid.value(argument(z).0)
    }

    fn derivative(&self, z: f64) -> f64 {
        let (v, slope) = argument(z);
        Sigmoid.value(v) + z * slope * Sigmoid.derivative(v)
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        gelu(isa, z);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, z: Mat<'_>) {
        gelu_backward(isa, delta, z);
    }
}
