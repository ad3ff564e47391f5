//! Averages of weights: a second network, whose weights and biases are means over the steps of a run. Each kind has a file, and a
//! line in [`Average::all`].
//!
//! Training goes on from the latest weights. The average is what the run answers with
//! ([`Trainer::result`](crate::Trainer::result)): it is evaluated, and predicts.
//!
//! After step t the average moves by a share s of the way to the latest weights: w̄ ← w̄ + s·(w − w̄). The kinds differ in s.
//!
//! [`Average::new`] makes one of your own:
//!
//! ```
//! use minibatch::average::{Average, Averaging};
//! use minibatch::schedule::Time;
//!
//! /// The mean over all steps (Polyak and Juditsky 1992).
//! #[derive(Debug)]
//! struct Polyak;
//!
//! impl Averaging for Polyak {
//!     fn name(&self) -> &'static str {
//!         "polyak"
//!     }
//!
//!     fn with_parameters(&self, _: &[f64]) -> Option<Average> {
//!         Some(Average::new(Polyak))
//!     }
//!
//!     fn share(&self, _: Time<'_>, count: u64) -> Option<f64> {
//!         Some(1.0 / (count + 1) as f64)
//!     }
//! }
//! assert_eq!(Average::new(Polyak).to_string(), "polyak");
//! ```

mod averaged;
mod ema;
mod swa;

pub use averaged::Averaged;
pub use ema::Ema;
pub use swa::Swa;

use crate::label::technique;
use crate::schedule::Time;
use std::fmt;
use std::sync::Arc;

/// A rule of averaging, with all else that is to know about it.
pub trait Averaging: fmt::Debug + Send + Sync + 'static {
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
    fn with_parameters(&self, parameters: &[f64]) -> Option<Average>;

    /// The share of the way that the average moves after a step, 0 < s ≤ 1. `None` leaves the average as it is. `count`
    /// weights have gone into the average; before the first, the average takes the latest weights, whatever the share.
    fn share(&self, at: Time<'_>, count: u64) -> Option<f64>;
}

/// Averaging with its parameters.
///
/// ```
/// use minibatch::average::Average;
///
/// let average: Average = "ema".parse()?;
/// assert_eq!(average.to_string(), "ema(0.999)");
/// let error = "swa(1)".parse::<Average>().unwrap_err();
/// assert_eq!(error.to_string(), "averaging 'swa(1)': expected swa(start) with 0 ≤ start < 1");
/// # Ok::<(), minibatch::LabelError>(())
/// ```
#[derive(Clone)]
pub struct Average(Arc<dyn Averaging>);

impl Average {
    /// Averaging by this rule.
    pub fn new(averaging: impl Averaging) -> Average {
        Average(Arc::new(averaging))
    }

    /// Every kind of averaging, with its usual parameters.
    #[must_use]
    pub fn all() -> Vec<Average> {
        vec![Average::new(Ema::default()), Average::new(Swa::default())]
    }

    fn rule(&self) -> &dyn Averaging {
        &*self.0
    }

    /// The share of a step, checked.
    pub(crate) fn share(&self, at: Time<'_>, count: u64) -> Option<f64> {
        let share = self.0.share(at, count)?;
        if count == 0 { Some(1.0) } else { Some(share).filter(|share| (0.0..=1.0).contains(share)) }
    }
}

technique!(Average, "averaging");

#[cfg(test)]
mod tests;
