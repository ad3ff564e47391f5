use super::{Exact, Optimizer, Rule};
use minibatch_kernels::Descent;

/// Adam (Kingma and Ba 2015): m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²; p ← p − η·m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ) and
/// v̂ = v/(1 − β₂ᵗ) at step t, from m = v = 0. The parameters are β₁, β₂ and ε; usually 0.9, 0.999 and 10⁻⁸.
///
/// It is computed as p − η̂·m/(√v·c + ε) with η̂ = η/(1 − β₁ᵗ) and c = 1/√(1 − β₂ᵗ), which are made in f64 once a step; β₁ᵗ and β₂ᵗ are
/// products that each step multiplies on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) epsilon: f64,
}

impl Adam {
    /// With these parameters; `None` unless 0 ≤ β₁ < 1 and 0 ≤ β₂ < 1, as f32 too, and 10⁻¹² ≤ ε ≤ 1.
    pub fn new(beta1: f64, beta2: f64, epsilon: f64) -> Option<Adam> {
        let valid = [beta1, beta2].into_iter().all(super::is_fraction) && (1e-12..=1.0).contains(&epsilon);
        valid.then_some(Adam { beta1, beta2, epsilon })
    }

    /// The step where parameters are multiplied by `decay` first.
    pub(super) fn decayed(&self, learning_rate: f64, powers: [f64; 2], decay: f64) -> Descent {
        Descent::Adam {
            rate: (learning_rate / (1.0 - powers[0])) as f32,
            correction: (1.0 / (1.0 - powers[1]).sqrt()) as f32,
            first: [self.beta1 as f32, (1.0 - self.beta1) as f32],
            second: [self.beta2 as f32, (1.0 - self.beta2) as f32],
            epsilon: self.epsilon as f32,
            decay: decay as f32,
        }
    }
}

impl Default for Adam {
    fn default() -> Adam {
        Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Rule for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn usage(&self) -> &'static str {
        "adam(β₁,β₂,ε) with 0 ≤ β < 1 and 1e-12 ≤ ε ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.beta1, self.beta2, self.epsilon]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        let &[beta1, beta2, epsilon] = parameters else { return None };
        Adam::new(beta1, beta2, epsilon).map(Optimizer::Adam)
    }

    fn usual_learning_rate(&self) -> f64 {
        0.001
    }

    fn moments(&self) -> usize {
        2
    }

    fn betas(&self) -> Option<[f64; 2]> {
        Some([self.beta1, self.beta2])
    }

    fn descent(&self, learning_rate: f64, powers: [f64; 2]) -> Option<Descent> {
        Some(self.decayed(learning_rate, powers, 1.0))
    }

    fn exact(&self, at: Exact) -> Exact {
        let m = self.beta1 * at.m + (1.0 - self.beta1) * at.g;
        let v = self.beta2 * at.v + (1.0 - self.beta2) * at.g * at.g;
        let [m_hat, v_hat] = [m / (1.0 - at.powers[0]), v / (1.0 - at.powers[1])];
        Exact { p: at.p - at.learning_rate * m_hat / (v_hat.sqrt() + self.epsilon), m, v, ..at }
    }
}
