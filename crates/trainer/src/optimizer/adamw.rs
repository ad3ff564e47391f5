use super::{Adam, At, Element, Formula, LearningRates, MomentName, Optimizer, Rule};
use minibatch_kernels::COEFFICIENTS;

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch has it: w ← (1 − η·λ)·w, then Adam's step. Biases
/// aren't decayed. The parameters are β₁, β₂, ε and λ, usually 0.9, 0.999, 10⁻⁸ and 0.01.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    adam: Adam,
    decay: f64,
}

impl AdamW {
    /// AdamW with this λ. `None` unless λ is a finite number, and not below 0.
    #[must_use]
    pub fn new(adam: Adam, decay: f64) -> Option<AdamW> {
        (decay >= 0.0 && decay.is_finite()).then_some(AdamW { adam, decay })
    }
}

impl Default for AdamW {
    fn default() -> AdamW {
        AdamW { adam: Adam::default(), decay: 0.01 }
    }
}

impl Formula for AdamW {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [.., decay] = c;
        *p = *p * decay;
        self.adam.step(c, p, moments, g);
    }
}

impl Rule for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn usage(&self) -> &str {
        "adamw(β₁,β₂,ε,λ) with 0 ≤ β < 1, 1e-12 ≤ ε ≤ 1 and λ ≥ 0"
    }

    fn parameters(&self) -> Vec<f64> {
        let mut parameters = self.adam.parameters();
        parameters.push(self.decay);
        parameters
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        let &[beta1, beta2, epsilon, decay] = parameters else { return None };
        AdamW::new(Adam::new(beta1, beta2, epsilon)?, decay).map(Optimizer::new)
    }

    fn learning_rates(&self) -> LearningRates {
        self.adam.learning_rates()
    }

    fn scalars(&self) -> Vec<f64> {
        self.adam.scalars()
    }

    fn advance(&self, scalars: &mut [f64], momentum: Option<f64>) {
        self.adam.advance(scalars, momentum);
    }

    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
        let mut coefficients = self.adam.coefficients(at);
        coefficients[COEFFICIENTS - 1] = if at.is_weight { self.decay(at.learning_rate) } else { 1.0 };
        coefficients
    }

    fn decay(&self, learning_rate: f64) -> f64 {
        1.0 - learning_rate * self.decay
    }

    fn moment_names(&self) -> Vec<MomentName> {
        self.adam.moment_names()
    }
}
