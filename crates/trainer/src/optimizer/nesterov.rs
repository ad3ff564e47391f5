use super::rule::is_fraction;
use super::{At, Element, Formula, LearningRates, MomentName, Optimizer, Rule};
use minibatch_kernels::COEFFICIENTS;

/// Nesterov's accelerated gradient in the form of Sutskever et al. (2013), as PyTorch has it: m ← μ·m + g; p ← p − η·(g + μ·m),
/// from m = 0. The parameter is μ, 0 ≤ μ < 1, usually 0.9.
///
/// Nesterov takes the gradient at the place to which the momentum is about to lead. Here p is that place itself, so the gradient
/// is taken at p, and the step looks ahead once more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nesterov {
    momentum: f64,
}

impl Nesterov {
    /// Nesterov with this μ. `None` unless 0 ≤ μ < 1, as an f32 too.
    #[must_use]
    pub fn new(momentum: f64) -> Option<Nesterov> {
        is_fraction(momentum).then_some(Nesterov { momentum })
    }
}

impl Default for Nesterov {
    fn default() -> Nesterov {
        Nesterov { momentum: 0.9 }
    }
}

impl Formula for Nesterov {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate, momentum, ..] = c;
        moments[0] = momentum.mul_add(moments[0], g).flush();
        *p = (-rate).mul_add(momentum.mul_add(moments[0], g), *p);
    }
}

impl Rule for Nesterov {
    fn name(&self) -> &'static str {
        "nesterov"
    }

    fn usage(&self) -> &str {
        "nesterov(μ) with 0 ≤ μ < 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.momentum]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        Nesterov::new(*parameters.first()?).map(Optimizer::new)
    }

    fn learning_rates(&self) -> LearningRates {
        LearningRates { sigmoid: 0.1, other: 0.01, values: 0.001, follow_gradients: true }
    }

    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
        let momentum = at.momentum.unwrap_or(self.momentum);
        [at.learning_rate, momentum, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    }

    fn moment_names(&self) -> Vec<MomentName> {
        vec![MomentName::signed("velocity")]
    }
}
