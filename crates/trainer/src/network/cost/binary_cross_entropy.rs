use super::{Cost, Outputs, at_least_tiny, is};
use crate::network::activation::{Activation, Range, Sigmoid};
use minibatch_kernels::{MatMut, logistic_terms};

/// The binary cross-entropy C = −Σ[y·ln a + (1 − y)·ln(1 − a)], summed over outputs that are probabilities each for
/// itself, as in Nielsen's chapter 3. With the sigmoid, Δ_L = A − Y, and c = ln(1 + e^−|z|) + max(0, z) − y·z.
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryCrossEntropy;

/// The outputs (`CHUNK`) and the examples (`ROWS`) whose terms are computed at a time, on the stack.
const CHUNK: usize = 64;
const ROWS: usize = 8;

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

    fn matches(&self, activation: &dyn Activation) -> bool {
        is::<Sigmoid>(activation)
    }

    fn total(&self, outputs: Outputs<'_>) -> f64 {
        let Some(z) = outputs.z.filter(|_| self.matches(outputs.activation)) else {
            return outputs.total_per_element(self);
        };
        let (rows, cols) = (z.rows(), z.cols());
        let (mut total, mut buffer) = (0.0, [0.0; ROWS * CHUNK]);
        for first in (0..rows).step_by(ROWS) {
            let some = first..rows.min(first + ROWS);
            let mut examples = [0.0; ROWS];
            for col in (0..cols).step_by(CHUNK) {
                let chunk = col..cols.min(col + CHUNK);
                let shape = (some.len(), chunk.len());
                let mut terms = MatMut::strided(&mut buffer, shape.0, shape.1, CHUNK);
                terms.copy_from(z.part(some.clone(), chunk.clone()));
                logistic_terms(outputs.isa, &mut terms, outputs.y.part(some.clone(), chunk));
                // The sums of several examples go side by side, so that none waits for its last term. Terms left over from other
                // examples aren't used.
                let mut sums = [0.0; ROWS];
                for j in 0..shape.1 {
                    for i in 0..ROWS {
                        sums[i] += f64::from(buffer[i * CHUNK + j]);
                    }
                }
                examples.iter_mut().zip(sums).for_each(|(example, sum)| *example += sum);
            }
            examples[..some.len()].iter().for_each(|example| total += example);
        }
        total
    }
}
