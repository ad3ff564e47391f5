//! Optimisers: the rules by which weights and biases follow from their gradient. Each has a file, and a line in
//! [`Optimizer::all`].
//!
//! In the formulas p is a weight or a bias, g its gradient (the mean over the minibatch), and η the learning rate. The *moments*
//! of an optimiser are the numbers that it remembers for each p. They start at 0. A moment smaller than 2⁻⁹⁶ is replaced by +0.
//!
//! An optimiser is a [`Formula`], its arithmetic, and a [`Rule`], everything else. The formula is written once over [`Element`]:
//! in f64 it is the definition, in registers the kernel. Two bounds follow from it too: how large numbers can become in a step,
//! and how far f32 may stray from the definition. [`Optimizer::new`] makes an optimiser of your own:
//!
//! ```
//! use minibatch::optimizer::{At, COEFFICIENTS, Element, Formula, LearningRates, Rule};
//! use minibatch::Optimizer;
//!
//! /// The sign of the gradient, times η.
//! #[derive(Clone, Debug)]
//! struct Signs;
//!
//! impl Formula for Signs {
//!     const MOMENTS: usize = 1;
//!
//!     #[inline(always)]
//!     fn step<E: Element>(&self, [rate, ..]: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
//!         let (zero, one) = (E::of(0.0), E::of(1.0));
//!         moments[0] = g.select(zero, one, zero.select(g, -one, zero));
//!         *p = (-rate).mul_add(moments[0], *p);
//!     }
//! }
//!
//! impl Rule for Signs {
//!     fn name(&self) -> &'static str {
//!         "signs"
//!     }
//!
//!     fn with_parameters(&self, _: &[f64]) -> Option<Optimizer> {
//!         Some(Optimizer::new(Signs))
//!     }
//!
//!     fn learning_rates(&self) -> LearningRates {
//!         LearningRates::everywhere(1e-3)
//!     }
//!
//!     fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
//!         [at.learning_rate, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
//!     }
//! }
//!
//! assert_eq!(Optimizer::new(Signs).to_string(), "signs");
//! ```

mod adagrad;
mod adam;
mod adamw;
mod momentum;
mod nadam;
mod nesterov;
mod range;
mod rmsprop;
mod rule;
mod sgd;
mod state;
mod step;

pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use minibatch_kernels::{COEFFICIENTS, Element, Formula, MOST_MOMENTS};
pub use momentum::Momentum;
pub use nadam::NAdam;
pub use nesterov::Nesterov;
pub use rmsprop::{CentredRmsProp, RmsProp};
pub use rule::{At, LearningRates, MomentName, Rule};
pub use state::OptimizerState;
pub(crate) use state::{LayerState, Moment};
pub(crate) use step::{Growth, Step};

use crate::bounded::Bounded;
use sgd::Sgd;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use step::WithFormula;

/// An optimiser with its parameters.
///
/// The text of an optimiser is its name. All of its parameters, or the first of them, may follow:
///
/// ```
/// use minibatch::Optimizer;
///
/// let adam: Optimizer = "adam(0.9,0.99)".parse()?;
/// assert_eq!(adam.to_string(), "adam(0.9,0.99,1e-8)");
/// assert_eq!("sgd".parse(), Ok(Optimizer::SGD));
/// assert_eq!(adam.learning_rates().sigmoid, 0.001);
///
/// let error = "momentum(1)".parse::<Optimizer>().unwrap_err();
/// assert_eq!(error.to_string(), "optimiser 'momentum(1)': expected momentum(μ) with 0 ≤ μ < 1");
/// # Ok::<(), minibatch::optimizer::OptimizerError>(())
/// ```
#[derive(Clone, Default)]
pub struct Optimizer(
    /// `None` in plain gradient descent.
    Option<Arc<dyn WithFormula>>,
);

impl Optimizer {
    /// Plain gradient descent: p ← p − η·g.
    pub const SGD: Optimizer = Optimizer(None);

    /// The optimiser with this rule and formula.
    pub fn new(rule: impl Rule + Formula) -> Optimizer {
        Optimizer(Some(Arc::new(rule)))
    }

    /// Every optimiser, with its usual parameters.
    pub fn all() -> Vec<Optimizer> {
        vec![
            Optimizer::SGD,
            Optimizer::new(Momentum::default()),
            Optimizer::new(Nesterov::default()),
            Optimizer::new(Adagrad::default()),
            Optimizer::new(RmsProp::default()),
            Optimizer::new(CentredRmsProp::default()),
            Optimizer::new(Adam::default()),
            Optimizer::new(AdamW::default()),
            Optimizer::new(NAdam::default()),
        ]
    }

    fn rule(&self) -> &dyn Rule {
        self.0.as_ref().map_or(&Sgd, |rule| rule.rule())
    }

    /// The name without parameters: lower case, as the command line takes it.
    pub fn name(&self) -> &'static str {
        self.rule().name()
    }

    /// The learning rates η to begin with.
    pub fn learning_rates(&self) -> LearningRates {
        self.rule().learning_rates()
    }

    /// The parameters, in the order in which they are written.
    pub fn parameters(&self) -> Vec<f64> {
        self.rule().parameters()
    }

    /// The number of moments of each weight and bias, from 0 to [`MOST_MOMENTS`].
    pub fn moments(&self) -> usize {
        self.0.as_ref().map_or(0, |rule| rule.moments())
    }

    /// Takes one step of one parameter in f64. It is the definition, which the kernels are checked against.
    ///
    /// # Panics
    ///
    /// If there are more or fewer moments or scalars than the optimiser has.
    pub fn exact(&self, at: At<'_>, p: &mut f64, moments: &mut [f64], g: f64) {
        assert_eq!(moments.len(), self.moments(), "moments of an optimiser");
        match &self.0 {
            None => *p -= at.learning_rate * g,
            Some(rule) => rule.step_over(self.rule().coefficients(at), p, moments, g),
        }
    }

    /// Takes the step of [`exact`](Self::exact) on numbers that each have an error.
    pub(crate) fn bounded(&self, at: At<'_>, p: &mut Bounded, moments: &mut [Bounded], g: Bounded) {
        match &self.0 {
            None => *p = Bounded::of(-at.learning_rate).mul_add(g, *p),
            Some(rule) => rule.step_over(self.rule().coefficients(at).map(Bounded::of), p, moments, g),
        }
    }

    /// The scalars before the first step.
    pub(crate) fn scalars(&self) -> Vec<f64> {
        self.rule().scalars()
    }

    /// Makes the scalars those of the next step.
    pub(crate) fn advance(&self, scalars: &mut [f64]) {
        self.rule().advance(scalars);
    }

    /// Whether decay alone leaves weights their signs at this learning rate: 1 − ηλ > 0.
    pub(crate) fn keeps_signs(&self, learning_rate: f64) -> bool {
        self.rule().decay(learning_rate) as f32 > 0.0
    }

    /// The moments by their names, as many as there are.
    pub(crate) fn moment_names(&self) -> Vec<MomentName> {
        const UNNAMED: [&str; MOST_MOMENTS] = ["1", "2", "3", "4"];
        let mut names = self.rule().moment_names();
        names.extend(UNNAMED.into_iter().map(MomentName::signed).skip(names.len()));
        names.truncate(self.moments());
        names
    }

    /// The optimiser with `given` in place of all its parameters, or of the first of them. `None` if they don't fit.
    fn with_first_parameters(&self, given: &[f64]) -> Option<Optimizer> {
        let mut parameters = self.parameters();
        parameters.get_mut(..given.len())?.copy_from_slice(given);
        self.rule().with_parameters(&parameters)
    }

    /// Reads `text`, which names one of `known`.
    ///
    /// # Errors
    ///
    /// If it names none of them, or its parameters don't fit.
    pub(crate) fn read(text: &str, known: &[Optimizer]) -> Result<Optimizer, OptimizerError> {
        let (name, given) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => (name, Some(rest)),
        };
        let Some(usual) = known.iter().find(|optimizer| optimizer.name() == name) else {
            let known = known.iter().map(Optimizer::name).collect::<Vec<_>>().join(", ");
            return Err(OptimizerError::Unknown { text: text.to_owned(), known });
        };
        let invalid = || OptimizerError::Parameters {
            text: text.to_owned(),
            expected: usual.rule().usage().to_owned(),
        };
        let Some(given) = given else { return Ok(usual.clone()) };
        let given = given.strip_suffix(')').ok_or_else(invalid)?;
        let given: Vec<f64> =
            given.split(',').map(|x| x.trim().parse().map_err(|_| invalid())).collect::<Result<_, _>>()?;
        usual.with_first_parameters(&given).ok_or_else(invalid)
    }
}

/// Optimisers are equal if their names and parameters are.
impl PartialEq for Optimizer {
    fn eq(&self, other: &Optimizer) -> bool {
        self.name() == other.name() && self.parameters() == other.parameters()
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let parameters = self.parameters();
        for (i, parameter) in parameters.iter().enumerate() {
            write!(f, "{}{parameter:?}", if i == 0 { "(" } else { "," })?;
        }
        if parameters.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Optimizer({self})")
    }
}

impl FromStr for Optimizer {
    type Err = OptimizerError;

    /// Reads the name of a built-in optimiser. A [`Registry`](crate::Registry) knows others.
    fn from_str(text: &str) -> Result<Optimizer, OptimizerError> {
        Optimizer::read(text, &Optimizer::all())
    }
}

/// The reason why a text is no optimiser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptimizerError {
    /// No optimiser has that name.
    #[error("unknown optimiser '{text}': expected {known}")]
    Unknown {
        /// The text that was given.
        text: String,
        /// The known names.
        known: String,
    },
    /// The optimiser doesn't take those parameters.
    #[error("optimiser '{text}': expected {expected}")]
    Parameters {
        /// The text that was given.
        text: String,
        /// The form that the optimiser takes, with the ranges of its parameters.
        expected: String,
    },
}

#[cfg(test)]
mod tests;
