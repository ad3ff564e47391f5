use super::{Schedule, Shape, Time, half_wave};

/// The momentum at the ends of the cycle, and at its peak.
const MOMENTUM: [f64; 2] = [0.95, 0.85];

/// One cycle (Smith and Topin 2019), as PyTorch's `OneCycleLR` has it. η is the peak. A part `up` of the steps leads from η/start
/// to η, the rest to η/(start·end), both along half a wave of the cosine. The momentum goes from 0.95 to 0.85 and back meanwhile.
/// The parameters are up, start and end, usually 0.3, 25 and 10⁴.
#[derive(Clone, Copy, Debug)]
pub struct OneCycle {
    up: f64,
    start: f64,
    end: f64,
}

impl OneCycle {
    /// One cycle with these parameters. `None` unless 0 ≤ up ≤ 1, start ≥ 1 and end ≥ 1.
    #[must_use]
    pub fn new(up: f64, start: f64, end: f64) -> Option<OneCycle> {
        let is_divisor = |x: f64| x >= 1.0 && x.is_finite();
        let valid = (0.0..=1.0).contains(&up) && is_divisor(start) && is_divisor(end);
        valid.then_some(OneCycle { up, start, end })
    }

    /// The value in a step that goes from `first` to `peak` and on to `last`.
    fn value(&self, at: Time<'_>, [first, peak, last]: [f64; 3]) -> f64 {
        let (step, end) = (at.step as f64, at.total as f64 - 1.0);
        let top = self.up * at.total as f64 - 1.0;
        if step <= top && top > 0.0 {
            half_wave(first, peak, step / top)
        } else if step < end {
            let top = top.max(0.0);
            half_wave(peak, last, (step - top) / (end - top))
        } else {
            last
        }
    }
}

impl Default for OneCycle {
    fn default() -> OneCycle {
        OneCycle { up: 0.3, start: 25.0, end: 1e4 }
    }
}

impl Shape for OneCycle {
    fn name(&self) -> &'static str {
        "one-cycle"
    }

    fn usage(&self) -> &str {
        "one-cycle(up,start,end) with 0 ≤ up ≤ 1, start ≥ 1 and end ≥ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.up, self.start, self.end]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        let &[up, start, end] = parameters else { return None };
        OneCycle::new(up, start, end).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        let first = 1.0 / self.start;
        self.value(at, [first, 1.0, first / self.end])
    }

    fn momentum(&self, at: Time<'_>) -> Option<f64> {
        let [ends, peak] = MOMENTUM;
        Some(self.value(at, [ends, peak, ends]))
    }
}
