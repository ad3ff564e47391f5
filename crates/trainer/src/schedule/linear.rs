use super::{Schedule, Shape, Time, is_part, warm_up};

/// A triangle: η rises along a line from 0 in a part `up` of the steps, and falls along another to `end`. It is the linear schedule
/// with warm-up of the Transformers library. The factor in the part x of the run is x/up before `up`, then
/// 1 − (1 − end)·(x − up)/(1 − up). The parameters are up and end, usually 0.2 and 0.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    up: f64,
    end: f64,
}

impl Linear {
    /// A triangle with these parameters. `None` unless 0 ≤ up < 1 and 0 ≤ end ≤ 1.
    #[must_use]
    pub fn new(up: f64, end: f64) -> Option<Linear> {
        (is_part(up) && (0.0..=1.0).contains(&end)).then_some(Linear { up, end })
    }
}

impl Default for Linear {
    fn default() -> Linear {
        Linear { up: 0.2, end: 0.0 }
    }
}

impl Shape for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn usage(&self) -> &str {
        "linear(up,end) with 0 ≤ up < 1 and 0 ≤ end ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.up, self.end]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule> {
        let &[up, end] = parameters else { return None };
        Linear::new(up, end).map(Schedule::new)
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        warm_up(at.progress(), self.up, |x| 1.0 - (1.0 - self.end) * x)
    }
}
