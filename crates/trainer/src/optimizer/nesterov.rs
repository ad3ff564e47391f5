use super::{Exact, Optimizer, Rule};
use minibatch_kernels::Descent;

/// Nesterov's accelerated gradient in the form of Sutskever et al. (2013), as PyTorch has it: m ← μ·m + g; p ← p − η·(g + μ·m),
/// from m = 0. The parameter is μ, 0 ≤ μ < 1; usually 0.9.
///
/// Nesterov takes the gradient where the momentum is about to lead. Here p is that place itself, so the gradient is taken at p, and
/// the step looks ahead once more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nesterov {
    momentum: f64,
}

impl Nesterov {
    /// With this μ; `None` unless 0 ≤ μ < 1, as an f32 too.
    pub fn new(momentum: f64) -> Option<Nesterov> {
        super::is_fraction(momentum).then_some(Nesterov { momentum })
    }
}

impl Default for Nesterov {
    fn default() -> Nesterov {
        Nesterov { momentum: 0.9 }
    }
}

impl Rule for Nesterov {
    fn name(&self) -> &'static str {
        "nesterov"
    }

    fn usage(&self) -> &'static str {
        "nesterov(μ) with 0 ≤ μ < 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.momentum]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        Nesterov::new(*parameters.first()?).map(Optimizer::Nesterov)
    }

    fn usual_learning_rate(&self) -> f64 {
        0.1
    }

    fn moments(&self) -> usize {
        1
    }

    fn descent(&self, learning_rate: f64, _: [f64; 2]) -> Option<Descent> {
        Some(Descent::Nesterov { rate: learning_rate as f32, momentum: self.momentum as f32 })
    }

    fn exact(&self, at: Exact) -> Exact {
        let m = self.momentum * at.m + at.g;
        Exact { p: at.p - at.learning_rate * (at.g + self.momentum * m), m, ..at }
    }
}
