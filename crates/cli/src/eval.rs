//! `minibatch eval`: a checkpoint's network on a test set.

use crate::dataset::pictures::{self, Shape};
use crate::dataset::{self, Looked, table};
use crate::failure::{Failure, tell};
use crate::report::{
    Event, Labels, Report, measure, metric_rows, notes, score, shown, sizes, write_rows, write_tables,
};
use crate::text::{figure, grouped, images};
use crate::{machine, memory, recorded};
use minibatch::{Checkpoint, ClassMetrics, Dataset, Evaluation, Finding, Measures, footprint};
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};

/// What `eval` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    #[command(flatten)]
    data: dataset::Args,

    /// IDX file of the images to test on, instead of a dataset's
    #[arg(long, value_name = "FILE", requires = "test_labels", conflicts_with_all = ["source", "dataset", "data"])]
    test_images: Option<PathBuf>,

    /// IDX file of their labels
    #[arg(long, value_name = "FILE", requires = "test_images")]
    test_labels: Option<PathBuf>,

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
    #[serde(skip)]
    labels: Labels,
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
        write_tables(out, &self.metrics, &self.labels)
    }
}

/// Evaluates.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let checkpoint = recorded::load(&args.checkpoint)?;
    let files = args.test_images.as_deref().zip(args.test_labels.as_deref());
    let (test, data_notes) = opened(&args.data, files, &args.checkpoint, &checkpoint)?;
    let (network, pool) = (checkpoint.result(), args.machine.pool()?);
    let bytes = footprint::metrics(network, test.len(), &pool);
    let what = format!("{}: evaluating its network", args.checkpoint.display());
    memory::check(what, bytes, "ask for fewer threads").map_err(Failure::Run)?;
    let metrics = network.metrics(&pool, &test)?;
    let neglected = metrics.classes().into_iter().flat_map(ClassMetrics::neglected);
    let findings: Vec<Finding> = neglected.map(|score| Finding::NeglectedClass(*score)).collect();
    let labels = Labels::of(network);
    let mut notes = notes(&findings, test.len(), &labels);
    notes.extend(data_notes);
    Report::new(args.json).print(&Evaluated {
        checkpoint: shown(&args.checkpoint),
        layers: checkpoint.network.sizes(),
        epochs: checkpoint.best.as_ref().map_or(checkpoint.history.len(), |best| best.epoch),
        data: shown(args.test_images.as_deref().unwrap_or(&args.data.place())),
        example_shape: test.example_shape().to_vec(),
        test: metrics.evaluation,
        metrics: metrics.measures,
        labels,
    })?;
    notes.iter().for_each(|note| tell(note));
    Ok(())
}

/// The data to evaluate the network of `checkpoint` on, which was read from `path`, and notes about them. `files` are images and labels
/// that are named apart.
pub(crate) fn opened(
    data: &dataset::Args,
    files: Option<(&Path, &Path)>,
    path: &Path,
    checkpoint: &Checkpoint,
) -> Result<(Dataset, Vec<String>), Failure> {
    let network = checkpoint.result();
    let noted = |test: Dataset, place: &Path| {
        let note = dataset::note_if_far(network.profile(), &test.profile(), place);
        (test, note.into_iter().collect())
    };
    match data.look()? {
        Looked::Images(named) => {
            let (test, place) = match files {
                Some((images, labels)) => (
                    dataset::judged(Dataset::map(images, labels)?, named.transpose, network)?,
                    images.to_owned(),
                ),
                None => (named.open_test(network)?, data.place()),
            };
            recorded::check_shape(checkpoint, path, &test, &place)?;
            Ok(noted(test, &place))
        }
        Looked::Arrays(place) => {
            let test = dataset::judged(data.keys.judged(place)?, false, network)?;
            recorded::check_shape(checkpoint, path, &test, place)?;
            Ok(noted(test, place))
        }
        Looked::Pictures(place) => {
            let shape = network.profile().and_then(|profile| Shape::of_examples(&profile.example_shape));
            let Some((shape, names)) = shape.zip(network.class_names()) else {
                let (folder, checkpoint) = (place.display(), path.display());
                return Err(Failure::Run(format!(
                    "{folder}: expected data like those of {checkpoint}, whose network wasn't trained on a folder of pictures, found \
                     such a folder"
                )));
            };
            let test = pictures::read(place, shape, names)?;
            Ok(noted(test, place))
        }
        Looked::Table(place) => {
            let no_preparation = || dataset::no_preparation(path, place);
            table::judged(place, &data.keys, checkpoint.network.preparation().ok_or_else(no_preparation)?)
        }
    }
}
