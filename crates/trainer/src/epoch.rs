//! The record of an epoch, of which a run's history is made.

use crate::infer::Evaluation;
use serde::{Deserialize, Serialize};

/// The record of an epoch.
///
/// In serde's formats it has the fields `epoch` (its number), `cost`, `test` and `training_seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    #[serde(rename = "epoch")]
    pub number: usize,
    /// Mean cost per training example, each measured before its minibatch's update.
    pub cost: f64,
    /// The evaluation on the test set after the epoch, if there was one.
    pub test: Option<Evaluation>,
    /// Wall-clock time spent training in the epoch.
    #[serde(rename = "training_seconds")]
    pub seconds: f64,
}
