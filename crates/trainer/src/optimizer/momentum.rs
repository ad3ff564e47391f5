use super::rule::is_fraction;
use super::{At, Element, Formula, LearningRates, MomentName, Optimizer, Rule};
use minibatch_kernels::COEFFICIENTS;

/// Gradient descent with momentum (Polyak 1964), as PyTorch has it: m ← μ·m + g; p ← p − η·m, from m = 0. The parameter is μ, 0 ≤
/// μ < 1, usually 0.9.
///
/// At a steady gradient m becomes g/(1 − μ), so a learning rate is worth 1/(1 − μ) times what it is to plain descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    momentum: f64,
}

impl Momentum {
    /// Momentum with this μ. `None` unless 0 ≤ μ < 1, as an f32 too.
    #[must_use]
    pub fn new(momentum: f64) -> Option<Momentum> {
        is_fraction(momentum).then_some(Momentum { momentum })
    }
}

impl Default for Momentum {
    fn default() -> Momentum {
        Momentum { momentum: 0.9 }
    }
}

impl Formula for Momentum {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate, momentum, ..] = c;
        moments[0] = momentum.mul_add(moments[0], g).flush();
        *p = (-rate).mul_add(moments[0], *p);
    }
}

impl Rule for Momentum {
    fn name(&self) -> &'static str {
        "momentum"
    }

    fn usage(&self) -> &str {
        "momentum(μ) with 0 ≤ μ < 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.momentum]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        Momentum::new(*parameters.first()?).map(Optimizer::new)
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
