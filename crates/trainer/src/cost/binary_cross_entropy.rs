use super::{Cost, Outputs, at_least_tiny};
use crate::activation::{Range, Sigmoid};
use minibatch_kernels::{Mat, MatMut, logistic_terms, subtract};

/// The binary cross-entropy C = −Σ[y·ln a + (1 − y)·ln(1 − a)], summed over outputs that are probabilities each for
/// itself, as in Nielsen's chapter 3. With the sigmoid, Δ_L = A − Y, and c = ln(1 + e^−|z|) + max(0, z) − y·z.
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryCrossEntropy;

/// Outputs whose terms are computed at a time, on the stack.
const CHUNK: usize = 64;

impl Cost for BinaryCrossEntropy {
    fn name(&self) -> &'static str {
        "binary-cross-entropy"
    }

    fn value(&self, a: f64, y: f64) -> f64 {
        // 0·ln 0 is 0 here.
        let term =
            |weight: f64, p: f64| if weight == 0.0 { 0.0 } else { weight * libm::log(at_least_tiny(p)) };
        -(term(y, a) + term(1.0 - y, 1.0 - a))
    }

    fn derivative(&self, a: f64, y: f64) -> f64 {
        (1.0 - y) / at_least_tiny(1.0 - a) - y / at_least_tiny(a)
    }

    fn accepts(&self, range: Range) -> bool {
        range == Range::Unit
    }

    fn target_defect(&self, y: &[f32]) -> Option<&'static str> {
        (!y.iter().all(|y| (0.0..=1.0).contains(y))).then_some("numbers from 0 to 1")
    }

    fn total(&self, outputs: Outputs<'_>) -> f64 {
        let Some(z) = outputs.z.filter(|_| outputs.is::<Sigmoid>()) else {
            return outputs.total_per_element(self);
        };
        let example = |row: usize| -> f64 {
            let chunk = |(z, y): (&[f32], &[f32])| {
                let mut terms = [0.0; CHUNK];
                let terms = &mut terms[..z.len()];
                terms.copy_from_slice(z);
                let len = z.len();
                logistic_terms(outputs.isa, &mut MatMut::row_major(terms, 1, len), Mat::row_major(y, 1, len));
                terms.iter().map(|&term| f64::from(term)).sum::<f64>()
            };
            z.row(row).chunks(CHUNK).zip(outputs.y.row(row).chunks(CHUNK)).map(chunk).sum()
        };
        (0..z.rows()).map(example).sum()
    }

    fn output_error(&self, outputs: Outputs<'_>, delta: &mut MatMut<'_>) {
        if outputs.is::<Sigmoid>() {
            delta.copy_from(outputs.a);
            subtract(outputs.isa, delta, outputs.y);
        } else {
            outputs.error_per_element(self, delta);
        }
    }
}
