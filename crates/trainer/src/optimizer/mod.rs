//! Optimisers: how weights and biases follow from their gradient. One file each, and a line in [`Optimizer::all`].
//!
//! In the formulas p is a weight or a bias, g its gradient, the mean over the minibatch, and η the learning rate. What an optimiser
//! remembers of each p, its *moments*, starts at 0; a moment smaller than 2⁻⁹⁶ is replaced by +0.

mod adam;
mod adamw;
mod momentum;
mod nesterov;
mod sgd;
mod state;

pub use adam::Adam;
pub use adamw::AdamW;
pub use momentum::Momentum;
pub use nesterov::Nesterov;
pub(crate) use state::LayerState;
pub use state::OptimizerState;

use minibatch_kernels::Descent;
use sgd::Sgd;
use std::fmt;
use std::str::FromStr;

/// An optimiser with its parameters.
///
/// Its text is its name. The parameters, all or the first of them, may follow:
///
/// ```
/// use minibatch::Optimizer;
///
/// let adam: Optimizer = "adam(0.9,0.99)".parse()?;
/// assert_eq!(adam.to_string(), "adam(0.9,0.99,1e-8)");
/// assert_eq!("sgd".parse(), Ok(Optimizer::default()));
/// assert_eq!(adam.usual_learning_rate(), 0.001);
///
/// let error = "momentum(1)".parse::<Optimizer>().unwrap_err();
/// assert_eq!(error.to_string(), "optimiser 'momentum(1)': expected momentum(μ) with 0 ≤ μ < 1");
/// # Ok::<(), minibatch::optimizer::OptimizerError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Optimizer {
    /// Plain gradient descent.
    #[default]
    Sgd,
    /// With momentum.
    Momentum(Momentum),
    /// With Nesterov's momentum.
    Nesterov(Nesterov),
    /// Adam.
    Adam(Adam),
    /// Adam with decoupled weight decay.
    AdamW(AdamW),
}

impl Optimizer {
    /// Every optimiser, with its usual parameters.
    pub fn all() -> [Optimizer; 5] {
        [
            Optimizer::Sgd,
            Optimizer::Momentum(Momentum::default()),
            Optimizer::Nesterov(Nesterov::default()),
            Optimizer::Adam(Adam::default()),
            Optimizer::AdamW(AdamW::default()),
        ]
    }

    fn rule(&self) -> &dyn Rule {
        match self {
            Optimizer::Sgd => &Sgd,
            Optimizer::Momentum(momentum) => momentum,
            Optimizer::Nesterov(nesterov) => nesterov,
            Optimizer::Adam(adam) => adam,
            Optimizer::AdamW(adamw) => adamw,
        }
    }

    /// The name without parameters: lower case, as the command line takes it.
    pub fn name(&self) -> &'static str {
        self.rule().name()
    }

    /// The η to begin with: with sigmoids, the quadratic cost and small minibatches for descent with or without momentum, about
    /// everywhere for Adam.
    pub fn usual_learning_rate(&self) -> f64 {
        self.rule().usual_learning_rate()
    }

    /// The parameters, in the order in which they are written.
    pub fn parameters(&self) -> Vec<f64> {
        self.rule().parameters()
    }

    /// Moments of each weight and bias: 0, 1 or 2.
    pub fn moments(&self) -> usize {
        self.rule().moments()
    }

    /// One step of one parameter in f64: the definition, and the oracle that the kernels are checked against.
    pub fn exact(&self, at: Exact) -> Exact {
        self.rule().exact(at)
    }

    /// β₁ and β₂ of the running products.
    pub(crate) fn betas(&self) -> Option<[f64; 2]> {
        self.rule().betas()
    }

    /// Whether decay alone leaves weights their signs at this learning rate: 1 − ηλ > 0.
    pub(crate) fn keeps_signs(&self, learning_rate: f64) -> bool {
        (1.0 - learning_rate * self.rule().decay()) as f32 > 0.0
    }

    /// The next step from `state`, for a minibatch of `rows` examples.
    pub(crate) fn step(&self, learning_rate: f64, rows: usize, state: &OptimizerState) -> Step {
        let powers = state.next_powers(self.betas());
        let descent = self.rule().descent(learning_rate, powers);
        let factor = if descent.is_some() { 1.0 } else { -learning_rate };
        Step { factor: (factor / rows as f64) as f32, descent, powers }
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let parameters = self.rule().parameters();
        for (i, parameter) in parameters.iter().enumerate() {
            write!(f, "{}{parameter:?}", if i == 0 { "(" } else { "," })?;
        }
        if parameters.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl FromStr for Optimizer {
    type Err = OptimizerError;

    fn from_str(text: &str) -> Result<Optimizer, OptimizerError> {
        let (name, given) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => (name, Some(rest)),
        };
        let Some(usual) = Optimizer::all().into_iter().find(|optimizer| optimizer.name() == name) else {
            return Err(OptimizerError::Unknown { text: text.to_owned() });
        };
        let invalid = || OptimizerError::Parameters { text: text.to_owned(), expected: usual.rule().usage() };
        let Some(given) = given else { return Ok(usual) };
        let given = given.strip_suffix(')').ok_or_else(invalid)?;
        let mut parameters = usual.rule().parameters();
        let given: Vec<f64> =
            given.split(',').map(|x| x.trim().parse().map_err(|_| invalid())).collect::<Result<_, _>>()?;
        parameters.get_mut(..given.len()).ok_or_else(invalid)?.copy_from_slice(&given);
        usual.rule().with_parameters(&parameters).ok_or_else(invalid)
    }
}

/// Why a text is no optimiser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptimizerError {
    /// No optimiser has that name.
    #[error("unknown optimiser '{text}': expected {}", Optimizer::all().map(|known| known.name()).join(", "))]
    Unknown {
        /// The text that was given.
        text: String,
    },
    /// The optimiser doesn't take those parameters.
    #[error("optimiser '{text}': expected {expected}")]
    Parameters {
        /// The text that was given.
        text: String,
        /// The form that it takes.
        expected: &'static str,
    },
}

/// One parameter in f64, before or after a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exact {
    /// The weight or bias.
    pub p: f64,
    /// Its first moment, if the optimiser has one.
    pub m: f64,
    /// Its second moment, if the optimiser has one.
    pub v: f64,
    /// Its gradient, the mean over the minibatch.
    pub g: f64,
    /// η
    pub learning_rate: f64,
    /// β₁ᵗ and β₂ᵗ at this step, the t-th.
    pub powers: [f64; 2],
    /// Whether it is a weight: biases aren't decayed.
    pub is_weight: bool,
}

/// The rule of an optimiser.
trait Rule {
    /// The name without parameters.
    fn name(&self) -> &'static str;

    /// The form of its text, with the ranges of its parameters.
    fn usage(&self) -> &'static str;

    /// Its parameters, in the order in which they are written.
    fn parameters(&self) -> Vec<f64>;

    /// The same rule with as many other parameters; `None` if one is out of range.
    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer>;

    fn usual_learning_rate(&self) -> f64;

    /// Moments of each parameter.
    fn moments(&self) -> usize {
        0
    }

    /// β₁ and β₂, where the step depends on their powers.
    fn betas(&self) -> Option<[f64; 2]> {
        None
    }

    /// λ
    fn decay(&self) -> f64 {
        0.0
    }

    /// The step as the kernels take it, `powers` being β₁ᵗ and β₂ᵗ; `None` if the product of the gradient takes it by itself.
    fn descent(&self, learning_rate: f64, powers: [f64; 2]) -> Option<Descent>;

    /// The definition.
    fn exact(&self, at: Exact) -> Exact;
}

/// 0 ≤ x < 1, as an f32 too.
fn is_fraction(x: f64) -> bool {
    (0.0..1.0).contains(&x) && (x as f32) < 1.0
}

/// One step of a run: what all layers' updates have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Folded into Δ_l: −η/B for plain descent, whose gradient product starts from the parameters, else 1/B.
    pub(crate) factor: f32,
    /// The step that follows the gradient product.
    pub(crate) descent: Option<Descent>,
    /// β₁ᵗ and β₂ᵗ
    powers: [f64; 2],
}

#[cfg(test)]
mod tests;
