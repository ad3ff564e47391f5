//! `minibatch train`: from a dataset to a trained network.

use crate::checkpoint::Keeper;
use crate::failure::{Failure, tell};
use crate::machine::count;
use crate::progress::{Pace, Progress};
use crate::report::{EpochLine, Plan, Report, Summary};
use crate::{dataset, machine};
use minibatch::{Dataset, Error, Initializer, Network, Pool, Settings, Trainer};
use minibatch_data::TrainTest;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The seed of a run that names none.
const DEFAULT_SEED: u64 = 0;

/// How weights and biases start.
const INITIALIZER: Initializer = Initializer::StandardNormal;

/// What `train` can be told. The defaults are the article's job.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    data: dataset::Args,

    /// Neurons of the hidden layer, or of several: 128,64
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "32", allow_negative_numbers = true,
          value_parser = count)]
    hidden: Vec<usize>,

    /// η: every step subtracts η times the minibatch's mean gradient
    #[arg(long, value_name = "ETA", default_value = "3.0", allow_negative_numbers = true, value_parser = learning_rate)]
    learning_rate: f64,

    /// B: examples of a minibatch
    #[arg(long, value_name = "N", default_value = "16", allow_negative_numbers = true, value_parser = count)]
    batch_size: usize,

    /// Passes over the training set
    #[arg(long, value_name = "N", default_value = "30", allow_negative_numbers = true, value_parser = count)]
    epochs: usize,

    /// Seed of the initial weights and of the order of the examples
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED, allow_negative_numbers = true, value_parser = seed)]
    seed: u64,

    #[command(flatten)]
    machine: machine::Args,

    /// Keep the run in this file, written after every epoch [default: none]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Print JSON lines: the plan, one object per epoch, and the end
    #[arg(long)]
    json: bool,
}

/// Trains, and prints what happens. `started` is when the process did.
pub(crate) fn run(args: &Args, started: Instant) -> Result<(), Failure> {
    let sets = args.data.open()?;
    let pool = args.machine.pool()?;
    let mut trainer = trainer(args, &pool, &sets.train)?;
    let replaces = args.checkpoint.as_ref().is_some_and(|path| path.exists());
    let mut keeper = args.checkpoint.as_deref().map(Keeper::new).transpose()?;

    let report = Report::new(args.json);
    let plan = plan(args, &pool, &trainer, &sets, replaces);
    report.print(&plan)?;
    if cfg!(debug_assertions) {
        tell("note: this is a debug build; `cargo run --release -- train` is faster");
    }

    let epochs = trainer.settings().epochs;
    let mut progress = Progress::new(epochs, plan.steps_per_epoch(), !args.json);
    let mut pace = Pace::new();
    while trainer.history().len() < epochs {
        train_epoch(&mut trainer, &mut pace, &mut progress)?;
        trainer.evaluate(&sets.test)?;
        if let Some(keeper) = &mut keeper {
            keeper.save(&trainer)?;
        }
        let epoch = trainer.history().last().expect("an epoch has just ended");
        progress.suspend(|| report.print(&EpochLine::new(epoch, epochs, sets.train.len())))?;
    }
    progress.finish();
    report.print(&summary(&trainer, keeper.as_ref(), started))
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
    let mut builder = Network::builder(train.input_len()).seed(args.seed).initializer(INITIALIZER);
    for &width in &args.hidden {
        builder = builder.layer(width);
    }
    let network = builder.layer(classes).build().map_err(Failure::usage)?;
    let Args { learning_rate, batch_size, epochs, seed, .. } = *args;
    let settings = Settings { learning_rate, batch_size, epochs, seed };
    Trainer::new(pool, train, network, settings).map_err(|error| match error {
        Error::Setting { .. } => Failure::usage(error),
        error => error.into(),
    })
}

fn plan(args: &Args, pool: &Pool, trainer: &Trainer<'_>, sets: &TrainTest, replaces: bool) -> Plan {
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
        initializer: INITIALIZER.name(),
        seed: settings.seed,
        threads: pool.threads(),
        isa: pool.isa().name(),
        checkpoint: args.checkpoint.clone(),
        replaces,
    }
}

fn summary(trainer: &Trainer<'_>, keeper: Option<&Keeper>, started: Instant) -> Summary {
    let tests = trainer.history().iter().filter_map(|epoch| Some((epoch.number, epoch.test?)));
    // Of equals the first.
    let (best_epoch, best) = tests
        .reduce(|best, test| if test.1.correct() > best.1.correct() { test } else { best })
        .expect("every epoch was evaluated");
    Summary {
        seconds: started.elapsed().as_secs_f64(),
        training_seconds: trainer.history().iter().map(|epoch| epoch.seconds).sum(),
        best_epoch,
        best_test_accuracy: best.accuracy().expect("the sets have classes"),
        weight_hash: format!("{:016x}", trainer.network().weight_hash()),
        saved: keeper.map(|keeper| keeper.path().to_owned()),
    }
}

/// Trains to the end of the epoch, in slices between which the bar moves.
fn train_epoch(trainer: &mut Trainer<'_>, pace: &mut Pace, progress: &mut Progress) -> Result<(), Failure> {
    let epoch = trainer.history().len() + 1;
    let batch_size = trainer.settings().batch_size;
    let (first, mut training) = (trainer.position(), Duration::ZERO);
    loop {
        let started = Instant::now();
        if trainer.advance(pace.steps())?.is_some() {
            return Ok(());
        }
        let elapsed = started.elapsed();
        training += elapsed;
        pace.took(elapsed);
        let rate = (trainer.position() - first) as f64 / training.as_secs_f64();
        progress.step(epoch, trainer.position().div_ceil(batch_size), rate);
    }
}

/// η.
fn learning_rate(text: &str) -> Result<f64, String> {
    let accept = |rate: &f64| rate.is_finite() && *rate > 0.0;
    text.parse().ok().filter(accept).ok_or_else(|| "expected a finite number above 0, such as 3.0".to_owned())
}

/// Any 64 bits.
fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}
