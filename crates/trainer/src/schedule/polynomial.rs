use super::{Schedule, Shape, Time};

/// Polynomial decay, PyTorch's `PolynomialLR` by step, which ends at 0, and Keras's `PolynomialDecay`: end + (1 − end)·(1 − t/T)^power
/// in step t of T. The parameters are power and end, usually 1 and 0.
#[derive(Clone, Copy, Debug)]
pub struct Polynomial {
    power: f64,
    end: f64,
}

impl Polynomial {
    /// Polynomial decay with these parameters. `None` unless power is finite and above 0, and 0 ≤ end ≤ 1.
    #[must_use]
    pub fn new(power: f64, end: f64) -> Option<Polynomial> {
        let valid = power > 0.0 && power.is_finite() && (0.0..=1.0).contains(&end);
        valid.then_some(Polynomial { power, end })
    }
}

impl Default for Polynomial {
    fn default() -> Polynomial {
        Polynomial { power: 1.0, end: 0.0 }
    }
}

impl Shape for Polynomial {
    fn name(&self) -> &'static str {
        "polynomial"
    }

    fn usage(&self) -> &str {
        "polynomial(power,end) with power > 0 and 0 ≤ end ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.power, self.end]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        let &[power, end] = parameters else { return None };
        Polynomial::new(power, end).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        self.end + (1.0 - self.end) * libm::pow(1.0 - at.progress(), self.power)
    }
}
