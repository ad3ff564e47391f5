//! Entry points for the fuzz targets. They parse a command line, prepare a picture and read arrays, without a process or a terminal.
//! They aren't an interface of the command.

use crate::dataset::About;
use crate::dataset::arrays::{Keys, Kind};
use crate::failure::Failure;
use crate::image::{decode, prepare};
use crate::task::check_targets;
use crate::train::{Args, begin, notes, resume, stopping};
use crate::{Cli, Command, one_line};
use clap::Parser;
use minibatch::{Dataset, Isa, Pool, Trainer};
use std::ffi::OsString;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::LazyLock;

/// The outcome of parsing a command line.
#[derive(Clone, Debug)]
pub enum Parsed {
    /// A wrong command line: the error in one line.
    Refused(String),
    /// A request for help or the version: the answer.
    Shown(String),
    /// A command other than `train`.
    Command,
    /// The command `train`.
    Train(Train),
}

/// The meaning of `train`'s options.
#[derive(Clone, Debug)]
pub struct Train {
    /// The command that resumes the run in [`CHECKPOINT`], quoted for a shell.
    pub resume: String,
    /// The words after `train` that name every layer and setting, or the reason why there can be no such run. The first entry is
    /// for a small classification, the second for a small regression. None if the network is too large to be built here.
    pub recipes: [Option<Result<Vec<String>, String>>; 2],
}

/// The file that [`Train::resume`] names.
pub const CHECKPOINT: &str = "a run's.ckpt";

/// Weights and biases of the largest network that is built here.
const MOST_PARAMETERS: usize = 1 << 14;

/// Parses the words after the program's name, as the command does.
pub fn options(words: &[OsString]) -> Parsed {
    let program = OsString::from("minibatch");
    match Cli::try_parse_from([&program].into_iter().chain(words)) {
        Err(error) if error.use_stderr() => Parsed::Refused(one_line(&error.to_string())),
        Err(error) => Parsed::Shown(error.to_string()),
        Ok(Cli { command: Command::Train(args) }) => Parsed::Train(Train {
            resume: resume::command(&args, Path::new(CHECKPOINT)),
            recipes: [&*CLASSES, &*VALUES].map(|data| recipe(&args, data)),
        }),
        Ok(_) => Parsed::Command,
    }
}

/// A PNG file as the inputs (side × side) of a network, or none if it shows nothing.
///
/// # Errors
///
/// The reason why the file can't be read, in the words that the user sees.
pub fn picture(bytes: &[u8], side: usize) -> Result<Option<Vec<f32>>, String> {
    let picture = decode(Cursor::new(bytes))?;
    let level = |pixel: usize| (picture.level)(pixel);
    assert!(
        (0..picture.width * picture.height).all(|pixel| (-1e-6..=1.0 + 1e-6).contains(&level(pixel))),
        "levels are from 0 to 1"
    );
    Ok(prepare(&picture, side).map(|prepared| prepared.image))
}

/// The data that a file of NumPy's is.
#[derive(Debug)]
pub enum Arrays {
    /// A table.
    Table {
        /// Its lines.
        text: Vec<u8>,
        /// The columns to learn. A `.npy` file doesn't say which they are, and the last one stands for them.
        targets: Vec<String>,
    },
    /// Images.
    Images {
        /// Those to train on.
        train: Dataset,
        /// Those to test on.
        test: Option<Dataset>,
    },
}

/// Reads the file at `path` as `train` does with `--x-key` and `--y-key`. Returns nothing if it is none of NumPy's.
pub fn arrays(path: &Path, x_key: Option<&str>, y_key: Option<&str>) -> Option<Result<Arrays, String>> {
    let keys = Keys { x_key: x_key.map(str::to_owned), y_key: y_key.map(str::to_owned) };
    let kind = keys.kind(path)?;
    let read = || -> Result<Arrays, Failure> {
        if kind == Kind::Images {
            let (train, test) = keys.images(path)?;
            return Ok(Arrays::Images { train, test });
        }
        let targets = if kind == Kind::Rows { keys.targets(path)? } else { Vec::new() };
        let mut text = Vec::new();
        keys.text(path, kind)?.read_to_end(&mut text).map_err(Failure::usage)?;
        let columns = text
            .split(|&byte| byte == b'\n')
            .next()
            .map_or(0, |line| line.split(|&byte| byte == b',').count());
        let targets = if targets.is_empty() { vec![columns.to_string()] } else { targets };
        Ok(Arrays::Table { text, targets })
    };
    Some(read().map_err(message))
}

static POOL: LazyLock<Pool> = LazyLock::new(|| Pool::new(Isa::detect(), 1).expect("one thread"));

/// 64 examples of four inputs in three classes.
static CLASSES: LazyLock<Dataset> = LazyLock::new(|| {
    Dataset::from_classes(inputs(), &[2, 2], (0..64).map(|i| i % 3).collect()).expect("a dataset")
});

/// 64 examples of four inputs with two values, which every cost takes.
static VALUES: LazyLock<Dataset> = LazyLock::new(|| {
    let values = (0..128).map(|i| (i % 2) as f32).collect();
    Dataset::from_values(inputs(), &[2, 2], values, 2).expect("a dataset")
});

fn inputs() -> Vec<f32> {
    (0..256).map(|i| (i * 37 % 101) as f32 / 101.0).collect()
}

/// The words that name the network and the settings of `args` for `data`.
fn recipe(args: &Args, data: &'static Dataset) -> Option<Result<Vec<String>, String>> {
    if let Err(failure) = notes::advice(args, data) {
        return Some(Err(message(failure)));
    }
    let layers = match args.network.hidden_layers(data) {
        Ok(hidden) => [&[data.input_len()], hidden, &[data.targets().width()]].concat(),
        Err(failure) => return Some(Err(message(failure))),
    };
    let products = layers
        .windows(2)
        .try_fold(0_usize, |sum, pair| pair[0].checked_add(1)?.checked_mul(pair[1])?.checked_add(sum));
    if products.is_none_or(|parameters| parameters > MOST_PARAMETERS) {
        return None;
    }
    // Such a run evaluates nothing, and saves nothing.
    let needs = begin::Needs::default();
    let made = begin::new_trainer(args, &POOL, data, About::default(), None, needs).and_then(|trainer| {
        check_targets(trainer.network(), data, "training", &args.data.place())?;
        Ok(words(&trainer))
    });
    Some(made.map_err(message))
}

fn message(failure: Failure) -> String {
    match failure {
        Failure::Usage(message) | Failure::Run(message) => message,
        other => format!("{other:?}"),
    }
}

/// The words that name every choice of `trainer`'s run.
fn words(trainer: &Trainer) -> Vec<String> {
    let (network, settings) = (trainer.network(), trainer.settings());
    let layers: Vec<String> = network.sizes().iter().map(usize::to_string).collect();
    let labels: Vec<String> = network.layers().iter().map(|layer| layer.activation().label()).collect();
    let origin = trainer.origin().expect("drawn, not set");
    let mut words = vec![
        ["--layers".to_owned(), layers.join(",")],
        ["--output-activation".to_owned(), labels[labels.len() - 1].clone()],
        ["--cost".to_owned(), network.cost().label()],
        ["--init".to_owned(), origin.initializer.name().to_owned()],
        ["--optimizer".to_owned(), settings.optimizer.to_string()],
        ["--learning-rate".to_owned(), settings.learning_rate.to_string()],
        ["--schedule".to_owned(), settings.schedule.to_string()],
        ["--class-weights".to_owned(), settings.class_weights.to_string()],
        ["--batch-size".to_owned(), settings.batch_size.to_string()],
        ["--epochs".to_owned(), settings.epochs.to_string()],
        ["--seed".to_owned(), settings.seed.to_string()],
    ];
    if labels.len() > 1 {
        words.push(["--activation".to_owned(), labels[0].clone()]);
    }
    words.extend(settings.early_stopping.iter().flat_map(stopping::words));
    let mut words = words.concat();
    if origin.zero_output_layer {
        words.push("--zero-output-layer".to_owned());
    }
    words
}
