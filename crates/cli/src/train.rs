//! `minibatch train`: from a dataset to a trained network.

use crate::dataset;
use crate::failure::Failure;
use crate::progress::{Pace, Progress};
use crate::report::{EpochLine, Plan, Report, Summary};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use minibatch::{Epoch, Error, Evaluation, Initializer, Isa, Network, Pool, Settings, Trainer};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The seed of a run that names none.
const DEFAULT_SEED: u64 = 0;

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
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED, allow_negative_numbers = true)]
    seed: u64,

    /// Threads; any number gives the same result [default: one for each processor]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    threads: Option<usize>,

    /// Instruction set; all but matrixmultiply give the same result [default: the fastest]
    #[arg(long, value_name = "SET", value_parser = isa_parser())]
    isa: Option<Isa>,

    /// Print JSON lines: the plan, one object per epoch, and the end
    #[arg(long)]
    json: bool,
}

/// Trains, and prints what happens. `started` is when the process did.
pub(crate) fn run(args: &Args, started: Instant) -> Result<(), Failure> {
    let sets = args.data.open()?;
    let Some(classes) = sets.train.classes() else {
        let folder = args.data.folder();
        let message = format!("{}: expected labels that are classes, found values", folder.display());
        return Err(Failure::Run(message));
    };
    let threads =
        args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get));
    let pool = Pool::new(args.isa.unwrap_or_else(Isa::detect), threads).map_err(Failure::usage)?;
    let initializer = Initializer::default();
    let mut builder = Network::builder(sets.train.input_len()).seed(args.seed).initializer(initializer);
    for &width in &args.hidden {
        builder = builder.layer(width);
    }
    let network = builder.layer(classes).build().map_err(Failure::usage)?;
    let settings =
        Settings { learning_rate: args.learning_rate, batch_size: args.batch_size, seed: args.seed };
    let mut trainer = Trainer::new(&pool, &sets.train, network, settings).map_err(refused)?;

    let network = trainer.network();
    let plan = Plan {
        data: args.data.folder(),
        training_examples: sets.train.len(),
        test_examples: sets.test.len(),
        example_shape: sets.train.example_shape().to_vec(),
        classes,
        layers: network.sizes(),
        parameters: network.parameters(),
        activations: network.layers().iter().map(|layer| layer.activation().name()).collect(),
        cost: network.cost().name(),
        optimizer: "sgd",
        learning_rate: settings.learning_rate,
        batch_size: settings.batch_size,
        epochs: args.epochs,
        initializer: initializer.name(),
        seed: settings.seed,
        threads: pool.threads(),
        isa: pool.isa().name(),
        checkpoint: None,
    };
    let report = Report::new(args.json);
    report.plan(&plan)?;
    note_debug_build();

    let mut progress = Progress::new(args.epochs, plan.steps_per_epoch(), !args.json);
    let mut pace = Pace::new();
    let mut training = Duration::ZERO;
    let mut best: Option<(usize, Evaluation)> = None;
    for _ in 0..args.epochs {
        let (epoch, elapsed) = train_epoch(&mut trainer, &mut pace, &mut progress)?;
        training += elapsed;
        let test = trainer.evaluate(&sets.test)?;
        if best.is_none_or(|(_, best)| test.correct > best.correct) {
            best = Some((epoch.number, test));
        }
        let seconds = elapsed.as_secs_f64();
        let line = EpochLine {
            epoch: epoch.number,
            epochs: args.epochs,
            cost: epoch.cost,
            test_cost: test.cost,
            test_accuracy: test.accuracy(),
            test_correct: test.correct,
            test_examples: test.examples,
            training_seconds: seconds,
            samples_per_second: sets.train.len() as f64 / seconds,
        };
        report.epoch(&progress, &line)?;
    }
    progress.finish();
    let (best_epoch, best) = best.expect("there is at least one epoch");
    report.end(&Summary {
        seconds: started.elapsed().as_secs_f64(),
        training_seconds: training.as_secs_f64(),
        best_epoch,
        best_test_accuracy: best.accuracy(),
        saved: None,
    })
}

/// Trains to the end of the epoch, in slices, and tells how long the steps took.
fn train_epoch(
    trainer: &mut Trainer<'_>,
    pace: &mut Pace,
    progress: &mut Progress,
) -> Result<(Epoch, Duration), Failure> {
    let number = trainer.history().len() + 1;
    let batch_size = trainer.settings().batch_size;
    let mut training = Duration::ZERO;
    loop {
        let before = trainer.position();
        let started = Instant::now();
        let ended = trainer.advance(pace.steps())?;
        let elapsed = started.elapsed();
        training += elapsed;
        if let Some(epoch) = ended {
            return Ok((epoch, training));
        }
        pace.took(elapsed);
        let rate = (trainer.position() - before) as f64 / elapsed.as_secs_f64();
        progress.step(number, trainer.position().div_ceil(batch_size), rate);
    }
}

/// A setting out of range is wrong usage; anything else that the trainer refuses is not.
fn refused(error: Error) -> Failure {
    match error {
        Error::Setting { .. } => Failure::usage(error),
        error => error.into(),
    }
}

#[expect(clippy::print_stderr, reason = "a note beside the results")]
fn note_debug_build() {
    if cfg!(debug_assertions) {
        eprintln!("note: this is a debug build; `cargo run --release -- train` is faster");
    }
}

/// A whole number from 1.
fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "expected a whole number from 1".to_owned())
}

/// η.
fn learning_rate(text: &str) -> Result<f64, String> {
    let accept = |rate: &f64| rate.is_finite() && *rate > 0.0;
    text.parse().ok().filter(accept).ok_or_else(|| "expected a finite number above 0, such as 3.0".to_owned())
}

/// The names of this machine's instruction sets.
fn isa_parser() -> impl TypedValueParser<Value = Isa> {
    PossibleValuesParser::new(Isa::available().into_iter().map(Isa::name)).try_map(|name| name.parse::<Isa>())
}
