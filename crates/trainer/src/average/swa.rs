use super::{Average, Averaging};
use crate::schedule::Time;

/// Stochastic weight averaging (Izmailov et al. 2018; PyTorch's `AveragedModel`, updated once an epoch): the mean of the weights at
/// the end of each epoch that ends in the last part of the run. The parameter is the part of the run before it, usually 0.75.
#[derive(Clone, Copy, Debug)]
pub struct Swa {
    start: f64,
}

impl Swa {
    /// The average from this part of the run on. `None` unless 0 ≤ start < 1.
    #[must_use]
    pub fn new(start: f64) -> Option<Swa> {
        (0.0..1.0).contains(&start).then_some(Swa { start })
    }
}

impl Default for Swa {
    fn default() -> Swa {
        Swa { start: 0.75 }
    }
}

impl Averaging for Swa {
    fn name(&self) -> &'static str {
        "swa"
    }

    fn usage(&self) -> &str {
        "swa(start) with 0 ≤ start < 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.start]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Average> {
        Swa::new(*parameters.first()?).map(Average::new)
    }

    fn share(&self, at: Time<'_>, count: u64) -> Option<f64> {
        let taken = (at.step + 1) as f64;
        (at.ends_epoch() && taken > self.start * at.total as f64).then(|| 1.0 / (count + 1) as f64)
    }
}
