//! The settings of a run.

use crate::augment::Augment;
use crate::class_weights::ClassWeights;
use crate::clip::Clip;
use crate::early_stopping::EarlyStopping;
use crate::error::Error;
use crate::noise::Noise;
use crate::optimizer::{Groups, Optimizer, Rates};
use crate::schedule::{Course, Schedule};
use minibatch_data::Order;
use minibatch_kernels::TeamInputs;
use serde::{Deserialize, Serialize};

/// The settings of a run. The default is the tutorial's recipe, plain stochastic gradient descent.
///
/// In serde's formats each field stands under its name, and a technique is its text. A field that is missing has its default:
///
/// ```
/// use minibatch::Settings;
///
/// let settings: Settings = serde_json::from_str(r#"{ "optimizer": "adam", "learning_rate": 0.001 }"#)?;
/// assert_eq!((settings.optimizer.name(), settings.batch_size), ("adam", 16));
/// let text = serde_json::to_string(&settings)?;
/// assert!(text.starts_with(r#"{"optimizer":"adam(0.9,0.999,1e-8)","learning_rate":0.001,"schedule":"constant","#));
/// assert_eq!(serde_json::from_str::<Settings>(&text)?, settings);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The optimiser: the rule by which weights and biases follow from their gradients.
    pub optimizer: Optimizer,
    /// η. Every step of plain descent subtracts η times the mean gradient of its minibatch. Other optimisers need a very different
    /// η ([`Optimizer::learning_rates`]).
    pub learning_rate: f64,
    /// The schedule of η, by step.
    pub schedule: Schedule,
    /// Factors of η for groups of parameters.
    pub groups: Groups,
    /// λ of the penalty λ/2·ΣW² on weights, 0 for none. Its gradient λ·W is added to that of the mean cost, as PyTorch's
    /// `weight_decay` does. Reported costs leave the penalty out.
    pub l2: f64,
    /// Clipping of the gradient, if any.
    pub clip: Option<Clip>,
    /// The noise of the activations A_0 (the inputs), A_1, … in training, from the first on. The output layer can't have any.
    pub noise: Vec<Option<Noise>>,
    /// Augmentation of the training examples, if any.
    pub augment: Option<Augment>,
    /// B, the examples of a minibatch. An epoch's last minibatch may be smaller. Its mean is over its own size.
    pub batch_size: usize,
    /// Epochs of the whole run.
    pub epochs: usize,
    /// Whether an epoch leaves out the examples of a last, smaller minibatch. They are others in each epoch, if it is shuffled.
    pub drop_last: bool,
    /// The order in which an epoch visits the examples.
    pub order: Order,
    /// Early stopping, if any. The trainer then needs a [validation set](crate::Trainer::set_validation).
    pub early_stopping: Option<EarlyStopping>,
    /// Weights of the classes in training.
    pub class_weights: ClassWeights,
    /// Seeds the order of the examples, and what noise and augmentation draw.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            optimizer: Optimizer::SGD,
            learning_rate: 3.0,
            schedule: Schedule::default(),
            groups: Groups::default(),
            l2: 0.0,
            clip: None,
            noise: Vec::new(),
            augment: None,
            batch_size: 16,
            epochs: 30,
            drop_last: false,
            order: Order::Shuffled,
            early_stopping: None,
            class_weights: ClassWeights::None,
            seed: 0,
        }
    }
}

impl Settings {
    /// The examples of an epoch over a training set of `examples`.
    #[must_use]
    pub fn epoch_examples(&self, examples: usize) -> usize {
        if self.drop_last { examples - examples % self.batch_size.max(1) } else { examples }
    }

    /// The steps of an epoch over a training set of `examples`. The last, smaller minibatch counts too, unless it is dropped.
    #[must_use]
    pub fn epoch_steps(&self, examples: usize) -> usize {
        self.epoch_examples(examples).div_ceil(self.batch_size.max(1))
    }

    /// Whether the run keeps the weights after its best epoch, to answer with them.
    #[must_use]
    pub fn keeps_best(&self) -> bool {
        self.early_stopping.is_some_and(|stopping| stopping.restore_best)
    }

    /// The course of a run over a training set of `examples`, before the first step.
    pub(crate) fn course(&self, examples: usize) -> Course {
        let epoch = self.epoch_steps(examples) as u64;
        Course::new(&self.schedule, epoch.saturating_mul(self.epochs as u64))
    }

    /// Whether a step needs the gradient of all layers before it updates any.
    pub(crate) fn needs_whole_gradient(&self) -> bool {
        self.clip.is_some()
    }

    /// Whether members may each have a part of the network: neither moments nor a whole gradient are shared out.
    pub(crate) fn may_be_shared(&self) -> bool {
        self.optimizer.is_plain() && !self.needs_whole_gradient()
    }

    /// The rates of a step of the run. `None` if the schedule gives a factor or a momentum that is out of range.
    pub(crate) fn rates(&self, course: &Course, step: u64) -> Option<Rates<'_>> {
        let at = course.at(step);
        let (factor, momentum) = (self.schedule.factor(at), self.schedule.momentum(at));
        let learning_rate = self.learning_rate * factor;
        // A factor may be rounded up from the largest.
        let in_range = (0.0..=self.schedule.peak() * (1.0 + 1e-12)).contains(&factor)
            && course.is_finite()
            && momentum.is_none_or(|momentum| momentum >= 0.0 && (momentum as f32) < 1.0);
        in_range.then_some(Rates { learning_rate, momentum, groups: &self.groups, l2: self.l2 })
    }

    /// Whether a step changes its inputs before the first layer.
    pub(crate) fn changes_inputs(&self) -> bool {
        self.augment.is_some() || self.noise.first().is_some_and(Option::is_some)
    }

    /// Checks that every setting is in range for `examples` training examples and a network of `sizes`.
    pub(crate) fn check(&self, examples: usize, sizes: &[usize]) -> Result<(), Error> {
        let out_of_range = |setting, expected, found| Err(Error::Setting { setting, expected, found });
        let Settings { learning_rate, batch_size, .. } = *self;
        if let Some(factor) = self.groups.factors().find(|x| *x != 0.0 && !(1e-6..=1e6).contains(x)) {
            return out_of_range("groups", "factors from 1e-6 to 1e6, or 0".to_owned(), factor.to_string());
        }
        if self.groups.layers.len() >= sizes.len() {
            let (expected, found) = (format!("at most {} layers", sizes.len() - 1), self.groups.layers.len());
            return out_of_range("groups", expected, found.to_string());
        }
        self.early_stopping.map_or(Ok(()), |stopping| stopping.check())?;
        self.class_weights.check(*sizes.last().expect("a network has outputs"))?;
        check_learning_rate(&self.optimizer, learning_rate)?;
        let largest = self.groups.largest() * self.schedule.peak() * learning_rate;
        if check_learning_rate(&self.optimizer, largest).is_err() {
            let expected = format!("in range times the largest factor, {}", largest / learning_rate);
            return out_of_range("learning rate", expected, learning_rate.to_string());
        }
        if !(self.l2 >= 0.0 && (self.l2 as f32).is_finite() && largest * self.l2 < 1.0) {
            let expected = "at least 0, and below 1/η".to_owned();
            return out_of_range("l2", expected, self.l2.to_string());
        }
        if !(1..=examples).contains(&batch_size) {
            let expected = format!("1 to {examples}, the number of training examples");
            return out_of_range("batch size", expected, batch_size.to_string());
        }
        if self.noise.len() >= sizes.len() {
            let (expected, found) = (
                format!("that of at most {} layers, inputs and hidden ones", sizes.len() - 1),
                self.noise.len(),
            );
            return out_of_range("noise", expected, found.to_string());
        }
        let inputs = sizes[0];
        let most = TeamInputs::most_examples(inputs);
        if batch_size > most {
            let expected = format!("1 to {most} for examples of {inputs} inputs");
            return out_of_range("batch size", expected, batch_size.to_string());
        }
        Ok(())
    }
}

/// Checks that a learning rate is in range, as an f32 too: steps are computed in f32.
pub(crate) fn check_learning_rate(optimizer: &Optimizer, learning_rate: f64) -> Result<(), Error> {
    let step = learning_rate as f32;
    let expected = match step.is_finite() && step > 0.0 {
        true if optimizer.keeps_signs(learning_rate) => return Ok(()),
        true => format!("below 1/λ of {optimizer}"),
        false => "a number from 1e-45 to 3.4e38".to_owned(),
    };
    Err(Error::Setting { setting: "learning rate", expected, found: learning_rate.to_string() })
}
