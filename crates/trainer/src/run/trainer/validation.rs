//! The validation set of a run, and what early stopping makes of the results on it.

use super::{TestedOn, Trainer};
use crate::checkpoint::{Best, DataIdentity, best_epoch};
use crate::early_stopping::{Monitor, Verdict};
use crate::epoch::Epoch;
use crate::error::Error;
use crate::infer::{Evaluation, Fit, Score};
use crate::network::Network;
use crate::settings::Settings;
use minibatch_data::Dataset;
use std::sync::OnceLock;

impl Trainer {
    /// Gives the run a validation set. [`fit`](Self::fit) evaluates it after every epoch, for [`Epoch::validation`] and early
    /// stopping, and training counts [`Epoch::correct`]. A run that is resumed needs the set that it had.
    ///
    /// [`Epoch::validation`]: crate::Epoch::validation
    /// [`Epoch::correct`]: crate::Epoch::correct
    ///
    /// # Errors
    ///
    /// If the set doesn't fit the network, it is another than that of the history, or early stopping looks at an accuracy that it
    /// can't have.
    pub fn set_validation(&mut self, data: &Dataset) -> Result<(), Error> {
        self.network().check_shape(data)?;
        let monitor = self.settings.early_stopping.map(|stopping| stopping.monitor);
        if monitor == Some(Monitor::Accuracy) && data.targets().are_values() {
            let (expected, found) = ("the cost, where targets are values".to_owned(), "accuracy".to_owned());
            return Err(Error::Setting { setting: "monitor", expected, found });
        }
        if let Some(validated_on) = &self.validated_on {
            let (recorded, found) = (validated_on.identity(), DataIdentity::of(data));
            if recorded != found {
                let (recorded, found) = (recorded.to_string(), found.to_string());
                return Err(Error::Resume { what: "validation set", recorded, found });
            }
        }
        self.validation = Some(data.clone());
        if self.position == 0 {
            self.correct = self.no_correct_yet();
        }
        Ok(())
    }

    /// The validation set.
    pub fn validation(&self) -> Option<&Dataset> {
        self.validation.as_ref()
    }

    /// Evaluates the validation set, if there is one, after the epoch that has just ended, and records the result in that epoch's
    /// record. If it is the best epoch so far and the run keeps its weights, they are copied. [`fit`](Self::fit) does this; a loop
    /// of your own does it after each [`epoch`](Self::epoch).
    ///
    /// # Errors
    ///
    /// If no epoch has just ended, or a number of the evaluation isn't finite. The history is then as it was.
    pub fn validate(&mut self) -> Result<Option<Evaluation>, Error> {
        let Some(data) = self.validation.clone() else { return Ok(None) };
        let evaluation = self.evaluate(&data)?;
        let Some(epoch) = self.history.last_mut().filter(|_| self.position == 0) else {
            return Err(Error::NoEpoch);
        };
        check_evaluation(&evaluation, &data, epoch.number)?;
        epoch.validation = Some(evaluation);
        if self.validated_on.is_none() {
            self.validated_on = Some(TestedOn::Here(data, OnceLock::new()));
        }
        if best_epoch(&self.settings, &self.history) == Some(self.history.len()) {
            // The old copy goes first: at no time are there two.
            self.best = None;
            self.best = Some(Best { epoch: self.history.len(), network: self.present().clone() });
        }
        Ok(Some(evaluation))
    }

    /// Checks that early stopping has a validation set, and evaluates it if the last epoch ended before that was done.
    pub(in crate::run) fn prepare_validation(&mut self) -> Result<(), Error> {
        if self.settings.early_stopping.is_some() && self.validation.is_none() {
            let (expected, found) = ("one for early stopping to look at".to_owned(), "missing".to_owned());
            return Err(Error::Setting { setting: "the validation set", expected, found });
        }
        if self.position == 0 && self.history.last().is_some_and(|epoch| epoch.validation.is_none()) {
            self.validate()?;
        }
        Ok(())
    }

    /// What early stopping makes of the history, if the run has it and an epoch was validated.
    pub fn verdict(&self) -> Option<Verdict> {
        self.settings.early_stopping?.judge(&self.history)
    }

    /// Whether early stopping has ended the run. With more patience it can go on.
    pub fn has_stopped(&self) -> bool {
        let stops = |verdict| self.settings.early_stopping.is_some_and(|stopping| stopping.stops(verdict));
        self.position == 0 && self.verdict().is_some_and(stops)
    }

    /// The network after the best epoch so far, if the run keeps it.
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// The network that the run answers with: that after the best epoch where early stopping restores it, else the
    /// [average](crate::average) of the weights where there is one, else the network as it is now.
    pub fn result(&self) -> &Network {
        self.best.as_ref().map_or_else(|| self.present(), |best| &best.network)
    }

    /// As [`result`](Self::result), without a copy.
    pub fn into_result(self) -> Network {
        let best = self.best.map(|best| best.network);
        best.unwrap_or_else(|| self.crew.into_present())
    }
}

/// Checks that `evaluation` can be one of `data` after this epoch.
pub(super) fn check_evaluation(evaluation: &Evaluation, data: &Dataset, epoch: usize) -> Result<(), Error> {
    let Evaluation { cost, examples, score } = *evaluation;
    let possible = match score {
        Score::Classes { correct } => correct <= examples,
        // A NaN is refused below.
        Score::Values(Fit { rmse, mae, .. }) => !(rmse < 0.0 || mae < 0.0),
    };
    if examples != data.len() || !possible {
        let expected = format!("an evaluation of {} examples", data.len());
        return Err(Error::Setting { setting: "the figure", expected, found: format!("{evaluation:?}") });
    }
    // A history holds finite numbers only: with others, a checkpoint could not be read again.
    let mut numbers = vec![("cost", cost)];
    if let Score::Values(Fit { rmse, mae, r_squared }) = score {
        numbers.extend([("rmse", rmse), ("mae", mae), ("R²", r_squared)]);
    }
    if let Some((name, number)) = numbers.into_iter().find(|(_, number)| !number.is_finite()) {
        let what = format!("the {name} of an evaluation after epoch {epoch}");
        return Err(Error::NotFinite { what, found: number.to_string() });
    }
    Ok(())
}

/// Checks that the network after the best epoch is there if, and only if, the run keeps one.
pub(super) fn check_best(
    settings: &Settings,
    history: &[Epoch],
    network: &Network,
    best: Option<&Best>,
) -> Result<(), Error> {
    let (recorded, expected) = (best.map(|best| best.epoch), best_epoch(settings, history));
    let fits = best.is_none_or(|best| best.network.sizes() == network.sizes());
    if recorded == expected && fits {
        return Ok(());
    }
    let of =
        |epoch: Option<usize>| epoch.map_or("none".to_owned(), |epoch| format!("those after epoch {epoch}"));
    let (recorded, found) =
        if fits { (of(recorded), of(expected)) } else { ("of other layers".to_owned(), of(expected)) };
    Err(Error::Resume { what: "best weights", recorded, found })
}
