//! `minibatch info`: the content of a checkpoint.

use crate::dataset::table::Columns;
use crate::failure::Failure;
use crate::recorded::{self, Trained};
use crate::report::{
    EpochLine, Event, InitialValues, Report, changes, cost, optimizer, shown, sizes, techniques, write_rows,
};
use crate::text::{grouped, images};
use minibatch::{Change, Checkpoint, Network, Settings};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The options of `info`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    /// Print the run's configuration as a file for `train --config`, with what the recipe chose
    #[arg(long, conflicts_with = "json")]
    config: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The content of a checkpoint.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "info")]
pub(crate) struct Info {
    checkpoint: String,
    layers: Vec<Layer>,
    parameters: usize,
    /// The columns of the table that it was trained on.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Columns>,
    cost: String,
    /// Moments of each parameter that the optimiser keeps.
    moments: usize,
    /// Steps taken, if the optimiser counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    optimizer_steps: Option<u64>,
    #[serde(flatten)]
    settings: Settings,
    #[serde(flatten)]
    initial: InitialValues,
    initializer_seed: Option<u64>,
    /// `fused` or `matrixmultiply`.
    arithmetic: &'static str,
    training_examples: u64,
    /// 16 hexadecimal digits.
    data_fingerprint: String,
    /// Examples of the current epoch that have been trained on.
    position: u64,
    /// The epoch after which the network had the weights that the run answers with, if early stopping restores them.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_epoch: Option<usize>,
    /// The hash of the network that the run answers with, 16 hexadecimal digits.
    weight_hash: String,
    /// Hash of everything that decides or records the run, 16 hexadecimal digits. It is equal for two runs of the same bits.
    compared_hash: String,
    /// The settings that were changed in the course of the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
    history: Vec<EpochLine>,
}

#[derive(Debug, Serialize)]
struct Layer {
    inputs: usize,
    outputs: usize,
    activation: String,
    parameters: usize,
}

impl Layer {
    /// The layers of `network`.
    fn all(network: &Network) -> Vec<Layer> {
        let layer = |layer: &minibatch::Layer| Layer {
            inputs: layer.inputs(),
            outputs: layer.outputs(),
            activation: layer.activation().label(),
            parameters: layer.parameters(),
        };
        network.layers().iter().map(layer).collect()
    }

    /// The network's size, its layers and the table that it is for, as names and values.
    fn rows(layers: &[Layer], table: Option<&Columns>) -> Vec<(String, String)> {
        let inputs = layers.iter().map(|layer| layer.inputs).take(1);
        let widths: Vec<usize> = inputs.chain(layers.iter().map(|layer| layer.outputs)).collect();
        let parameters = grouped(layers.iter().map(|layer| layer.parameters).sum());
        let mut rows = vec![("network".to_owned(), format!("{}, {parameters} parameters", sizes(&widths)))];
        for (l, layer) in (1..).zip(layers) {
            let Layer { inputs, outputs, activation, parameters } = layer;
            let value = format!("{inputs} → {outputs}, {activation}, {} parameters", grouped(*parameters));
            rows.push((format!("  layer {l}"), value));
        }
        if let Some(table) = table {
            let of_table = [
                ("columns", table.words()),
                ("target", table.of_targets()),
                ("  in this order", table.names.join(", ")),
            ];
            rows.extend(of_table.map(|(name, value)| (name.to_owned(), value)));
        }
        rows
    }
}

/// The content of a file with a network and no run.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "info")]
struct Alone {
    checkpoint: String,
    layers: Vec<Layer>,
    parameters: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Columns>,
    cost: String,
    /// The shape of the examples that it was trained on, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    example_shape: Option<Vec<usize>>,
    /// The names of the classes, if they have some.
    #[serde(skip_serializing_if = "Option::is_none")]
    class_names: Option<Vec<String>>,
    /// 16 hexadecimal digits.
    weight_hash: String,
}

impl Alone {
    fn new(path: &Path, network: &Network) -> Alone {
        Alone {
            checkpoint: shown(path),
            layers: Layer::all(network),
            parameters: network.parameters(),
            table: network.preparation().map(Columns::of),
            cost: network.cost().label(),
            example_shape: network.profile().map(|profile| profile.example_shape.clone()),
            class_names: network.class_names().map(<[String]>::to_vec),
            weight_hash: format!("{:016x}", network.weight_hash()),
        }
    }
}

impl Event for Alone {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        write_rows(out, &[("checkpoint", format!("{}, a network without a run", self.checkpoint))])?;
        write_rows(out, &Layer::rows(&self.layers, self.table.as_ref()))?;
        write_rows(out, &[("cost", cost(&self.cost))])?;
        if let Some(shape) = &self.example_shape {
            write_rows(out, &[("examples", images(shape))])?;
        }
        if let Some(names) = self.class_names.as_ref().filter(|_| self.table.is_none()) {
            write_rows(out, &[("classes", names.join(", "))])?;
        }
        write_rows(out, &[("weight hash", self.weight_hash.clone())])
    }
}

impl Info {
    pub(crate) fn new(path: &Path, checkpoint: &Checkpoint) -> Result<Info, Failure> {
        let Checkpoint { network, origin, settings, class, data, progress, history, annotations, .. } =
            checkpoint;
        let examples = settings.epoch_examples(data.examples as usize);
        Ok(Info {
            checkpoint: shown(path),
            layers: Layer::all(network),
            parameters: network.parameters(),
            table: network.preparation().map(Columns::of),
            cost: network.cost().label(),
            moments: settings.optimizer.moments(),
            optimizer_steps: (settings.optimizer.moments() > 0).then(|| checkpoint.optimizer.steps()),
            settings: settings.clone(),
            initial: InitialValues::new(*origin, annotations),
            initializer_seed: origin.map(|origin| origin.seed),
            arithmetic: class.name(),
            training_examples: data.examples,
            data_fingerprint: format!("{:016x}", data.fingerprint),
            position: progress.position,
            result_epoch: checkpoint.best.as_ref().map(|best| best.epoch),
            weight_hash: format!("{:016x}", checkpoint.result().weight_hash()),
            compared_hash: format!("{:016x}", checkpoint.compared_hash()?),
            changes: checkpoint.changes.clone(),
            history: history.iter().map(|epoch| EpochLine::new(epoch, settings, examples)).collect(),
        })
    }

    /// The content without the history, as names and values.
    pub(crate) fn rows(&self) -> Vec<(String, String)> {
        let named = |(name, value): (&str, String)| (name.to_owned(), value);
        let mut rows = vec![named(("checkpoint", self.checkpoint.clone()))];
        rows.extend(Layer::rows(&self.layers, self.table.as_ref()));
        let Settings { optimizer: rule, learning_rate, batch_size, epochs, seed, .. } = &self.settings;
        let mut trained = format!("{} of {epochs}", self.history.len());
        if self.position > 0 {
            let [position, examples] = [self.position, self.training_examples].map(|n| grouped(n as usize));
            trained.push_str(&format!(", and {position} of {examples} examples of the next"));
        }
        let mut initial = self.initial.words();
        if let Some(seed) = self.initializer_seed {
            initial.push_str(&format!(", seed {seed}"));
        }
        let mut optimiser = optimizer(&rule.to_string());
        if let Some(steps) = self.optimizer_steps {
            let moments =
                if self.moments == 1 { "1 moment".to_owned() } else { format!("{} moments", self.moments) };
            optimiser
                .push_str(&format!(", {moments} of each parameter after {} steps", grouped(steps as usize)));
        }
        let restored =
            self.result_epoch.map(|epoch| format!(", of the weights after epoch {epoch}, the best"));
        let restored = restored.unwrap_or_default();
        let Info { data_fingerprint: fingerprint, .. } = self;
        let of_run = [
            ("cost", cost(&self.cost)),
            ("optimiser", optimiser),
            ("learning rate η", learning_rate.to_string()),
            ("minibatch size B", batch_size.to_string()),
            ("epochs", trained),
            ("initial values", initial),
            ("seed", seed.to_string()),
            ("arithmetic", self.arithmetic.to_owned()),
            (
                "training data",
                format!("{} examples, fingerprint {fingerprint}", grouped(self.training_examples as usize)),
            ),
            ("weight hash", format!("{}{restored}", self.weight_hash)),
            ("compared hash", self.compared_hash.clone()),
        ];
        rows.extend(of_run.map(named));
        rows.extend(techniques(&self.settings).into_iter().map(named));
        let steps_per_epoch = self.settings.epoch_steps(self.training_examples as usize);
        rows.extend(changes(&self.changes, steps_per_epoch).into_iter().map(named));
        rows
    }
}

impl Event for Info {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        write_rows(out, &self.rows())?;
        if !self.history.is_empty() {
            writeln!(out)?;
        }
        self.history.iter().try_for_each(|line| line.write(out))
    }
}

/// Shows a checkpoint.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let checkpoint = match recorded::trained(&args.checkpoint)? {
        Trained::Run(checkpoint) => checkpoint,
        Trained::Alone(_) if args.config => {
            let file = args.checkpoint.display();
            return Err(Failure::usage(format!(
                "--config: {file} has a network without a run; leave it out"
            )));
        }
        Trained::Alone(network) => {
            return Report::new(args.json).print(&Alone::new(&args.checkpoint, &network));
        }
    };
    if args.config {
        return Report::new(false).print(&Configuration(configuration(&checkpoint)));
    }
    Report::new(args.json).print(&Info::new(&args.checkpoint, &checkpoint)?)
}

/// A configuration as text.
#[derive(Debug, Serialize)]
struct Configuration(String);

impl Event for Configuration {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        out.write_all(self.0.as_bytes())
    }
}

/// The configuration that a run was begun with, and below it what was left unsaid.
fn configuration(checkpoint: &Checkpoint) -> String {
    let Checkpoint { network, origin, settings, annotations, .. } = checkpoint;
    let given = annotations.configuration.clone().unwrap_or_default();
    let known: toml::Table = given.parse().unwrap_or_default();
    let (sizes, layers) = (network.sizes(), network.layers());
    let text = |text: String| toml::Value::String(text);
    let hidden =
        sizes[1..sizes.len() - 1].iter().map(|&n| toml::Value::Integer(n as i64)).collect::<Vec<_>>();
    let output = layers.last().map(|layer| text(layer.activation().label()));
    let activation = layers[..layers.len() - 1].first().map(|layer| text(layer.activation().label()));
    let chosen = [
        ("hidden", Some(toml::Value::Array(hidden)).filter(|_| !known.contains_key("layers"))),
        ("activation", activation),
        ("output-activation", output),
        ("cost", Some(text(network.cost().label()))),
        ("init", origin.map(|origin| text(origin.initializer.name().to_owned()))),
        ("optimizer", Some(text(settings.optimizer.to_string()))),
        ("learning-rate", Some(toml::Value::Float(settings.learning_rate))),
        ("schedule", Some(text(settings.schedule.to_string()))),
        ("batch-size", Some(toml::Value::Integer(settings.batch_size as i64))),
        ("epochs", Some(toml::Value::Integer(settings.epochs as i64))),
        ("seed", i64::try_from(settings.seed).ok().map(toml::Value::Integer)),
    ];
    let rest: toml::Table = chosen
        .into_iter()
        .filter(|(key, _)| !known.contains_key(*key))
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect();
    let recipe = annotations.recipe.as_deref().unwrap_or("tutorial");
    format!("{given}\n# Left unsaid. The recipe was {recipe}.\n{rest}")
}
