//! Operations element by element, and optimisers' steps.

use super::views::{Operand, Target};
use super::{Machine, Numbers, attempt, size};
use arbitrary::{Result, Unstructured};
use minibatch::activation::{Gelu, LeakyRelu, LecunTanh, Relu, Selu, Sigmoid, Silu, Softplus, Tanh};
use minibatch::optimizer::{Adam, AdamW, At, COEFFICIENTS, Formula, Momentum, Nesterov, Rule};
use minibatch_kernels::{
    Descent, Isa, Mat, MatMut, clamped_difference, descend, hinge_derivative, logistic_terms, pointwise,
    pointwise_backward, poisson_softplus_error, scale, scaled_difference, scaled_sign, subtract,
};

type Unary = fn(Isa, &mut MatMut<'_>);
type Binary = fn(Isa, &mut MatMut<'_>, Mat<'_>);

const UNARY: [Unary; 11] = [
    |isa, c| pointwise(isa, &Sigmoid, c),
    |isa, c| pointwise(isa, &Tanh, c),
    |isa, c| pointwise(isa, &LecunTanh, c),
    |isa, c| pointwise(isa, &Relu, c),
    |isa, c| pointwise(isa, &LeakyRelu::default(), c),
    |isa, c| pointwise(isa, &Selu, c),
    |isa, c| pointwise(isa, &Silu, c),
    |isa, c| pointwise(isa, &Gelu, c),
    |isa, c| pointwise(isa, &Softplus, c),
    |isa, c| scale(isa, c, -0.3),
    |isa, c| scale(isa, c, 1e30),
];

const BINARY: [Binary; 16] = [
    subtract,
    |isa, delta, a| pointwise_backward(isa, &Sigmoid, delta, a),
    |isa, delta, a| pointwise_backward(isa, &Tanh, delta, a),
    |isa, delta, a| pointwise_backward(isa, &LecunTanh, delta, a),
    |isa, delta, a| pointwise_backward(isa, &Relu, delta, a),
    |isa, delta, a| pointwise_backward(isa, &LeakyRelu::default(), delta, a),
    |isa, delta, a| pointwise_backward(isa, &Selu, delta, a),
    |isa, delta, z| pointwise_backward(isa, &Silu, delta, z),
    |isa, delta, z| pointwise_backward(isa, &Gelu, delta, z),
    |isa, delta, a| pointwise_backward(isa, &Softplus, delta, a),
    |isa, a, y| scaled_difference(isa, a, y, 0.7),
    |isa, a, y| scaled_sign(isa, a, y, 0.7),
    |isa, a, y| clamped_difference(isa, a, y, 0.5, 0.7),
    hinge_derivative,
    poisson_softplus_error,
    logistic_terms,
];

pub(super) fn one_operand(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (rows, cols) = (size(choices, 65)?, size(choices, 130)?);
    let mut c = Target::draw(choices, rows, cols, Numbers::Special)?;
    let operation = choices.int_in_range(0..=UNARY.len() - 1)?;
    let before = c.cells();
    let ran = attempt(|| UNARY[operation](machine.isa, &mut c.view_mut())).is_some();
    assert!(ran || !c.is_plain(), "operation {operation} of one operand is refused");
    let what = format!("operation {operation} of one operand on {}", machine.isa);
    before.check(&c, &what, |row, col| {
        let mut x = [before.get(row, col)];
        if ran {
            UNARY[operation](machine.one_by_one(), &mut MatMut::row_major(&mut x, 1, 1));
        }
        x[0]
    });
    Ok(ran)
}

pub(super) fn two_operands(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (rows, cols) = (size(choices, 65)?, size(choices, 130)?);
    let mut c = Target::draw(choices, rows, cols, Numbers::Special)?;
    let b = Operand::draw(choices, rows, cols, Numbers::Special)?;
    let operation = choices.int_in_range(0..=BINARY.len() - 1)?;
    let before = c.cells();
    let ran = attempt(|| BINARY[operation](machine.isa, &mut c.view_mut(), b.view())).is_some();
    assert!(ran || !(c.is_plain() && b.is_plain()), "operation {operation} of two operands is refused");
    let what = format!("operation {operation} of two operands on {}", machine.isa);
    before.check(&c, &what, |row, col| {
        let (mut x, y) = ([before.get(row, col)], [b.view().get(row, col)]);
        if ran {
            let x = &mut MatMut::row_major(&mut x, 1, 1);
            BINARY[operation](machine.one_by_one(), x, Mat::row_major(&y, 1, 1));
        }
        x[0]
    });
    Ok(ran)
}

/// A step of an optimiser: a formula with its coefficients.
#[derive(Clone, Copy, Debug)]
pub(super) enum Drawn {
    Momentum(Momentum),
    Nesterov(Nesterov),
    Adam(Adam),
    AdamW(AdamW),
}

impl Drawn {
    pub(super) fn draw(choices: &mut Unstructured<'_>) -> Result<Drawn> {
        let all = [
            Drawn::Momentum(Momentum::default()),
            Drawn::Nesterov(Nesterov::default()),
            Drawn::Adam(Adam::default()),
            Drawn::AdamW(AdamW::default()),
        ];
        Ok(*choices.choose(&all)?)
    }

    fn coefficients(&self) -> [f32; COEFFICIENTS] {
        let at = At { learning_rate: 0.1, momentum: None, scalars: &[0.9, 0.999], is_weight: true };
        let rule: &dyn Rule = match self {
            Drawn::Momentum(rule) => rule,
            Drawn::Nesterov(rule) => rule,
            Drawn::Adam(rule) => rule,
            Drawn::AdamW(rule) => rule,
        };
        rule.coefficients(at).map(|x| x as f32)
    }

    pub(super) fn descent(&self) -> Descent<'_> {
        match self {
            Drawn::Momentum(formula) => Descent::new(formula, self.coefficients()),
            Drawn::Nesterov(formula) => Descent::new(formula, self.coefficients()),
            Drawn::Adam(formula) => Descent::new(formula, self.coefficients()),
            Drawn::AdamW(formula) => Descent::new(formula, self.coefficients()),
        }
    }

    pub(super) fn moments(&self) -> usize {
        self.descent().moments()
    }
}

/// p, m and v after the step, each rounding in its place.
pub(super) fn contract(descent: Drawn, [mut p, m, v]: [f32; 3], g: f32) -> [f32; 3] {
    let (c, mut moments) = (descent.coefficients(), [m, v]);
    match descent {
        Drawn::Momentum(formula) => formula.step(c, &mut p, &mut moments, g),
        Drawn::Nesterov(formula) => formula.step(c, &mut p, &mut moments, g),
        Drawn::Adam(formula) => formula.step(c, &mut p, &mut moments, g),
        Drawn::AdamW(formula) => formula.step(c, &mut p, &mut moments, g),
    }
    [p, moments[0], moments[1]]
}

pub(super) fn step(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (rows, cols) = (size(choices, 65)?, size(choices, 130)?);
    let mut p = Target::draw(choices, rows, cols, Numbers::Plain)?;
    let mut first = Target::draw(choices, rows, cols, Numbers::Plain)?;
    let mut second = Target::draw(choices, rows, cols, Numbers::Positive)?;
    let gradient = Operand::draw(choices, rows, cols, Numbers::Plain)?;
    let descent = Drawn::draw(choices)?;
    let before = [p.cells(), first.cells(), second.cells()];
    let ran = attempt(|| {
        let mut moments = [first.view_mut(), second.view_mut()];
        let moments = &mut moments[..descent.moments()];
        machine.pool.run(|team| {
            descend(team, descent.descent(), &mut p.view_mut(), moments, gradient.view());
        });
    })
    .is_some();
    assert!(ran || !gradient.is_plain(), "a step is refused");
    let what = format!("{descent:?} on {}", machine.isa);
    for (which, after) in [&p, &first, &second].into_iter().enumerate() {
        let state = |row, col| [0, 1, 2].map(|i| before[i].get(row, col));
        if !ran {
            before[which].check(after, &what, |row, col| state(row, col)[which]);
        } else if machine.is_fused() {
            before[which].check(after, &what, |row, col| {
                contract(descent, state(row, col), gradient.view().get(row, col))[which]
            });
        } else {
            // The step of one element by itself.
            before[which].check(after, &what, |row, col| {
                let ([mut p, mut m, mut v], g) =
                    (state(row, col).map(|x| [x]), [gradient.view().get(row, col)]);
                let mut moments = [&mut m, &mut v].map(|x| MatMut::row_major(x, 1, 1));
                let moments = &mut moments[..descent.moments()];
                let one = &mut MatMut::row_major(&mut p, 1, 1);
                machine
                    .pool
                    .run(|team| descend(team, descent.descent(), one, moments, Mat::row_major(&g, 1, 1)));
                [p[0], m[0], v[0]][which]
            });
        }
    }
    Ok(ran)
}
