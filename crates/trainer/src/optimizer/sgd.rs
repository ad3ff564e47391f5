use super::{At, LearningRates, Optimizer, Rule};
use minibatch_kernels::COEFFICIENTS;

/// Plain stochastic gradient descent: p ← p − η·g. It has no moments and no formula: the gradient's product goes on from the
/// parameter itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sgd;

impl Rule for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn usage(&self) -> &str {
        "sgd, without parameters"
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Optimizer> {
        Some(Optimizer::SGD)
    }

    fn learning_rates(&self) -> LearningRates {
        LearningRates { sigmoid: 3.0, other: 0.1, values: 0.01 }
    }

    fn coefficients(&self, _: At<'_>) -> [f64; COEFFICIENTS] {
        [0.0; COEFFICIENTS]
    }
}
