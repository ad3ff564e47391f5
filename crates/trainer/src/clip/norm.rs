use super::{Clip, Clipping, WholeGradient, is_limit};

/// Clipping by the global norm (Pascanu, Mikolov and Bengio 2013), PyTorch's `clip_grad_norm_`: g ← g·c with c = most/(‖g‖ +
/// 10⁻⁶), where c is below 1. The parameter is the largest norm, usually 1.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    most: f64,
}

impl Norm {
    /// Clipping to this norm. `None` unless it is a finite number above 0.
    #[must_use]
    pub fn new(most: f64) -> Option<Norm> {
        is_limit(most).then_some(Norm { most })
    }
}

impl Default for Norm {
    fn default() -> Norm {
        Norm { most: 1.0 }
    }
}

impl Clipping for Norm {
    fn name(&self) -> &'static str {
        "norm"
    }

    fn usage(&self) -> &str {
        "norm(most) with most > 0"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.most]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Clip> {
        Norm::new(*parameters.first()?).map(Clip::new)
    }

    fn clip(&self, mut gradient: WholeGradient<'_>) {
        let factor = self.most / (gradient.norm() + 1e-6);
        if factor < 1.0 {
            let factor = factor as f32;
            gradient.for_each(|g| g * factor);
        }
    }
}
