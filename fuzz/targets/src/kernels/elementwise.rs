//! Operations element by element, and optimisers' steps.

use super::views::{Operand, Target};
use super::{Machine, Numbers, attempt, size};
use arbitrary::{Result, Unstructured};
use minibatch_kernels::{
    Descent, Isa, Mat, MatMut, clamped_difference, descend, elu, elu_backward, gelu, gelu_backward,
    hinge_derivative, leaky_relu, leaky_relu_backward, logistic_terms, poisson_softplus_error, relu,
    relu_backward, scale, scaled_difference, scaled_sign, scaled_tanh, scaled_tanh_backward, sigmoid,
    sigmoid_backward, silu, silu_backward, softplus, softplus_backward, subtract, tanh, tanh_backward,
};

type Unary = fn(Isa, &mut MatMut<'_>);
type Binary = fn(Isa, &mut MatMut<'_>, Mat<'_>);

const UNARY: [Unary; 11] = [
    sigmoid,
    tanh,
    |isa, c| scaled_tanh(isa, c, 1.7, 0.6),
    relu,
    |isa, c| leaky_relu(isa, c, 0.2),
    |isa, c| elu(isa, c, 1.05, 1.67),
    silu,
    gelu,
    softplus,
    |isa, c| scale(isa, c, -0.3),
    |isa, c| scale(isa, c, 1e30),
];

const BINARY: [Binary; 16] = [
    subtract,
    sigmoid_backward,
    tanh_backward,
    |isa, delta, a| scaled_tanh_backward(isa, delta, a, 1.7, 0.6),
    relu_backward,
    |isa, delta, a| leaky_relu_backward(isa, delta, a, 0.2),
    |isa, delta, a| elu_backward(isa, delta, a, 1.05, 1.67),
    silu_backward,
    gelu_backward,
    softplus_backward,
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

/// A step of an optimiser.
pub(super) fn descent_drawn(choices: &mut Unstructured<'_>) -> Result<Descent> {
    let adam = |epsilon, decay| Descent::Adam {
        rate: 0.01,
        correction: 3.5,
        first: [0.9, 0.1],
        second: [0.999, 0.001],
        epsilon,
        decay,
    };
    let all = [
        Descent::Momentum { rate: 0.1, momentum: 0.9 },
        Descent::Nesterov { rate: 0.3, momentum: 0.8 },
        adam(1e-8, 1.0),
        adam(1e-3, 0.99),
    ];
    Ok(*choices.choose(&all)?)
}

/// p, m and v after the step, each rounding in its place.
pub(super) fn contract(descent: Descent, [p, m, v]: [f32; 3], g: f32) -> [f32; 3] {
    let flush = |x: f32| if x.abs() < f32::from_bits((127 - 96) << 23) { 0.0 } else { x };
    match descent {
        Descent::Momentum { rate, momentum } => {
            let m = flush(momentum.mul_add(m, g));
            [(-rate).mul_add(m, p), m, v]
        }
        Descent::Nesterov { rate, momentum } => {
            let m = flush(momentum.mul_add(m, g));
            [(-rate).mul_add(momentum.mul_add(m, g), p), m, v]
        }
        Descent::Adam { rate, correction, first, second, epsilon, decay } => {
            let m = flush(first[0].mul_add(m, first[1] * g));
            let v = flush(second[0].mul_add(v, second[1] * g * g));
            let scale = v.sqrt().mul_add(correction, epsilon);
            [(-rate).mul_add(m / scale, p * decay), m, v]
        }
    }
}

pub(super) fn step(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (rows, cols) = (size(choices, 65)?, size(choices, 130)?);
    let mut p = Target::draw(choices, rows, cols, Numbers::Plain)?;
    let mut first = Target::draw(choices, rows, cols, Numbers::Plain)?;
    let mut second = Target::draw(choices, rows, cols, Numbers::Positive)?;
    let gradient = Operand::draw(choices, rows, cols, Numbers::Plain)?;
    let descent = descent_drawn(choices)?;
    let before = [p.cells(), first.cells(), second.cells()];
    let ran = attempt(|| {
        let mut moments = [first.view_mut(), second.view_mut()];
        let moments = &mut moments[..descent.moments()];
        descend(machine.isa, descent, &mut p.view_mut(), moments, gradient.view());
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
                descend(machine.isa, descent, one, moments, Mat::row_major(&g, 1, 1));
                [p[0], m[0], v[0]][which]
            });
        }
    }
    Ok(ran)
}
