use super::rule::{is_epsilon, is_fraction};
use super::{At, Element, Formula, LearningRates, MomentName, Optimizer, Rule};
use minibatch_kernels::COEFFICIENTS;

/// Adam (Kingma and Ba 2015): m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²; p ← p − η·m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ) and v̂
/// = v/(1 − β₂ᵗ) at step t, from m = v = 0. The parameters are β₁, β₂ and ε, usually 0.9, 0.999 and 10⁻⁸.
///
/// The step is computed as p − η̂·m/(√v·c + ε) with η̂ = η/(1 − β₁ᵗ) and c = 1/√(1 − β₂ᵗ). Both are computed in f64 once a step.
/// β₁ᵗ and β₂ᵗ are products that each step multiplies on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

impl Adam {
    /// Adam with these parameters. `None` unless 0 ≤ β₁ < 1 and 0 ≤ β₂ < 1, as f32 too, and 10⁻¹² ≤ ε ≤ 1.
    #[must_use]
    pub fn new(beta1: f64, beta2: f64, epsilon: f64) -> Option<Adam> {
        let valid = is_fraction(beta1) && is_fraction(beta2) && is_epsilon(epsilon);
        valid.then_some(Adam { beta1, beta2, epsilon })
    }
}

impl Default for Adam {
    fn default() -> Adam {
        Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Formula for Adam {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate, correction, m_kept, m_new, v_kept, v_new, epsilon, _] = c;
        moments[0] = m_kept.mul_add(moments[0], m_new * g).flush();
        moments[1] = v_kept.mul_add(moments[1], v_new * g * g).flush();
        let scale = moments[1].sqrt().mul_add(correction, epsilon);
        *p = (-rate).mul_add(moments[0] / scale, *p);
    }
}

impl Rule for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn usage(&self) -> &str {
        "adam(β₁,β₂,ε) with 0 ≤ β < 1 and 1e-12 ≤ ε ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.beta1, self.beta2, self.epsilon]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        let &[beta1, beta2, epsilon] = parameters else { return None };
        Adam::new(beta1, beta2, epsilon).map(Optimizer::new)
    }

    fn learning_rates(&self) -> LearningRates {
        LearningRates { other: 0.002, ..LearningRates::everywhere(0.001) }
    }

    /// β₁ᵗ and β₂ᵗ.
    fn scalars(&self) -> Vec<f64> {
        vec![1.0; 2]
    }

    fn advance(&self, scalars: &mut [f64], momentum: Option<f64>) {
        scalars[0] *= momentum.unwrap_or(self.beta1);
        scalars[1] *= self.beta2;
    }

    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
        let (rate, correction) =
            (at.learning_rate / (1.0 - at.scalars[0]), 1.0 / (1.0 - at.scalars[1]).sqrt());
        let Adam { beta1, beta2, epsilon } = *self;
        let beta1 = at.momentum.unwrap_or(beta1);
        [rate, correction, beta1, 1.0 - beta1, beta2, 1.0 - beta2, epsilon, 0.0]
    }

    fn moment_names(&self) -> Vec<MomentName> {
        vec![MomentName::signed("m"), MomentName::square("v")]
    }
}
