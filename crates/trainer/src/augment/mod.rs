//! Augmentation: a change of training examples before each step.
//!
//! A step with augmentation takes a minibatch's inputs as numbers and its targets as values, one row each, and changes them row by
//! row. What it draws is a function of the seed, the step and the example alone ([`Minibatch::draw`]).
//!
//! [`Augment::new`] makes augmentation of your own. This one mixes each example with the next in the minibatch (mixup, Zhang et al.
//! 2018):
//!
//! ```
//! use minibatch::augment::{Augment, Augmentation, Minibatch};
//!
//! #[derive(Debug)]
//! struct Mixup;
//!
//! impl Augmentation for Mixup {
//!     fn name(&self) -> &'static str {
//!         "mixup"
//!     }
//!
//!     fn with_parameters(&self, _: &[f64]) -> Option<Augment> {
//!         Some(Augment::new(Mixup))
//!     }
//!
//!     fn augment(&self, minibatch: &mut Minibatch<'_>) {
//!         let share = minibatch.draw(0, 0)[0] as f32 / u32::MAX as f32;
//!         for row in 0..minibatch.rows() {
//!             minibatch.mix(row, (row + 1) % minibatch.rows(), share);
//!         }
//!     }
//! }
//! assert_eq!(Augment::new(Mixup).to_string(), "mixup");
//! ```

mod minibatch;

pub use minibatch::Minibatch;

use crate::label::technique;
use std::fmt;
use std::sync::Arc;

/// A change of training examples, with all else that is to know about it.
pub trait Augmentation: fmt::Debug + Send + Sync + 'static {
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
    fn with_parameters(&self, parameters: &[f64]) -> Option<Augment>;

    /// Changes the inputs and targets of a minibatch.
    fn augment(&self, minibatch: &mut Minibatch<'_>);
}

/// Augmentation with its parameters.
#[derive(Clone)]
pub struct Augment(Arc<dyn Augmentation>);

impl Augment {
    /// Augmentation of this kind.
    pub fn new(augmentation: impl Augmentation) -> Augment {
        Augment(Arc::new(augmentation))
    }

    /// Every built-in kind, with its usual parameters. There is none yet.
    #[must_use]
    pub fn all() -> Vec<Augment> {
        Vec::new()
    }

    fn rule(&self) -> &dyn Augmentation {
        &*self.0
    }

    /// Changes the inputs and targets of a minibatch.
    pub(crate) fn apply(&self, minibatch: &mut Minibatch<'_>) {
        self.0.augment(minibatch);
    }
}

technique!(Augment, "augmentation");
