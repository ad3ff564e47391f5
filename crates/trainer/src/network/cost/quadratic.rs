use super::{Cost, Outputs, sum};
use crate::network::activation::Activation;
use minibatch_kernels::{MatMut, subtract};

/// The quadratic cost C = ½‖a − y‖². ∂C/∂a = a − y.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quadratic;

impl Cost for Quadratic {
    fn name(&self) -> &'static str {
        "quadratic"
    }

    fn value(&self, a: f64, y: f64) -> f64 {
        0.5 * (a - y) * (a - y)
    }

    fn derivative(&self, a: f64, y: f64) -> f64 {
        a - y
    }

    fn needs_pre_activation(&self, _: &dyn Activation) -> bool {
        false
    }

    fn total(&self, outputs: Outputs<'_>) -> f64 {
        // Halved at the end: one multiplication instead of B·n_L.
        0.5 * sum(self.reduction(), outputs.a, outputs.y, |a, y| (a - y) * (a - y))
    }

    fn degree(&self) -> Option<u32> {
        Some(2)
    }

    fn output_error(&self, outputs: Outputs<'_>, delta: &mut MatMut<'_>) {
        outputs.error_by(delta, |d| subtract(outputs.isa, d, outputs.y));
    }
}
