//! `minibatch verify`: trains a recorded run again and compares the bits.

use crate::dataset::{self, Asked, Sets, pictures, table, tested};
use crate::failure::Failure;
use crate::progress::{Bar, Clock};
use crate::report::{Event, Report, shown, write_rows};
use crate::{machine, memory, numbers, recorded};
use minibatch::{Checkpoint, Dataset, Epoch, Evaluation, Fit, Score, Trainer, footprint};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// The options of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    #[command(flatten)]
    data: dataset::Args,

    #[command(flatten)]
    tested: tested::Tested,

    /// The fraction that the run had set aside with this option
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = numbers::fraction)]
    validation_split: Option<f64>,

    #[command(flatten)]
    machine: machine::Args,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The outcome.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "verification")]
struct Verified {
    checkpoint: String,
    agree: bool,
    /// Finished epochs that were trained again: all of them, unless one differed.
    epochs: usize,
    /// Steps of the unfinished epoch.
    steps: usize,
    threads: usize,
    isa: &'static str,
    recorded_weight_hash: String,
    /// Null if an earlier epoch differed.
    replayed_weight_hash: Option<String>,
    /// The first difference, in words.
    difference: Option<String>,
}

impl Event for Verified {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let hash = self.replayed_weight_hash.as_deref().unwrap_or("none, stopped before");
        let rows = [
            ("checkpoint", self.checkpoint.clone()),
            ("trained again", format!("{} epochs and {} steps", self.epochs, self.steps)),
            ("threads", self.threads.to_string()),
            ("instruction set", self.isa.to_owned()),
            ("recorded hash", self.recorded_weight_hash.clone()),
            ("replayed hash", hash.to_owned()),
        ];
        write_rows(out, &rows)?;
        match &self.difference {
            None => writeln!(out, "\nThe bits agree: weights, biases and history."),
            Some(difference) => writeln!(out, "\nThe bits differ: {difference}."),
        }
    }
}

/// Verifies.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (path, folder) = (&args.checkpoint, args.data.place());
    let recorded = recorded::load(path)?;
    let pool = args.machine.pool_for(recorded.class)?;
    let table = table::Args::tested_on(args.tested.clone());
    let asked = Asked {
        data: &args.data,
        table: &table,
        task: None,
        validation_split: args.validation_split,
        seed: recorded.settings.seed,
        pictures: &pictures::Args::default(),
        from: None,
    };
    let sets = Sets::open(&asked, Some((path, &recorded)))?;
    let evaluated = [&sets.test, &sets.validation].into_iter().flatten().map(Dataset::len).max().unwrap_or(0);
    let examples = memory::SetSizes { trained: sets.train.len(), evaluated };
    // A second network is trained, with its optimiser's moments. At the end a checkpoint is made of it.
    let (settings, sizes) = (&recorded.settings, recorded.network.sizes());
    let besides = footprint::network(&sizes)
        .saturating_add(footprint::optimizer(&settings.optimizer, &sizes))
        .saturating_add(footprint::checkpoint(&recorded.network, settings, recorded.history.len()));
    memory::check_run(&recorded.network, settings, &pool, examples, besides).map_err(Failure::Run)?;
    let mut trainer = Trainer::replay(&pool, &sets.train, &recorded)
        .map_err(|error| recorded::explained(error, path, &folder))?;
    recorded::check_test_set(recorded.tested_on, path, sets.test.as_ref(), &folder)?;
    match &sets.validation {
        Some(validation) => {
            trainer.set_validation(validation).map_err(|error| recorded::explained(error, path, &folder))?;
        }
        None if recorded.validated_on.is_some() => {
            let path = path.display();
            return Err(Failure::Run(format!(
                "{path}: expected its validation set, found none; name it with --validation-split F"
            )));
        }
        None => {}
    }
    let difference = replay(&mut trainer, &recorded, sets.test.as_ref(), !args.json)?;
    let whole = trainer.history().len() == recorded.history.len();
    Report::new(args.json).print(&Verified {
        checkpoint: shown(&args.checkpoint),
        agree: difference.is_none(),
        epochs: trainer.history().len(),
        steps: trainer.step(),
        threads: pool.threads(),
        isa: pool.isa().name(),
        recorded_weight_hash: format!("{:016x}", recorded.result().weight_hash()),
        replayed_weight_hash: whole.then(|| format!("{:016x}", trainer.result().weight_hash())),
        difference: difference.clone(),
    })?;
    match difference {
        None => Ok(()),
        Some(_) => Err(Failure::Run(format!("{}: the run could not be repeated", args.checkpoint.display()))),
    }
}

/// Trains as far as `recorded`, and returns the first difference. [`Trainer::fit`] can't do this, because a program that uses the
/// library may have trained more epochs than its settings say, and evaluated only some of them.
fn replay(
    trainer: &mut Trainer,
    recorded: &Checkpoint,
    test: Option<&Dataset>,
    show: bool,
) -> Result<Option<String>, Failure> {
    let begun = recorded.history.len() + usize::from(recorded.progress.position > 0);
    let mut progress = (Clock::new(trainer, begun), Bar::new(trainer, show));
    for epoch in &recorded.history {
        while !advance(trainer, usize::MAX, &mut progress)? {}
        if epoch.validation.is_some() {
            trainer.validate()?;
        }
        if let (Some(recorded), Some(test)) = (epoch.test, test) {
            let evaluation =
                with_r_squared_of(trainer.evaluate(test)?, recorded, trainer.network().outputs());
            trainer.record(test, evaluation)?;
        }
        let replayed = trainer.history().last().copied();
        // Costs are finite, so equal numbers have equal bits, except zeros. Some figures aren't recorded, or aren't counted here.
        let same_figures = |replayed: Epoch| Epoch {
            seconds: epoch.seconds,
            correct: epoch.correct.and(replayed.correct).or(epoch.correct),
            learning_rate: epoch.learning_rate.and(replayed.learning_rate),
            ..replayed
        };
        if replayed.map(same_figures) != Some(*epoch) {
            let cost = replayed.map_or(f64::NAN, |replayed| replayed.cost);
            return Ok(Some(format!("epoch {} had cost {}, now {cost}", epoch.number, epoch.cost)));
        }
    }
    let position = recorded.progress.position as usize;
    while trainer.position() < position {
        let steps = (position - trainer.position()) / trainer.settings().batch_size;
        advance(trainer, steps, &mut progress)?;
    }
    progress.1.finish();
    if trainer.network().weight_hash() != recorded.network.weight_hash() {
        return Ok(Some("the weights or biases".to_owned()));
    }
    let same = trainer.compared_hash()? == recorded.compared_hash()?;
    Ok((!same).then(|| {
        "the sums of the unfinished epoch, or the state of the generator or of the optimiser".to_owned()
    }))
}

/// `evaluation` with the recorded R², if there are several outputs and nothing else differs. Early builds recorded the R² of all
/// outputs taken together, and a file doesn't say which one it has. R² follows from the other figures and the targets.
fn with_r_squared_of(evaluation: Evaluation, recorded: Evaluation, outputs: usize) -> Evaluation {
    let (Some(fit), Some(old)) = (evaluation.fit(), recorded.fit()) else { return evaluation };
    let taken = Evaluation { score: Score::Values(Fit { r_squared: old.r_squared, ..fit }), ..evaluation };
    if outputs > 1 && taken == recorded { taken } else { evaluation }
}

/// Trains a slice, of no more than `most` steps. Returns true at the end of an epoch.
fn advance(trainer: &mut Trainer, most: usize, (clock, bar): &mut (Clock, Bar)) -> Result<bool, Failure> {
    let ended = trainer.advance(clock.begin_slice(most))?.is_some();
    clock.end_slice(trainer);
    bar.draw(trainer, clock);
    Ok(ended)
}
