//! The plan and the end of a run, as they are printed.

use super::judge::{best, best_tested};
use super::observer::RunObserver;
use super::options::Args;
use super::resume;
use crate::dataset::Sets;
use crate::report::{Chosen, InitialValues, Labels, Plan, Resumed, Stopped, Summary, shown};
use crate::signals::Signal;
use crate::task::{Task, labels_of};
use minibatch::{Dataset, Error, Pool, Trainer};
use std::path::Path;
use std::time::Instant;

/// The plan of `trainer`'s run. `replaces` is true if the checkpoint holds another run, which this one replaces.
pub(super) fn plan(
    args: &Args,
    pool: &Pool,
    trainer: &Trainer,
    sets: &Sets,
    checkpoint: Option<&Path>,
    replaces: bool,
    resumed: Option<Resumed>,
) -> Plan {
    let network = trainer.network();
    let settings = trainer.settings();
    Plan {
        data: shown(&args.data.place()),
        training_examples: sets.train.len(),
        validation_examples: sets.validation.as_ref().map(Dataset::len),
        test_examples: sets.test.as_ref().map(Dataset::len),
        table: sets.columns(),
        cache: sets.cache.clone(),
        example_shape: sets.train.example_shape().to_vec(),
        task: Task::of(&sets.train).name(),
        classes: sets.train.classes(),
        labels: labels_of(&sets.train),
        layers: network.sizes(),
        parameters: network.parameters(),
        activations: network.layers().iter().map(|layer| layer.activation().label()).collect(),
        cost: network.cost().label(),
        settings: settings.clone(),
        recipe: trainer.annotations().recipe.clone(),
        reasons: args.reasons(&sets.train),
        initial: InitialValues::new(trainer.origin(), trainer.annotations()),
        threads: pool.threads(),
        isa: pool.isa().name(),
        checkpoint: checkpoint.map(shown),
        keeping: args.keeping.describe(if sets.validation.is_some() { "validation" } else { "test" }),
        replaces,
        changes: trainer.changes().to_vec(),
        resumed,
    }
}

/// The end of a run that came to its last epoch. `started` is the start of the process.
pub(super) fn summary(
    run: &RunObserver,
    trainer: &Trainer,
    sets: &Sets,
    started: Instant,
) -> Result<Summary, Error> {
    let metrics = trainer.metrics(sets.judging())?;
    let findings = trainer.diagnose(Some(&metrics))?;
    let tested = best_tested(trainer);
    let (best_epoch, best_test) = (tested.map(|epoch| epoch.number), tested.and_then(|epoch| epoch.test));
    let chosen = best(trainer).and_then(|epoch| {
        Some(Chosen { epoch: epoch.number, validation: epoch.validation?, test: epoch.test })
    });
    let stopping = trainer.settings().early_stopping;
    Ok(Summary {
        seconds: started.elapsed().as_secs_f64(),
        screen: run.display.share(),
        training_seconds: run.clock.training().as_secs_f64(),
        best_epoch,
        best_test_accuracy: best_test.and_then(|test| test.accuracy()),
        best_test_cost: best_test.filter(|test| test.accuracy().is_none()).map(|test| test.cost),
        chosen,
        stopped_early: stopping.map(|_| trainer.has_stopped()),
        stopping: stopping.filter(|_| trainer.has_stopped()).zip(trainer.verdict()),
        result_epoch: trainer.best().map(|best| best.epoch),
        judged_by: if sets.test.is_some() { "test" } else { "validation" },
        labels: Labels::of(trainer.network()),
        evaluation: metrics.evaluation,
        metrics: metrics.measures,
        findings,
        weight_hash: format!("{:016x}", trainer.result().weight_hash()),
        saved: run.keeper.as_ref().map(|keeper| shown(&keeper.path)),
    })
}

/// The end of a run that `signal` stopped.
pub(super) fn stopped(run: &RunObserver, args: &Args, trainer: &Trainer, signal: Signal) -> Stopped {
    let saved = run.keeper.as_ref().map(|keeper| &*keeper.path);
    Stopped {
        signal: signal.name(),
        epochs: trainer.history().len(),
        step: trainer.step(),
        resume: saved.map(|path| resume::command(args, path)),
        saved: saved.map(shown),
    }
}
