use super::{Schedule, Shape, Time};

/// Waves of the cosine that become longer, as RealMLP has four of (Holzmüller, Grinsztajn and Steinwart 2024):
/// ½(1 − cos(2π·log₂(1 + (2^waves − 1)·x))) in the part x of the run. Each wave rises from 0 to 1 and falls to 0 again, and is twice
/// as long as the one before. The parameter is their number, usually 4.
#[derive(Clone, Copy, Debug)]
pub struct CosLog4 {
    waves: f64,
}

impl CosLog4 {
    /// So many waves. `None` unless it is a whole number from 1 to 30.
    #[must_use]
    pub fn new(waves: f64) -> Option<CosLog4> {
        ((1.0..=30.0).contains(&waves) && waves.fract() == 0.0).then_some(CosLog4 { waves })
    }
}

impl Default for CosLog4 {
    fn default() -> CosLog4 {
        CosLog4 { waves: 4.0 }
    }
}

impl Shape for CosLog4 {
    fn name(&self) -> &'static str {
        "coslog4"
    }

    fn usage(&self) -> &str {
        "coslog4(waves) with a whole number of waves from 1 to 30"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.waves]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        CosLog4::new(*parameters.first()?).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        let waves = libm::log2(1.0 + (libm::exp2(self.waves) - 1.0) * at.progress());
        0.5 * (1.0 - libm::cos(2.0 * std::f64::consts::PI * waves))
    }
}
