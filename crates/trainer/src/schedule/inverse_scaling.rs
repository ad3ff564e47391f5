use super::{Schedule, Shape, Time};

/// Inverse scaling: the factor is 1/(e + 1)^power in a step before which e epochs are finished. It is scikit-learn's `invscaling`,
/// but counts epochs. There, t counts samples, and after one epoch of 60,000 the factor is 0.004 already. The parameter is the power,
/// usually 0.5.
#[derive(Clone, Copy, Debug)]
pub struct InverseScaling {
    power: f64,
}

impl InverseScaling {
    /// Inverse scaling by this power. `None` unless it is finite and above 0.
    #[must_use]
    pub fn new(power: f64) -> Option<InverseScaling> {
        (power > 0.0 && power.is_finite()).then_some(InverseScaling { power })
    }
}

impl Default for InverseScaling {
    fn default() -> InverseScaling {
        InverseScaling { power: 0.5 }
    }
}

impl Shape for InverseScaling {
    fn name(&self) -> &'static str {
        "inverse-scaling"
    }

    fn usage(&self) -> &str {
        "inverse-scaling(power) with power > 0"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.power]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        InverseScaling::new(*parameters.first()?).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        libm::pow(at.epochs() as f64 + 1.0, -self.power)
    }
}
