//! `minibatch train`: from a dataset to a trained network.

use crate::checkpoint::{self, Keeper};
use crate::failure::{Failure, tell};
use crate::machine::count;
use crate::progress::{Pace, Progress};
use crate::report::{EpochLine, Plan, Report, Resumed, Stopped, Summary, place};
use crate::signals::{Signal, Signals};
use crate::{dataset, machine, resume};
use minibatch::{Checkpoint, Dataset, Error, Initializer, Network, Pool, Settings, Trainer};
use minibatch_data::TrainTest;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The seed of a run that names none: of 15, the one whose network ends at their median accuracy (README, "How well it
/// learns"). Chosen for being typical, not for being good.
const DEFAULT_SEED: u64 = 14;

/// The hidden layers of a run that names none.
const DEFAULT_HIDDEN: &[usize] = &[32];

/// How weights and biases start.
const INITIALIZER: Initializer = Initializer::StandardNormal;

/// What `train` can be told. What isn't is the article's job, or in a resumed run what its checkpoint records.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Go on with the run in this checkpoint, with its settings; only --epochs may change
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) data: dataset::Args,

    /// Neurons of the hidden layer, or of several: 128,64 [default: 32]
    #[arg(long, value_name = "N,…", value_delimiter = ',', allow_negative_numbers = true, value_parser = count)]
    pub(crate) hidden: Option<Vec<usize>>,

    /// η: every step subtracts η times the minibatch's mean gradient [default: 3.0]
    #[arg(long, value_name = "ETA", allow_negative_numbers = true, value_parser = learning_rate)]
    pub(crate) learning_rate: Option<f64>,

    /// B: examples of a minibatch [default: 16]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    pub(crate) batch_size: Option<usize>,

    /// Passes over the training set, those of a resumed run included [default: 30]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    pub(crate) epochs: Option<usize>,

    /// Seed of the initial weights and of the order of the examples [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seed)]
    pub(crate) seed: Option<u64>,

    #[command(flatten)]
    pub(crate) machine: machine::Args,

    #[command(flatten)]
    pub(crate) keeping: checkpoint::Args,

    /// Print JSON lines: the plan, one object per epoch, and the end
    #[arg(long)]
    pub(crate) json: bool,
}

/// Trains, and prints what happens. `started` is when the process did.
pub(crate) fn run(args: &Args, started: Instant) -> Result<(), Failure> {
    let path = args.keeping.checkpoint.as_ref().or(args.resume.as_ref());
    if path.is_none() && (args.keeping.checkpoint_every.is_some() || args.keeping.keep.is_some()) {
        return Err(Failure::usage("--checkpoint-every and --keep need --checkpoint FILE"));
    }
    let sets = args.data.open()?;
    // Before a checkpoint is read, so that nobody writes it afterwards.
    let lock = path.map(|path| checkpoint::reserve(path)).transpose()?;
    let replaces = path != args.resume.as_ref() && path.is_some_and(|path| path.exists());
    let pool;
    let (mut trainer, resumed) = match &args.resume {
        None => {
            pool = args.machine.pool()?;
            (trainer(args, &pool, &sets.train)?, None)
        }
        Some(path) => {
            let mut recorded = Checkpoint::load(path)?;
            let epochs = recorded.settings.epochs;
            resume::apply(args, path, &mut recorded)?;
            pool = args.machine.pool_for(recorded.class)?;
            resume::check_test_set(&recorded, &sets.test)?;
            let trainer = Trainer::resume(&pool, &sets.train, recorded)?;
            let in_place = args.keeping.checkpoint.as_ref().is_none_or(|to| to == path);
            let saved = in_place && trainer.settings().epochs == epochs;
            let (epochs, position) = (trainer.history().len(), trainer.position());
            (trainer, Some(Resumed { checkpoint: path.clone(), epochs, position, saved }))
        }
    };
    let saved = resumed.as_ref().is_some_and(|resumed| resumed.saved);
    let keeper = lock.map(|lock| Keeper::start(lock, &args.keeping, &trainer, saved)).transpose()?;

    let report = Report::new(args.json);
    report.print(&plan(args, &pool, &trainer, &sets, path, replaces, resumed))?;
    if cfg!(debug_assertions) {
        tell("note: this is a debug build; `cargo run --release -- train` is faster");
    }
    let signals = Signals::catch()?;
    let mut run = Run { test: &sets.test, report, keeper, signals, training: Duration::ZERO };
    match run.train(&mut trainer, !args.json)? {
        None => report.print(&run.summary(&trainer, started)),
        Some(signal) => {
            report.print(&run.stopped(args, &trainer, signal))?;
            Err(Failure::Stopped(signal))
        }
    }
}

/// A run while it goes on.
struct Run<'a> {
    test: &'a Dataset,
    report: Report,
    keeper: Option<Keeper>,
    signals: Signals,
    /// Time spent in steps.
    training: Duration,
}

impl<'a> Run<'a> {
    /// Trains to the end, or to a signal. All is on disk when this returns.
    fn train(&mut self, trainer: &mut Trainer<'a>, show: bool) -> Result<Option<Signal>, Failure> {
        let (epochs, steps) = (trainer.settings().epochs, trainer.steps_per_epoch());
        let done = trainer.history().len() * steps + trainer.step();
        let mut progress = Progress::new(epochs, steps, done, show);
        let mut pace = Pace::new();
        // A checkpoint that a library wrote may end with an epoch that isn't evaluated yet.
        if trainer.position() == 0 && trainer.history().last().is_some_and(|epoch| epoch.test.is_none()) {
            trainer.evaluate(self.test)?;
        }
        let mut signal = None;
        while trainer.history().len() < epochs && signal.is_none() {
            self.train_epoch(trainer, &mut pace, &mut progress)
                .map_err(|failure| self.kept_in_spite_of(failure, trainer))?;
            signal = self.signals.caught();
        }
        progress.finish();
        if let Some(keeper) = &mut self.keeper {
            keeper.finish(trainer)?;
        }
        // One that came with the last step stops nothing.
        Ok(signal.filter(|_| trainer.history().len() < epochs))
    }

    /// Trains to the end of the epoch or to a signal, in slices between which the bar moves and the run is saved.
    fn train_epoch(
        &mut self,
        trainer: &mut Trainer<'a>,
        pace: &mut Pace,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let (first, mut training) = (trainer.position(), Duration::ZERO);
        while self.signals.caught().is_none() {
            let steps = self.keeper.as_ref().map_or(usize::MAX, |keeper| keeper.steps_to_go(trainer));
            let (steps, started) = (pace.steps().min(steps), Instant::now());
            let ended = trainer.advance(steps)?;
            let elapsed = started.elapsed();
            training += elapsed;
            self.training += elapsed;
            if ended.is_some() {
                trainer.evaluate(self.test)?;
            }
            if let Some(keeper) = &mut self.keeper {
                progress.warn(keeper.look(trainer)?);
            }
            if ended.is_some() {
                let epoch = trainer.history().last().expect("an epoch has just ended");
                let line = EpochLine::new(epoch, trainer.settings().epochs, trainer.examples());
                return progress.suspend(|| self.report.print(&line));
            }
            pace.took(steps, elapsed);
            let rate = (trainer.position() - first) as f64 / training.as_secs_f64();
            progress.step(trainer.history().len() + 1, trainer.step(), rate);
        }
        Ok(())
    }

    /// Adds to a failure where the run is kept, once it is.
    fn kept_in_spite_of(&mut self, failure: Failure, trainer: &Trainer<'_>) -> Failure {
        let Some(keeper) = &mut self.keeper else { return failure };
        let flushed = keeper.flush();
        match (failure, keeper.newest()) {
            (Failure::Run(message), Some((epochs, position))) if flushed.is_ok() => {
                let step = position.div_ceil(trainer.settings().batch_size);
                let path = keeper.path().display();
                Failure::Run(format!("{message}; {path} holds the run as of {}", place(epochs, step)))
            }
            (failure, _) => failure,
        }
    }

    fn summary(&self, trainer: &Trainer<'_>, started: Instant) -> Summary {
        let tests = trainer.history().iter().filter_map(|epoch| Some((epoch.number, epoch.test?)));
        // Of equals the first.
        let best = tests.reduce(|best, test| if test.1.correct() > best.1.correct() { test } else { best });
        Summary {
            seconds: started.elapsed().as_secs_f64(),
            training_seconds: self.training.as_secs_f64(),
            best_epoch: best.map(|(epoch, _)| epoch),
            best_test_accuracy: best.and_then(|(_, test)| test.accuracy()),
            weight_hash: format!("{:016x}", trainer.network().weight_hash()),
            saved: self.keeper.as_ref().map(|keeper| keeper.path().to_owned()),
        }
    }

    fn stopped(&self, args: &Args, trainer: &Trainer<'_>, signal: Signal) -> Stopped {
        let saved = self.keeper.as_ref().map(|keeper| keeper.path().to_owned());
        Stopped {
            signal: signal.name(),
            epochs: trainer.history().len(),
            step: trainer.step(),
            resume: saved.as_ref().map(|path| resume::command(args, path)),
            saved,
        }
    }
}

/// A trainer of the network that `args` describe, before its first epoch.
fn trainer<'a>(args: &Args, pool: &'a Pool, train: &'a Dataset) -> Result<Trainer<'a>, Failure> {
    let Some(classes) = train.classes() else {
        let folder = args.data.folder();
        return Err(Failure::Run(format!(
            "{}: expected labels that are classes, found values",
            folder.display()
        )));
    };
    let default = Settings::default();
    let settings = Settings {
        learning_rate: args.learning_rate.unwrap_or(default.learning_rate),
        batch_size: args.batch_size.unwrap_or(default.batch_size),
        epochs: args.epochs.unwrap_or(default.epochs),
        seed: args.seed.unwrap_or(DEFAULT_SEED),
    };
    let mut builder = Network::builder(train.input_len()).seed(settings.seed).initializer(INITIALIZER);
    for &width in args.hidden.as_deref().unwrap_or(DEFAULT_HIDDEN) {
        builder = builder.layer(width);
    }
    let network = builder.layer(classes).build().map_err(Failure::usage)?;
    Trainer::new(pool, train, network, settings).map_err(|error| match error {
        Error::Setting { .. } => Failure::usage(error),
        error => error.into(),
    })
}

fn plan(
    args: &Args,
    pool: &Pool,
    trainer: &Trainer<'_>,
    sets: &TrainTest,
    checkpoint: Option<&PathBuf>,
    replaces: bool,
    resumed: Option<Resumed>,
) -> Plan {
    let network = trainer.network();
    let settings = trainer.settings();
    Plan {
        data: args.data.folder(),
        training_examples: sets.train.len(),
        test_examples: sets.test.len(),
        example_shape: sets.train.example_shape().to_vec(),
        classes: network.outputs(),
        layers: network.sizes(),
        parameters: network.parameters(),
        activations: network.layers().iter().map(|layer| layer.activation().name()).collect(),
        cost: network.cost().name(),
        optimizer: "sgd",
        learning_rate: settings.learning_rate,
        batch_size: settings.batch_size,
        epochs: settings.epochs,
        initializer: trainer.origin().map(|origin| origin.initializer.name()),
        seed: settings.seed,
        threads: pool.threads(),
        isa: pool.isa().name(),
        checkpoint: checkpoint.cloned(),
        keeping: args.keeping.describe(),
        replaces,
        resumed,
    }
}

/// η.
fn learning_rate(text: &str) -> Result<f64, String> {
    // As the f32 that steps are made of.
    let accept = |rate: &f64| (*rate as f32).is_finite() && *rate as f32 > 0.0;
    text.parse().ok().filter(accept).ok_or_else(|| "expected a finite number above 0, such as 3.0".to_owned())
}

/// Any 64 bits.
fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}
