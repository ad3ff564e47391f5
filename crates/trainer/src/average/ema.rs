use super::{Average, Averaging};
use crate::schedule::Time;

/// The exponential moving average (Polyak and Juditsky 1992; PyTorch's `AveragedModel` with `get_ema_multi_avg_fn`, Keras'
/// `use_ema`): after each step w̄ ← d·w̄ + (1 − d)·w, from the first step's weights on. The parameter is d, usually 0.999.
#[derive(Clone, Copy, Debug)]
pub struct Ema {
    decay: f64,
}

impl Ema {
    /// The average with this d. `None` unless 0 ≤ d < 1, as an f32 too.
    #[must_use]
    pub fn new(decay: f64) -> Option<Ema> {
        ((0.0..1.0).contains(&decay) && (1.0 - decay) as f32 > 0.0).then_some(Ema { decay })
    }
}

impl Default for Ema {
    fn default() -> Ema {
        Ema { decay: 0.999 }
    }
}

impl Averaging for Ema {
    fn name(&self) -> &'static str {
        "ema"
    }

    fn usage(&self) -> &str {
        "ema(decay) with 0 ≤ decay < 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.decay]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Average> {
        Ema::new(*parameters.first()?).map(Average::new)
    }

    fn share(&self, _: Time<'_>, _: u64) -> Option<f64> {
        Some(1.0 - self.decay)
    }
}
