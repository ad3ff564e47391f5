use super::{Cost, Outputs, at_least_tiny, is};
use crate::network::activation::{Activation, Range, Softmax};

/// The categorical cross-entropy C = −Σ y·ln a of a distribution a over classes. With the softmax, Δ_L = A − Y, and
/// C = ln Σ e^(z − m) + Σ y·(m − z), m the largest z.
#[derive(Clone, Copy, Debug, Default)]
pub struct CategoricalCrossEntropy;

/// The most by which the sum of targets may differ from 1: the rounding of some of them to f32.
const SUM_TOLERANCE: f64 = 1e-5;

impl Cost for CategoricalCrossEntropy {
    fn name(&self) -> &'static str {
        "categorical-cross-entropy"
    }

    fn value(&self, a: f64, y: f64) -> f64 {
        if y == 0.0 { 0.0 } else { -y * libm::log(at_least_tiny(a)) }
    }

    fn derivative(&self, a: f64, y: f64) -> f64 {
        -y / at_least_tiny(a)
    }

    fn accepts(&self, range: Range) -> bool {
        range == Range::Distribution
    }

    fn target_defect(&self, y: &[f32]) -> Option<&'static str> {
        let sum: f64 = y.iter().map(|&y| f64::from(y)).sum();
        let distribution = y.iter().all(|&y| y >= 0.0) && (sum - 1.0).abs() <= SUM_TOLERANCE;
        (!distribution).then_some("probabilities that sum to 1")
    }

    fn needs_pre_activation(&self, activation: &dyn Activation) -> bool {
        self.matches(activation) || !activation.is_row_wise()
    }

    fn matches(&self, activation: &dyn Activation) -> bool {
        is::<Softmax>(activation)
    }

    fn total(&self, outputs: Outputs<'_>) -> f64 {
        let Some(z) = outputs.z.filter(|_| self.matches(outputs.activation)) else {
            return outputs.total_per_element(self);
        };
        let example = |row: usize| {
            let (z, a, y) = (z.row(row), outputs.a.row(row), outputs.y.row(row));
            let top = minibatch_kernels::argmax(z);
            // ln Σ e^(z − m) = ln(1 + Σ over the others of a/a_m), accurate also where they are all tiny.
            let others = a[..top].iter().chain(&a[top + 1..]).map(|&a| f64::from(a)).sum::<f64>();
            let (largest, log_sum) = (f64::from(z[top]), libm::log1p(others / f64::from(a[top])));
            let term = |(&z, &y): (&f32, &f32)| f64::from(y) * (largest - f64::from(z) + log_sum);
            z.iter().zip(y).map(term).sum::<f64>()
        };
        (0..z.rows()).map(example).sum()
    }
}
