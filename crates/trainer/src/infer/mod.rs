//! Inference: the outputs of a network for examples.
//!
//! [`inference`] is the forward pass alone, a tranche of examples at a time. [`predict`] and [`pass`](mod@pass) share tranches out
//! among the pool's members; [`evaluation`] and [`metrics`] are measured in a pass. A [`Predictor`] answers for one example on the
//! calling thread.

#[cfg(feature = "ndarray")]
mod array;
mod evaluation;
pub(crate) mod inference;
mod metrics;
mod mistakes;
mod pass;
mod predict;
mod predictor;
mod rows;

pub use evaluation::{Evaluation, Fit, Score};
pub(crate) use metrics::LARGEST_MATRIX;
pub use metrics::{
    ClassMean, ClassMetrics, ClassScore, LabelMetrics, Measures, Metrics, Mistake, TopK, ValueMetrics,
};
pub use mistakes::{LargeError, WrongAnswer};
pub use predictor::Predictor;
pub use rows::Rows;
