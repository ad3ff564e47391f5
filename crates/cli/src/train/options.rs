//! The options of `train`, and the settings that they give.

use super::{checkpoint, network, stopping};
use crate::numbers::{class_weights, count, fraction, learning_rate, seed};
use crate::task::Task;
use crate::{dataset, machine, names};
use minibatch::optimizer::LearningRates;
use minibatch::{ClassWeights, Optimizer, Settings};
use std::path::PathBuf;

/// The default seed. README ("How well it learns") lists the accuracies of 15 seeds. The accuracy of this seed is their median.
/// It was chosen because it is typical, not because it is good.
const DEFAULT_SEED: u64 = 14;

/// The options of `train`. An option that isn't given has the tutorial's value. When resuming, it has the checkpoint's.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Go on with the run in this checkpoint, with its settings; only --epochs and --early-stopping may change
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) data: dataset::Args,

    /// Kind of the labels [default: classification; when resuming, the checkpoint's]
    #[arg(long, value_name = "TASK", ignore_case = true)]
    pub(crate) task: Option<Task>,

    /// Fraction of the training set to set aside, of each class its share; the result on it chooses the epoch, and the test set
    /// then judges that epoch
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = fraction)]
    pub(crate) validation_split: Option<f64>,

    #[command(flatten)]
    pub(crate) network: network::Args,

    /// Optimiser; parameters may follow, as in momentum(0.9) or adam(0.9,0.999,1e-8) [default: sgd]
    #[arg(long, value_name = "NAME", value_parser = names::optimizer())]
    pub(crate) optimizer: Option<Optimizer>,

    #[arg(long, value_name = "ETA", help = learning_rate_help(), allow_negative_numbers = true, value_parser = learning_rate)]
    pub(crate) learning_rate: Option<f64>,

    /// Weights of the classes in training: balanced, or a number for each class, such as 1,2.5,1 [default: all count the same]
    #[arg(long, value_name = "WEIGHTS", allow_negative_numbers = true, value_parser = class_weights)]
    pub(crate) class_weights: Option<ClassWeights>,

    /// Minibatch size B [default: 16]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    pub(crate) batch_size: Option<usize>,

    /// Passes over the training set, those of a resumed run included [default: 30]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    pub(crate) epochs: Option<usize>,

    /// Seed of the initial weights and of the order of the examples [default: 14]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seed)]
    pub(crate) seed: Option<u64>,

    #[command(flatten)]
    pub(crate) stopping: stopping::Args,

    #[command(flatten)]
    pub(crate) machine: machine::Args,

    #[command(flatten)]
    pub(crate) keeping: checkpoint::Args,

    /// Print JSON lines: the plan, one object per epoch, and the end
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// The seed of a new run.
    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or(DEFAULT_SEED)
    }

    /// The settings of a new run for `task`.
    pub(super) fn settings(&self, task: Task) -> Settings {
        let default = Settings::default();
        let optimizer = self.optimizer.clone().unwrap_or_else(|| default.optimizer.clone());
        Settings {
            learning_rate: self.learning_rate.unwrap_or_else(|| usual_learning_rate(&optimizer, task)),
            optimizer,
            batch_size: self.batch_size.unwrap_or(default.batch_size),
            epochs: self.epochs.unwrap_or(default.epochs),
            early_stopping: self.stopping.settings(),
            class_weights: self.class_weights.clone().unwrap_or_default(),
            seed: self.seed(),
            ..default
        }
    }
}

/// The default η. The output layer of a regression network has no sigmoid, so its gradients are far larger, and plain descent
/// and momentum need a smaller η.
fn usual_learning_rate(optimizer: &Optimizer, task: Task) -> f64 {
    let LearningRates { sigmoid, values, .. } = optimizer.learning_rates();
    if task == Task::Regression { values } else { sigmoid }
}

/// The help of `--learning-rate`, which lists the defaults.
fn learning_rate_help() -> String {
    let optimizers = Optimizer::all();
    let list = |rate: fn(&Optimizer) -> f64| {
        let mut groups: Vec<(f64, Vec<&str>)> = Vec::new();
        for optimizer in &optimizers {
            match groups.iter_mut().find(|(known, _)| *known == rate(optimizer)) {
                Some((_, names)) => names.push(optimizer.name()),
                None => groups.push((rate(optimizer), vec![optimizer.name()])),
            }
        }
        let group = |(rate, names): &(f64, Vec<&str>)| format!("{rate} for {}", names.join(" and "));
        groups.iter().map(group).collect::<Vec<_>>().join(", ")
    };
    let (classes, values) = (
        list(|optimizer| optimizer.learning_rates().sigmoid),
        list(|optimizer| optimizer.learning_rates().values),
    );
    format!("Learning rate η [default: {classes}; for regression {values}]")
}
