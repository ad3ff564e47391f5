//! The options of `train`, and the settings that they give.

use super::{checkpoint, network, stopping, techniques};
use crate::draw::Target;
use crate::failure::Failure;
use crate::numbers::{class_weights, count, fraction, learning_rate, seed};
use crate::task::{Task, labels_of};
use crate::{dataset, machine, names};
use clap::ValueEnum;
use minibatch::data::Scale;
use minibatch::recipe::{Choices, Chosen};
use minibatch::schedule::Schedule;
use minibatch::{ClassWeights, Dataset, Network, Optimizer, Recipe, Settings};
use std::path::PathBuf;

/// The default seed. README ("How well it learns") lists the accuracies of 15 seeds. The accuracy of this seed is their median.
/// It was chosen because it is typical, not because it is good.
const DEFAULT_SEED: u64 = 14;

/// The options of `train`. An option that isn't given has the tutorial's value. When resuming, it has the checkpoint's.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Go on with the run in this checkpoint, with its settings; only --epochs and --early-stopping may change, and
    /// what --change-settings allows
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,

    /// Let --learning-rate and --schedule set other values for the rest of a resumed run; the checkpoint records the change
    #[arg(long, requires = "resume")]
    pub(crate) change_settings: bool,

    /// Begin a new run with the network of this checkpoint: fine-tuning, on any data that fit it
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["resume", "hidden", "layers", "activation", "output_activation", "cost", "init"]
    )]
    pub(crate) from: Option<PathBuf>,

    /// Take options from this TOML file, `learning-rate = 0.1` for --learning-rate 0.1; those on the command line go before them
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Write a row for each epoch to this file, which ends with .jsonl or .csv; a resumed run adds to it
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// Write a page of the whole run to this file, which ends with .html
    #[arg(long, value_name = "FILE", value_parser = Target::of_page)]
    pub(crate) report: Option<Target>,
    /// Write the figures of each epoch to an event file in this folder, for TensorBoard; a resumed run adds a file
    #[arg(long, value_name = "DIR")]
    pub(crate) tensorboard: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) data: dataset::Args,

    #[command(flatten)]
    pub(crate) table: dataset::table::Args,

    #[command(flatten)]
    pub(crate) pictures: dataset::pictures::Args,

    /// Kind of the targets [default: classification; of a table what its target is; when resuming, the checkpoint's]
    #[arg(long, value_name = "TASK", ignore_case = true)]
    pub(crate) task: Option<Task>,

    /// Fraction of the training set to set aside, of each class its share; the result on it chooses the epoch, and the test set
    /// then judges that epoch [default: none; 0.2 of a table, or of pictures, without a test set]
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = fraction)]
    pub(crate) validation_split: Option<f64>,

    /// Choice of what is left unsaid [default: tutorial for 32 sigmoids, the quadratic cost and plain descent on images, else auto]
    #[arg(long, value_name = "NAME", ignore_case = true)]
    pub(crate) recipe: Option<RecipeName>,

    #[command(flatten)]
    pub(crate) network: network::Args,

    /// Optimiser; parameters may follow, as in momentum(0.9) or adam(0.9,0.999,1e-8) [default: sgd]
    #[arg(long, value_name = "NAME", value_parser = names::optimizer())]
    pub(crate) optimizer: Option<Optimizer>,

    /// Learning rate η [default: the recipe's; 3 for the tutorial's network]
    #[arg(long, value_name = "ETA", allow_negative_numbers = true, value_parser = learning_rate)]
    pub(crate) learning_rate: Option<f64>,

    /// Schedule of η; parameters may follow, as in step(10,0.1) or cosine(0,0.1) [default: constant]
    #[arg(long, value_name = "NAME", value_parser = names::schedule())]
    pub(crate) schedule: Option<Schedule>,

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
    pub(super) techniques: techniques::Args,

    #[command(flatten)]
    pub(crate) machine: machine::Args,

    #[command(flatten)]
    pub(crate) keeping: checkpoint::Args,

    /// Show after each epoch what the layers do: slopes, dead and saturated units, errors, how far a step moves the weights
    #[arg(long)]
    pub(crate) inspect: bool,

    /// Show the run on the whole screen: curves, layers, first weights, keys to save and stop (with the feature dashboard)
    #[arg(long, conflicts_with = "json")]
    pub(crate) dashboard: bool,

    /// Print JSON lines: the plan, one object per epoch, and the end
    #[arg(long)]
    pub(crate) json: bool,

    /// Print nothing on standard output; errors and notes stay on standard error
    #[arg(long, conflicts_with_all = ["json", "dashboard"])]
    pub(crate) quiet: bool,

    /// The options that were given, as a configuration file has them.
    #[arg(skip)]
    pub(crate) configuration: String,
}

impl Args {
    /// Takes the recipe's values of options that are about the data and the size of the network, and looks at the kind of the data.
    pub(crate) fn follow_recipe(&mut self) {
        self.network.one_for_two = self.data.is_table();
        let given = self.recipe.filter(|_| self.resume.is_none());
        let Some(recipe) = given.map(RecipeName::recipe) else { return };
        self.network.recipe = Some(recipe);
        if recipe == Recipe::RealMlp {
            self.validation_split.get_or_insert(0.2);
            // The network of another run has its own preparation.
            if self.data.is_table() && self.from.is_none() {
                self.table.scale.get_or_insert(Scale::Robust);
            }
        }
    }

    /// The seed of a new run.
    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or(DEFAULT_SEED)
    }

    /// The recipe of a new run on `data`, and all its choices. `hidden` are the sizes of the hidden layers, those of the network
    /// `from` another run if there is one.
    pub(super) fn chosen(
        &self,
        data: &Dataset,
        hidden: &[usize],
        from: Option<&Network>,
    ) -> (Recipe, Chosen) {
        let (recipe, choices) = self.choices(data, hidden, from);
        // Labels are learned as classes are.
        let classes = data.classes().or(labels_of(data));
        (recipe, recipe.complete(&choices, hidden, classes))
    }

    /// The choices of the recipe for a new run on `data`, in words.
    pub(super) fn reasons(&self, data: &Dataset) -> Vec<String> {
        if self.resume.is_some() || self.from.is_some() {
            return Vec::new();
        }
        let Ok(hidden) = self.network.hidden_layers(data) else { return Vec::new() };
        let (recipe, chosen) = self.chosen(data, hidden, None);
        recipe.reasons(&self.choices(data, hidden, None).1, &chosen)
    }

    /// The recipe, and the choices that are made beside it. The network is that of `from`, if it is given.
    fn choices(&self, data: &Dataset, hidden: &[usize], from: Option<&Network>) -> (Recipe, Choices) {
        let with = |network: Choices| Choices {
            optimizer: self.optimizer.clone(),
            learning_rate: self.learning_rate,
            schedule: self.schedule.clone(),
            batch_size: self.batch_size,
            ..network
        };
        let of_network = |recipe| match from {
            Some(network) => network::choices_of(network),
            None => self.network.choices(data, recipe),
        };
        // The tutorial's recipe is for digits.
        let usual = || match self.data.is_table() {
            true => Recipe::Auto,
            false => Recipe::of(&with(of_network(Recipe::Tutorial)), hidden),
        };
        let recipe = self.recipe.map_or_else(usual, RecipeName::recipe);
        (recipe, with(of_network(recipe)))
    }

    /// The settings of a new run by this `recipe` with these choices, of a network with so many hidden layers.
    pub(super) fn settings(
        &self,
        (recipe, chosen): &(Recipe, Chosen),
        data: &Dataset,
        hidden: usize,
    ) -> Result<Settings, Failure> {
        let mut usual = recipe.settings(chosen, data.classes().or(labels_of(data)));
        if data.classes().is_none() {
            usual.label_smoothing = 0.0;
        }
        let epochs = self.epochs.unwrap_or(usual.epochs);
        let mut settings = Settings {
            epochs,
            early_stopping: self.stopping.settings(usual.early_stopping, epochs),
            class_weights: self.class_weights.clone().unwrap_or_default(),
            seed: self.seed(),
            ..usual
        };
        self.techniques.apply(&mut settings, hidden)?;
        Ok(settings)
    }
}

/// A recipe as `--recipe` takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecipeName {
    /// The tutorial's: weights from N(0, 1), a constant η, sigmoids, the quadratic cost
    Tutorial,
    /// Initial values, η and schedule, output and cost that fit what is chosen
    Auto,
    /// RealMLP-TD-S, tuned on tables: three layers of 256, 256 epochs, the best of them on a part of the rows
    #[value(name = "realmlp")]
    RealMlp,
}

impl RecipeName {
    fn recipe(self) -> Recipe {
        match self {
            RecipeName::Tutorial => Recipe::Tutorial,
            RecipeName::Auto => Recipe::Auto,
            RecipeName::RealMlp => Recipe::RealMlp,
        }
    }
}
