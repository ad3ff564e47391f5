//! The rule of an optimiser: everything but its formula.

use super::Optimizer;
use minibatch_kernels::COEFFICIENTS;
use std::fmt;

/// Everything about an optimiser but its arithmetic, which is its [`Formula`](super::Formula).
pub trait Rule: fmt::Debug + Send + Sync + 'static {
    /// The name without parameters: lower case, without parentheses, commas and spaces.
    fn name(&self) -> &'static str;

    /// The optimiser's text with the ranges of its parameters. An error shows it.
    fn usage(&self) -> &str {
        self.name()
    }

    /// The parameters, in the order in which they are written.
    fn parameters(&self) -> Vec<f64> {
        Vec::new()
    }

    /// The same rule with other parameters, as many. `None` if one is out of range.
    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer>;

    /// The learning rates η to begin with.
    fn learning_rates(&self) -> LearningRates;

    /// The scalars before the first step. They are numbers that change from step to step, such as β₁ᵗ.
    fn scalars(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Makes the scalars those of the next step, whose [momentum](At::momentum) is given.
    fn advance(&self, _scalars: &mut [f64], _momentum: Option<f64>) {}

    /// The coefficients of a step's formula, computed in f64. Each is rounded once. Unused ones are 0.
    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS];

    /// The factor that a step multiplies a weight by if it has no gradient: 1 − ηλ for a decay of λ. A learning rate is refused
    /// if this factor isn't positive.
    fn decay(&self, _learning_rate: f64) -> f64 {
        1.0
    }

    /// The moments, in the order in which the formula has them. A checkpoint holds each under its name. If a rule doesn't name its
    /// moments, they are called `1`, `2` and so on.
    fn moment_names(&self) -> Vec<MomentName> {
        Vec::new()
    }
}

/// The name of a moment, and which kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MomentName {
    /// The name, made of `a`–`z`, `0`–`9` and `-`. No two moments of a rule share it.
    pub name: &'static str,
    /// True for a mean or sum of squares. A checkpoint in which one is negative is refused.
    pub is_square: bool,
}

impl MomentName {
    /// The name of a moment that may have either sign.
    #[must_use]
    pub const fn signed(name: &'static str) -> MomentName {
        MomentName { name, is_square: false }
    }

    /// The name of a mean or sum of squares.
    #[must_use]
    pub const fn square(name: &'static str) -> MomentName {
        MomentName { name, is_square: true }
    }
}

/// The state of a run at the step that is taken.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// η
    pub learning_rate: f64,
    /// The momentum that a schedule gives this step, in place of the rule's own: μ, or β₁.
    pub momentum: Option<f64>,
    /// The rule's scalars at this step.
    pub scalars: &'a [f64],
    /// True for a weight, false for a bias. Biases aren't decayed.
    pub is_weight: bool,
}

/// The learning rates η to begin with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRates {
    /// η with sigmoids, the quadratic cost and small minibatches.
    pub sigmoid: f64,
    /// η with other activations.
    pub other: f64,
    /// η for a network that learns values.
    pub values: f64,
    /// Whether steps are as long as gradients are, so that a cost of half the size needs twice the η.
    pub follow_gradients: bool,
}

impl LearningRates {
    /// The same η everywhere, for rules whose steps don't depend on the size of gradients.
    #[must_use]
    pub const fn everywhere(rate: f64) -> LearningRates {
        LearningRates { sigmoid: rate, other: rate, values: rate, follow_gradients: false }
    }
}

/// 0 ≤ x < 1, as an f32 too.
pub(super) fn is_fraction(x: f64) -> bool {
    (0.0..1.0).contains(&x) && (x as f32) < 1.0
}

/// 10⁻¹² ≤ ε ≤ 1.
pub(super) fn is_epsilon(x: f64) -> bool {
    (1e-12..=1.0).contains(&x)
}
