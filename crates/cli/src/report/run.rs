//! The events of a training run: its plan, its epochs, its end.

use super::metrics::in_short;
use super::terminal_line::{Derived, OnTerminal};
use super::{Event, InitialValues, Labels, cost, optimizer, sizes, write_rows};
use crate::dataset::CacheReport;
use crate::dataset::table::Columns;
use crate::text::{duration, figure, grouped, images, percent, samples_per_second};
use minibatch::data::Order;
use minibatch::{
    Change, EarlyStopping, Epoch, Evaluation, Finding, Fit, LayerInspection, Measures, Settings,
    UnitActivity, Verdict,
};
use serde::Serialize;
use std::io::{self, Write};

/// The plan of a run, printed before the first step.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "plan")]
pub(crate) struct Plan {
    /// Folder of the dataset.
    pub data: String,
    pub training_examples: usize,
    /// Examples that `--validation-split` sets aside from the training set.
    pub validation_examples: Option<usize>,
    /// Null if the validation set judges the run.
    pub test_examples: Option<usize>,
    /// The columns of the table, if the data are one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Columns>,
    /// The fate of the cache of pictures, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheReport>,
    /// Shape of an example, `[28, 28]`.
    pub example_shape: Vec<usize>,
    /// `classification` or `regression`.
    pub task: &'static str,
    /// Null for regression.
    pub classes: Option<usize>,
    /// Labels of an example, if the targets are labels.
    pub labels: Option<usize>,
    /// n_0, n_1, …, n_L.
    pub layers: Vec<usize>,
    pub parameters: usize,
    /// σ_1, …, σ_L.
    pub activations: Vec<String>,
    pub cost: String,
    #[serde(flatten)]
    pub settings: Settings,
    /// The recipe that chose what was left unsaid.
    pub recipe: Option<String>,
    /// The choices of the recipe in this run, in words.
    pub reasons: Vec<String>,
    #[serde(flatten)]
    pub initial: InitialValues,
    pub threads: usize,
    pub isa: &'static str,
    pub checkpoint: Option<String>,
    /// The file holds another run, which this one replaces.
    #[serde(skip)]
    pub replaces: bool,
    /// The interval between saves and the kept checkpoints, in words.
    #[serde(skip)]
    pub keeping: String,
    /// The settings that were changed in the course of the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The place at which a resumed run goes on.
    pub resumed: Option<Resumed>,
}

/// The place at which a resumed run goes on.
#[derive(Debug, Serialize)]
pub(crate) struct Resumed {
    pub checkpoint: String,
    /// Finished epochs.
    pub epochs: usize,
    /// Examples of the next epoch that have been trained on.
    pub position: usize,
}

impl Plan {
    /// Steps of an epoch. The last one may be smaller, and counts.
    pub(crate) fn steps_per_epoch(&self) -> usize {
        self.settings.epoch_steps(self.training_examples)
    }

    /// The plan as names and values.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let [training, parameters, steps] =
            [self.training_examples, self.parameters, self.steps_per_epoch()].map(grouped);
        let activation = match &*self.activations {
            [first, rest @ ..] if rest.iter().all(|name| name == first) => format!("{first} in every layer"),
            names => names.join(", "),
        };
        let checkpoint = match &self.checkpoint {
            None => "none".to_owned(),
            Some(path) => {
                let replaces = if self.replaces { ", replacing the run that is there" } else { "" };
                format!("{path} {}{replaces}", self.keeping)
            }
        };
        let Settings { optimizer: rule, learning_rate, batch_size, epochs, seed, .. } = &self.settings;
        let images = images(&self.example_shape);
        let outputs = self.layers.last().copied().unwrap_or_default();
        let targets = match (self.classes, outputs) {
            (Some(1), _) => "1 class".to_owned(),
            (Some(classes), _) => format!("{classes} classes"),
            (None, outputs) if self.labels.is_some() => format!("{outputs} labels each"),
            (None, 1) => "a value each".to_owned(),
            (None, outputs) => format!("{outputs} values each"),
        };
        let data = ("data", self.data.clone());
        let mut rows = vec![data, ("training set", format!("{training} {images}, {targets}"))];
        if let Some(examples) = self.validation_examples {
            let examples = grouped(examples);
            let set = format!("{examples} {images}, set aside from the training set");
            rows.push(("validation set", set));
        }
        let test = match self.test_examples {
            Some(examples) => format!("{} {images}, evaluated after every epoch", grouped(examples)),
            None => "none; the validation set judges (--test-split F or --test FILE gives one)".to_owned(),
        };
        rows.push(("test set", test));
        if let Some(cache) = &self.cache {
            rows.push(("pictures", cache.words()));
        }
        if let Some(table) = &self.table {
            rows.extend([("columns", table.words()), ("target", table.of_targets())]);
        }
        rows.extend([
            ("network", format!("{}, {parameters} parameters", sizes(&self.layers))),
            ("activation", activation),
            ("cost", cost(&self.cost)),
            ("optimiser", optimizer(&rule.to_string())),
            ("learning rate η", learning_rate.to_string()),
            ("minibatch size B", format!("{batch_size} ({steps} steps an epoch, {})", order(&self.settings))),
            ("epochs", epochs.to_string()),
            ("initial values", self.initial.words()),
            ("seed", seed.to_string()),
            ("threads", self.threads.to_string()),
            ("instruction set", self.isa.to_owned()),
            ("checkpoint", checkpoint),
        ]);
        if let Some(recipe) = &self.recipe {
            let chose = self.reasons.join("; ");
            let chose = if chose.is_empty() { chose } else { format!(", which chose {chose}") };
            rows.push(("recipe", format!("{recipe}{chose}")));
        }
        rows.extend(techniques(&self.settings));
        rows.extend(changes(&self.changes, self.steps_per_epoch()));
        if let Some(Resumed { checkpoint, epochs, position }) = &self.resumed {
            let place = place(*epochs, position.div_ceil(*batch_size));
            rows.push(("resumed", format!("{checkpoint} as of {place}")));
        }
        rows
    }
}

impl Event for Plan {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        write_rows(out, &self.rows())?;
        writeln!(out)
    }
}

/// The order of an epoch's examples, in words.
fn order(settings: &Settings) -> &'static str {
    match settings.order {
        Order::Shuffled => "reshuffled every epoch",
        Order::InOrder => "in their order",
        Order::WithReplacement => "drawn with replacement",
    }
}

/// The settings that a run may do without, where they are used.
pub(crate) fn techniques(settings: &Settings) -> Vec<(&'static str, String)> {
    let Settings { schedule, groups, l1, l2, weight_decay, max_norm, clip, noise, augment, .. } = settings;
    let Settings {
        label_smoothing, average, drop_last, early_stopping, class_weights, input_scaling, ..
    } = settings;
    let usual = Settings::default();
    let layers = noise.iter().enumerate();
    let noise = layers.filter_map(|(l, noise)| Some(format!("{} in layer {l}", noise.as_ref()?)));
    let noise = noise.collect::<Vec<_>>().join(", ");
    let layers = groups.layers.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
    let layers = if layers.is_empty() { layers } else { format!(", layers {layers}") };
    let augment = augment.iter().map(ToString::to_string).collect::<Vec<_>>();
    let rows = [
        ("schedule of η", (*schedule != usual.schedule).then(|| schedule.to_string())),
        (
            "factors of η",
            (*groups != usual.groups).then(|| {
                let by_fan_in = if groups.fan_in { "/√n of n inputs" } else { "" };
                format!("weights {}{by_fan_in}, biases {}{layers}", groups.weights, groups.biases)
            }),
        ),
        ("input factors", input_scaling.map(|factor| format!("learned, at {factor}·η"))),
        ("label smoothing", (*label_smoothing > 0.0).then(|| label_smoothing.to_string())),
        ("L2 penalty", (*l2 > 0.0).then(|| l2.to_string())),
        ("L1 penalty", (*l1 > 0.0).then(|| l1.to_string())),
        ("weight decay", (*weight_decay > 0.0).then(|| weight_decay.to_string())),
        ("largest norm", max_norm.map(|most| format!("{most}, of the weights into a hidden unit"))),
        ("averaging", average.as_ref().map(ToString::to_string)),
        ("clipping", clip.as_ref().map(ToString::to_string)),
        ("noise", (!noise.is_empty()).then_some(noise)),
        ("augmentation", (!augment.is_empty()).then(|| augment.join(", "))),
        ("early stopping", early_stopping.as_ref().map(patience)),
        ("class weights", (*class_weights != usual.class_weights).then(|| class_weights.to_string())),
        ("last minibatch", drop_last.then(|| "dropped where it is smaller".to_owned())),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Early stopping in words.
fn patience(stopping: &EarlyStopping) -> String {
    let EarlyStopping { patience, least_gain, monitor, restore_best, .. } = stopping;
    let gain = if *least_gain > 0.0 { format!(" of more than {least_gain}") } else { String::new() };
    let s = if *patience == 1 { "" } else { "s" };
    let restores = if *restore_best { ", the best weights restored" } else { "" };
    format!("after {patience} epoch{s} without a gain of the validation {}{gain}{restores}", monitor.name())
}

/// The settings that were changed in the course of a run, each with the place of its change.
pub(crate) fn changes(changes: &[Change], steps_per_epoch: usize) -> Vec<(&'static str, String)> {
    let row = |change: &Change| {
        let steps = change.step as usize;
        let place = place(steps / steps_per_epoch, steps % steps_per_epoch);
        ("changed", format!("{} at {place}", change.setting))
    };
    changes.iter().map(row).collect()
}

/// A place in a run, in words: `step 1,234 of epoch 5`, `the end of epoch 4`.
pub(crate) fn place(epochs: usize, step: usize) -> String {
    match (epochs, step) {
        (0, 0) => "its start".to_owned(),
        (epochs, 0) => format!("the end of epoch {epochs}"),
        (epochs, step) => format!("step {} of epoch {}", grouped(step), epochs + 1),
    }
}

/// The name of a test set's score.
pub(crate) fn measure(test: &Evaluation) -> &'static str {
    if test.accuracy().is_some() { "test accuracy" } else { "test error" }
}

/// The score in words: `95.31% (9531/10000)`, `RMSE 0.1234, MAE 0.0987, R² 0.9012`.
pub(crate) fn score(evaluation: &Evaluation) -> String {
    let accuracy = evaluation.accuracy().zip(evaluation.correct());
    let classes = accuracy
        .map(|(accuracy, correct)| format!("{} ({correct}/{})", percent(accuracy), evaluation.examples));
    let values = evaluation.fit().map(|Fit { rmse, mae, r_squared }| {
        format!("RMSE {}, MAE {}, R² {}", figure(rmse), figure(mae), figure(r_squared))
    });
    classes.or(values).unwrap_or_default()
}

/// The score in a column.
fn padded(evaluation: &Evaluation) -> String {
    // The width of any accuracy except 100%.
    let width = evaluation.accuracy().map_or(0, |_| 9 + 2 * evaluation.examples.to_string().len());
    format!("{:>width$}", score(evaluation))
}

/// The results of an epoch.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "epoch")]
pub(crate) struct EpochLine {
    #[serde(flatten)]
    pub epoch: Epoch,
    /// The fraction of the training examples that were classified correctly, each before its minibatch's update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Whether the text shows η: it isn't the run's own.
    #[serde(skip)]
    pub shows_rate: bool,
    pub epochs: usize,
    pub samples_per_second: f64,
    /// The state of the layers after the epoch, if `--inspect` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<LayerInspection>>,
    /// The look of the text on a terminal. Without one it is that of a pipe.
    #[serde(skip)]
    pub on_terminal: Option<OnTerminal>,
}

impl EpochLine {
    /// The line of `epoch` in a run with these settings, whose epochs have `examples` training examples.
    pub(crate) fn new(epoch: &Epoch, settings: &Settings, examples: usize) -> EpochLine {
        EpochLine {
            epoch: *epoch,
            accuracy: epoch.accuracy(examples),
            shows_rate: epoch.learning_rate.is_some_and(|rate| rate != settings.learning_rate),
            epochs: settings.epochs,
            samples_per_second: examples as f64 / epoch.seconds,
            layers: None,
            on_terminal: None,
        }
    }
}

impl Event for EpochLine {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        if let Some(look) = &self.on_terminal {
            let EpochLine { epochs, accuracy, samples_per_second, .. } = *self;
            writeln!(out, "{}", look.line(&self.epoch, &Derived { epochs, accuracy, samples_per_second }))?;
        } else {
            self.write_plain(out)?;
        }
        self.layers.iter().flatten().try_for_each(|layer| write_layer(out, layer))
    }
}

impl EpochLine {
    /// Writes the line of a pipe.
    fn write_plain(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let width = self.epochs.to_string().len();
        let Epoch { number, cost, learning_rate, validation, test, .. } = self.epoch;
        let epochs = self.epochs;
        write!(out, "epoch {number:>width$}/{epochs}  cost {:<9}", figure(cost))?;
        if let Some(accuracy) = self.accuracy {
            write!(out, "  accuracy {:>6}", percent(accuracy))?;
        }
        if let Some(rate) = learning_rate.filter(|_| self.shows_rate) {
            write!(out, "  η {rate:.3e}")?;
        }
        if let Some(validation) = &validation {
            write!(out, "  {} {}", measure(validation).replace("test", "validation"), padded(validation))?;
        }
        if let Some(test) = &test {
            write!(out, "  {} {}", measure(test), padded(test))?;
        }
        writeln!(out, "  {:>19}", samples_per_second(self.samples_per_second))
    }
}

/// The state of the layers after an epoch.
#[derive(Clone, Debug)]
pub(crate) struct Inspected {
    /// The number of the epoch.
    pub(crate) epoch: usize,
    pub(crate) layers: Vec<LayerInspection>,
}

/// Writes what a layer does.
fn write_layer(
    out: &mut Vec<u8>,
    LayerInspection { activity, error, update, .. }: &LayerInspection,
) -> io::Result<()> {
    let UnitActivity { layer, units, flat, dead, saturated, .. } = activity;
    let (flat, error, update) = (percent(*flat), figure(*error), figure(*update));
    let [units, dead, saturated] = [units, dead, saturated].map(|count| grouped(*count));
    writeln!(
        out,
        "  layer {layer}  |σ′| < 0.01 at {flat:>7}, dead {dead} and saturated {saturated} of {units}  ‖δ‖ {error:<9}  \
         ‖ΔW‖/‖W‖ {update}"
    )
}

/// The end of a run that came to its last epoch.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "end")]
pub(crate) struct Summary {
    /// Seconds since the process started.
    pub seconds: f64,
    /// Seconds within the training steps.
    pub training_seconds: f64,
    /// The share of the run's time that the dashboard took.
    #[serde(skip)]
    pub screen: Option<f64>,
    /// The best epoch of the whole run. Epochs from before it was resumed count.
    pub best_epoch: Option<usize>,
    /// Null for regression.
    pub best_test_accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_test_cost: Option<f64>,
    /// The epoch that the validation set chooses from all epochs of the run that were evaluated on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
    /// The set that judges the trained network: `test` or `validation`.
    pub judged_by: &'static str,
    /// The names of classes or outputs.
    #[serde(skip)]
    pub labels: Labels,
    /// Cost and score of the trained network on that set.
    #[serde(skip)]
    pub evaluation: Evaluation,
    /// Further measures of the trained network on that set.
    pub metrics: Measures,
    /// Signs that the run has learned badly. Standard error tells them in words.
    pub findings: Vec<Finding>,
    /// Whether early stopping has ended the run, if it could have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_early: Option<bool>,
    /// The reason for which it has.
    #[serde(skip)]
    pub stopping: Option<(EarlyStopping, Verdict)>,
    /// The epoch whose weights early stopping restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_epoch: Option<usize>,
    /// The hash of the network that the run answers with, 16 hexadecimal digits.
    pub weight_hash: String,
    /// The file that holds the trained network.
    pub saved: Option<String>,
}

/// The epoch that the validation set chooses. Its test result isn't picked as the best of many.
#[derive(Debug, Serialize)]
pub(crate) struct Chosen {
    pub epoch: usize,
    pub validation: Evaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Evaluation>,
}

impl Event for Summary {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let weight_hash = &self.weight_hash;
        let [total, training] = [self.seconds, self.training_seconds].map(duration);
        write!(out, "\nTrained in {total}, {training} of it in steps.")?;
        if let Some(share) = self.screen {
            write!(out, " {} of the time was spent on the screen.", percent(share))?;
        }
        if let (Some(epoch), Some(accuracy)) = (self.best_epoch, self.best_test_accuracy) {
            write!(out, " Best: {}, after epoch {epoch}.", percent(accuracy))?;
        }
        if let (Some(epoch), Some(cost)) = (self.best_epoch, self.best_test_cost) {
            write!(out, " Best: test cost {}, after epoch {epoch}.", figure(cost))?;
        }
        if let Some(Chosen { epoch, validation, test }) = &self.chosen {
            let validation = score(validation);
            write!(out, "\nBest by validation: epoch {epoch}, {validation}")?;
            match test {
                Some(test) => write!(out, " there and {} on the test set.", score(test))?,
                None => write!(out, ".")?,
            }
        }
        if let Some((EarlyStopping { monitor, least_gain, .. }, verdict)) = &self.stopping {
            let Verdict { best, gain, waited } = verdict;
            let (monitor, s) = (monitor.name(), if *waited == 1 { "" } else { "s" });
            // Any gain counts, so a later best epoch is as good as that of the gain, and is the one with a name.
            let has_equal = *least_gain == 0.0 && best != gain;
            let since = if has_equal { String::new() } else { format!(" since epoch {gain}") };
            write!(
                out,
                "\nStopped early: {waited} epoch{s} without a gain of the validation {monitor}{since}; \
                 `--early-stopping` with more of them goes on."
            )?;
        }
        writeln!(out)?;
        let restored =
            self.result_epoch.map(|epoch| format!(" of the weights after epoch {epoch}, the best"));
        let restored = restored.unwrap_or_default();
        if let Some(metrics) = in_short(&self.metrics, &self.labels) {
            let set = if self.judged_by == "test" { "Test" } else { "Validation" };
            writeln!(out, "{set} set: {metrics}.")?;
        }
        match &self.saved {
            Some(path) => writeln!(out, "Saved {path}, weight hash {weight_hash}{restored}."),
            None => writeln!(
                out,
                "Nothing saved (`--checkpoint FILE` keeps the network), weight hash {weight_hash}{restored}."
            ),
        }
    }
}

/// The end of a run that a signal stopped.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "stopped")]
pub(crate) struct Stopped {
    /// `SIGHUP`, `SIGINT` or `SIGTERM`.
    pub signal: &'static str,
    /// Finished epochs.
    pub epochs: usize,
    /// Steps of the next epoch.
    pub step: usize,
    /// The file that holds the run.
    pub saved: Option<String>,
    /// The command that resumes the run.
    pub resume: Option<String>,
}

impl Event for Stopped {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        write!(out, "\nStopped by {} at {}. ", self.signal, place(self.epochs, self.step))?;
        match (&self.saved, &self.resume) {
            (Some(path), Some(command)) => writeln!(out, "Saved {path}; to go on:\n  {command}"),
            _ => writeln!(out, "Nothing saved (`--checkpoint FILE` keeps the run)."),
        }
    }
}
