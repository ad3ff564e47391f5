//! What a command prints: for people, or as JSON lines for programs.

use crate::failure::Failure;
use crate::progress::Progress;
use crate::text::{duration, grouped, samples_per_second, shape};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// Everything a run is about to do.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    /// Where the data are.
    pub data: PathBuf,
    pub training_examples: usize,
    pub test_examples: usize,
    /// Shape of an example, `[28, 28]`.
    pub example_shape: Vec<usize>,
    pub classes: usize,
    /// n_0, n_1, …, n_L.
    pub layers: Vec<usize>,
    pub parameters: usize,
    /// σ_1, …, σ_L.
    pub activations: Vec<&'static str>,
    pub cost: &'static str,
    pub optimizer: &'static str,
    pub learning_rate: f64,
    pub batch_size: usize,
    pub epochs: usize,
    pub initializer: &'static str,
    pub seed: u64,
    pub threads: usize,
    pub isa: &'static str,
    pub checkpoint: Option<PathBuf>,
}

impl Plan {
    /// Minibatches of an epoch, the last, smaller one included.
    pub(crate) fn steps_per_epoch(&self) -> usize {
        self.training_examples.div_ceil(self.batch_size)
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let shape = shape(&self.example_shape);
        let steps = grouped(self.steps_per_epoch() as u64);
        let [training, test] = [self.training_examples, self.test_examples].map(|n| grouped(n as u64));
        let layers = self.layers.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        let checkpoint = match &self.checkpoint {
            Some(path) => format!("{}, after every epoch", path.display()),
            None => "none".to_owned(),
        };
        let rows = [
            ("training set", format!("{training} images of {shape}, {} classes", self.classes)),
            ("test set", format!("{test} images, evaluated after every epoch")),
            ("data", self.data.display().to_string()),
            ("network", format!("{layers}, {} parameters", grouped(self.parameters as u64))),
            ("activation", per_layer(&self.activations)),
            ("cost", cost(self.cost)),
            ("optimiser", optimizer(self.optimizer)),
            ("learning rate η", self.learning_rate.to_string()),
            (
                "minibatch size B",
                format!("{}, {steps} steps an epoch, reshuffled every epoch", self.batch_size),
            ),
            ("epochs", self.epochs.to_string()),
            ("initial values", initializer(self.initializer)),
            ("seed", self.seed.to_string()),
            ("threads", self.threads.to_string()),
            ("instruction set", self.isa.to_owned()),
            ("checkpoint", checkpoint),
        ];
        for (name, value) in rows {
            writeln!(out, "{name:<16}  {value}")?;
        }
        writeln!(out)
    }
}

/// What an epoch came to.
#[derive(Debug, Serialize)]
pub(crate) struct EpochLine {
    /// From 1.
    pub epoch: usize,
    pub epochs: usize,
    /// Mean cost per training example.
    pub cost: f64,
    pub test_cost: f64,
    pub test_accuracy: f64,
    pub test_correct: usize,
    pub test_examples: usize,
    /// Without the evaluation.
    pub training_seconds: f64,
    pub samples_per_second: f64,
}

impl EpochLine {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let width = self.epochs.to_string().len();
        // Aligned for the usual rates, wider if need be.
        writeln!(
            out,
            "epoch {:>width$}/{}  cost {:.6}  test accuracy {:>6} ({}/{})  {:>19}",
            self.epoch,
            self.epochs,
            self.cost,
            percent(self.test_accuracy),
            self.test_correct,
            self.test_examples,
            samples_per_second(self.samples_per_second),
        )
    }
}

/// How a run ended.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// Since the process started.
    pub seconds: f64,
    /// Within the training steps.
    pub training_seconds: f64,
    pub best_epoch: usize,
    pub best_test_accuracy: f64,
    /// The file that holds the trained network.
    pub saved: Option<PathBuf>,
}

impl Summary {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "\nTrained in {} ({} of it in training steps). Best test accuracy: {} after epoch {}.",
            duration(self.seconds),
            duration(self.training_seconds),
            percent(self.best_test_accuracy),
            self.best_epoch,
        )?;
        match &self.saved {
            Some(path) => writeln!(out, "Saved: {}, the network after the last epoch.", path.display()),
            None => writeln!(out, "Nothing was saved: `--checkpoint FILE` keeps the network."),
        }
    }
}

/// What is printed, one at a time.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Plan(&'a Plan),
    Epoch(&'a EpochLine),
    End(&'a Summary),
}

/// Prints to standard output, each event at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Report {
    /// The format that `--json` asks for.
    pub(crate) fn new(json: bool) -> Report {
        if json { Report::Json } else { Report::Text }
    }

    pub(crate) fn plan(self, plan: &Plan) -> Result<(), Failure> {
        self.print(&Event::Plan(plan))
    }

    pub(crate) fn epoch(self, progress: &Progress, line: &EpochLine) -> Result<(), Failure> {
        progress.suspend(|| self.print(&Event::Epoch(line)))
    }

    pub(crate) fn end(self, summary: &Summary) -> Result<(), Failure> {
        self.print(&Event::End(summary))
    }

    fn print(self, event: &Event<'_>) -> Result<(), Failure> {
        let mut text = Vec::new();
        let written = match (self, event) {
            (Report::Json, event) => {
                serde_json::to_writer(&mut text, event).map_err(io::Error::from).and_then(|()| writeln!(text))
            }
            (Report::Text, Event::Plan(plan)) => plan.write(&mut text),
            (Report::Text, Event::Epoch(line)) => line.write(&mut text),
            (Report::Text, Event::End(summary)) => summary.write(&mut text),
        };
        let mut out = io::stdout().lock();
        written
            .and_then(|()| out.write_all(&text))
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output(&error))
    }
}

/// `95.31%`
fn percent(fraction: f64) -> String {
    format!("{:.2}%", 100.0 * fraction)
}

/// One name if all layers share it.
fn per_layer(names: &[&str]) -> String {
    match names {
        [first, rest @ ..] if rest.iter().all(|name| name == first) => format!("{first} in every layer"),
        names => names.join(", "),
    }
}

fn cost(name: &str) -> String {
    match name {
        "quadratic" => "quadratic, ½‖a − y‖² averaged over the minibatch".to_owned(),
        name => name.to_owned(),
    }
}

fn optimizer(name: &str) -> String {
    match name {
        "sgd" => "plain stochastic gradient descent".to_owned(),
        name => name.to_owned(),
    }
}

fn initializer(name: &str) -> String {
    match name {
        "standard-normal" => "weights and biases from N(0, 1)".to_owned(),
        name => name.to_owned(),
    }
}
