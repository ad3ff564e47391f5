//! Early stopping: the end of a run whose results on the validation set no longer get better, and the choice of its best epoch.
//!
//! ```text
//! for each epoch with a figure:
//!     if it is better than every one before, or as good and ties go to the last: it is the best
//!     if it is better than that of the last gain by more than the least gain: it is a gain
//! stop once the epochs since the last gain are `patience`
//! ```
//!
//! All of it follows from the history, so a run that is resumed decides as one that was never interrupted.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// The rule by which a run stops early, and which epoch's weights it answers with. It is judged by the figure that
/// [`monitor`](EarlyStopping::monitor) names, on the [validation set](crate::Trainer::set_validation), after every epoch.
///
/// An epoch is a **gain** if its figure is better than that of the last gain by more than the least gain; the first epoch is one.
/// The run ends once `patience` epochs in a row were no gain, as in Keras (wait ≥ patience). scikit-learn ends an epoch later,
/// after more than `n_iter_no_change`, and compares with the best figure so far, so that many small steps count as none.
///
/// The **best** epoch has the best figure of all, however small its lead is.
///
/// ```
/// use minibatch::{EarlyStopping, Monitor};
///
/// let stopping = EarlyStopping { patience: 2, least_gain: 0.125, ..EarlyStopping::default() };
/// let verdict = stopping.judge_figures([1.0, 0.5, 0.375, 0.4375].map(Some)).expect("figures");
/// assert_eq!((verdict.best, verdict.gain, verdict.waited), (3, 2, 2));
/// assert!(stopping.stops(verdict));
///
/// let patient = EarlyStopping { monitor: Monitor::Accuracy, ..EarlyStopping::default() };
/// let verdict = patient.judge_figures([0.5, 0.75, 0.75].map(Some)).expect("figures");
/// assert_eq!((verdict.best, verdict.waited), (2, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs in a row without a gain after which the run ends, at least 1.
    pub patience: usize,
    /// The least gain, finite and at least 0, in units of the figure.
    pub least_gain: f64,
    /// The figure.
    pub monitor: Monitor,
    /// The best of epochs with equal figures.
    pub ties: Ties,
    /// Whether the run answers with the weights after its best epoch. Otherwise it answers with those that it ends with.
    pub restore_best: bool,
}

/// A figure of an evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Monitor {
    /// The mean cost. Smaller is better.
    #[default]
    Cost,
    /// The fraction of examples classified correctly, where the targets are classes.
    Accuracy,
}

/// The choice among epochs with equal figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ties {
    /// The first of them.
    #[default]
    First,
    /// The last of them.
    Last,
}

/// What early stopping makes of a history. Epochs are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The best epoch.
    pub best: usize,
    /// The epoch of the last gain.
    pub gain: usize,
    /// Epochs with a figure since that gain.
    pub waited: usize,
}

impl Default for EarlyStopping {
    /// Ten epochs without a lower cost; of equal ones the first is the best, and its weights are restored.
    fn default() -> EarlyStopping {
        let (monitor, ties) = (Monitor::default(), Ties::default());
        EarlyStopping { patience: 10, least_gain: 0.0, monitor, ties, restore_best: true }
    }
}

impl Monitor {
    /// Its name: `cost` or `accuracy`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Monitor::Cost => "cost",
            Monitor::Accuracy => "accuracy",
        }
    }

    /// The lead of the figure `a` over `b`, above 0 if it is better.
    fn lead(self, a: f64, b: f64) -> f64 {
        match self {
            Monitor::Cost => b - a,
            Monitor::Accuracy => a - b,
        }
    }
}

impl EarlyStopping {
    /// The verdict on the figures of the epochs 1, 2, …, of which some may be missing. `None` if all are.
    pub fn judge_figures(&self, figures: impl IntoIterator<Item = Option<f64>>) -> Option<Verdict> {
        /// The best figure, that of the last gain, and the verdict.
        type Judged = (f64, f64, Verdict);
        let mut judged: Option<Judged> = None;
        for (epoch, figure) in (1..).zip(figures) {
            let Some(figure) = figure else { continue };
            let Some((best, reference, verdict)) = &mut judged else {
                judged = Some((figure, figure, Verdict { best: epoch, gain: epoch, waited: 0 }));
                continue;
            };
            let lead = self.monitor.lead(figure, *best);
            if lead > 0.0 || (lead == 0.0 && self.ties == Ties::Last) {
                (*best, verdict.best) = (figure, epoch);
            }
            verdict.waited += 1;
            if self.monitor.lead(figure, *reference) > self.least_gain {
                (*reference, verdict.gain, verdict.waited) = (figure, epoch, 0);
            }
        }
        judged.map(|(.., verdict)| verdict)
    }

    /// Whether a run of which this is the verdict is over.
    #[must_use]
    pub fn stops(&self, verdict: Verdict) -> bool {
        verdict.waited >= self.patience
    }

    /// Checks that it is in range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (expected, found) = match self {
            EarlyStopping { patience: 0, .. } => ("a patience of at least 1 epoch", "0".to_owned()),
            EarlyStopping { least_gain, .. } if !(*least_gain >= 0.0 && least_gain.is_finite()) => {
                ("a finite least gain of at least 0", least_gain.to_string())
            }
            _ => return Ok(()),
        };
        Err(Error::Setting { setting: "early stopping", expected: expected.to_owned(), found })
    }
}
