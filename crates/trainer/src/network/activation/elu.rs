use super::Activation;
use minibatch_kernels::{Isa, Mat, MatMut, elu, elu_backward};
use std::sync::Arc;

/// The exponential linear unit: z where z > 0, else α·(eᶻ − 1) (Clevert, Unterthiner and Hochreiter 2015). The parameter
/// is α > 0, usually 1.
#[derive(Clone, Copy, Debug)]
pub struct Elu {
    alpha: f32,
}

impl Elu {
    /// The ELU with this α. `None` unless α is a finite number above 0.
    pub fn new(alpha: f32) -> Option<Elu> {
        (alpha > 0.0 && alpha.is_finite()).then_some(Elu { alpha })
    }
}

impl Default for Elu {
    fn default() -> Elu {
        Elu { alpha: 1.0 }
    }
}

impl Activation for Elu {
    fn name(&self) -> &'static str {
        "elu"
    }

    fn parameter(&self) -> Option<f32> {
        Some(self.alpha)
    }

    fn parameter_range(&self) -> Option<&'static str> {
        Some("a finite α above 0")
    }

    fn with_parameter(&self, alpha: f32) -> Option<Arc<dyn Activation>> {
        Some(Arc::new(Elu::new(alpha)?))
    }

    fn value(&self, z: f64) -> f64 {
        if z > 0.0 { z } else { f64::from(self.alpha) * libm::expm1(z) }
    }

    fn derivative(&self, z: f64) -> f64 {
        if z > 0.0 { 1.0 } else { f64::from(self.alpha) * libm::exp(z) }
    }

    fn piece(&self, z: f64) -> i32 {
        i32::from(z > 0.0)
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        elu(isa, z, 1.0, self.alpha);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
        elu_backward(isa, delta, a, 1.0, self.alpha);
    }
}
