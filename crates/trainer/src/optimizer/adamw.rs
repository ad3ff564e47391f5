use super::{Adam, Exact, Optimizer, Rule};
use minibatch_kernels::Descent;

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch has it: w ← (1 − η·λ)·w, then Adam's step. Biases aren't
/// decayed. The parameters are β₁, β₂, ε and λ; usually 0.9, 0.999, 10⁻⁸ and 0.01.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    adam: Adam,
    decay: f64,
}

impl AdamW {
    /// With this λ; `None` unless it is a finite number, and not below 0.
    pub fn new(adam: Adam, decay: f64) -> Option<AdamW> {
        (decay >= 0.0 && decay.is_finite()).then_some(AdamW { adam, decay })
    }
}

impl Default for AdamW {
    fn default() -> AdamW {
        AdamW { adam: Adam::default(), decay: 0.01 }
    }
}

impl Rule for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn usage(&self) -> &'static str {
        "adamw(β₁,β₂,ε,λ) with 0 ≤ β < 1, 1e-12 ≤ ε ≤ 1 and λ ≥ 0"
    }

    fn parameters(&self) -> Vec<f64> {
        let mut parameters = self.adam.parameters();
        parameters.push(self.decay);
        parameters
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        let &[beta1, beta2, epsilon, decay] = parameters else { return None };
        AdamW::new(Adam::new(beta1, beta2, epsilon)?, decay).map(Optimizer::AdamW)
    }

    fn usual_learning_rate(&self) -> f64 {
        self.adam.usual_learning_rate()
    }

    fn moments(&self) -> usize {
        self.adam.moments()
    }

    fn betas(&self) -> Option<[f64; 2]> {
        self.adam.betas()
    }

    fn decay(&self) -> f64 {
        self.decay
    }

    fn descent(&self, learning_rate: f64, powers: [f64; 2]) -> Option<Descent> {
        Some(self.adam.decayed(learning_rate, powers, 1.0 - learning_rate * self.decay))
    }

    fn exact(&self, at: Exact) -> Exact {
        let p = if at.is_weight { (1.0 - at.learning_rate * self.decay) * at.p } else { at.p };
        self.adam.exact(Exact { p, ..at })
    }
}
