use super::{Exact, Optimizer, Rule};
use minibatch_kernels::Descent;

/// Plain stochastic gradient descent: p ← p − η·g. It remembers nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sgd;

impl Rule for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn usage(&self) -> &'static str {
        "sgd, without parameters"
    }

    fn parameters(&self) -> Vec<f64> {
        Vec::new()
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Optimizer> {
        Some(Optimizer::Sgd)
    }

    fn usual_learning_rate(&self) -> f64 {
        3.0
    }

    /// The gradient's product goes on from the parameter itself.
    fn descent(&self, _: f64, _: [f64; 2]) -> Option<Descent> {
        None
    }

    fn exact(&self, at: Exact) -> Exact {
        Exact { p: at.p - at.learning_rate * at.g, ..at }
    }
}
