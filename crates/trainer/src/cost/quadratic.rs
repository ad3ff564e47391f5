use super::Cost;
use minibatch_kernels::{Isa, Mat, MatMut, subtract};

/// The quadratic cost C = ½‖a − y‖²; ∂C/∂a = a − y.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quadratic;

impl Cost for Quadratic {
    fn name(&self) -> &'static str {
        "quadratic"
    }

    fn value(&self, a: &[f32], y: &[f32]) -> f64 {
        let square = |(&a, &y): (&f32, &f32)| {
            let difference = f64::from(a) - f64::from(y);
            difference * difference
        };
        0.5 * a.iter().zip(y).map(square).sum::<f64>()
    }

    fn derivative(&self, isa: Isa, d: &mut MatMut<'_>, y: Mat<'_>) {
        subtract(isa, d, y);
    }
}
