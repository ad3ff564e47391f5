//! Clipping: a change of the whole gradient before the update. Each kind has a file, and a line in [`Clip::all`].
//!
//! [`Clip::new`] makes one of your own:
//!
//! ```
//! use minibatch::clip::{Clip, Clipping, WholeGradient};
//!
//! /// Keeps the sign of each element only.
//! #[derive(Debug)]
//! struct Signs;
//!
//! impl Clipping for Signs {
//!     fn name(&self) -> &'static str {
//!         "signs"
//!     }
//!
//!     fn with_parameters(&self, _: &[f64]) -> Option<Clip> {
//!         Some(Clip::new(Signs))
//!     }
//!
//!     fn clip(&self, mut gradient: WholeGradient<'_>) {
//!         gradient.for_each(|g| g.signum());
//!     }
//! }
//! assert_eq!(Clip::new(Signs).to_string(), "signs");
//! ```

mod norm;
mod value;

pub use norm::Norm;
pub use value::Value;

use crate::label::technique;
use crate::network::LayerValues;
use minibatch_kernels::sum_of_squares;
use std::fmt;
use std::sync::Arc;

/// A change of the whole gradient, with all else that is to know about it.
pub trait Clipping: fmt::Debug + Send + Sync + 'static {
    /// The name without parameters: lower case, without parentheses, commas and spaces.
    fn name(&self) -> &'static str;

    /// The text with the ranges of its parameters. An error shows it.
    fn usage(&self) -> &str {
        self.name()
    }

    /// The parameters, in the order in which they are written.
    fn parameters(&self) -> Vec<f64> {
        Vec::new()
    }

    /// The same with other parameters, as many. `None` if one is out of range.
    fn with_parameters(&self, parameters: &[f64]) -> Option<Clip>;

    /// Changes the gradient of a step, the mean over its minibatch.
    fn clip(&self, gradient: WholeGradient<'_>);
}

/// Clipping with its parameters.
///
/// ```
/// use minibatch::clip::Clip;
///
/// let clip: Clip = "norm(1)".parse()?;
/// assert_eq!(clip.to_string(), "norm(1.0)");
/// let error = "value(-1)".parse::<Clip>().unwrap_err();
/// assert_eq!(error.to_string(), "clipping 'value(-1)': expected value(most) with most > 0");
/// # Ok::<(), minibatch::LabelError>(())
/// ```
#[derive(Clone)]
pub struct Clip(Arc<dyn Clipping>);

impl Clip {
    /// Clipping by this rule.
    pub fn new(clipping: impl Clipping) -> Clip {
        Clip(Arc::new(clipping))
    }

    /// Every kind of clipping, with its usual parameters.
    #[must_use]
    pub fn all() -> Vec<Clip> {
        vec![Clip::new(Norm::default()), Clip::new(Value::default())]
    }

    fn rule(&self) -> &dyn Clipping {
        &*self.0
    }

    /// Changes the gradient of the layers 1, …, L, and that of the inputs' factors, where they are learned.
    pub(crate) fn apply(&self, layers: &mut [LayerValues], of_factors: &mut [f32]) {
        self.0.clip(WholeGradient { layers, of_factors });
    }
}

technique!(Clip, "clipping");

/// The gradient of all weights and biases, and of the inputs' factors, where they are learned.
#[derive(Debug)]
pub struct WholeGradient<'a> {
    layers: &'a mut [LayerValues],
    of_factors: &'a mut [f32],
}

impl WholeGradient<'_> {
    /// The Euclidean norm √Σg² over all of it. The sum is taken in f64, in a fixed order.
    pub fn norm(&self) -> f64 {
        let slices = self.layers.iter().flat_map(LayerValues::slices).chain([&*self.of_factors]);
        slices.map(sum_of_squares).sum::<f64>().sqrt()
    }

    /// g ← `f`(g) for each element.
    pub fn for_each(&mut self, f: impl Fn(f32) -> f32) {
        for layer in &mut *self.layers {
            layer.for_each_slice(|values| values.iter_mut().for_each(|g| *g = f(*g)));
        }
        self.of_factors.iter_mut().for_each(|g| *g = f(*g));
    }
}

/// Whether it is a limit: a finite number above 0, as an f32 too.
fn is_limit(x: f64) -> bool {
    x > 0.0 && (x as f32) > 0.0 && (x as f32).is_finite()
}

#[cfg(test)]
mod tests;
