//! `minibatch eval`: a checkpoint's network on a test set.

use crate::failure::{Failure, tell};
use crate::report::{
    Event, Report, measure, metric_rows, notes, score, shown, sizes, write_rows, write_tables,
};
use crate::text::{figure, grouped, images};
use crate::{dataset, machine, memory, recorded};
use minibatch::{ClassMetrics, Evaluation, Finding, Measures, Metrics, footprint};
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
    metrics: Measures,
}

impl Event for Evaluated {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let examples = grouped(self.test.examples);
        let rows = [
            ("checkpoint", format!("{}, trained for {} epochs", self.checkpoint, self.epochs)),
            ("network", sizes(&self.layers)),
            ("data", self.data.clone()),
            ("test set", format!("{examples} {}", images(&self.example_shape))),
            ("cost", figure(self.test.cost)),
            (measure(&self.test), score(&self.test)),
        ];
        write_rows(out, &rows)?;
        write_rows(out, &metric_rows(&self.metrics))?;
        write_tables(out, &self.metrics)
    }
}

/// Evaluates.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let checkpoint = recorded::load(&args.checkpoint)?;
    let sets = args.data.open()?;
    recorded::check_shape(&checkpoint, &args.checkpoint, &sets.test, &args.data.folder())?;
    let (network, pool) = (checkpoint.result(), args.machine.pool()?);
    let bytes = footprint::metrics(network, sets.test.len(), &pool);
    let what = format!("{}: evaluating its network", args.checkpoint.display());
    memory::check(what, bytes, "ask for fewer threads").map_err(Failure::Run)?;
    let metrics = network.metrics(&pool, &sets.test)?;
    let neglected = metrics.classes().into_iter().flat_map(ClassMetrics::neglected);
    let findings: Vec<Finding> = neglected.map(|score| Finding::NeglectedClass(*score)).collect();
    let Metrics { evaluation: test, measures: metrics, .. } = metrics;
    Report::new(args.json).print(&Evaluated {
        checkpoint: shown(&args.checkpoint),
        layers: checkpoint.network.sizes(),
        epochs: checkpoint.best.as_ref().map_or(checkpoint.history.len(), |best| best.epoch),
        data: shown(&args.data.folder()),
        example_shape: sets.test.example_shape().to_vec(),
        test,
        metrics,
    })?;
    notes(&findings, sets.test.len()).iter().for_each(|note| tell(note));
    Ok(())
}
