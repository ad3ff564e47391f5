use super::{Context, Noise, Perturbation};
use minibatch_kernels::MatMut;

/// Dropout (Srivastava et al. 2014), inverted as in PyTorch and Keras: an activation becomes 0 with probability p, else it is
/// multiplied by 1/(1 − p). The parameter is p, usually 0.5.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// Dropout with this probability. `None` unless 0 ≤ p < 1, and 1/(1 − p) is an f32.
    #[must_use]
    pub fn new(p: f64) -> Option<Dropout> {
        ((0.0..1.0).contains(&p) && (p as f32) < 1.0).then_some(Dropout { p })
    }

    /// a ← a·m/(1 − p), where m is 0 with probability p, else 1.
    fn mask(&self, at: Context<'_>, values: &mut MatMut<'_>) {
        // p as an f32 is below 1, so it is below 2³².
        let dropped = (self.p * 2_f64.powi(32)) as u32;
        let scale = (1.0 / (1.0 - self.p)) as f32;
        for row in 0..values.rows() {
            at.for_each(row, values.row_mut(row), |value, random| {
                *value = if random < dropped { 0.0 } else { *value * scale };
            });
        }
    }
}

impl Default for Dropout {
    fn default() -> Dropout {
        Dropout { p: 0.5 }
    }
}

impl Perturbation for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn usage(&self) -> &str {
        "dropout(p) with 0 ≤ p < 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.p]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Noise> {
        Dropout::new(*parameters.first()?).map(Noise::new)
    }

    fn forward(&self, at: Context<'_>, a: &mut MatMut<'_>) {
        self.mask(at, a);
    }

    fn backward(&self, at: Context<'_>, delta: &mut MatMut<'_>) {
        self.mask(at, delta);
    }
}
