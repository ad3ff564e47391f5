use super::{Activation, Tanh};
use minibatch_kernels::{Isa, Mat, MatMut, scaled_tanh, scaled_tanh_backward};

/// LeCun's tanh, 1.7159·tanh(⅔z), which takes ±1 to ±1 (*Efficient BackProp*, 1998, §4.4).
#[derive(Clone, Copy, Debug, Default)]
pub struct LecunTanh;

const AMPLITUDE: f64 = 1.7159;
const FREQUENCY: f64 = 2.0 / 3.0;

impl Activation for LecunTanh {
    fn name(&self) -> &'static str {
        "lecun-tanh"
    }

    fn value(&self, z: f64) -> f64 {
        AMPLITUDE * libm::tanh(FREQUENCY * z)
    }

    fn derivative(&self, z: f64) -> f64 {
        AMPLITUDE * FREQUENCY * Tanh.derivative(FREQUENCY * z)
    }

    fn needs_pre_activation(&self) -> bool {
        false
    }

    fn forward(&self, isa: Isa, z: &mut MatMut<'_>) {
        scaled_tanh(isa, z, AMPLITUDE as f32, FREQUENCY as f32);
    }

    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
        scaled_tanh_backward(isa, delta, a, AMPLITUDE as f32, FREQUENCY as f32);
    }
}
