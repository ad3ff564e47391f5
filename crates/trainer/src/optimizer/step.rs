//! One step of a run: its coefficients, and how large numbers can become in it.

use super::interval::Interval;
use super::{At, Groups, Optimizer, OptimizerState, Rule};
use crate::bounded::Bounded;
use minibatch_kernels::{COEFFICIENTS, Descent, Element, Formula, MOST_MOMENTS, Penalty};

/// A rule with a formula, whose type is forgotten.
pub(super) trait WithFormula:
    Rule + StepsOver<f64> + StepsOver<Bounded> + StepsOver<Interval>
{
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

/// The rates of one step, as schedule and settings give them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates<'a> {
    /// η
    pub(crate) learning_rate: f64,
    /// The momentum in place of the optimiser's own.
    pub(crate) momentum: Option<f64>,
    pub(crate) groups: &'a Groups,
    /// The factor of η of the inputs' factors, where they are learned.
    pub(crate) scaling: Option<f64>,
    pub(crate) penalties: Penalties,
}

/// λ of each penalty on weights. Biases have none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Penalties {
    /// λ of the penalty λ·Σ|W|
    pub(crate) l1: f64,
    /// λ of the penalty λ/2·ΣW²
    pub(crate) l2: f64,
    /// λ of the decay apart from the gradient: W ← (1 − ηλ)·W
    pub(crate) decay: f64,
}

/// One step of a run.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    optimizer: &'a Optimizer,
    rates: Rates<'a>,
    /// The number that gradients are divided by, usually the examples of the minibatch.
    divisor: f64,
    /// Whether the gradient stands by itself before the update.
    whole: bool,
    /// The step of layer 1. It is every layer's, unless their factors of η differ.
    first: LayerStep<'a>,
}

/// One step of a layer.
#[derive(Clone, Copy)]
pub(crate) enum LayerStep<'a> {
    /// The gradient product goes on from the parameters.
    Plain(PlainStep),
    /// The rule's step follows the gradient product.
    Rule(RuleStep<'a>),
}

/// One step of plain descent: W ← `start`·W + (`factor`·Δ)ᵀ·A, b ← b + `biases`·Σ rows of `factor`·Δ.
#[derive(Clone, Copy)]
pub(crate) struct PlainStep {
    /// −η/B, with the weights' factor of η
    pub(crate) factor: f32,
    /// The biases' factor of η over the weights'.
    pub(crate) biases: f32,
    /// 1 − ηλ, λ that of L2 and of decay
    pub(crate) start: f32,
}

/// A rule's step.
#[derive(Clone, Copy)]
pub(crate) struct RuleStep<'a> {
    /// 1/B. It is folded into Δ_l.
    pub(crate) factor: f32,
    formula: &'a dyn WithFormula,
    pub(crate) of_weights: Descent<'a>,
    pub(crate) of_biases: Descent<'a>,
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
    /// The next step from `state`, whose gradients are divided by `divisor`. The gradient stands by itself before the update if
    /// `whole`. The state takes the step with [`took`](OptimizerState::took).
    pub(crate) fn step<'a>(
        &'a self,
        rates: Rates<'a>,
        divisor: f64,
        whole: bool,
        state: &mut OptimizerState,
    ) -> Step<'a> {
        state.advance(self, rates.momentum);
        let first = self.layer_step(rates, divisor, whole, 1, state);
        Step { optimizer: self, rates, divisor, whole, first }
    }

    fn layer_step<'a>(
        &'a self,
        rates: Rates<'a>,
        divisor: f64,
        whole: bool,
        l: usize,
        state: &OptimizerState,
    ) -> LayerStep<'a> {
        let Rates { learning_rate, groups, penalties, .. } = rates;
        let Penalties { l1, l2, decay } = penalties;
        let rate = |is_weight| learning_rate * groups.factor(l, state.inputs(l), is_weight);
        // Frozen weights leave no scaled errors that the biases could follow from, and L1 is no factor of the weights.
        if self.is_plain() && !whole && rate(true) > 0.0 && l1 == 0.0 {
            return LayerStep::Plain(PlainStep {
                factor: (-rate(true) / divisor) as f32,
                biases: (rate(false) / rate(true)) as f32,
                start: (1.0 - rate(true) * (l2 + decay)) as f32,
            });
        }
        let penalty = Penalty { l1: l1 as f32, l2: l2 as f32, decay: (1.0 - rate(true) * decay) as f32 };
        LayerStep::Rule(RuleStep {
            factor: (1.0 / divisor) as f32,
            formula: self.formula(),
            of_weights: self.descent(rates, rate(true), true, state).with_penalty(penalty),
            of_biases: self.descent(rates, rate(false), false, state),
        })
    }

    /// The rule's step with this η of its own, without a penalty.
    fn descent(
        &self,
        rates: Rates<'_>,
        learning_rate: f64,
        is_weight: bool,
        state: &OptimizerState,
    ) -> Descent<'_> {
        let at = At { learning_rate, momentum: rates.momentum, scalars: state.next(), is_weight };
        let formula = self.formula();
        formula.descent(formula.coefficients(at).map(|x| x as f32))
    }
}

impl<'a> Step<'a> {
    /// The step of layer l from `state`, the one that the step was made for.
    pub(crate) fn of_layer(&self, l: usize, state: &OptimizerState) -> LayerStep<'a> {
        let Step { optimizer, rates, divisor, whole, first } = *self;
        match rates.groups.is_one_for_all_layers() {
            true => first,
            false => optimizer.layer_step(rates, divisor, whole, l, state),
        }
    }

    /// The step of the inputs' factors from `state`, where they are learned.
    pub(crate) fn of_factors(&self, state: &OptimizerState) -> RuleStep<'a> {
        let Step { optimizer, rates, .. } = *self;
        let learning_rate = rates.learning_rate * rates.scaling.unwrap_or(1.0);
        let descent = optimizer.descent(rates, learning_rate, false, state);
        RuleStep {
            factor: self.mean(),
            formula: optimizer.formula(),
            of_weights: descent,
            of_biases: descent,
        }
    }

    /// 1/B: the factor of a gradient that stands by itself.
    pub(crate) fn mean(&self) -> f32 {
        (1.0 / self.divisor) as f32
    }
}

impl LayerStep<'_> {
    /// The factor that is folded into Δ_l.
    pub(crate) fn factor(&self) -> f32 {
        match self {
            LayerStep::Plain(step) => step.factor,
            LayerStep::Rule(step) => step.factor,
        }
    }

    /// The bounds after this step. `before` are the bounds before it, and no element of the gradient, which comes with its
    /// [`factor`](Self::factor), is larger than `gradient`.
    pub(crate) fn grown(&self, before: Growth, gradient: f64) -> Growth {
        let RuleStep { formula, of_weights, of_biases, .. } = match *self {
            LayerStep::Rule(step) => step,
            LayerStep::Plain(PlainStep { biases, start, .. }) => {
                let [start, biases] = [start, biases].map(|x| f64::from(x.abs()).max(1.0));
                return Growth { parameters: before.parameters * start + gradient * biases, ..before };
            }
        };
        let mut after = Growth { parameters: 0.0, moments: [0.0; MOST_MOMENTS], worst: 0.0 };
        // In most rules they are the same.
        let same =
            of_biases.coefficients() == of_weights.coefficients() && of_weights.penalty() == Penalty::NONE;
        for descent in std::iter::once(of_weights).chain((!same).then_some(of_biases)) {
            let coefficients = descent.coefficients().map(|x| Interval::of(f64::from(x)));
            let (mut p, mut moments) =
                (Interval::within(before.parameters), before.moments.map(Interval::within));
            let penalty = descent.penalty();
            let mut g = Interval::within(gradient);
            if penalty != Penalty::NONE {
                let [l1, l2, decay] = [penalty.l1, penalty.l2, penalty.decay].map(f64::from);
                g = Interval::of(l2).mul_add(p, g) + Interval::within(l1);
                p = p * Interval::of(decay);
            }
            formula.step_over(coefficients, &mut p, &mut moments[..formula.moments()], g);
            after.parameters = after.parameters.max(p.bound());
            after.worst = after.worst.max(p.worst());
            for (after, moment) in after.moments.iter_mut().zip(moments) {
                *after = after.max(moment.bound());
            }
        }
        after
    }
}
