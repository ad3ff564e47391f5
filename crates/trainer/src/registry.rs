//! Techniques by name. Checkpoints and the command line find them here.

use crate::augment::Augment;
use crate::average::Average;
use crate::clip::Clip;
use crate::label::{LabelError, Labelled};
use crate::network::activation::{self, Activation};
use crate::network::cost::{self, Cost};
use crate::network::name::split;
use crate::noise::Noise;
use crate::optimizer::Optimizer;
use crate::schedule::Schedule;
use std::sync::Arc;

/// The techniques that a name may mean: the built-in ones, and those that are added.
///
/// A name may be followed by its parameter: `leaky-relu(0.2)`, `huber(0.5)`.
///
/// ```
/// use minibatch::Registry;
///
/// let registry = Registry::default();
/// let leaky = registry.activation("leaky-relu(0.2)").expect("built in");
/// assert_eq!((leaky.name(), leaky.parameter()), ("leaky-relu", Some(0.2)));
/// assert!(registry.activation("leaky-relu(-1)").is_none() && registry.activation("tanh(2)").is_none());
/// assert!(registry.costs().any(|cost| cost.name() == "huber"));
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    activations: Vec<Arc<dyn Activation>>,
    costs: Vec<Arc<dyn Cost>>,
    optimizers: Vec<Optimizer>,
    schedules: Vec<Schedule>,
    clips: Vec<Clip>,
    noises: Vec<Noise>,
    augments: Vec<Augment>,
    averages: Vec<Average>,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry {
            activations: activation::built_in(),
            costs: cost::built_in(),
            optimizers: Optimizer::all(),
            schedules: Schedule::all(),
            clips: Clip::all(),
            noises: Noise::all(),
            augments: Augment::all(),
            averages: Average::all(),
        }
    }
}

impl Registry {
    /// Adds an activation. If names are equal, the one added last is meant.
    #[must_use]
    pub fn with_activation(mut self, activation: impl Activation) -> Registry {
        self.activations.insert(0, Arc::new(activation));
        self
    }

    /// Adds a cost, as [`with_activation`](Self::with_activation).
    #[must_use]
    pub fn with_cost(mut self, cost: impl Cost) -> Registry {
        self.costs.insert(0, Arc::new(cost));
        self
    }

    /// Adds an optimiser, as [`with_activation`](Self::with_activation).
    #[must_use]
    pub fn with_optimizer(mut self, optimizer: Optimizer) -> Registry {
        self.optimizers.insert(0, optimizer);
        self
    }

    /// Adds a schedule, as [`with_activation`](Self::with_activation).
    #[must_use]
    pub fn with_schedule(mut self, schedule: Schedule) -> Registry {
        self.schedules.insert(0, schedule);
        self
    }

    /// Adds clipping, as [`with_activation`](Self::with_activation).
    #[must_use]
    pub fn with_clip(mut self, clip: Clip) -> Registry {
        self.clips.insert(0, clip);
        self
    }

    /// Adds noise, as [`with_activation`](Self::with_activation).
    #[must_use]
    pub fn with_noise(mut self, noise: Noise) -> Registry {
        self.noises.insert(0, noise);
        self
    }

    /// Adds augmentation, as [`with_activation`](Self::with_activation).
    #[must_use]
    pub fn with_augment(mut self, augment: Augment) -> Registry {
        self.augments.insert(0, augment);
        self
    }

    /// Adds averaging, as [`with_activation`](Self::with_activation).
    #[must_use]
    pub fn with_average(mut self, average: Average) -> Registry {
        self.averages.insert(0, average);
        self
    }

    /// The activations, with their usual parameters.
    pub fn activations(&self) -> impl Iterator<Item = &dyn Activation> {
        self.activations.iter().map(|activation| &**activation)
    }

    /// The costs, with their usual parameters.
    pub fn costs(&self) -> impl Iterator<Item = &dyn Cost> {
        self.costs.iter().map(|cost| &**cost)
    }

    /// The activation of that name. `None` if there is none, or not with that parameter.
    #[must_use]
    pub fn activation(&self, name: &str) -> Option<Arc<dyn Activation>> {
        let (name, parameter) = split(name)?;
        let found = self.activations.iter().find(|activation| activation.name() == name)?;
        match parameter {
            None => Some(Arc::clone(found)),
            Some(parameter) => found.with_parameter(parameter),
        }
    }

    /// The cost of that name, as [`activation`](Self::activation).
    #[must_use]
    pub fn cost(&self, name: &str) -> Option<Arc<dyn Cost>> {
        let (name, parameter) = split(name)?;
        let found = self.costs.iter().find(|cost| cost.name() == name)?;
        match parameter {
            None => Some(Arc::clone(found)),
            Some(parameter) => found.with_parameter(parameter),
        }
    }

    /// The optimiser that `text` names, with its parameters.
    ///
    /// # Errors
    ///
    /// If there is none of that name, or not with those parameters.
    pub fn optimizer(&self, text: &str) -> Result<Optimizer, LabelError> {
        Optimizer::read(text, &self.optimizers)
    }

    /// The schedule that `text` names, as [`optimizer`](Self::optimizer).
    ///
    /// # Errors
    ///
    /// As [`optimizer`](Self::optimizer).
    pub fn schedule(&self, text: &str) -> Result<Schedule, LabelError> {
        Schedule::read(text, &self.schedules)
    }

    /// The clipping that `text` names, as [`optimizer`](Self::optimizer).
    ///
    /// # Errors
    ///
    /// As [`optimizer`](Self::optimizer).
    pub fn clip(&self, text: &str) -> Result<Clip, LabelError> {
        Clip::read(text, &self.clips)
    }

    /// The noise that `text` names, as [`optimizer`](Self::optimizer).
    ///
    /// # Errors
    ///
    /// As [`optimizer`](Self::optimizer).
    pub fn noise(&self, text: &str) -> Result<Noise, LabelError> {
        Noise::read(text, &self.noises)
    }

    /// The augmentation that `text` names, as [`optimizer`](Self::optimizer).
    ///
    /// # Errors
    ///
    /// As [`optimizer`](Self::optimizer).
    pub fn augment(&self, text: &str) -> Result<Augment, LabelError> {
        Augment::read(text, &self.augments)
    }

    /// The averaging that `text` names, as [`optimizer`](Self::optimizer).
    ///
    /// # Errors
    ///
    /// As [`optimizer`](Self::optimizer).
    pub fn average(&self, text: &str) -> Result<Average, LabelError> {
        Average::read(text, &self.averages)
    }
}
