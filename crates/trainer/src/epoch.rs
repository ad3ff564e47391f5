//! The record of an epoch, of which a run's history is made.

use crate::early_stopping::{EarlyStopping, Monitor, Verdict};
use crate::infer::Evaluation;
use serde::{Deserialize, Serialize};

/// The record of an epoch.
///
/// In serde's formats it has the fields `epoch` (its number), `cost`, `correct`, `learning_rate` and `validation` where they are
/// known, `test` and `training_seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    #[serde(rename = "epoch")]
    pub number: usize,
    /// Mean cost per training example, each measured before its minibatch's update.
    pub cost: f64,
    /// Training examples that were classified correctly, each before its minibatch's update, with the step's noise. They are counted
    /// for classes in a run that has a [validation set](crate::Trainer::set_validation) from the epoch's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correct: Option<usize>,
    /// η in the epoch's last step. `None` in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// The evaluation on the validation set after the epoch, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Evaluation>,
    /// The evaluation on the test set after the epoch, if there was one.
    pub test: Option<Evaluation>,
    /// Wall-clock time spent training in the epoch.
    #[serde(rename = "training_seconds")]
    pub seconds: f64,
}

impl Epoch {
    /// The training accuracy in an epoch of so many `examples`, if correct answers were counted.
    #[must_use]
    pub fn accuracy(&self, examples: usize) -> Option<f64> {
        Some(self.correct? as f64 / examples as f64)
    }

    /// The figure on the validation set that early stopping looks at, if there is one.
    #[must_use]
    pub fn figure(&self, monitor: Monitor) -> Option<f64> {
        let validation = self.validation?;
        match monitor {
            Monitor::Cost => Some(validation.cost),
            Monitor::Accuracy => validation.accuracy(),
        }
    }
}

impl EarlyStopping {
    /// The verdict on a history. `None` if it has no figure.
    #[must_use]
    pub fn judge(&self, history: &[Epoch]) -> Option<Verdict> {
        self.judge_figures(history.iter().map(|epoch| epoch.figure(self.monitor)))
    }
}
