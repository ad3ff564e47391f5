//! `minibatch train`: from a dataset to a trained network.

use crate::checkpoint::{self, Keeper, better, last_is_best};
use crate::failure::{Failure, tell};
use crate::machine::count;
use crate::progress::{Pace, Progress};
use crate::report::{Chosen, EpochLine, Plan, Report, Resumed, Stopped, Summary, Test, place, shown};
use crate::signals::{Signal, Signals};
use crate::task::{Task, check_targets};
use crate::{dataset, machine, memory, names, network, notes, recorded, resume};
use minibatch::{Dataset, Error, Evaluation, Network, Optimizer, Pool, Settings, Trainer, footprint};
use minibatch_data::TrainTest;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The seed of a run that names none: of 15, the one whose network ends at their median accuracy (README, "How well it
/// learns"). Chosen for being typical, not for being good.
pub(crate) const DEFAULT_SEED: u64 = 14;

/// η of a run that names none. Without a sigmoid after it, the output of a regression moves by far more; Adam's steps don't depend on
/// the size of gradients.
fn usual_learning_rate(optimizer: Optimizer, task: Task) -> f64 {
    match (task, optimizer) {
        (Task::Regression, Optimizer::Sgd) => 0.01,
        (Task::Regression, Optimizer::Momentum(_) | Optimizer::Nesterov(_)) => 0.001,
        _ => optimizer.usual_learning_rate(),
    }
}

/// What `train` can be told. What isn't is the article's job, or in a resumed run what its checkpoint records.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Go on with the run in this checkpoint, with its settings; only --epochs may change
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) data: dataset::Args,

    /// What the labels are [default: classification; of a resumed run what it was]
    #[arg(long, value_name = "TASK", ignore_case = true)]
    task: Option<Task>,

    /// Fraction of the training set to set aside: its accuracy chooses the epoch, and the test set's then judges
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = fraction)]
    pub(crate) validation_split: Option<f64>,

    #[command(flatten)]
    pub(crate) network: network::Args,

    /// How parameters follow from gradients; parameters may follow, as in momentum(0.9) or adam(0.9,0.999,1e-8)
    /// [default: sgd]
    #[arg(long, value_name = "NAME", value_parser = names::optimizer())]
    pub(crate) optimizer: Option<Optimizer>,

    /// η, what a step is multiplied by [default: 3.0 for sgd, 0.1 for momentum and nesterov, 0.001 for adam and adamw; for
    /// regression 0.01, 0.001 and 0.001]
    #[arg(long, value_name = "ETA", allow_negative_numbers = true, value_parser = learning_rate)]
    pub(crate) learning_rate: Option<f64>,

    /// B: examples of a minibatch [default: 16]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    pub(crate) batch_size: Option<usize>,

    /// Passes over the training set, those of a resumed run included [default: 30]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    pub(crate) epochs: Option<usize>,

    /// Seed of the initial weights and of the order of the examples [default: 14]
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
    if let (None, Some(option)) = (path, args.keeping.first_given()) {
        return Err(Failure::usage(format!("{option} needs --checkpoint FILE")));
    }
    // Before a checkpoint is read, so that nobody writes it afterwards, and before anything takes time.
    let reserved =
        path.map(|path| checkpoint::reserve(path, &args.keeping, args.resume.as_deref())).transpose()?;
    let in_place = reserved.as_ref().is_some_and(|reserved| reserved.in_place);
    let replaces = reserved.as_ref().is_some_and(|reserved| reserved.replaces);
    let recorded =
        args.resume.as_ref().map(|path| Ok::<_, Failure>((path, recorded::load(path)?))).transpose()?;
    let TrainTest { train, test } = args.data.open()?;
    let task = args.task.unwrap_or(if recorded.is_some() { Task::of(&train) } else { Task::Classification });
    task.check(&train, &args.data.folder())?;
    let seed = recorded.as_ref().map_or(args.seed.unwrap_or(DEFAULT_SEED), |(_, run)| run.settings.seed);
    if let Some((path, recorded)) = &recorded {
        recorded::check_training_set(recorded, path, &train, &args.data.folder(), args.validation_split)?;
    }
    let (train, validation) = split(train, args.validation_split, seed)?;
    let needs = Needs {
        evaluated: test.len().max(validation.as_ref().map_or(0, Dataset::len)),
        buffers: if reserved.is_some() { args.keeping.buffers() } else { 0 },
    };
    let pool;
    let (mut trainer, resumed) = match recorded {
        None => {
            pool = args.machine.pool()?;
            (trainer(args, &pool, &train, seed, needs)?, None)
        }
        Some((path, mut recorded)) => {
            let epochs = recorded.settings.epochs;
            resume::apply(args, path, &mut recorded)?;
            pool = args.machine.pool_for(recorded.class)?;
            let (folder, tested_on) = (args.data.folder(), recorded.tested_on);
            needs.check(&recorded.network, &recorded.settings, &pool, &train, 0).map_err(Failure::Run)?;
            let trainer = Trainer::resume(&pool, &train, recorded)
                .map_err(|error| recorded::explained(error, path, &folder))?;
            recorded::check_test_set(tested_on, path, &test, &folder)?;
            let saved = in_place && trainer.settings().epochs == epochs;
            let (epochs, position) = (trainer.history().len(), trainer.position());
            (trainer, Some(Resumed { checkpoint: shown(path), epochs, position, saved }))
        }
    };
    let saved = resumed.as_ref().is_some_and(|resumed| resumed.saved);
    let lock = reserved.map(|reserved| reserved.lock);
    let keeper = lock.map(|lock| Keeper::start(lock, &args.keeping, &trainer, saved)).transpose()?;

    check_targets(trainer.network(), &test, "test", &args.data.folder())?;
    let report = Report::new(args.json);
    let sets = Sets { train: &train, validation: validation.as_ref(), test: &test };
    report.print(&plan(args, &pool, &trainer, &sets, path, replaces, resumed))?;
    if cfg!(debug_assertions) {
        tell("note: this is a debug build; `cargo run --release -- train` is faster");
    }
    if args.resume.is_none() {
        notes::advice(args, task).iter().chain(&notes::far_inputs(&train)).for_each(|note| tell(note));
    }
    let signals = Signals::catch()?;
    let mut run = Run { sets, pool: &pool, chosen: None, report, keeper, signals, training: Duration::ZERO };
    run.recall_chosen(&trainer)?;
    match run.train(&mut trainer, !args.json)? {
        None => report.print(&run.summary(&trainer, started)),
        Some(signal) => {
            // Output to a closed terminal fails. The run is saved, and the exit code tells of the signal.
            if let Err(failure) = report.print(&run.stopped(args, &trainer, signal)) {
                failure.report();
            }
            Err(Failure::Stopped(signal))
        }
    }
}

/// The memory that a run needs besides its steps.
#[derive(Clone, Copy)]
pub(crate) struct Needs {
    /// Examples of the largest set that is evaluated.
    pub(crate) evaluated: usize,
    /// Buffers as large as a checkpoint.
    pub(crate) buffers: u64,
}

impl Needs {
    /// Refuses a run that takes more than is left beside its network and `besides`.
    fn check(
        self,
        network: &Network,
        settings: &Settings,
        pool: &Pool,
        train: &Dataset,
        besides: u64,
    ) -> Result<(), String> {
        let examples = memory::Examples { trained: train.len(), evaluated: self.evaluated };
        let checkpoint = footprint::checkpoint(network, settings, settings.epochs.min(1 << 16));
        let besides = besides.saturating_add(checkpoint.saturating_mul(self.buffers));
        memory::check_run(network, settings, pool, examples, besides)
    }
}

/// What a run works on.
struct Sets<'a> {
    train: &'a Dataset,
    validation: Option<&'a Dataset>,
    test: &'a Dataset,
}

/// A run while it goes on.
struct Run<'a> {
    sets: Sets<'a>,
    pool: &'a Pool,
    /// The epoch with the best result on the validation set so far, that result, and the test set's.
    chosen: Option<(usize, Evaluation, Evaluation)>,
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
            trainer.evaluate(self.sets.test)?;
        }
        let mut signal = None;
        while trainer.history().len() < epochs && signal.is_none() {
            let trained = self.train_epoch(trainer, &mut pace, &mut progress);
            let (untold, failure) = match trained {
                Ok(()) => (false, None),
                Err(failure) => (failure.is_of_output(), Some(self.kept_in_spite_of(failure, trainer))),
            };
            signal = self.signals.caught();
            // A closed terminal refuses output a moment before its signal comes.
            if let Some(failure) = failure
                && !(untold && signal.is_some())
            {
                return Err(failure);
            }
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
            let (mut validation, mut best) = (None, false);
            if ended.is_some() {
                trainer.evaluate(self.sets.test)?;
                (validation, best) = self.judge(trainer)?;
            }
            if let Some(keeper) = &mut self.keeper {
                progress.warn(keeper.look(trainer, best)?);
            }
            if ended.is_some() {
                let epoch = trainer.history().last().expect("an epoch has just ended");
                let mut line = EpochLine::new(epoch, trainer.settings().epochs, trainer.examples());
                line.validation = validation.map(Test::from);
                return progress.suspend(|| self.report.print(&line));
            }
            pace.took(steps, elapsed);
            let rate = (trainer.position() - first) as f64 / training.as_secs_f64();
            progress.step(trainer.history().len() + 1, trainer.step(), rate);
        }
        Ok(())
    }

    /// The validation set's result of the epoch that has just ended, and whether it is the best epoch so far: on the
    /// validation set, or without one on the test set. Of equals the first.
    fn judge(&mut self, trainer: &Trainer<'_>) -> Result<(Option<Evaluation>, bool), Failure> {
        let Some(data) = self.sets.validation else { return Ok((None, last_is_best(trainer.history()))) };
        let validation = trainer.network().evaluate(self.pool, data)?;
        let best = self.chosen.is_none_or(|(_, best, _)| better(&validation, &best));
        if let Some((epoch, test)) = trainer.history().last().and_then(|epoch| Some((epoch, epoch.test?)))
            && best
        {
            self.chosen = Some((epoch.number, validation, test));
        }
        Ok((Some(validation), best))
    }

    /// What the validation set chose before the run was resumed: its results are recorded nowhere, but the network is, if
    /// the best is kept.
    fn recall_chosen(&mut self, trainer: &Trainer<'_>) -> Result<(), Failure> {
        let kept = self.keeper.as_ref().and_then(|keeper| keeper.best(trainer));
        if let (Some(data), Some((epoch, network))) = (self.sets.validation, kept)
            && let Some(test) = trainer.history()[epoch - 1].test
        {
            self.chosen = Some((epoch, network.evaluate(self.pool, data)?, test));
        }
        Ok(())
    }

    /// Keeps what can be kept of a run that failed, and adds to the failure where, or why not.
    fn kept_in_spite_of(&mut self, failure: Failure, trainer: &Trainer<'_>) -> Failure {
        let Some(keeper) = &mut self.keeper else { return failure };
        // If only the output failed, the run is sound, and is saved as it is.
        let kept = if failure.is_of_output() { keeper.finish(trainer) } else { keeper.flush() };
        let note = match (kept, keeper.newest()) {
            (Err(Failure::Run(why)), _) => why,
            (Ok(()), Some((epochs, position))) => {
                let step = position.div_ceil(trainer.settings().batch_size);
                format!("{} holds the run as of {}", keeper.path().display(), place(epochs, step))
            }
            _ => return failure,
        };
        match failure {
            Failure::Run(message) | Failure::Output(message) => Failure::Run(format!("{message}; {note}")),
            Failure::ClosedPipe if !note.contains(" holds the run as of ") => Failure::Run(note),
            failure => failure,
        }
    }

    fn summary(&self, trainer: &Trainer<'_>, started: Instant) -> Summary {
        let tests = trainer.history().iter().filter_map(|epoch| Some((epoch.number, epoch.test?)));
        // Of equals the first.
        let best = tests.reduce(|best, test| if better(&test.1, &best.1) { test } else { best });
        let (accuracy, cost) = match Task::of(self.sets.test) {
            Task::Classification => (best.and_then(|(_, test)| test.accuracy()), None),
            Task::Regression => (None, best.map(|(_, test)| test.cost)),
        };
        Summary {
            seconds: started.elapsed().as_secs_f64(),
            training_seconds: self.training.as_secs_f64(),
            best_epoch: best.map(|(epoch, _)| epoch),
            best_test_accuracy: accuracy,
            best_test_cost: cost,
            chosen: self.chosen.map(|(epoch, validation, test)| Chosen {
                epoch,
                validation: validation.into(),
                test: test.into(),
            }),
            weight_hash: format!("{:016x}", trainer.network().weight_hash()),
            saved: self.keeper.as_ref().map(|keeper| shown(keeper.path())),
        }
    }

    fn stopped(&self, args: &Args, trainer: &Trainer<'_>, signal: Signal) -> Stopped {
        let saved = self.keeper.as_ref().map(Keeper::path);
        Stopped {
            signal: signal.name(),
            epochs: trainer.history().len(),
            step: trainer.step(),
            resume: saved.map(|path| resume::command(args, path)),
            saved: saved.map(shown),
        }
    }
}

/// A trainer of the network that `args` describe, before its first epoch.
pub(crate) fn trainer<'a>(
    args: &Args,
    pool: &'a Pool,
    train: &'a Dataset,
    seed: u64,
    needs: Needs,
) -> Result<Trainer<'a>, Failure> {
    let default = Settings::default();
    let optimizer = args.optimizer.unwrap_or(default.optimizer);
    let usual = usual_learning_rate(optimizer, Task::of(train));
    let settings = Settings {
        optimizer,
        learning_rate: args.learning_rate.unwrap_or(usual),
        batch_size: args.batch_size.unwrap_or(default.batch_size),
        epochs: args.epochs.unwrap_or(default.epochs),
        seed,
    };
    // If no option asked for a size, the machine is at fault, and not the command line.
    let asked = args.network.are_sizes_given() || args.batch_size.is_some();
    let too_large = if asked { Failure::Usage } else { Failure::Run };
    let network = args.network.build(train, &settings, too_large)?;
    check_targets(&network, train, "training", &args.data.folder())?;
    let moments = footprint::optimizer(&optimizer, &network.sizes());
    needs.check(&network, &settings, pool, train, moments).map_err(too_large)?;
    Trainer::new(pool, train, network, settings).map_err(|error| match error {
        Error::Setting { .. } => Failure::usage(error),
        error => error.into(),
    })
}

fn plan(
    args: &Args,
    pool: &Pool,
    trainer: &Trainer<'_>,
    sets: &Sets<'_>,
    checkpoint: Option<&PathBuf>,
    replaces: bool,
    resumed: Option<Resumed>,
) -> Plan {
    let network = trainer.network();
    let settings = trainer.settings();
    Plan {
        data: shown(&args.data.folder()),
        training_examples: sets.train.len(),
        validation_examples: sets.validation.map(Dataset::len),
        test_examples: sets.test.len(),
        example_shape: sets.train.example_shape().to_vec(),
        task: Task::of(sets.train).name(),
        classes: sets.train.classes(),
        layers: network.sizes(),
        parameters: network.parameters(),
        activations: network.layers().iter().map(|layer| layer.activation().label()).collect(),
        cost: network.cost().label(),
        optimizer: settings.optimizer.to_string(),
        learning_rate: settings.learning_rate,
        batch_size: settings.batch_size,
        epochs: settings.epochs,
        initializer: trainer.origin().map(|origin| origin.initializer.name()),
        seed: settings.seed,
        threads: pool.threads(),
        isa: pool.isa().name(),
        checkpoint: checkpoint.map(|path| shown(path)),
        keeping: args.keeping.describe(if sets.validation.is_some() { "validation" } else { "test" }),
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

/// Between 0 and 1.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    let between = |fraction: &f64| *fraction > 0.0 && *fraction < 1.0;
    text.parse()
        .ok()
        .filter(between)
        .ok_or_else(|| "expected a number between 0 and 1, such as 0.1".to_owned())
}

/// The training set and, if some of it is to be set aside, the validation set.
pub(crate) fn split(
    train: Dataset,
    fraction: Option<f64>,
    seed: u64,
) -> Result<(Dataset, Option<Dataset>), Failure> {
    match fraction {
        None => Ok((train, None)),
        Some(fraction) => {
            let (train, validation) = train
                .split(fraction, seed)
                .map_err(|error| Failure::usage(format!("--validation-split {fraction}: {error}")))?;
            Ok((train, Some(validation)))
        }
    }
}

/// Any 64 bits.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}
