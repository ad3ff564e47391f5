use super::{Schedule, Shape, Time, is_decay, is_epochs};

/// Step decay, PyTorch's `StepLR`: η is multiplied by γ after every so many epochs. The factor in step t is γ^⌊t/s⌋, where s is the
/// number of steps of these epochs. The parameters are the epochs, of which a part may be asked for, and γ, usually 10 and 0.1.
#[derive(Clone, Copy, Debug)]
pub struct StepDecay {
    epochs: f64,
    gamma: f64,
}

impl StepDecay {
    /// Step decay with these parameters. `None` unless epochs > 0 and 0 < γ ≤ 1.
    #[must_use]
    pub fn new(epochs: f64, gamma: f64) -> Option<StepDecay> {
        (is_epochs(epochs) && is_decay(gamma)).then_some(StepDecay { epochs, gamma })
    }
}

impl Default for StepDecay {
    fn default() -> StepDecay {
        StepDecay { epochs: 10.0, gamma: 0.1 }
    }
}

impl Shape for StepDecay {
    fn name(&self) -> &'static str {
        "step"
    }

    fn usage(&self) -> &str {
        "step(epochs,gamma) with epochs > 0 and 0 < gamma ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.epochs, self.gamma]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        let &[epochs, gamma] = parameters else { return None };
        StepDecay::new(epochs, gamma).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        libm::pow(self.gamma, (at.step / at.steps(self.epochs)) as f64)
    }
}
