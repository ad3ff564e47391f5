use super::{Schedule, Shape, Time};

/// Decay on a plateau, PyTorch's `ReduceLROnPlateau` without cooldown: η is multiplied by `factor` once more than `patience` epochs
/// in a row were bad. An epoch is good if its cost is below best·(1 − threshold), and its cost is then the best. The cost is that on
/// the set that the run is evaluated on, or without one the training cost. η doesn't fall below η·least. The parameters are factor,
/// patience, threshold and least, usually 0.1, 10, 10⁻⁴ and 0: the 11th bad epoch lowers η.
///
/// The state is the best cost so far, the bad epochs in a row, and the present factor.
#[derive(Clone, Copy, Debug)]
pub struct Plateau {
    factor: f64,
    patience: f64,
    threshold: f64,
    least: f64,
}

impl Plateau {
    /// Decay on a plateau with these parameters. `None` unless 0 < factor < 1, `patience` is a whole number up to 10⁶,
    /// 0 ≤ threshold < 1 and 0 ≤ least ≤ 1.
    #[must_use]
    pub fn new(factor: f64, patience: f64, threshold: f64, least: f64) -> Option<Plateau> {
        let valid = factor > 0.0
            && factor < 1.0
            && (0.0..=1e6).contains(&patience)
            && patience.fract() == 0.0
            && (0.0..1.0).contains(&threshold)
            && (0.0..=1.0).contains(&least);
        valid.then_some(Plateau { factor, patience, threshold, least })
    }
}

impl Default for Plateau {
    fn default() -> Plateau {
        Plateau { factor: 0.1, patience: 10.0, threshold: 1e-4, least: 0.0 }
    }
}

impl Shape for Plateau {
    fn name(&self) -> &'static str {
        "plateau"
    }

    fn usage(&self) -> &str {
        "plateau(factor,patience,threshold,least) with 0 < factor < 1, a whole patience up to 1000000, 0 ≤ threshold < 1 \
         and 0 ≤ least ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.factor, self.patience, self.threshold, self.least]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        let &[factor, patience, threshold, least] = parameters else { return None };
        Plateau::new(factor, patience, threshold, least).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        // Before the first epoch the factor is 1.
        at.state.get(2).copied().unwrap_or(1.0)
    }

    fn state(&self) -> Vec<f64> {
        vec![f64::MAX, 0.0, 1.0]
    }

    fn after_epoch(&self, state: &mut [f64], cost: f64) {
        let [best, bad, factor] = state else { return };
        if cost < *best * (1.0 - self.threshold) {
            (*best, *bad) = (cost, 0.0);
        } else {
            *bad += 1.0;
        }
        if *bad > self.patience {
            *bad = 0.0;
            *factor = (*factor * self.factor).max(self.least);
        }
    }
}
