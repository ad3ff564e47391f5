//! Noise: random changes of a layer's activations in training. Each kind has a file, and a line in [`Noise::all`].
//!
//! Noise acts in steps of training. Evaluation, prediction and gradients leave it out, so its mean effect should be none. What it
//! draws depends on the seed, the step, the layer, the example and the unit alone ([`Context::draw`]). So the bits are those of any
//! other number of threads, and a resumed run draws what an uninterrupted one does.
//!
//! [`Noise::new`] makes noise of your own:
//!
//! ```
//! use minibatch::MatMut;
//! use minibatch::noise::{Context, Noise, Perturbation};
//!
//! /// Adds ±½ to each activation.
//! #[derive(Debug)]
//! struct Coins;
//!
//! impl Perturbation for Coins {
//!     fn name(&self) -> &'static str {
//!         "coins"
//!     }
//!
//!     fn with_parameters(&self, _: &[f64]) -> Option<Noise> {
//!         Some(Noise::new(Coins))
//!     }
//!
//!     fn forward(&self, at: Context<'_>, a: &mut MatMut<'_>) {
//!         for row in 0..a.rows() {
//!             at.for_each(row, a.row_mut(row), |a, random| *a += if random % 2 == 0 { 0.5 } else { -0.5 });
//!         }
//!     }
//!
//!     // What is added has no part in the derivative.
//!     fn backward(&self, _: Context<'_>, _: &mut MatMut<'_>) {}
//! }
//! assert_eq!(Noise::new(Coins).to_string(), "coins");
//! ```

mod context;
mod dropout;
mod gaussian;

pub use context::Context;
pub(crate) use context::Noises;
pub use dropout::Dropout;
pub use gaussian::Gaussian;

use crate::label::technique;
use minibatch_kernels::MatMut;
use std::fmt;
use std::sync::Arc;

/// A random change of activations, with all else that is to know about it.
pub trait Perturbation: fmt::Debug + Send + Sync + 'static {
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
    fn with_parameters(&self, parameters: &[f64]) -> Option<Noise>;

    /// Changes `a`, a part of A_l, as `at` says.
    fn forward(&self, at: Context<'_>, a: &mut MatMut<'_>);

    /// Makes the cost's derivative by the changed activations the one by the unchanged: the transposed Jacobian of
    /// [`forward`](Self::forward) times `delta`, of the same part.
    fn backward(&self, at: Context<'_>, delta: &mut MatMut<'_>);
}

/// Noise with its parameters.
///
/// ```
/// use minibatch::noise::Noise;
///
/// let noise: Noise = "dropout(0.2)".parse()?;
/// assert_eq!(noise.to_string(), "dropout(0.2)");
/// let error = "dropout(1)".parse::<Noise>().unwrap_err();
/// assert_eq!(error.to_string(), "noise 'dropout(1)': expected dropout(p) with 0 ≤ p < 1");
/// # Ok::<(), minibatch::LabelError>(())
/// ```
#[derive(Clone)]
pub struct Noise(Arc<dyn Perturbation>);

impl Noise {
    /// Noise of this kind.
    pub fn new(perturbation: impl Perturbation) -> Noise {
        Noise(Arc::new(perturbation))
    }

    /// Every kind of noise, with its usual parameters.
    #[must_use]
    pub fn all() -> Vec<Noise> {
        vec![Noise::new(Dropout::default()), Noise::new(Gaussian::default())]
    }

    fn rule(&self) -> &dyn Perturbation {
        &*self.0
    }

    /// Changes a part of A_l.
    pub(crate) fn forward(&self, at: Context<'_>, a: &mut MatMut<'_>) {
        self.0.forward(at, a);
    }

    /// Changes the derivative by that part of A_l.
    pub(crate) fn backward(&self, at: Context<'_>, delta: &mut MatMut<'_>) {
        self.0.backward(at, delta);
    }
}

technique!(Noise, "noise");

#[cfg(test)]
mod tests;
