use super::{Cost, Outputs, Reduction, sum};
use crate::network::activation::Activation;
use minibatch_kernels::{MatMut, clamped_difference};
use std::sync::Arc;

/// The Huber cost, the mean over the n outputs of ½d² where |d| ≤ δ, else δ·(|d| − ½δ), with d = a − y: quadratic near
/// the target, linear far off. The parameter is δ > 0, usually 1.
#[derive(Clone, Copy, Debug)]
pub struct Huber {
    limit: f32,
}

impl Huber {
    /// The Huber cost with the limit δ, beyond which it is linear. `None` unless δ is a finite number above 0.
    #[must_use]
    pub fn new(limit: f32) -> Option<Huber> {
        (limit > 0.0 && limit.is_finite()).then_some(Huber { limit })
    }
}

impl Default for Huber {
    fn default() -> Huber {
        Huber { limit: 1.0 }
    }
}

impl Cost for Huber {
    fn name(&self) -> &'static str {
        "huber"
    }

    fn parameter(&self) -> Option<f32> {
        Some(self.limit)
    }

    fn parameter_range(&self) -> Option<&'static str> {
        Some("a finite δ above 0")
    }

    fn with_parameter(&self, limit: f32) -> Option<Arc<dyn Cost>> {
        Some(Arc::new(Huber::new(limit)?))
    }

    fn value(&self, a: f64, y: f64) -> f64 {
        let (distance, limit) = ((a - y).abs(), f64::from(self.limit));
        if distance > limit { limit * (distance - 0.5 * limit) } else { 0.5 * distance * distance }
    }

    fn derivative(&self, a: f64, y: f64) -> f64 {
        let limit = f64::from(self.limit);
        (a - y).clamp(-limit, limit)
    }

    fn piece(&self, a: f64, y: f64) -> i32 {
        let limit = f64::from(self.limit);
        i32::from(a - y > limit) - i32::from(a - y < -limit)
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
        let factor = self.reduction().factor(outputs.a.cols()) as f32;
        outputs.error_by(delta, |d| clamped_difference(outputs.isa, d, outputs.y, self.limit, factor));
    }
}
