//! The page of a run that has just ended.

use super::config;
use super::judge;
use super::observer::RunObserver;
use super::options::Args;
use crate::dataset::Sets;
use crate::failure::Failure;
use crate::report::{Plan, Summary, place, shown, write_out};
use crate::run_page::{Again, Judged, RunPage, Set};
use crate::shell;
use crate::signals::Signal;
use minibatch::{Evaluation, Measures, Trainer};
use std::time::Duration;

/// The end of a run.
pub(super) enum Ending<'a> {
    /// The run came to its last epoch, or stopped early. Beside its summary are the notes on what it has learned badly.
    Last(&'a Summary, Vec<String>),
    /// A signal stopped it after so long.
    Signal(Signal, Duration),
}

/// Writes the page that `--report` asks for.
pub(super) fn write(
    args: &Args,
    plan: &Plan,
    trainer: &Trainer,
    sets: &Sets,
    run: &RunObserver,
    ending: &Ending<'_>,
) -> Result<(), Failure> {
    let Some(target) = &args.report else { return Ok(()) };
    let measured;
    let (evaluation, measures, notes, seconds): (Evaluation, &Measures, _, f64) = match ending {
        Ending::Last(summary, notes) => {
            (summary.evaluation, &summary.metrics, notes.clone(), summary.seconds)
        }
        Ending::Signal(_, elapsed) => {
            measured = trainer.metrics(sets.judging())?;
            (measured.evaluation, &measured.measures, Vec::new(), elapsed.as_secs_f64())
        }
    };
    let page = RunPage {
        data: Some(shown(&args.data.place())),
        network: trainer.result(),
        rows: plan.rows().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        settings: trainer.settings(),
        examples: trainer.examples(),
        history: trainer.history(),
        ending: sentences(ending, trainer),
        best: judge::best(trainer).map(|epoch| epoch.number),
        restored: trainer.best().map(|best| best.epoch),
        layers: Ok(run.inspected.as_deref().unwrap_or_default()),
        judged: Ok(Judged {
            set: if sets.test.is_some() { Set::Test } else { Set::Validation },
            data: sets.judging(),
            pool: trainer.pool(),
            evaluation,
            measures,
        }),
        notes,
        seconds: Some(seconds),
        again: again(args, trainer, run),
    };
    target.write(page.html()?.as_bytes())?;
    if args.quiet || args.json {
        return Ok(());
    }
    write_out(format!("Wrote {}.\n", target.path.display()).as_bytes())
}

/// The end of the run, in sentences.
fn sentences(ending: &Ending<'_>, trainer: &Trainer) -> String {
    match ending {
        Ending::Signal(signal, _) => {
            let place = place(trainer.history().len(), trainer.step());
            format!("The run was stopped by {} at {place}.", signal.name())
        }
        Ending::Last(Summary { stopping: Some((stopping, verdict)), .. }, _) => {
            let (waited, s) = (verdict.waited, if verdict.waited == 1 { "" } else { "s" });
            format!(
                "The run stopped early: {waited} epoch{s} without a gain of the validation {} since epoch {}.",
                stopping.monitor.name(),
                verdict.gain
            )
        }
        Ending::Last(..) => "The run came to its last epoch.".to_owned(),
    }
}

/// The way to repeat the run.
fn again(args: &Args, trainer: &Trainer, run: &RunObserver) -> Again {
    let command = config::repeating(trainer.annotations(), trainer.settings(), args.data.source());
    let mut notes = Vec::new();
    if !trainer.changes().is_empty() {
        notes.push(
            "Settings were changed in the course of the run, and the command doesn't change them.".to_owned(),
        );
    }
    if let Some(keeper) = &run.keeper {
        let mut words = vec!["minibatch".into(), "verify".into(), keeper.path.clone().into()];
        words.extend(args.data.given());
        words.extend(args.table.tested.given());
        words.extend(args.pictures.given());
        if let Some(fraction) = args.validation_split {
            words.extend(["--validation-split".into(), fraction.to_string().into()]);
        }
        notes.push(format!(
            "The run is kept in {}. `{}` trains it again and compares the bits.",
            keeper.path.display(),
            shell::line(&words)
        ));
    }
    Again { command, notes }
}
