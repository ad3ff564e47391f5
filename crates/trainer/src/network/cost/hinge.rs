use super::{Cost, Outputs, sum};
use crate::network::activation::{Activation, Range};
use minibatch_kernels::{MatMut, hinge_derivative};

/// The hinge cost C = Σ max(0, 1 − t·a), one against the rest. t is 1 for targets above 0, else −1. So classes may be 0 and 1, or
/// −1 and 1. At its kink the derivative is taken as 0. Outputs are scores of either sign.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hinge;

fn side(y: f64) -> f64 {
    if y > 0.0 { 1.0 } else { -1.0 }
}

impl Cost for Hinge {
    fn name(&self) -> &'static str {
        "hinge"
    }

    fn value(&self, a: f64, y: f64) -> f64 {
        let distance = 1.0 - side(y) * a;
        // f64::max would make NaN 0.
        if distance < 0.0 { 0.0 } else { distance }
    }

    fn derivative(&self, a: f64, y: f64) -> f64 {
        if side(y) * a < 1.0 { -side(y) } else { 0.0 }
    }

    fn piece(&self, a: f64, y: f64) -> i32 {
        i32::from(side(y) * a < 1.0)
    }

    fn accepts(&self, range: Range) -> bool {
        range == Range::Signed
    }

    fn defect_for_classes(&self, activation: &dyn Activation) -> Option<String> {
        let reaches = activation.value(3.0) > 1.0 && activation.value(-3.0) < -1.0;
        let name = activation.name();
        (!reaches).then(|| format!("hinge asks for outputs beyond −1 and 1, which {name} doesn't reach"))
    }

    fn needs_pre_activation(&self, _: &dyn Activation) -> bool {
        false
    }

    fn total(&self, outputs: Outputs<'_>) -> f64 {
        sum(self.reduction(), outputs.a, outputs.y, |a, y| self.value(a, y))
    }

    fn output_error(&self, outputs: Outputs<'_>, delta: &mut MatMut<'_>) {
        outputs.error_by(delta, |d| hinge_derivative(outputs.isa, d, outputs.y));
    }
}
