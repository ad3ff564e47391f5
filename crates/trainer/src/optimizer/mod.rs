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
mod groups;
mod interval;
mod momentum;
mod nadam;
mod nesterov;
mod rmsprop;
mod rule;
mod sgd;
mod state;
mod step;

pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use groups::Groups;
pub use minibatch_kernels::{COEFFICIENTS, Element, Formula, MOST_MOMENTS};
pub use momentum::Momentum;
pub use nadam::NAdam;
pub use nesterov::Nesterov;
pub use rmsprop::{CentredRmsProp, RmsProp};
pub use rule::{At, LearningRates, MomentName, Rule};
pub(crate) use state::LayerState;
pub use state::OptimizerState;
pub(crate) use step::{Growth, LayerStep, Penalties, PlainStep, Rates, RuleStep, Step};

use crate::bounded::Bounded;
use crate::label::technique;
use sgd::Sgd;
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
/// # Ok::<(), minibatch::LabelError>(())
/// ```
///
/// In serde's formats an optimiser is this text. Only the built-in ones are read from it.
#[derive(Clone, Default)]
pub struct Optimizer(
    /// `None` in plain gradient descent.
    Option<Arc<dyn WithFormula>>,
);

impl Optimizer {
    /// Plain gradient descent: p ← p − η·g.
    pub const SGD: Optimizer = Optimizer(None);

    /// The optimiser with this rule and formula.
    pub fn new<R: Rule + Formula>(rule: R) -> Optimizer {
        const { assert!(R::MOMENTS > 0, "an optimiser but plain descent has moments") };
        Optimizer(Some(Arc::new(rule)))
    }

    /// Every optimiser, with its usual parameters.
    #[must_use]
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

    /// The formula. That of plain descent serves where a gradient stands by itself.
    fn formula(&self) -> &dyn WithFormula {
        self.0.as_deref().unwrap_or(&Sgd)
    }

    fn rule(&self) -> &dyn Rule {
        self.formula().rule()
    }

    /// Whether it is plain descent, whose gradient product goes on from the parameters.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.is_none()
    }

    /// The learning rates η to begin with.
    #[must_use]
    pub fn learning_rates(&self) -> LearningRates {
        self.rule().learning_rates()
    }

    /// The number of moments of each weight and bias, from 0 to [`MOST_MOMENTS`].
    #[must_use]
    pub fn moments(&self) -> usize {
        self.formula().moments()
    }

    /// Takes one step of one parameter in f64. It is the definition, which the kernels are checked against.
    ///
    /// # Panics
    ///
    /// If there are more or fewer moments or scalars than the optimiser has.
    pub fn exact(&self, at: At<'_>, p: &mut f64, moments: &mut [f64], g: f64) {
        assert_eq!(moments.len(), self.moments(), "moments of an optimiser");
        self.formula().step_over(self.rule().coefficients(at), p, moments, g);
    }

    /// Takes the step of [`exact`](Self::exact) on numbers that each have an error.
    pub(crate) fn bounded(&self, at: At<'_>, p: &mut Bounded, moments: &mut [Bounded], g: Bounded) {
        self.formula().step_over(self.rule().coefficients(at).map(Bounded::of), p, moments, g);
    }

    /// The scalars before the first step.
    pub(crate) fn scalars(&self) -> Vec<f64> {
        self.rule().scalars()
    }

    /// Makes the scalars those of the next step.
    pub(crate) fn advance(&self, scalars: &mut [f64], momentum: Option<f64>) {
        self.rule().advance(scalars, momentum);
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
}

technique!(Optimizer, "optimiser");

#[cfg(test)]
mod tests;
