//! `minibatch eval`: a checkpoint's network on a test set.

use crate::dataset::pictures::{self, Shape};
use crate::dataset::{self, Looked, table};
use crate::draw::{Target, Terminal};
use crate::failure::{Failure, tell};
use crate::mistakes::Worst;
use crate::numbers::count;
use crate::report::{
    Event, Labels, Report, measure, metric_rows, notes, score, shown, sizes, write_rows, write_tables,
};
use crate::text::{figure, grouped, images};
use crate::{machine, memory, recorded};
use minibatch::{ClassMetrics, Dataset, Evaluation, Finding, Measures, Network, footprint};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The options of `eval`.
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

    /// Show the N most confident mistakes, or the N largest errors: pictures, or rows of a table
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    mistakes: Option<usize>,

    /// Draw the mistakes into this file, which ends with .png or .svg, instead of the terminal
    #[arg(long, value_name = "FILE", requires = "mistakes", value_parser = Target::of_pictures)]
    output: Option<Target>,

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
    /// Epochs that the network was trained for, if the file has its run.
    #[serde(skip_serializing_if = "Option::is_none")]
    epochs: Option<usize>,
    /// Folder of the dataset.
    data: String,
    /// Shape of an example, `[28, 28]`.
    example_shape: Vec<usize>,
    test: Evaluation,
    metrics: Measures,
    /// The worst answers, if they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    mistakes: Option<Worst>,
    /// The worst answers in words and pictures.
    #[serde(skip)]
    drawn: Vec<String>,
    #[serde(skip)]
    labels: Labels,
}

impl Event for Evaluated {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let examples = grouped(self.test.examples);
        let trained = match self.epochs {
            Some(epochs) => format!("trained for {epochs} epochs"),
            None => "a network without a run".to_owned(),
        };
        let rows = [
            ("checkpoint", format!("{}, {trained}", self.checkpoint)),
            ("network", sizes(&self.layers)),
            ("data", self.data.clone()),
            ("test set", format!("{examples} {}", images(&self.example_shape))),
            ("cost", figure(self.test.cost)),
            (measure(&self.test), score(&self.test)),
        ];
        write_rows(out, &rows)?;
        write_rows(out, &metric_rows(&self.metrics))?;
        write_tables(out, &self.metrics, &self.labels, &Terminal::of_output())?;
        if !self.drawn.is_empty() {
            writeln!(out)?;
        }
        self.drawn.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

/// Evaluates.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let trained = recorded::trained(&args.checkpoint)?;
    let (network, pool) = (trained.network(), args.machine.pool()?);
    let files = args.test_images.as_deref().zip(args.test_labels.as_deref());
    let (test, data_notes) = opened(&args.data, files, &args.checkpoint, network)?;
    let bytes = footprint::metrics(network, test.len(), &pool);
    let what = format!("{}: evaluating its network", args.checkpoint.display());
    memory::check(what, bytes, "ask for fewer threads").map_err(Failure::Run)?;
    let metrics = network.metrics(&pool, &test)?;
    let neglected = metrics.classes().into_iter().flat_map(ClassMetrics::neglected);
    let findings: Vec<Finding> = neglected.map(|score| Finding::NeglectedClass(*score)).collect();
    let labels = Labels::of(network);
    let mut notes = notes(&findings, test.len(), &labels);
    notes.extend(data_notes);
    let mistakes = args.mistakes.map(|most| Worst::find(network, &pool, &test, most)).transpose()?;
    let drawn = match &mistakes {
        None => Vec::new(),
        Some(worst) => args.draw(worst, network, &test, &labels)?,
    };
    Report::new(args.json).print(&Evaluated {
        checkpoint: shown(&args.checkpoint),
        layers: network.sizes(),
        epochs: trained.run().map(|run| run.best.as_ref().map_or(run.history.len(), |best| best.epoch)),
        data: shown(args.test_images.as_deref().unwrap_or(&args.data.place())),
        example_shape: test.example_shape().to_vec(),
        test: metrics.evaluation,
        metrics: metrics.measures,
        mistakes,
        drawn,
        labels,
    })?;
    notes.iter().for_each(|note| tell(note));
    Ok(())
}

impl Args {
    /// Draws the worst answers into the file that is asked for, or as lines of text.
    fn draw(
        &self,
        worst: &Worst,
        network: &Network,
        test: &Dataset,
        labels: &Labels,
    ) -> Result<Vec<String>, Failure> {
        let Some(target) = &self.output else {
            return Ok(if self.json {
                Vec::new()
            } else {
                worst.text(network, test, labels, &Terminal::of_output())
            });
        };
        match worst.grid(network, test, labels) {
            Some(grid) => Ok(vec![grid.write(target)?]),
            None if worst.is_empty() => Ok(vec!["no mistakes, nothing drawn".to_owned()]),
            None => {
                let (file, data) = (target.path.display(), self.data.place());
                let data = data.display();
                Err(Failure::usage(format!(
                    "--output {file}: expected mistakes on pictures, found rows of {data}; leave it out, and they are printed"
                )))
            }
        }
    }
}

/// The data to evaluate `network` on, whose file is at `path`, and notes about them. `files` are images and labels that are named apart.
pub(crate) fn opened(
    data: &dataset::Args,
    files: Option<(&Path, &Path)>,
    path: &Path,
    network: &Network,
) -> Result<(Dataset, Vec<String>), Failure> {
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
            recorded::check_shape(network, path, &test, &place)?;
            Ok(noted(test, &place))
        }
        Looked::Arrays(place) => {
            let test = dataset::judged(data.keys.judged(place)?, false, network)?;
            recorded::check_shape(network, path, &test, place)?;
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
            table::judged(place, &data.keys, network.preparation().ok_or_else(no_preparation)?)
        }
    }
}
