//! Inference: the outputs of a network for examples.
//!
//! [`inference`] is the forward pass alone, a tranche of examples at a time. [`predict`] and [`evaluation`] share tranches out
//! among the pool's members. A [`Predictor`] answers for one example on the calling thread.

#[cfg(feature = "ndarray")]
mod array;
mod evaluation;
pub(crate) mod inference;
mod predict;
mod predictor;
mod rows;

pub use evaluation::{Evaluation, Fit, Score};
pub use predictor::Predictor;
pub use rows::Rows;
