use super::Activation;
use minibatch_kernels::{Isa, Mat, MatMut, leaky_relu, leaky_relu_backward};
use std::sync::Arc;

/// The leaky rectifier: z where z > 0, else slope·z. The parameter is the slope, 0 ≤ slope < 1, usually 0.01.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu {
    slope: f32,
}

impl LeakyRelu {
    /// The leaky rectifier with this slope below 0. `None` unless 0 ≤ slope < 1.
    pub fn new(slope: f32) -> Option<LeakyRelu> {
        (0.0..1.0).contains(&slope).then_some(LeakyRelu { slope })
    }
}

impl Default for LeakyRelu {
    fn default() -> LeakyRelu {
        LeakyRelu { slope: 0.01 }
    }
}

impl Activation for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky-relu"
    }

    fn parameter(&self) -> Option<f32> {
        Some(self.slope)
    }

    fn parameter_range(&self) -> Option<&'static str> {
        Some("a slope from 0 to below 1")
    }

    fn with_parameter(&self, slope: f32) -> Option<Arc<dyn Activation>> {
        Some(Arc::new(LeakyRelu::new(slope)?))
    }

    fn value(&self, z: f64) -> f64 {
        z * self.derivative(z)
    }

    fn derivative(&self, z: f64) -> f64 {
        if z > 0.0 { 1.0 } else { f64::from(self.slope) }
    }

    fn piece(&self, z: f64) -> i32 {
        i32::from(z > 0.0)
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        leaky_relu(isa, z, self.slope);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
        leaky_relu_backward(isa, delta, a, self.slope);
    }
}
