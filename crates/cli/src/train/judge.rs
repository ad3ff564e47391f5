//! The best epoch of a run.

use minibatch::{Epoch, Evaluation, Trainer};

/// The best epoch of `trainer`'s run so far: the one that early stopping finds the best, or else by the results on the validation
/// set, or without one on the test set. The first of equal results is the best.
pub(super) fn best(trainer: &Trainer) -> Option<&Epoch> {
    let history = trainer.history();
    match trainer.verdict() {
        Some(verdict) => history.get(verdict.best - 1),
        None if trainer.validation().is_some() => best_by(history, |epoch| epoch.validation),
        None => best_by(history, |epoch| epoch.test),
    }
}

/// The epoch of `trainer`'s run with the best result on the test set. If the [`best`] epoch has no worse a result there, it is that
/// one, so that equal results have one epoch's name; else it is the first of equal results.
pub(super) fn best_tested(trainer: &Trainer) -> Option<&Epoch> {
    let tested = best_by(trainer.history(), |epoch| epoch.test)?;
    let is_no_worse = |best: &&Epoch| {
        let results = tested.test.zip(best.test);
        results.is_some_and(|(of_tested, of_best)| !better(&of_tested, &of_best))
    };
    Some(best(trainer).filter(is_no_worse).unwrap_or(tested))
}

/// The epoch of `history` with the best of these evaluations.
pub(crate) fn best_by(history: &[Epoch], evaluation: fn(&Epoch) -> Option<Evaluation>) -> Option<&Epoch> {
    let evaluated = history.iter().filter_map(|epoch| Some((epoch, evaluation(epoch)?)));
    let best = evaluated.reduce(|best, other| if better(&other.1, &best.1) { other } else { best });
    best.map(|(epoch, _)| epoch)
}

/// True if `a` is better than `b`: more examples are classified correctly. If none are, or if the targets are values, the smaller
/// cost decides.
fn better(a: &Evaluation, b: &Evaluation) -> bool {
    let (right, before) = (a.correct().unwrap_or(0), b.correct().unwrap_or(0));
    if right == 0 && before == 0 { a.cost < b.cost } else { right > before }
}
