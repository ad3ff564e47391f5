use super::{Schedule, Shape, Time, is_decay, is_epochs};

/// Decay at milestones, PyTorch's `MultiStepLR`: η is multiplied by γ after each of the milestones, which are numbers of epochs. The
/// factor is γ^n in a step before which n milestones lie. The parameters are γ, usually 0.1, and one or more milestones, usually 10
/// and 20.
#[derive(Clone, Debug)]
pub struct MultiStep {
    gamma: f64,
    milestones: Vec<f64>,
}

impl MultiStep {
    /// Decay by γ at these milestones. `None` unless 0 < γ ≤ 1 and the milestones are one or more numbers above 0 that ascend.
    #[must_use]
    pub fn new(gamma: f64, milestones: &[f64]) -> Option<MultiStep> {
        let valid = is_decay(gamma)
            && !milestones.is_empty()
            && milestones.iter().copied().all(is_epochs)
            && milestones.is_sorted_by(|a, b| a < b);
        valid.then(|| MultiStep { gamma, milestones: milestones.to_vec() })
    }
}

impl Default for MultiStep {
    fn default() -> MultiStep {
        MultiStep { gamma: 0.1, milestones: vec![10.0, 20.0] }
    }
}

impl Shape for MultiStep {
    fn name(&self) -> &'static str {
        "multi-step"
    }

    fn usage(&self) -> &str {
        "multi-step(gamma,epochs,…) with 0 < gamma ≤ 1 and one or more ascending numbers of epochs > 0"
    }

    fn parameters(&self) -> Vec<f64> {
        [&[self.gamma], &*self.milestones].concat()
    }

    fn list(&self) -> Option<usize> {
        Some(1)
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        let (gamma, milestones) = parameters.split_first()?;
        MultiStep::new(*gamma, milestones).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        let passed = self.milestones.partition_point(|milestone| at.steps(*milestone) <= at.step);
        libm::pow(self.gamma, passed as f64)
    }
}
