use super::{Schedule, Shape, Time, is_decay};

/// Exponential decay, PyTorch's `ExponentialLR`: η is multiplied by γ after every epoch. The factor is γ^e in a step before which e
/// epochs are finished. The parameter is γ, usually 0.9.
#[derive(Clone, Copy, Debug)]
pub struct Exponential {
    gamma: f64,
}

impl Exponential {
    /// Exponential decay by γ. `None` unless 0 < γ ≤ 1.
    #[must_use]
    pub fn new(gamma: f64) -> Option<Exponential> {
        is_decay(gamma).then_some(Exponential { gamma })
    }
}

impl Default for Exponential {
    fn default() -> Exponential {
        Exponential { gamma: 0.9 }
    }
}

impl Shape for Exponential {
    fn name(&self) -> &'static str {
        "exponential"
    }

    fn usage(&self) -> &str {
        "exponential(gamma) with 0 < gamma ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.gamma]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        Exponential::new(*parameters.first()?).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        libm::pow(self.gamma, at.epochs() as f64)
    }
}
