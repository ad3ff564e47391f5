use super::{Cost, Outputs, Reduction, sum};
use crate::network::activation::Activation;
use minibatch_kernels::{MatMut, scaled_difference};

/// The mean squared error C = 1/n·Σ(a − y)² over the n outputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mse;

impl Cost for Mse {
    fn name(&self) -> &'static str {
        "mse"
    }

    fn value(&self, a: f64, y: f64) -> f64 {
        (a - y) * (a - y)
    }

    fn derivative(&self, a: f64, y: f64) -> f64 {
        2.0 * (a - y)
    }

    fn degree(&self) -> Option<u32> {
        Some(2)
    }

    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }

    fn needs_pre_activation(&self, _: &dyn Activation) -> bool {
        false
    }

    fn total(&self, outputs: Outputs<'_>) -> f64 {
        sum(self.reduction(), outputs.a, outputs.y, |a, y| self.value(a, y))
    }

    fn output_error(&self, outputs: Outputs<'_>, delta: &mut MatMut<'_>) {
        let factor = 2.0 * self.reduction().factor(outputs.a.cols());
        outputs.error_by(delta, |d| scaled_difference(outputs.isa, d, outputs.y, factor as f32));
    }
}
