//! The settings of a run.

use crate::augment::Augment;
use crate::average::Average;
use crate::class_weights::ClassWeights;
use crate::clip::Clip;
use crate::early_stopping::EarlyStopping;
use crate::error::Error;
use crate::noise::Noise;
use crate::optimizer::{Groups, Optimizer, Penalties, Rates};
use crate::schedule::{Course, Schedule};
use minibatch_data::{Dataset, Order};
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
    /// The factor of η of the inputs' factors, if they are learned: input k goes into the network as s_k·x_k, with s_k = 1 before the
    /// first step (RealMLP's front scaling layer, with 6). The run's network has the factors in its weights. `None` if none are learned.
    pub input_scaling: Option<f64>,
    /// λ of the penalty λ/2·ΣW² on weights, 0 for none. Its gradient λ·W is added to that of the mean cost, as PyTorch's
    /// `weight_decay` does. Reported costs leave the penalty out.
    pub l2: f64,
    /// λ of the penalty λ·Σ|W| on weights, 0 for none. Its gradient λ·sign(W) is added to that of the mean cost, 0 where a weight
    /// is 0.
    pub l1: f64,
    /// λ of decoupled weight decay, 0 for none: W ← (1 − ηλ)·W before each step, with any optimiser. In plain descent it is what
    /// L2 is. `adamw` has one of its own, which comes on top.
    pub weight_decay: f64,
    /// The largest norm of the weights that lead into a hidden unit. Longer ones are shortened after each step (max-norm, Srivastava
    /// et al. 2014; Keras `MaxNorm`). `None` for no limit.
    pub max_norm: Option<f64>,
    /// ε of label smoothing, from 0, which is none, to below 1: the target of an example's class becomes 1 − ε + ε/K, that of the
    /// K − 1 others ε/K. Training costs are those of the smoothed targets, evaluations' of the labels.
    pub label_smoothing: f64,
    /// Averaging of weights, if any. The average is the network that the run answers with.
    pub average: Option<Average>,
    /// Clipping of the gradient, if any.
    pub clip: Option<Clip>,
    /// The noise of the activations A_0 (the inputs), A_1, … in training, from the first on. The output layer can't have any.
    pub noise: Vec<Option<Noise>>,
    /// Augmentation of the training examples: changes before each step, applied in order.
    pub augment: Vec<Augment>,
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
            input_scaling: None,
            l2: 0.0,
            l1: 0.0,
            weight_decay: 0.0,
            max_norm: None,
            label_smoothing: 0.0,
            average: None,
            clip: None,
            noise: Vec::new(),
            augment: Vec::new(),
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
        self.clip.is_some() || self.input_scaling.is_some()
    }

    /// Whether members may each have a part of the network: neither averages nor a whole gradient are shared out.
    pub(crate) fn may_be_shared(&self) -> bool {
        !self.needs_whole_gradient() && self.average.is_none()
    }

    /// The rates of a step of a run over a training set of `examples`. `None` if the schedule gives a factor or a momentum that is
    /// out of range.
    pub(crate) fn rates(&self, course: &Course, step: u64, examples: usize) -> Option<Rates<'_>> {
        let at = course.at(step, self.epoch_steps(examples) as u64);
        let (factor, momentum) = (self.schedule.factor(at), self.schedule.momentum(at));
        let learning_rate = self.learning_rate * factor;
        // A factor may be rounded up from the largest.
        let in_range = (0.0..=self.schedule.peak() * (1.0 + 1e-12)).contains(&factor)
            && course.is_finite()
            && momentum.is_none_or(|momentum| momentum >= 0.0 && (momentum as f32) < 1.0);
        in_range.then_some(Rates {
            learning_rate,
            momentum,
            groups: &self.groups,
            scaling: self.input_scaling,
            penalties: self.penalties(),
        })
    }

    fn penalties(&self) -> Penalties {
        Penalties { l1: self.l1, l2: self.l2, decay: self.weight_decay }
    }

    /// Whether a step changes its inputs before the first layer.
    pub(crate) fn changes_inputs(&self) -> bool {
        !self.augment.is_empty() || self.noise.first().is_some_and(Option::is_some)
    }

    /// The nanoseconds that one core takes to augment a minibatch of examples of `inputs` inputs.
    pub(crate) fn work(&self, inputs: usize) -> f64 {
        let work: f64 = self.augment.iter().map(|augment| augment.rule().work()).sum();
        work * inputs as f64 * self.batch_size as f64
    }

    /// Checks that the settings can be those of a run on `data`: targets to smooth are classes, and augmentations take the shape.
    pub(crate) fn check_data(&self, data: &Dataset) -> Result<(), Error> {
        if self.label_smoothing != 0.0 && data.classes().is_none() {
            let expected = "0 for targets that are values".to_owned();
            let found = self.label_smoothing.to_string();
            return Err(Error::Setting { setting: "label smoothing", expected, found });
        }
        let shape = data.example_shape();
        let refused = |augment: &Augment| {
            let expected = augment.rule().expects(shape).err()?;
            Some(Error::Setting {
                setting: "the examples' shape",
                expected: format!("{expected}, for the augmentation {augment}"),
                found: format!("{shape:?}"),
            })
        };
        self.augment.iter().find_map(refused).map_or(Ok(()), Err)
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
        // One output tells two classes.
        self.class_weights.check((*sizes.last().expect("a network has outputs")).max(2))?;
        check_learning_rate(&self.optimizer, learning_rate)?;
        let scaling = self.input_scaling;
        if let Some(factor) = scaling.filter(|factor| !(1e-6..=1e6).contains(factor)) {
            return out_of_range("input scaling", "a factor from 1e-6 to 1e6".to_owned(), factor.to_string());
        }
        let largest =
            self.groups.largest().max(scaling.unwrap_or(0.0)) * self.schedule.peak() * learning_rate;
        if check_learning_rate(&self.optimizer, largest).is_err() {
            let expected = format!("in range times the largest factor, {}", largest / learning_rate);
            return out_of_range("learning rate", expected, learning_rate.to_string());
        }
        let is_lambda = |lambda: f64| lambda >= 0.0 && (lambda as f32).is_finite();
        if !is_lambda(self.l1) {
            return out_of_range("l1", "at least 0".to_owned(), self.l1.to_string());
        }
        // Both together leave a weight its sign.
        let shrinks = largest * (self.l2 + self.weight_decay);
        for (setting, lambda) in [("l2", self.l2), ("weight decay", self.weight_decay)] {
            if !(is_lambda(lambda) && (shrinks < 1.0 || lambda == 0.0)) {
                let expected = "at least 0, and below 1/η together with other decay".to_owned();
                return out_of_range(setting, expected, lambda.to_string());
            }
        }
        if let Some(most) = self.max_norm {
            if scaling.is_some() {
                let expected = "none where the inputs' factors are learned".to_owned();
                return out_of_range("max norm", expected, most.to_string());
            }
            if sizes.len() < 3 {
                let expected = "none where there is no hidden layer".to_owned();
                return out_of_range("max norm", expected, most.to_string());
            }
            if !(most > 0.0 && (most as f32) > 0.0 && (most as f32).is_finite()) {
                return out_of_range("max norm", "a number above 0".to_owned(), most.to_string());
            }
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            let expected = "at least 0, and below 1".to_owned();
            return out_of_range("label smoothing", expected, self.label_smoothing.to_string());
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
