use super::rule::is_epsilon;
use super::{At, Element, Formula, LearningRates, MomentName, Optimizer, Rule};
use minibatch_kernels::COEFFICIENTS;

/// Adagrad (Duchi, Hazan and Singer 2011), as PyTorch has it without decay of η: s ← s + g²; p ← p − η·g/(√s + ε), from s = 0.
/// The parameter is ε, usually 10⁻¹⁰.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    epsilon: f64,
}

impl Adagrad {
    /// Adagrad with this ε. `None` unless 10⁻¹² ≤ ε ≤ 1.
    #[must_use]
    pub fn new(epsilon: f64) -> Option<Adagrad> {
        is_epsilon(epsilon).then_some(Adagrad { epsilon })
    }
}

impl Default for Adagrad {
    fn default() -> Adagrad {
        Adagrad { epsilon: 1e-10 }
    }
}

impl Formula for Adagrad {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate, epsilon, ..] = c;
        moments[0] = g.mul_add(g, moments[0]).flush();
        *p = (-rate).mul_add(g / (moments[0].sqrt() + epsilon), *p);
    }
}

impl Rule for Adagrad {
    fn name(&self) -> &'static str {
        "adagrad"
    }

    fn usage(&self) -> &str {
        "adagrad(ε) with 1e-12 ≤ ε ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.epsilon]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        Adagrad::new(*parameters.first()?).map(Optimizer::new)
    }

    fn learning_rates(&self) -> LearningRates {
        // Steps become ever shorter.
        LearningRates { sigmoid: 0.1, other: 0.15, values: 0.01, follow_gradients: false }
    }

    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
        [at.learning_rate, self.epsilon, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    }

    fn moment_names(&self) -> Vec<MomentName> {
        vec![MomentName::square("s")]
    }
}
