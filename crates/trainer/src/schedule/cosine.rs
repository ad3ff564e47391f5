use super::{Schedule, Shape, Time, half_wave, is_part, warm_up};

/// Cosine annealing (Loshchilov and Hutter 2017), PyTorch's `CosineAnnealingLR` by step: least + (1 − least)·½(1 + cos(π·t/T)) in
/// step t of T. A warm-up, as Keras's `CosineDecay` has it, rises along a line from 0 in a part of the steps. The cosine is that of
/// the rest. The parameters are the least factor and the part of the warm-up, both usually 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cosine {
    least: f64,
    warm_up: f64,
}

impl Cosine {
    /// Cosine annealing down to the factor `least`, after a warm-up in the part `warm_up` of the steps. `None` unless 0 ≤ least ≤ 1
    /// and 0 ≤ warm_up < 1.
    #[must_use]
    pub fn new(least: f64, warm_up: f64) -> Option<Cosine> {
        ((0.0..=1.0).contains(&least) && is_part(warm_up)).then_some(Cosine { least, warm_up })
    }
}

impl Shape for Cosine {
    fn name(&self) -> &'static str {
        "cosine"
    }

    fn usage(&self) -> &str {
        "cosine(least,warm-up) with 0 ≤ least ≤ 1 and 0 ≤ warm-up < 1"
    }

    /// A warm-up of 0 isn't written: files from before there was a warm-up have the first parameter alone.
    fn parameters(&self) -> Vec<f64> {
        if self.warm_up == 0.0 { vec![self.least] } else { vec![self.least, self.warm_up] }
    }

    fn list(&self) -> Option<usize> {
        Some(1)
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        let (least, warm_up) = match *parameters {
            [least] => (least, 0.0),
            [least, warm_up] => (least, warm_up),
            _ => return None,
        };
        Cosine::new(least, warm_up).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        warm_up(at.progress(), self.warm_up, |x| half_wave(1.0, self.least, x))
    }
}
