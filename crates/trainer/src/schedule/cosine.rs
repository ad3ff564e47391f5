use super::{Schedule, Shape, Time, half_wave};

/// Cosine annealing (Loshchilov and Hutter 2017), PyTorch's `CosineAnnealingLR` by step: least + (1 − least)·½(1 + cos(π·t/T)) in
/// step t of T. The parameter is the least factor, usually 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cosine {
    least: f64,
}

impl Cosine {
    /// Cosine annealing down to this factor. `None` unless 0 ≤ least ≤ 1.
    #[must_use]
    pub fn new(least: f64) -> Option<Cosine> {
        (0.0..=1.0).contains(&least).then_some(Cosine { least })
    }
}

impl Shape for Cosine {
    fn name(&self) -> &'static str {
        "cosine"
    }

    fn usage(&self) -> &str {
        "cosine(least) with 0 ≤ least ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.least]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        Cosine::new(*parameters.first()?).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        half_wave(1.0, self.least, at.progress())
    }
}
