use super::{Cost, Outputs, Reduction, sum};
use crate::network::activation::Activation;
use minibatch_kernels::{MatMut, scaled_sign};

/// The mean absolute error C = 1/n·Σ|a − y| over the n outputs. Its derivative is taken as 0 at a = y.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mae;

impl Cost for Mae {
    fn name(&self) -> &'static str {
        "mae"
    }

    fn value(&self, a: f64, y: f64) -> f64 {
        (a - y).abs()
    }

    fn defect_for_classes(&self, activation: &dyn Activation) -> Option<String> {
        let defect = match activation.is_row_wise() {
            true => "mae hardly learns from an output that is quite wrong, and may give up whole classes",
            false => "mae is least where all outputs are 0, since most targets of classes are",
        };
        Some(defect.to_owned())
    }

    fn derivative(&self, a: f64, y: f64) -> f64 {
        f64::from(self.piece(a, y))
    }

    fn piece(&self, a: f64, y: f64) -> i32 {
        i32::from(a > y) - i32::from(a < y)
    }

    fn degree(&self) -> Option<u32> {
        Some(1)
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
        let factor = self.reduction().factor(outputs.a.cols());
        outputs.error_by(delta, |d| scaled_sign(outputs.isa, d, outputs.y, factor as f32));
    }
}
