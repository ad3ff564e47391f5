//! One step of a run: its coefficients, and how large numbers can become in it.

use super::range::Range;
use super::{At, Optimizer, OptimizerState, Rule};
use crate::bounded::Bounded;
use minibatch_kernels::{COEFFICIENTS, Descent, Element, Formula, MOST_MOMENTS};

/// A rule with a formula, whose type is forgotten.
pub(super) trait WithFormula: Rule + StepsOver<f64> + StepsOver<Bounded> + StepsOver<Range> {
    fn rule(&self) -> &dyn Rule;
    fn moments(&self) -> usize;
    fn descent(&self, coefficients: [f32; COEFFICIENTS]) -> Descent<'_>;
}

/// A formula over one type of numbers, whose own type is forgotten.
pub(super) trait StepsOver<E> {
    fn step_over(&self, coefficients: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E);
}

impl<F: Formula, E: Element> StepsOver<E> for F {
    fn step_over(&self, coefficients: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        self.step(coefficients, p, moments, g);
    }
}

impl<R: Rule + Formula> WithFormula for R {
    fn rule(&self) -> &dyn Rule {
        self
    }

    fn moments(&self) -> usize {
        R::MOMENTS
    }

    fn descent(&self, coefficients: [f32; COEFFICIENTS]) -> Descent<'_> {
        Descent::new(self, coefficients)
    }
}

/// One step of a run. All layers' updates share it.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    /// The factor that is folded into Δ_l. It is −η/B for plain descent, whose gradient product starts from the parameters, else
    /// 1/B.
    pub(crate) factor: f32,
    /// The rule's step, which follows the gradient product. `None` in plain descent.
    rule: Option<RuleStep<'a>>,
}

/// A rule's step.
#[derive(Clone, Copy)]
struct RuleStep<'a> {
    rule: &'a dyn WithFormula,
    of_weights: Descent<'a>,
    of_biases: Descent<'a>,
}

/// Bounds of a layer's numbers: none is larger in magnitude.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// Weights and biases.
    pub(crate) parameters: f64,
    /// Each moment; 0 where there is none.
    pub(crate) moments: [f64; MOST_MOMENTS],
    /// All numbers that the last step computed on its way.
    worst: f64,
}

impl Growth {
    /// The bounds of parameters and moments that are at most so large.
    pub(crate) fn new(parameters: f64, moments: [f64; MOST_MOMENTS]) -> Growth {
        Growth { parameters, moments, worst: 0.0 }
    }

    /// Whether nothing is larger than `limit`, or NaN.
    pub(crate) fn is_within(&self, limit: f64) -> bool {
        self.moments.iter().chain([&self.parameters, &self.worst]).all(|bound| *bound <= limit)
    }
}

impl Optimizer {
    /// The next step from `state`, for a minibatch of `rows` examples. The state takes it with [`took`](OptimizerState::took).
    pub(crate) fn step<'a>(
        &'a self,
        learning_rate: f64,
        rows: usize,
        state: &mut OptimizerState,
    ) -> Step<'a> {
        let Some(rule) = self.0.as_deref() else {
            return Step { factor: (-learning_rate / rows as f64) as f32, rule: None };
        };
        let scalars = state.next_scalars(self);
        let descent = |is_weight| {
            let at = At { learning_rate, scalars, is_weight };
            rule.descent(rule.coefficients(at).map(|x| x as f32))
        };
        let step = RuleStep { rule, of_weights: descent(true), of_biases: descent(false) };
        Step { factor: (1.0 / rows as f64) as f32, rule: Some(step) }
    }
}

impl<'a> Step<'a> {
    /// The descents that follow the gradient product, for weights and for biases. `None` if the product takes the step by itself.
    pub(crate) fn descents(&self) -> Option<[Descent<'a>; 2]> {
        self.rule.map(|step| [step.of_weights, step.of_biases])
    }

    /// The bounds after this step. `before` are the bounds before it, and no element of the gradient is larger than `gradient`.
    pub(crate) fn grown(&self, before: Growth, gradient: f64) -> Growth {
        let Some(RuleStep { rule, of_weights, of_biases }) = self.rule else {
            // The gradient comes with its factor of −η.
            return Growth { parameters: before.parameters + gradient, ..before };
        };
        let mut after = Growth { parameters: 0.0, moments: [0.0; MOST_MOMENTS], worst: 0.0 };
        // In most rules they are the same.
        let differs = of_biases.coefficients() != of_weights.coefficients();
        for descent in std::iter::once(of_weights).chain(differs.then_some(of_biases)) {
            let coefficients = descent.coefficients().map(|x| Range::of(f64::from(x)));
            let (mut p, mut moments) = (Range::within(before.parameters), before.moments.map(Range::within));
            rule.step_over(coefficients, &mut p, &mut moments[..rule.moments()], Range::within(gradient));
            after.parameters = after.parameters.max(p.bound());
            after.worst = after.worst.max(p.worst());
            for (after, moment) in after.moments.iter_mut().zip(moments) {
                *after = after.max(moment.bound());
            }
        }
        after
    }
}
