use super::{Cost, Outputs, at_least_tiny, is};
use crate::network::activation::{Activation, Range, Sigmoid, Softmax, Softplus};
use minibatch_kernels::{MatMut, poisson_softplus_error};

/// The Poisson cost C = Σ(a − y·ln a) of rates a > 0 for counts y ≥ 0. It is the negative log-likelihood without ln y!, which no
/// weight changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Poisson;

impl Cost for Poisson {
    fn name(&self) -> &'static str {
        "poisson"
    }

    fn value(&self, a: f64, y: f64) -> f64 {
        a - if y == 0.0 { 0.0 } else { y * libm::log(at_least_tiny(a)) }
    }

    fn derivative(&self, a: f64, y: f64) -> f64 {
        1.0 - y / at_least_tiny(a)
    }

    fn accepts(&self, range: Range) -> bool {
        range >= Range::Positive
    }

    fn target_defect(&self, y: &[f32]) -> Option<&'static str> {
        (!y.iter().all(|&y| y >= 0.0)).then_some("counts from 0 on")
    }

    fn needs_pre_activation(&self, activation: &dyn Activation) -> bool {
        !activation.is_row_wise() && !is::<Softplus>(activation)
    }

    fn output_error(&self, outputs: Outputs<'_>, delta: &mut MatMut<'_>) {
        // (1 − y/a) ⊙ σ′ with the division done on paper, for an a that vanishes.
        match outputs.z {
            _ if outputs.is::<Softplus>() => {
                delta.copy_from(outputs.a);
                poisson_softplus_error(outputs.isa, delta, outputs.y);
            }
            Some(z) if outputs.is::<Sigmoid>() => {
                for row in 0..z.rows() {
                    for ((delta, &z), &y) in
                        delta.row_mut(row).iter_mut().zip(z.row(row)).zip(outputs.y.row(row))
                    {
                        let z = f64::from(z);
                        *delta = ((Sigmoid.value(z) - f64::from(y)) * Sigmoid.value(-z)) as f32;
                    }
                }
            }
            _ if outputs.is::<Softmax>() => {
                for row in 0..outputs.a.rows() {
                    let (a, y) = (outputs.a.row(row), outputs.y.row(row));
                    let counts: f64 = y.iter().copied().map(f64::from).sum();
                    for ((delta, &a), &y) in delta.row_mut(row).iter_mut().zip(a).zip(y) {
                        *delta = (f64::from(a) * counts - f64::from(y)) as f32;
                    }
                }
            }
            _ => outputs.error_per_element(self, delta),
        }
    }
}
