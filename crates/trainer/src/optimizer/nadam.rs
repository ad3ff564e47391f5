use super::rule::{is_epsilon, is_fraction};
use super::{At, Element, Formula, LearningRates, MomentName, Optimizer, Rule};
use minibatch_kernels::COEFFICIENTS;

/// Adam with Nesterov's momentum (Dozat 2016), as PyTorch has it. With μₜ = β₁·(1 − ½·0.96^(t·ψ)) and Πₜ = μ₁·…·μₜ, Adam's m and
/// v and d = √(v/(1 − β₂ᵗ)) + ε: p ← p − η·(1 − μₜ)/(1 − Πₜ)·g/d − η·μₜ₊₁/(1 − Πₜ₊₁)·m/d. The parameters are β₁, β₂, ε and ψ,
/// usually 0.9, 0.999, 10⁻⁸ and 0.004.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NAdam {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    momentum_decay: f64,
}

impl NAdam {
    /// NAdam with these parameters. `None` unless 0 ≤ β₁ < 1 and 0 ≤ β₂ < 1, as f32 too, 10⁻¹² ≤ ε ≤ 1, and 0 ≤ ψ ≤ 1.
    #[must_use]
    pub fn new(beta1: f64, beta2: f64, epsilon: f64, momentum_decay: f64) -> Option<NAdam> {
        let valid = is_fraction(beta1) && is_fraction(beta2) && is_epsilon(epsilon);
        let valid = valid && (0.0..=1.0).contains(&momentum_decay);
        valid.then_some(NAdam { beta1, beta2, epsilon, momentum_decay })
    }

    /// 0.96^ψ
    fn warming(&self) -> f64 {
        libm::pow(0.96, self.momentum_decay)
    }

    /// μₜ from β₁, where `cold` is 0.96^(t·ψ).
    fn momentum(beta1: f64, cold: f64) -> f64 {
        beta1 * (1.0 - 0.5 * cold)
    }
}

impl Default for NAdam {
    fn default() -> NAdam {
        NAdam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, momentum_decay: 0.004 }
    }
}

impl Formula for NAdam {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate_of_g, rate_of_m, correction, m_kept, m_new, v_kept, v_new, epsilon] = c;
        moments[0] = m_kept.mul_add(moments[0], m_new * g).flush();
        moments[1] = v_kept.mul_add(moments[1], v_new * g * g).flush();
        let scale = moments[1].sqrt().mul_add(correction, epsilon);
        *p = (-rate_of_g).mul_add(g / scale, *p);
        *p = (-rate_of_m).mul_add(moments[0] / scale, *p);
    }
}

impl Rule for NAdam {
    fn name(&self) -> &'static str {
        "nadam"
    }

    fn usage(&self) -> &str {
        "nadam(β₁,β₂,ε,ψ) with 0 ≤ β < 1, 1e-12 ≤ ε ≤ 1 and 0 ≤ ψ ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.beta1, self.beta2, self.epsilon, self.momentum_decay]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        let &[beta1, beta2, epsilon, momentum_decay] = parameters else { return None };
        NAdam::new(beta1, beta2, epsilon, momentum_decay).map(Optimizer::new)
    }

    fn learning_rates(&self) -> LearningRates {
        LearningRates::everywhere(0.002)
    }

    /// β₂ᵗ, 0.96^(t·ψ) and Πₜ.
    fn scalars(&self) -> Vec<f64> {
        vec![1.0; 3]
    }

    fn advance(&self, scalars: &mut [f64], momentum: Option<f64>) {
        scalars[0] *= self.beta2;
        scalars[1] *= self.warming();
        scalars[2] *= NAdam::momentum(momentum.unwrap_or(self.beta1), scalars[1]);
    }

    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
        let NAdam { beta1, beta2, epsilon, .. } = *self;
        let &[power, cold, product] = at.scalars else { panic!("NAdam has three scalars") };
        let beta1 = at.momentum.unwrap_or(beta1);
        let (now, next) = (NAdam::momentum(beta1, cold), NAdam::momentum(beta1, cold * self.warming()));
        let of_g = at.learning_rate * (1.0 - now) / (1.0 - product);
        let of_m = at.learning_rate * next / (1.0 - product * next);
        let correction = 1.0 / (1.0 - power).sqrt();
        [of_g, of_m, correction, beta1, 1.0 - beta1, beta2, 1.0 - beta2, epsilon]
    }

    fn moment_names(&self) -> Vec<MomentName> {
        vec![MomentName::signed("m"), MomentName::square("v")]
    }
}
