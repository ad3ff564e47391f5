//! The best epoch of a run.

use minibatch::{Dataset, Epoch, Error, Evaluation, Network, Trainer};

/// Judges epochs by their result on the validation set, or without one on the test set. The first of equal results is the best.
pub(super) struct Judge {
    validation: Option<Dataset>,
    /// The epoch that the validation set has chosen so far, its result there, and its result on the test set.
    pub(super) chosen: Option<(usize, Evaluation, Evaluation)>,
    /// The cost on the validation set after each epoch of this process.
    pub(super) validation_costs: Vec<f64>,
}

impl Judge {
    /// The judge of `trainer`'s run. `best` is the number and the network of the epoch that was the best before the run was resumed,
    /// if they are kept. The results on the validation set are recorded nowhere, so the network is evaluated again.
    pub(super) fn new(
        validation: Option<Dataset>,
        best: Option<(usize, Network)>,
        trainer: &Trainer,
    ) -> Result<Judge, Error> {
        let mut chosen = None;
        if let (Some(data), Some((epoch, network))) = (&validation, best)
            && let Some(test) = trainer.history()[epoch - 1].test
        {
            chosen = Some((epoch, network.evaluate(trainer.pool(), data)?, test));
        }
        Ok(Judge { validation, chosen, validation_costs: Vec::new() })
    }

    /// Judges the epoch that has just ended. Returns its result on the validation set, and true if it is the best so far.
    pub(super) fn judge(&mut self, trainer: &Trainer) -> Result<(Option<Evaluation>, bool), Error> {
        let last = trainer.history().last().expect("an epoch has just ended");
        let Some(data) = &self.validation else {
            return Ok((None, best_tested(trainer.history()).is_some_and(|(epoch, _)| epoch == last.number)));
        };
        let validation = trainer.evaluate(data)?;
        self.validation_costs.push(validation.cost);
        let best = self.chosen.is_none_or(|(_, best, _)| better(&validation, &best));
        if best && let Some(test) = last.test {
            self.chosen = Some((last.number, validation, test));
        }
        Ok((Some(validation), best))
    }
}

/// The number and the result of the epoch that is the best on the test set.
pub(super) fn best_tested(history: &[Epoch]) -> Option<(usize, Evaluation)> {
    let tests = history.iter().filter_map(|epoch| Some((epoch.number, epoch.test?)));
    tests.reduce(|best, test| if better(&test.1, &best.1) { test } else { best })
}

/// True if `a` is better than `b`: more examples are classified correctly. If none are, or if the targets are values, the smaller
/// cost decides.
fn better(a: &Evaluation, b: &Evaluation) -> bool {
    let (right, before) = (a.correct().unwrap_or(0), b.correct().unwrap_or(0));
    if right == 0 && before == 0 { a.cost < b.cost } else { right > before }
}
