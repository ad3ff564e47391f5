//! Optimisers' steps on every instruction set: against f64, against the contract's own arithmetic to the bit, and behind a product.

mod common;

use common::{Guarded, Layout, Operand, Values, assert_same_bits, bits, config, pool};
use minibatch_kernels::{
    ArithmeticClass, COEFFICIENTS, Descent, Element, Examples, Formula, Isa, Mat, MatMut, Matrix, Panels,
    Penalty, Solo, Start, Store, Team, TeamInputs, accumulate_gathered, descend, descend_gathered,
    descend_gemm, gather_gemm, gemm,
};
use proptest::prelude::*;

/// The threshold below which moments become +0.
const FLUSH: f32 = f32::from_bits((127 - 96) << 23);

/// Formulas with their coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Momentum { rate: f32, momentum: f32 },
    Nesterov { rate: f32, momentum: f32 },
    Adam { rate: f32, correction: f32, first: [f32; 2], second: [f32; 2], epsilon: f32, decay: f32 },
}

struct Momentum;
struct Nesterov;
struct Adam;
struct Centred;

impl Formula for Momentum {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        moments[0] = c[1].mul_add(moments[0], g).flush();
        *p = (-c[0]).mul_add(moments[0], *p);
    }
}

impl Formula for Nesterov {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        moments[0] = c[1].mul_add(moments[0], g).flush();
        *p = (-c[0]).mul_add(c[1].mul_add(moments[0], g), *p);
    }
}

impl Formula for Adam {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate, correction, m_kept, m_new, v_kept, v_new, epsilon, decay] = c;
        moments[0] = m_kept.mul_add(moments[0], m_new * g).flush();
        moments[1] = v_kept.mul_add(moments[1], v_new * g * g).flush();
        let scale = moments[1].sqrt().mul_add(correction, epsilon);
        *p = (-rate).mul_add(moments[0] / scale, *p * decay);
    }
}

impl Formula for Centred {
    const MOMENTS: usize = 3;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate, momentum, kept, new, epsilon, ..] = c;
        moments[1] = kept.mul_add(moments[1], new * g * g).flush();
        moments[2] = kept.mul_add(moments[2], new * g).flush();
        let spread = (-moments[2]).mul_add(moments[2], moments[1]).max(E::of(0.0)).sqrt() + epsilon;
        moments[0] = momentum.mul_add(moments[0], g / spread).flush();
        *p = (-rate).mul_add(moments[0], *p);
    }
}

impl Step {
    fn descent(self) -> Descent<'static> {
        match self {
            Step::Momentum { rate, momentum } => {
                Descent::new(&Momentum, [rate, momentum, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
            }
            Step::Nesterov { rate, momentum } => {
                Descent::new(&Nesterov, [rate, momentum, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
            }
            Step::Adam { rate, correction, first, second, epsilon, decay } => Descent::new(
                &Adam,
                [rate, correction, first[0], first[1], second[0], second[1], epsilon, decay],
            ),
        }
    }

    fn moments(self) -> usize {
        self.descent().moments()
    }

    fn without_decay(self) -> Step {
        match self {
            Step::Adam { rate, correction, first, second, epsilon, .. } => {
                Step::Adam { rate, correction, first, second, epsilon, decay: 1.0 }
            }
            plain => plain,
        }
    }
}

const DESCENTS: [Step; 4] = [
    Step::Momentum { rate: 0.1, momentum: 0.9 },
    Step::Nesterov { rate: 0.3, momentum: 0.8 },
    Step::Adam {
        rate: 0.01,
        correction: 3.5,
        first: [0.9, 0.1],
        second: [0.999, 0.001],
        epsilon: 1e-8,
        decay: 1.0,
    },
    Step::Adam {
        rate: 0.02,
        correction: 1.5,
        first: [0.8, 0.2],
        second: [0.99, 0.01],
        epsilon: 1e-3,
        decay: 0.99,
    },
];

/// p, m and v after the step, by the documented formula in f64.
fn exact(descent: Step, [p, m, v]: [f32; 3], g: f32) -> [f64; 3] {
    let [p, m, v, g] = [p, m, v, g].map(f64::from);
    match descent {
        Step::Momentum { rate, momentum } => {
            let m = f64::from(momentum) * m + g;
            [p - f64::from(rate) * m, m, v]
        }
        Step::Nesterov { rate, momentum } => {
            let m = f64::from(momentum) * m + g;
            [p - f64::from(rate) * (f64::from(momentum) * m + g), m, v]
        }
        Step::Adam { rate, correction, first, second, epsilon, decay } => {
            let [rate, correction, epsilon, decay] = [rate, correction, epsilon, decay].map(f64::from);
            let m = f64::from(first[0]) * m + f64::from(first[1]) * g;
            let v = f64::from(second[0]) * v + f64::from(second[1]) * g * g;
            [decay * p - rate * m / (correction * v.sqrt() + epsilon), m, v]
        }
    }
}

/// The same as the contract has it, each rounding in its place.
fn contract(descent: Step, [p, m, v]: [f32; 3], g: f32) -> [f32; 3] {
    let flush = |x: f32| if x.abs() < FLUSH { 0.0 } else { x };
    match descent {
        Step::Momentum { rate, momentum } => {
            let m = flush(momentum.mul_add(m, g));
            [(-rate).mul_add(m, p), m, v]
        }
        Step::Nesterov { rate, momentum } => {
            let m = flush(momentum.mul_add(m, g));
            [(-rate).mul_add(momentum.mul_add(m, g), p), m, v]
        }
        Step::Adam { rate, correction, first, second, epsilon, decay } => {
            let m = flush(first[0].mul_add(m, first[1] * g));
            let v = flush(second[0].mul_add(v, second[1] * g * g));
            let scale = v.sqrt().mul_add(correction, epsilon);
            [(-rate).mul_add(m / scale, p * decay), m, v]
        }
    }
}

/// Parameters and moments (second moments aren't negative) of a shape.
fn state(rows: usize, cols: usize, padding: usize, seed: u64) -> [Guarded; 3] {
    let mut values = Values(seed);
    [0, 1, 2].map(|which| {
        Guarded::new(rows, cols, padding, |_, _| if which == 2 { values.next().abs() } else { values.next() })
    })
}

/// Calls `f` with a team of this thread alone.
fn alone(isa: Isa, f: impl FnOnce(&Team<'_>)) {
    Solo::new(()).run(isa, |team, ()| f(team));
}

/// As many moments as the step has.
fn step(isa: Isa, descent: Step, state: &mut [Guarded; 3], g: Mat<'_>) {
    let [p, m, v] = state;
    let mut moments = [m.view_mut(), v.view_mut()];
    let moments = &mut moments[..descent.moments()];
    alone(isa, |team| descend(team, descent.descent(), &mut p.view_mut(), moments, g));
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn a_step_is_its_formula(rows in 0usize..40, cols in 0usize..70, padding in 0usize..20, seed: u64) {
        let g = Operand::new(rows, cols, Layout::RowMajor { padding }, seed ^ 1);
        for descent in DESCENTS {
            let before = state(rows, cols, padding, seed);
            for isa in Isa::available() {
                let mut after = before.clone();
                step(isa, descent, &mut after, g.view());
                for row in 0..rows {
                    for col in 0..cols {
                        let start = [0, 1, 2].map(|i| before[i].view().get(row, col));
                        let found = [0, 1, 2].map(|i| after[i].view().get(row, col));
                        let g = g.view().get(row, col);
                        for (found, exact) in found.iter().zip(exact(descent, start, g)) {
                            // A few roundings of numbers up to 2 and of the quotient, which may be large.
                            let off = (f64::from(*found) - exact).abs();
                            prop_assert!(off <= 8.0 * f64::from(f32::EPSILON) * (2.0 + exact.abs()), "{isa}, {descent:?}: {found} is {off:e} from {exact}");
                        }
                        if isa.class() == ArithmeticClass::Fused {
                            let expected = contract(descent, start, g).map(f32::to_bits);
                            prop_assert_eq!(found.map(f32::to_bits), expected, "{}, {:?}", isa, descent);
                        }
                    }
                }
                after.iter().for_each(Guarded::assert_guards);
            }
        }
    }
}

/// [`Centred`] in f64 and on every instruction set.
#[test]
fn a_formula_may_have_more_moments() {
    let c = [0.1, 0.9, 0.75, 0.25, 1e-3, 0.0, 0.0, 0.0];
    let mut values = Values(3);
    let before: [[f32; 37]; 4] = std::array::from_fn(|_| std::array::from_fn(|_| values.next()));
    let g: [f32; 37] = std::array::from_fn(|_| values.next());
    let mut first: Option<[[f32; 37]; 4]> = None;
    for isa in Isa::fused() {
        let mut state = before;
        // A mean of squares.
        state[2].iter_mut().for_each(|x| *x = 1.0 + x.abs());
        let exact = |i: usize| {
            let [mut p, m0, m1, m2] = [0, 1, 2, 3].map(|which: usize| f64::from(state[which][i]));
            let mut moments = [m0, m1, m2];
            Centred.step(c, &mut p, &mut moments, f64::from(g[i]));
            [p, moments[0], moments[1], moments[2]]
        };
        let exact: [[f64; 4]; 37] = std::array::from_fn(exact);
        let [p, m0, m1, m2] = &mut state;
        let mut moments = [m0, m1, m2].map(|m| MatMut::row_major(m, 1, 37));
        let descent = Descent::new(&Centred, c.map(|x| x as f32));
        let g = Mat::row_major(&g, 1, 37);
        alone(isa, |team| descend(team, descent, &mut MatMut::row_major(p, 1, 37), &mut moments, g));
        for (i, which) in (0..37).flat_map(|i| [0, 1, 2, 3].map(|which| (i, which))) {
            let (found, exact) = (f64::from(state[which][i]), exact[i][which]);
            assert!((found - exact).abs() <= 1e-5 * (1.0 + exact.abs()), "{isa}: {found}, {exact}");
        }
        let first = first.get_or_insert(state);
        assert_eq!(state.map(|row| row.map(f32::to_bits)), first.map(|row| row.map(f32::to_bits)), "{isa}");
    }
}

/// With L2 a step is that of the gradient g + λ·p, rounded once, shared by any number of members.
#[test]
fn l2_adds_the_parameter_to_the_gradient() {
    let (rows, cols, l2) = (70, 300, 0.25);
    let mut values = Values(11);
    let p = Matrix::from_fn(rows, cols, |_, _| values.next());
    let g = Matrix::from_fn(rows, cols, |_, _| values.next());
    let added = Matrix::from_fn(rows, cols, |i, j| f32::mul_add(l2, p.view().get(i, j), g.view().get(i, j)));
    for isa in Isa::fused() {
        for threads in [1, 3] {
            let run = |l2: f32, g: Mat<'_>| {
                let (mut p, mut m) = (p.clone(), Matrix::zeros(rows, cols));
                let descent = DESCENTS[0].descent().with_penalty(Penalty { l2, ..Penalty::NONE });
                pool(isa, threads).run(|team| {
                    descend(team, descent, &mut p.view_mut(), &mut [m.view_mut()], g);
                });
                p
            };
            let (found, expected) = (run(l2, g.view()), run(0.0, added.view()));
            assert_same_bits(found.view(), expected.view(), &format!("{isa}, {threads} threads"));
            assert_ne!(run(0.0, g.view()), expected);
        }
    }
}

/// What is small becomes +0, what is NaN stays, and a parameter with neither gradient nor moments isn't moved.
#[test]
fn small_moments_and_nan() {
    let below = f32::from_bits(FLUSH.to_bits() - 1);
    for isa in Isa::available() {
        for descent in DESCENTS.into_iter().map(Step::without_decay) {
            let run = |m: f32, v: f32, g: f32| {
                let (mut p, mut m, mut v) = ([1.5f32; 19], [m; 19], [v; 19]);
                let g = [g; 19];
                let row = |x| MatMut::row_major(x, 1, 19);
                let mut moments = [row(&mut m), row(&mut v)];
                let g = Mat::row_major(&g, 1, 19);
                let moments = &mut moments[..descent.moments()];
                alone(isa, |team| descend(team, descent.descent(), &mut row(&mut p), moments, g));
                for x in [&p, &m, &v] {
                    assert!(
                        x.iter().all(|y| y.to_bits() == x[0].to_bits()),
                        "{isa}, {descent:?}: lanes differ"
                    );
                }
                [p[0], m[0], v[0]]
            };
            let zeros = [1.5f32, 0.0, 0.0].map(f32::to_bits);
            assert_eq!(run(0.0, 0.0, 0.0).map(f32::to_bits), zeros, "{isa}, {descent:?}");
            assert_eq!(run(-0.0, 0.0, -0.0)[1].to_bits(), 0, "{isa}, {descent:?}: no −0");
            assert_eq!(run(-below, 0.0, 0.0)[1].to_bits(), 0, "{isa}, {descent:?}: it decays to +0");
            assert!(run(-2.0 * FLUSH, 0.0, 0.0)[1] < 0.0, "{isa}, {descent:?}: and not before");
            if descent.moments() == 2 {
                assert_eq!(run(0.0, below, 0.0)[2].to_bits(), 0, "{isa}, {descent:?}");
            }
            assert!(run(1.0, 1.0, f32::NAN).iter().take(2).all(|x| x.is_nan()), "{isa}, {descent:?}: NaN");
        }
    }
}

fn panels(rows: usize, cols: usize, mut value: impl FnMut() -> f32) -> Panels {
    let mut panels = Panels::zeros(rows, cols);
    for row in 0..rows {
        (0..cols).for_each(|col| panels.set(row, col, value()));
    }
    panels
}

fn panel_state(rows: usize, cols: usize, seed: u64) -> [Panels; 3] {
    let mut values = Values(seed);
    [0, 1, 2].map(|which| panels(rows, cols, || if which == 2 { values.next().abs() } else { values.next() }))
}

/// `f` on the state as views.
fn with_views<R>(
    state: &mut [Panels; 3],
    descent: Step,
    f: impl FnOnce(&mut MatMut<'_>, &mut [MatMut<'_>]) -> R,
) -> R {
    let [p, m, v] = state;
    let mut moments = [m.view_mut(), v.view_mut()];
    f(&mut p.view_mut(), &mut moments[..descent.moments()])
}

/// The step from a gradient that stands in a matrix, element by element.
fn expected(isa: Isa, descent: Step, state: &[Panels; 3], g: Mat<'_>) -> [Matrix; 3] {
    let [mut p, mut m, mut v] = [0, 1, 2].map(|i| state[i].view().to_matrix());
    let mut moments = [m.view_mut(), v.view_mut()];
    let moments = &mut moments[..descent.moments()];
    alone(isa, |team| descend(team, descent.descent(), &mut p.view_mut(), moments, g));
    [p, m, v]
}

fn assert_state(found: &[Panels; 3], expected: &[Matrix; 3], what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert_same_bits(found.view(), expected.view(), what);
    }
}

/// Inner dimension, rows and columns; several have more than one chunk of rows, one more than one of columns.
const PRODUCTS: [(usize, usize, usize); 9] = [
    (0, 3, 5),
    (1, 1, 1),
    (4, 5, 0),
    (16, 784, 32),
    (7, 33, 17),
    (9, 700, 130),
    (300, 40, 35),
    (3, 130, 1100),
    (33, 1500, 50),
];

#[test]
fn a_product_and_the_step_in_one() {
    for (k, m, n) in PRODUCTS {
        let (a, b) = (
            Operand::new(m, k, Layout::Transposed { padding: 3 }, 5),
            Operand::new(k, n, Layout::RowMajor { padding: 1 }, 6),
        );
        for (isa, threads) in Isa::available().into_iter().flat_map(|isa| [(isa, 1), (isa, 3)]) {
            let mut g = Matrix::zeros(m, n);
            let one = pool(isa, 1);
            one.run(|team| gemm(team, a.view(), b.view(), &mut g.view_mut(), Start::Zero, &Store));
            for descent in [DESCENTS[1], DESCENTS[3]] {
                let mut state = panel_state(m, n, 7);
                let expected = expected(isa, descent, &state, g.view());
                pool(isa, threads).run(|team| {
                    with_views(&mut state, descent, |p, moments| {
                        descend_gemm(team, a.view(), b.view(), p, moments, descent.descent());
                    });
                });
                // The library's own order of sums may depend on the size of what it is given.
                if isa.class() == ArithmeticClass::Fused {
                    assert_state(
                        &state,
                        &expected,
                        &format!("{isa}, {threads} threads, {descent:?}, {k} {m} {n}"),
                    );
                } else {
                    let near = |x: f32, y: f32| (x - y).abs() <= 1e-4 * (1.0 + y.abs());
                    for (found, expected) in state.iter().zip(&expected) {
                        for row in 0..m {
                            assert!(
                                (0..n).all(|col| near(found.get(row, col), expected.view().get(row, col)))
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn gathered_inputs_and_the_step_in_one() {
    for (k, m, n) in PRODUCTS.into_iter().filter(|&(k, _, n)| k > 0 && n > 0) {
        let mut values = Values(8);
        // Most inputs are 0 in all examples: at the ends, in long runs and alone.
        let dead: Vec<bool> =
            (0..m).map(|i| i < m / 5 || i % 200 > 100 || values.bits().is_multiple_of(3)).collect();
        let rows: Vec<Vec<u8>> = (0..k)
            .map(|_| dead.iter().map(|&dead| if dead { 0 } else { values.bits() as u8 }).collect())
            .collect();
        let row = |i: usize| &rows[i][..];
        let b = Operand::new(k, n, Layout::RowMajor { padding: 1 }, 6);
        let forward = Panels::zeros(m, n);
        for (isa, threads) in Isa::fused().into_iter().flat_map(|isa| [(isa, 1), (isa, 2), (isa, 3)]) {
            let forms = [TeamInputs::new, TeamInputs::to_accumulate];
            for (descent, form) in DESCENTS.into_iter().flat_map(|descent| forms.map(|form| (descent, form)))
            {
                let mut state = panel_state(m, n, 7);
                let (mut x, mut g) = (form(isa, m, n, k, threads), Panels::zeros(m, n));
                let expected = pool(isa, threads).run(|team| {
                    let mut z = Matrix::zeros(k, n);
                    let (z, start) = (&mut z.view_mut(), Start::Zero);
                    gather_gemm(team, &mut x, Examples::Bytes(&row), &forward, z, start, &Store);
                    accumulate_gathered(team, &x, b.view(), 1.0, &mut g);
                    let expected = expected(isa, descent, &state, g.view().to_matrix().view());
                    with_views(&mut state, descent, |p, moments| {
                        descend_gathered(team, &x, b.view(), p, moments, descent.descent());
                    });
                    expected
                });
                assert_state(
                    &state,
                    &expected,
                    &format!("{isa}, {threads} threads, {descent:?}, {k} {m} {n}"),
                );
            }
        }
    }
}

/// Whole chunks, one input each: what a chunk without an active input takes from the one before would show.
#[test]
fn inputs_that_are_zero_have_no_gradient() {
    let (m, n) = (4_100, 33);
    for isa in Isa::available() {
        let mut input = vec![0.0f32; m];
        input[m / 2] = 1.0;
        let rows = [&input[..]];
        let delta = Operand::new(1, n, Layout::RowMajor { padding: 0 }, 2);
        let mut state = panel_state(m, n, 1);
        let descent = Step::Momentum { rate: 1.0, momentum: 0.0 };
        let before = state.clone();
        let mut x = TeamInputs::new(isa, m, n, 1, 1);
        let mut z = Matrix::zeros(1, n);
        pool(isa, 1).run(|team| {
            let examples = Examples::Floats(&|i: usize| rows[i]);
            gather_gemm(team, &mut x, examples, &before[0], &mut z.view_mut(), Start::Zero, &Store);
            with_views(&mut state, descent, |p, moments| {
                descend_gathered(team, &x, delta.view(), p, moments, descent.descent());
            });
        });
        for row in (0..m).filter(|&row| row != m / 2) {
            assert!(
                (0..n).all(|col| state[0].get(row, col).to_bits() == before[0].get(row, col).to_bits()),
                "{isa}: row {row}"
            );
            assert!((0..n).all(|col| state[1].get(row, col).to_bits() == 0), "{isa}: row {row}");
        }
        assert_ne!(bits(state[0].view()), bits(before[0].view()));
    }
}
