use super::{Exact, Optimizer, Rule};
use minibatch_kernels::Descent;

/// Gradient descent with momentum (Polyak 1964), as PyTorch has it: m ← μ·m + g; p ← p − η·m, from m = 0. The parameter is
/// μ, 0 ≤ μ < 1; usually 0.9.
///
/// At a steady gradient m becomes g/(1 − μ), so a learning rate is worth 1/(1 − μ) times what it is to plain descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    momentum: f64,
}

impl Momentum {
    /// With this μ; `None` unless 0 ≤ μ < 1, as an f32 too.
    pub fn new(momentum: f64) -> Option<Momentum> {
        super::is_fraction(momentum).then_some(Momentum { momentum })
    }
}

impl Default for Momentum {
    fn default() -> Momentum {
        Momentum { momentum: 0.9 }
    }
}

impl Rule for Momentum {
    fn name(&self) -> &'static str {
        "momentum"
    }

    fn usage(&self) -> &'static str {
        "momentum(μ) with 0 ≤ μ < 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.momentum]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        Momentum::new(*parameters.first()?).map(Optimizer::Momentum)
    }

    fn usual_learning_rate(&self) -> f64 {
        0.1
    }

    fn moments(&self) -> usize {
        1
    }

    fn descent(&self, learning_rate: f64, _: [f64; 2]) -> Option<Descent> {
        Some(Descent::Momentum { rate: learning_rate as f32, momentum: self.momentum as f32 })
    }

    fn exact(&self, at: Exact) -> Exact {
        let m = self.momentum * at.m + at.g;
        Exact { p: at.p - at.learning_rate * m, m, ..at }
    }
}
