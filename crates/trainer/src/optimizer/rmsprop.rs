use super::rule::{is_epsilon, is_fraction};
use super::{At, Element, Formula, LearningRates, MomentName, Optimizer, Rule};
use minibatch_kernels::COEFFICIENTS;

/// RMSprop (Hinton 2012), as PyTorch has it without momentum: v ← α·v + (1 − α)·g²; p ← p − η·g/(√v + ε), from v = 0. The
/// parameters are α and ε, usually 0.99 and 10⁻⁸.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    alpha: f64,
    epsilon: f64,
}

impl RmsProp {
    /// RMSprop with these parameters. `None` unless 0 ≤ α < 1, as an f32 too, and 10⁻¹² ≤ ε ≤ 1.
    #[must_use]
    pub fn new(alpha: f64, epsilon: f64) -> Option<RmsProp> {
        (is_fraction(alpha) && is_epsilon(epsilon)).then_some(RmsProp { alpha, epsilon })
    }
}

impl Default for RmsProp {
    fn default() -> RmsProp {
        RmsProp { alpha: 0.99, epsilon: 1e-8 }
    }
}

impl Formula for RmsProp {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate, kept, new, epsilon, ..] = c;
        moments[0] = kept.mul_add(moments[0], new * g * g).flush();
        *p = (-rate).mul_add(g / (moments[0].sqrt() + epsilon), *p);
    }
}

impl Rule for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn usage(&self) -> &str {
        "rmsprop(α,ε) with 0 ≤ α < 1 and 1e-12 ≤ ε ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.alpha, self.epsilon]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        let &[alpha, epsilon] = parameters else { return None };
        RmsProp::new(alpha, epsilon).map(Optimizer::new)
    }

    fn learning_rates(&self) -> LearningRates {
        LearningRates { other: 0.002, ..LearningRates::everywhere(0.001) }
    }

    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
        [at.learning_rate, self.alpha, 1.0 - self.alpha, self.epsilon, 0.0, 0.0, 0.0, 0.0]
    }

    fn moment_names(&self) -> Vec<MomentName> {
        vec![MomentName::square("v")]
    }
}

/// RMSprop whose scale is the gradient's spread about its mean (Graves 2013), as PyTorch has it with `centered`: v as in [`RmsProp`],
/// m ← α·m + (1 − α)·g; p ← p − η·g/(√(v − m²) + ε), from v = m = 0. A spread that roundings make negative is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CentredRmsProp(RmsProp);

impl CentredRmsProp {
    /// Centred RMSprop with the parameters of `plain`.
    #[must_use]
    pub fn new(plain: RmsProp) -> CentredRmsProp {
        CentredRmsProp(plain)
    }
}

impl Formula for CentredRmsProp {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate, kept, new, epsilon, ..] = c;
        moments[0] = kept.mul_add(moments[0], new * g * g).flush();
        moments[1] = kept.mul_add(moments[1], new * g).flush();
        let spread = E::of(0.0).max((-moments[1]).mul_add(moments[1], moments[0]));
        *p = (-rate).mul_add(g / (spread.sqrt() + epsilon), *p);
    }
}

impl Rule for CentredRmsProp {
    fn name(&self) -> &'static str {
        "centred-rmsprop"
    }

    fn usage(&self) -> &str {
        "centred-rmsprop(α,ε) with 0 ≤ α < 1 and 1e-12 ≤ ε ≤ 1"
    }

    fn parameters(&self) -> Vec<f64> {
        self.0.parameters()
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        let &[alpha, epsilon] = parameters else { return None };
        RmsProp::new(alpha, epsilon).map(CentredRmsProp).map(Optimizer::new)
    }

    fn learning_rates(&self) -> LearningRates {
        self.0.learning_rates()
    }

    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
        self.0.coefficients(at)
    }

    fn moment_names(&self) -> Vec<MomentName> {
        vec![MomentName::square("v"), MomentName::signed("mean")]
    }
}
