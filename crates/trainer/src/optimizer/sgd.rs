use super::{At, Element, Formula, LearningRates, Optimizer, Rule};
use minibatch_kernels::COEFFICIENTS;

/// Plain stochastic gradient descent: p ← p − η·g. It has no moments. Its gradient product goes on from the parameter
/// itself. The formula serves where the gradient stands by itself, and where weights are frozen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sgd;

impl Formula for Sgd {
    const MOMENTS: usize = 0;

    #[inline(always)]
    fn step<E: Element>(&self, [rate, ..]: [E; COEFFICIENTS], p: &mut E, _: &mut [E], g: E) {
        *p = (-rate).mul_add(g, *p);
    }
}

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
        LearningRates { sigmoid: 3.0, other: 0.1, values: 0.01, follow_gradients: true }
    }

    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
        [at.learning_rate, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    }
}
