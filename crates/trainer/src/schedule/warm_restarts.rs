use super::{Schedule, Shape, Time, half_wave, is_epochs};

/// Cosine annealing with warm restarts (SGDR, Loshchilov and Hutter 2017), PyTorch's `CosineAnnealingWarmRestarts` by step:
/// least + (1 − least)·½(1 + cos(π·t/T)) in step t of a cycle of T. The first cycle has `first` epochs, each later one `factor` times
/// the steps of the one before. The parameters are first, factor and least, usually 10, 1 and 0.
#[derive(Clone, Copy, Debug)]
pub struct WarmRestarts {
    first: f64,
    factor: f64,
    least: f64,
}

impl WarmRestarts {
    /// Warm restarts with these parameters. `None` unless first > 0, `factor` is a whole number from 1 to 1000, and 0 ≤ least ≤ 1.
    #[must_use]
    pub fn new(first: f64, factor: f64, least: f64) -> Option<WarmRestarts> {
        let whole = (1.0..=1000.0).contains(&factor) && factor.fract() == 0.0;
        let valid = is_epochs(first) && whole && (0.0..=1.0).contains(&least);
        valid.then_some(WarmRestarts { first, factor, least })
    }
}

impl Default for WarmRestarts {
    fn default() -> WarmRestarts {
        WarmRestarts { first: 10.0, factor: 1.0, least: 0.0 }
    }
}

impl Shape for WarmRestarts {
    fn name(&self) -> &'static str {
        "warm-restarts"
    }

    fn usage(&self) -> &str {
        "warm-restarts(first,factor,least) with first > 0, a whole factor from 1 to 1000 and 0 ≤ least ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.first, self.factor, self.least]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        let &[first, factor, least] = parameters else { return None };
        WarmRestarts::new(first, factor, least).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        let (mut step, mut cycle) = (at.step, at.steps(self.first));
        if self.factor == 1.0 {
            step %= cycle;
        }
        while step >= cycle {
            step -= cycle;
            cycle = cycle.saturating_mul(self.factor as u64);
        }
        half_wave(1.0, self.least, step as f64 / cycle as f64)
    }
}
