use super::{Clip, Clipping, WholeGradient, is_limit};

/// Clipping by value, PyTorch's `clip_grad_value_`: each element of the gradient is kept within ±most. The parameter is usually 1.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    most: f64,
}

impl Value {
    /// Clipping to ±most. `None` unless it is a finite number above 0.
    #[must_use]
    pub fn new(most: f64) -> Option<Value> {
        is_limit(most).then_some(Value { most })
    }
}

impl Default for Value {
    fn default() -> Value {
        Value { most: 1.0 }
    }
}

impl Clipping for Value {
    fn name(&self) -> &'static str {
        "value"
    }

    fn usage(&self) -> &str {
        "value(most) with most > 0"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.most]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Clip> {
        Value::new(*parameters.first()?).map(Clip::new)
    }

    fn clip(&self, mut gradient: WholeGradient<'_>) {
        let most = self.most as f32;
        gradient.for_each(|g| g.clamp(-most, most));
    }
}
