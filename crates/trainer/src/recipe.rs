//! Recipes: what a run uses where its user has said nothing.
//!
//! [`Recipe::Tutorial`] is for the tutorial's own network. [`Recipe::RealMlp`] is for tables, and is [below](#realmlp). [`Recipe::Auto`]
//! is for every other. It is a table of rules:
//!
//! | left unsaid | becomes | why |
//! |---|---|---|
//! | cost and output activation, for classes | categorical cross-entropy and softmax | probabilities, and the error A − Y, which no slope makes small |
//! | the cost after a given output | the one whose error after it is A − Y, else the quadratic cost | as above |
//! | the output before a given cost | the first of softmax, sigmoid and identity whose error is A − Y, else the last of them that the cost accepts | as above |
//! | output and cost for values | identity, and the quadratic cost | outputs of any size |
//! | hidden activation | sigmoid | it is the tutorial's |
//! | initial values | [`Activation::initializer`] of the hidden layers | activations and errors keep their size from layer to layer |
//! | η | η₀·√(B/16)/σ′, and more for rules that follow the gradient's size | flat activations need longer steps, and so do small errors |
//! | schedule of η | `linear(0.2,0.0)` | the rise bears a large η, the fall settles the weights |
//! | optimiser, minibatch size | `sgd`, 16 | they are the tutorial's |
//!
//! η₀ is the optimiser's own ([`Optimizer::learning_rates`]). σ′ is the steepest slope of the hidden activation, at least ¼ and at most
//! 1: ¼ for sigmoids, 1 for ReLU. Rules that follow the gradient's size ([`LearningRates::follow_gradients`]) learn classes with
//!
//! ```text
//! η = η₀·√(B/16)/σ′ · g/r, at most m·η₀/(κ·Σ·r)     g = 1/ε and m = 140 where the error is A − Y, else g = 2/ε and m = 100
//! ```
//!
//! 1. ε is the error δ of an output neuron for each unit that its output is off, where it is ½ and the target 1: 1 for the
//!    cross-entropies, 1 for the quadratic cost after the identity, ¼ after a sigmoid.
//! 2. κ = ε·σ_L′ is the curvature of the cost by the neuron's pre-activation: ¼, 1 and 1/16.
//! 3. Σ is the sum of the squares that the neuron expects as inputs, the width of the last hidden layer times E[σ(z)²] for z from
//!    N(0, 1). The curvature by the neuron's weights is κ·Σ.
//! 4. r is 1 for costs that are summed over the outputs, 1/n for means. ε and κ leave it out.
//! 5. D hidden layers of identities, ELUs or SELUs, which pass on numbers of either sign however large, have the D-th root of g, over
//!    √D: their weights multiply.
//!
//! The other rules move each weight as far, whatever the gradient. Their η is η₀·√(B/16)/σ′, over √D as in 5. If the last hidden layer
//! has n > 256 neurons, it is multiplied by a power of 256/n: ½ for one hidden layer, 1 for several, 1½ for several as in 5.
//!
//! # RealMLP
//!
//! [`Recipe::RealMlp`] is RealMLP-TD-S (Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees
//! on tabular data", 2024), whose values were tuned on 71 classification and 47 regression sets:
//!
//! | | classes | values |
//! |---|---|---|
//! | hidden layers | three of 256 | the same |
//! | activation | SELU | Mish |
//! | output and cost | softmax, cross-entropy with smoothing 0.1 | identity, mean square of standardised values |
//! | initial values | weights from N(0, 1/n_in), biases from N(0, 1), output layer 0 | the same |
//! | inputs | a learned [factor](Settings::input_scaling) each | the same |
//! | optimiser | `adam(0.9,0.95)` | the same |
//! | η | 0.04, times `coslog4` | 0.07, times `coslog4` |
//! | factors of η | 6 for the inputs' factors, 1/√n_in for weights, 0.1 for biases | the same |
//! | minibatches | 256 examples, the last, smaller one left out | the same |
//! | epochs | 256 | the same |
//! | answer | the epoch with the best accuracy on the validation set, of equal ones the last | the same by cost |
//!
//! The authors' network has weights from N(0, 1) and divides by √n_in. Adam moves these weights by 1/√n_in of its step, which is the
//! same but for its ε. The preparation that goes with it is [`Scale::Robust`](crate::data::Scale::Robust).

use crate::early_stopping::{EarlyStopping, Monitor, Ties};
use crate::network::Initializer;
use crate::network::activation::{Activation, Identity, Mish, Range, Selu, Sigmoid, Softmax};
use crate::network::cost::{BinaryCrossEntropy, CategoricalCrossEntropy, Cost, Mse, Quadratic};
use crate::optimizer::{Adam, Groups, LearningRates, Optimizer};
use crate::schedule::{CosLog4, Linear, Schedule};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The minibatch size that η₀ is for.
const BATCH_SIZE: usize = 16;

/// The rules that complete a user's choices.
///
/// ```
/// use minibatch::recipe::{Choices, Recipe};
///
/// // Nothing is chosen but the size of the hidden layer.
/// let choices = Choices::default();
/// assert_eq!(Recipe::of(&choices, &[32]), Recipe::Tutorial);
/// assert_eq!(Recipe::of(&choices, &[100]), Recipe::Auto);
/// let chosen = Recipe::Auto.complete(&choices, &[100], Some(10));
/// assert_eq!((chosen.output.name(), chosen.cost.name()), ("softmax", "categorical-cross-entropy"));
/// assert_eq!(chosen.schedule.to_string(), "linear(0.2,0.0)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// The tutorial's: sigmoids, the quadratic cost, weights from N(0, 1), a constant η. It learns with few hidden neurons.
    Tutorial,
    /// The rules of this module's table.
    Auto,
    /// RealMLP-TD-S, for tables.
    #[serde(rename = "realmlp")]
    RealMlp,
}

/// The choices of a user. `None` is left to the recipe.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// σ of the hidden layers
    pub activation: Option<Arc<dyn Activation>>,
    /// σ_L
    pub output: Option<Arc<dyn Activation>>,
    /// C
    pub cost: Option<Arc<dyn Cost>>,
    /// The distribution of the first weights and biases.
    pub initializer: Option<Initializer>,
    /// The optimiser.
    pub optimizer: Option<Optimizer>,
    /// η
    pub learning_rate: Option<f64>,
    /// The schedule of η.
    pub schedule: Option<Schedule>,
    /// B
    pub batch_size: Option<usize>,
}

/// All choices, those of the user and those of the recipe.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// σ of the hidden layers
    pub activation: Arc<dyn Activation>,
    /// σ_L
    pub output: Arc<dyn Activation>,
    /// C
    pub cost: Arc<dyn Cost>,
    /// The distribution of the first weights and biases.
    pub initializer: Initializer,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// η
    pub learning_rate: f64,
    /// The schedule of η.
    pub schedule: Schedule,
    /// B
    pub batch_size: usize,
    /// Whether the output layer starts at 0.
    pub zero_output_layer: bool,
}

impl Recipe {
    /// The hidden layers that it is for, where they are left unsaid.
    #[must_use]
    pub fn hidden(self) -> &'static [usize] {
        match self {
            Recipe::Tutorial | Recipe::Auto => &[32],
            Recipe::RealMlp => &[256; 3],
        }
    }

    /// The settings of a run with all that is `chosen`, on targets that are one of so many `classes`, or values.
    ///
    /// ```
    /// use minibatch::recipe::{Choices, Recipe};
    ///
    /// let chosen = Recipe::RealMlp.complete(&Choices::default(), Recipe::RealMlp.hidden(), None);
    /// let settings = Recipe::RealMlp.settings(&chosen, None);
    /// assert_eq!((settings.epochs, settings.learning_rate, settings.input_scaling), (256, 0.07, Some(6.0)));
    /// ```
    #[must_use]
    pub fn settings(self, chosen: &Chosen, classes: Option<usize>) -> Settings {
        let plain = Settings {
            learning_rate: chosen.learning_rate,
            optimizer: chosen.optimizer.clone(),
            schedule: chosen.schedule.clone(),
            batch_size: chosen.batch_size,
            ..Settings::default()
        };
        if self != Recipe::RealMlp {
            return plain;
        }
        let epochs = 256;
        let monitor = if classes.is_some() { Monitor::Accuracy } else { Monitor::Cost };
        // The run never ends early.
        let best = EarlyStopping { patience: epochs, monitor, ties: Ties::Last, ..EarlyStopping::default() };
        Settings {
            epochs,
            label_smoothing: if classes.is_some() { 0.1 } else { 0.0 },
            groups: Groups { biases: 0.1, fan_in: true, ..Groups::default() },
            input_scaling: Some(6.0),
            drop_last: true,
            early_stopping: Some(best),
            ..plain
        }
    }

    /// The recipe for a network with these `hidden` layers: the tutorial's for 32 sigmoids, sigmoids as outputs, the quadratic cost
    /// and plain descent, be they chosen or left unsaid. The identity as output is the tutorial's for values.
    #[must_use]
    pub fn of(choices: &Choices, hidden: &[usize]) -> Recipe {
        let Choices { activation, output, cost, optimizer, .. } = choices;
        let is_sigmoid = |activation: &Arc<dyn Activation>| activation.name() == Sigmoid.name();
        let is_tutorials = hidden == [32]
            && activation.as_ref().is_none_or(is_sigmoid)
            && output.as_ref().is_none_or(is_sigmoid)
            && cost.as_ref().is_none_or(|cost| cost.name() == Quadratic.name())
            && optimizer.as_ref().is_none_or(Optimizer::is_plain);
        if is_tutorials { Recipe::Tutorial } else { Recipe::Auto }
    }

    /// The choices that the recipe makes beside those of the user, in words, each with what it is made for.
    #[must_use]
    pub fn reasons(self, choices: &Choices, chosen: &Chosen) -> Vec<String> {
        let (hidden, output) = (chosen.activation.name(), chosen.output.name());
        let of_rate = format!("η for {} before {output} and {}", chosen.optimizer.name(), chosen.cost.name());
        if self == Recipe::RealMlp {
            return vec!["what Holzmüller et al. (2024) tuned for tables".to_owned()];
        }
        let made = [
            (choices.cost.is_none(), format!("cost for {output}")),
            (choices.output.is_none(), format!("output for {}", chosen.cost.name())),
            (choices.initializer.is_none(), format!("initial values for {hidden}")),
            (choices.learning_rate.is_none(), of_rate),
            (choices.schedule.is_none(), "schedule to settle the weights".to_owned()),
        ];
        made.into_iter()
            .filter(|(unsaid, _)| *unsaid && self == Recipe::Auto)
            .map(|(_, words)| words)
            .collect()
    }

    /// Completes `choices` for a network with these `hidden` layers, and targets that are one of so many `classes`, or values.
    #[must_use]
    pub fn complete(self, choices: &Choices, hidden: &[usize], classes: Option<usize>) -> Chosen {
        if self == Recipe::RealMlp {
            return realmlp(choices, classes.is_some());
        }
        let optimizer = choices.optimizer.clone().unwrap_or_default();
        let activation = choices.activation.clone().unwrap_or_else(|| Arc::new(Sigmoid));
        let batch_size = choices.batch_size.unwrap_or(BATCH_SIZE);
        let rates = optimizer.learning_rates();
        let (output, cost) = self.output_and_cost(choices, classes.is_some());
        let learning_rate = choices.learning_rate.unwrap_or_else(|| match (self, classes) {
            (Recipe::Tutorial, Some(_)) => rates.sigmoid,
            (Recipe::Tutorial, None) => rates.values,
            (_, classes) => {
                learning_rate(rates, (&*activation, &*output, &*cost), hidden, classes, batch_size)
            }
        });
        let is_tutorials = self == Recipe::Tutorial;
        let initializer = if is_tutorials { Initializer::default() } else { activation.initializer() };
        let schedule = if is_tutorials { Schedule::CONSTANT } else { Schedule::new(Linear::default()) };
        Chosen {
            initializer: choices.initializer.unwrap_or(initializer),
            schedule: choices.schedule.clone().unwrap_or(schedule),
            activation,
            output,
            cost,
            optimizer,
            learning_rate,
            batch_size,
            zero_output_layer: false,
        }
    }

    /// A reason why a run with these choices is likely to learn badly, in words.
    #[must_use]
    pub fn warning(self, chosen: &Chosen, hidden: &[usize], classes: Option<usize>) -> Option<String> {
        let Chosen { activation, initializer, .. } = chosen;
        if let Some(warning) = classes.and_then(|classes| warning_for_classes(self, chosen, hidden, classes))
        {
            return Some(warning);
        }
        let saturates = activation.range() < Range::Unit && *initializer == Initializer::StandardNormal;
        (saturates && !hidden.is_empty()).then(|| {
            let (activation, better) = (activation.name(), activation.initializer().name());
            format!("weights from N(0, 1) saturate {activation} from the start; it usually learns better with --init {better}")
        })
    }

    fn output_and_cost(self, choices: &Choices, classes: bool) -> (Arc<dyn Activation>, Arc<dyn Cost>) {
        let quadratic = || -> Arc<dyn Cost> { Arc::new(Quadratic) };
        let usual: Arc<dyn Activation> = match (self, classes) {
            (_, false) => Arc::new(Identity),
            (Recipe::Tutorial, true) => Arc::new(Sigmoid),
            (_, true) => Arc::new(Softmax),
        };
        match (&choices.output, &choices.cost) {
            (Some(output), Some(cost)) => (Arc::clone(output), Arc::clone(cost)),
            (None, Some(cost)) if self == Recipe::Tutorial => (usual, Arc::clone(cost)),
            (None, Some(cost)) => (output_before(&**cost, classes), Arc::clone(cost)),
            (Some(output), None) => (Arc::clone(output), self.cost_after(&**output, classes)),
            (None, None) if self == Recipe::Tutorial || !classes => (usual, quadratic()),
            (None, None) => (usual, Arc::new(CategoricalCrossEntropy)),
        }
    }

    /// The cost whose error after `output` is A − Y, else the quadratic one. Values may lie outside what the others accept.
    fn cost_after(self, output: &dyn Activation, classes: bool) -> Arc<dyn Cost> {
        let candidates: [Arc<dyn Cost>; 2] =
            [Arc::new(CategoricalCrossEntropy), Arc::new(BinaryCrossEntropy)];
        let matching =
            candidates.into_iter().find(|cost| cost.accepts(output.range()) && cost.matches(output));
        matching.filter(|_| classes && self == Recipe::Auto).unwrap_or_else(|| Arc::new(Quadratic))
    }
}

/// RealMLP's choices beside those of the user.
fn realmlp(choices: &Choices, classes: bool) -> Chosen {
    let adam = Adam::new(0.9, 0.95, 1e-8).expect("parameters in range");
    let activation = || -> Arc<dyn Activation> { if classes { Arc::new(Selu) } else { Arc::new(Mish) } };
    let mut choices = choices.clone();
    if choices.cost.is_none() && choices.output.is_none() && !classes {
        choices.cost = Some(Arc::new(Mse));
    }
    let (output, cost) = Recipe::RealMlp.output_and_cost(&choices, classes);
    Chosen {
        activation: choices.activation.unwrap_or_else(activation),
        output,
        cost,
        initializer: choices.initializer.unwrap_or(Initializer::FanInNormal),
        optimizer: choices.optimizer.unwrap_or_else(|| Optimizer::new(adam)),
        learning_rate: choices.learning_rate.unwrap_or(if classes { 0.04 } else { 0.07 }),
        schedule: choices.schedule.unwrap_or_else(|| Schedule::new(CosLog4::default())),
        batch_size: choices.batch_size.unwrap_or(256),
        zero_output_layer: true,
    }
}

/// A reason why classes are likely to be learned badly.
fn warning_for_classes(recipe: Recipe, chosen: &Chosen, hidden: &[usize], classes: usize) -> Option<String> {
    let Chosen { activation, output, cost, .. } = chosen;
    let name = output.name();
    if let Some(defect) = cost.defect_for_classes(&**output) {
        return Some(format!("{defect}; leave out --cost for one that learns classes better"));
    }
    // Far below 0 the slope is 0, or leads further down.
    if !output.is_row_wise() && output.derivative(-3.0) <= 0.0 {
        return Some(format!(
            "an output of {name} that falls far below 0 learns no more; classes are learned better with --output-activation softmax"
        ));
    }
    let is_narrow = hidden.iter().any(|&width| width < 2 * classes);
    let is_nearly_linear = mean_slope(&**activation) > 0.9;
    let overshoots = !output.is_row_wise() && (output.value(3.0) > 1.1 || output.value(-3.0) < -0.1);
    let punishes = overshoots && cost.derivative(1.5, 1.0) > 0.0;
    if punishes && (hidden.len() < 2 || is_narrow || is_nearly_linear) {
        let cost = cost.name();
        return Some(format!(
            "{cost} after {name} punishes answers that are more than right; classes are learned better with --output-activation softmax"
        ));
    }
    if overshoots && activation.name() == Identity.name() {
        return Some(format!(
            "a linear network with outputs of {name} learns classes badly; they are learned better with --output-activation softmax"
        ));
    }
    // The tutorial's recipe is for small networks.
    let is_small = hidden.len() == 1 && is_narrow && recipe == Recipe::Auto;
    (is_small && !(output.is_row_wise() && cost.matches(&**output))).then(|| {
        format!(
            "a layer of {} neurons can hardly keep {classes} classes apart with {} and {name}; classes are learned better with \
             more neurons, or with --output-activation softmax and --cost categorical-cross-entropy",
            hidden[0],
            cost.name()
        )
    })
}

/// The output activation before `cost`.
fn output_before(cost: &dyn Cost, classes: bool) -> Arc<dyn Activation> {
    let candidates: [Arc<dyn Activation>; 3] = [Arc::new(Identity), Arc::new(Sigmoid), Arc::new(Softmax)];
    let accepted = || candidates.iter().filter(|output| cost.accepts(output.range()));
    let matching = accepted().rev().find(|output| classes && cost.matches(&***output));
    let first = if classes { accepted().next_back() } else { accepted().next() };
    matching.or(first).cloned().unwrap_or_else(|| Arc::new(Identity))
}

/// η of [`Recipe::Auto`] for hidden and output activation and cost.
fn learning_rate(
    rates: LearningRates,
    (activation, output, cost): (&dyn Activation, &dyn Activation, &dyn Cost),
    hidden: &[usize],
    classes: Option<usize>,
    batch_size: usize,
) -> f64 {
    let flat_hidden = if hidden.is_empty() { 1.0 } else { steepest(activation).recip().clamp(1.0, 4.0) };
    let rate = if classes.is_some() { rates.other } else { rates.values };
    let rate = rate * flat_hidden * libm::sqrt(batch_size as f64 / BATCH_SIZE as f64);
    let layers = if passes_on(activation) { hidden.len().max(1) } else { 1 } as f64;
    let width = hidden.last().map_or(1.0, |&width| width as f64);
    if !rates.follow_gradients {
        // A step moves each weight as far, so the sum over a wide layer's inputs moves further.
        let power = if layers > 1.0 { 1.5 } else { 0.5 * hidden.len().min(2) as f64 };
        let shorter = libm::pow((256.0 / width).min(1.0), power);
        return two_digits(rate * shorter / libm::sqrt(layers));
    }
    let Some(classes) = classes else { return two_digits(rate) };
    let Sensitivity { error, curvature } = Sensitivity::of(cost, output, classes);
    // An error of A − Y is as large as the output is off. Others fade where the output saturates, or grow with its slope.
    let (gain, most) = if cost.matches(output) { (1.0, 140.0) } else { (2.0, 100.0) };
    let gain = libm::pow(gain / error, layers.recip()) / libm::sqrt(layers);
    let squares = if hidden.is_empty() { 1.0 } else { width * mean_square(activation) };
    let rate = (gain * rate).min(most * rates.other / (curvature * squares));
    two_digits(rate / cost.reduction().factor(classes))
}

/// `x` with the two digits that say all the rules know.
fn two_digits(x: f64) -> f64 {
    format!("{x:.1e}").parse().unwrap_or(x)
}

/// The slope of σ just above 0, or far above it. That of ReLU at 0 is a convention.
fn steepest(activation: &dyn Activation) -> f64 {
    activation.derivative(1e-3).max(activation.derivative(3.0))
}

/// Whether layers of `activation` pass on numbers of either sign, however large: the identity, ELU and SELU. The weights of such
/// layers multiply.
fn passes_on(activation: &dyn Activation) -> bool {
    activation.value(3.0) > 2.0 && activation.value(-3.0) < -0.5
}

/// The node beside 0 of the Gauss–Hermite rule of three points: its weight is 1/6, that of 0 is 2/3.
const NODE: f64 = 1.732_050_807_568_877_2;

/// E[σ(z)²] for z from N(0, 1).
fn mean_square(activation: &dyn Activation) -> f64 {
    let square = |z: f64| activation.value(z) * activation.value(z);
    (square(NODE) + square(-NODE)) / 6.0 + square(0.0) * 2.0 / 3.0
}

/// E[σ′(z)] = E[z·σ(z)] for z from N(0, 1).
fn mean_slope(activation: &dyn Activation) -> f64 {
    NODE * (activation.value(NODE) - activation.value(-NODE)) / 6.0
}

/// The sensitivity of an output neuron to a cost that is summed over the outputs, in the class whose target is 1, at an output of ½.
struct Sensitivity {
    /// ε: the error δ = ∂C/∂z for each unit that the output is off. It is σ′ times the slope of ∂C/∂a (that of its chord to the target,
    /// which costs with a kink have too).
    error: f64,
    /// κ: the curvature of the cost by z, σ′·ε.
    curvature: f64,
}

impl Sensitivity {
    fn of(cost: &dyn Cost, output: &dyn Activation, classes: usize) -> Sensitivity {
        const HALF: f64 = 0.5;
        let (slope, others) = match output.is_row_wise() {
            // The other classes share the other half, and the error is a·(1 − a)·(∂C/∂a − their mean of it).
            true => (0.25, cost.derivative(HALF / (classes - 1).max(1) as f64, 0.0)),
            false => (output.derivative(1e-3), 0.0),
        };
        let chord = (cost.derivative(HALF, 1.0) - others).abs() / HALF;
        // A user's cost may have no slope here.
        let error = (chord * slope).clamp(0.1, 10.0);
        Sensitivity { error, curvature: error * slope }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Recipe::Tutorial => "tutorial",
            Recipe::Auto => "auto",
            Recipe::RealMlp => "realmlp",
        })
    }
}
