//! The record of an epoch, of which a run's history is made.

use crate::infer::Evaluation;

/// The record of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Counted from 1.
    pub number: usize,
    /// Mean cost per training example, each measured before its minibatch's update.
    pub cost: f64,
    /// The evaluation on the test set after the epoch, if there was one.
    pub test: Option<Evaluation>,
    /// Wall-clock time spent training in the epoch.
    pub seconds: f64,
}
