//! `minibatch eval`: a checkpoint's network on a test set.

use crate::failure::Failure;
use crate::report::{Event, Report, measure, score, shown, sizes, write_rows};
use crate::text::{grouped, images};
use crate::{dataset, machine, memory, recorded};
use minibatch::{Evaluation, footprint};
use serde::Serialize;
use std::io;
use std::path::PathBuf;

/// What `eval` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    #[command(flatten)]
    data: dataset::Args,

    #[command(flatten)]
    machine: machine::Args,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The result of a network on a test set.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "evaluation")]
struct Evaluated {
    checkpoint: String,
    /// n_0, n_1, …, n_L.
    layers: Vec<usize>,
    /// Epochs that the network was trained for.
    epochs: usize,
    /// Folder of the dataset.
    data: String,
    /// Shape of an example, `[28, 28]`.
    example_shape: Vec<usize>,
    test: Evaluation,
}

impl Event for Evaluated {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let examples = grouped(self.test.examples);
        let rows = [
            ("checkpoint", format!("{}, trained for {} epochs", self.checkpoint, self.epochs)),
            ("network", sizes(&self.layers)),
            ("data", self.data.clone()),
            ("test set", format!("{examples} {}", images(&self.example_shape))),
            ("cost", format!("{:.6}", self.test.cost)),
            (measure(&self.test), score(&self.test)),
        ];
        write_rows(out, &rows)
    }
}

/// Evaluates.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let checkpoint = recorded::load(&args.checkpoint)?;
    let sets = args.data.open()?;
    recorded::check_shape(&checkpoint, &args.checkpoint, &sets.test, &args.data.folder())?;
    let (network, pool) = (checkpoint.result(), args.machine.pool()?);
    let bytes = footprint::evaluation(network, sets.test.len(), &pool);
    let what = format!("{}: evaluating its network", args.checkpoint.display());
    memory::check(what, bytes, "ask for fewer threads").map_err(Failure::Run)?;
    let test = network.evaluate(&pool, &sets.test)?;
    Report::new(args.json).print(&Evaluated {
        checkpoint: shown(&args.checkpoint),
        layers: checkpoint.network.sizes(),
        epochs: checkpoint.best.as_ref().map_or(checkpoint.history.len(), |best| best.epoch),
        data: shown(&args.data.folder()),
        example_shape: sets.test.example_shape().to_vec(),
        test,
    })
}
