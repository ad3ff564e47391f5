//! The transcendentals of [`Element`], softmax and what costs compute, against f64, and their special values. `exp` and `expm1`:
//! src/simd/math/tests.rs.

mod common;

use common::{Values, sigmoid};
use minibatch_kernels::{
    ArithmeticClass, Element, Isa, Mat, MatMut, Pointwise, logistic_terms, pointwise, poisson_softplus_error,
    reference, softmax, softmax_backward,
};

type Op = fn(Isa, &mut MatMut<'_>);

/// A function, its definition, where it is measured, and what is documented: the most it strays, in ulp, on fused and on
/// other sets.
struct Function {
    name: &'static str,
    op: Op,
    exact: fn(f64) -> f64,
    from: f32,
    to: f32,
    bound: f64,
}

const FUNCTIONS: [Function; 3] = [
    Function { name: "sigmoid", op: sigmoid, exact: reference::sigmoid, from: LOWEST, to: 20.0, bound: 2.5 },
    Function { name: "tanh", op: tanh, exact: f64::tanh, from: -12.0, to: 12.0, bound: 3.5 },
    Function { name: "softplus", op: softplus, exact: softplus_exact, from: LOWEST, to: 100.0, bound: 3.0 },
];

/// Defines `fn method(isa, c)` as C ← the method of each element.
macro_rules! element_wise {
    ($method:ident) => {
        fn $method(isa: Isa, c: &mut MatMut<'_>) {
            struct Method;
            impl Pointwise for Method {
                const NEEDS_Z: bool = true;

                #[inline(always)]
                fn apply<E: Element>(&self, z: E) -> E {
                    z.$method()
                }

                fn slope<E: Element>(&self, _: E) -> E {
                    unreachable!("no test asks for it")
                }
            }
            pointwise(isa, &Method, c);
        }
    };
}

element_wise!(tanh);
element_wise!(softplus);

/// From here down the sigmoid is constant.
const LOWEST: f32 = -87.0;

fn softplus_exact(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

fn of(op: Op, isa: Isa, xs: &[f32]) -> Vec<f32> {
    let mut values = xs.to_vec();
    op(isa, &mut MatMut::row_major(&mut values, 1, xs.len()));
    values
}

/// Measures every `step`-th f32 of 2⁻³⁰ ≤ |x| in the function's range, and gives the largest errors of the fused and the
/// unfused class in ulp. The fused sets must agree to the bit.
fn largest_errors(function: &Function, step: usize) -> (f64, f64) {
    let (mut fused, mut unfused) = (0.0f64, 0.0f64);
    for (sign, limit) in [(0u32, function.to), (1 << 31, -function.from)] {
        let mut bits = (sign | 2f32.powi(-30).to_bits()..=sign | limit.to_bits()).step_by(step);
        loop {
            let xs: Vec<f32> = bits.by_ref().take(1 << 16).map(f32::from_bits).collect();
            if xs.is_empty() {
                break;
            }
            let exact: Vec<f64> = xs.iter().map(|&x| (function.exact)(x.into())).collect();
            let mut first: Option<Vec<f32>> = None;
            for isa in Isa::available() {
                let found = of(function.op, isa, &xs);
                let errors = found.iter().zip(&exact).map(|(&found, &exact)| reference::ulps(found, exact));
                let largest = errors.fold(0.0, f64::max);
                if isa.class() == ArithmeticClass::Fused {
                    fused = fused.max(largest);
                    let first = first.get_or_insert_with(|| found.clone());
                    let same = found.iter().zip(first).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{}: {isa} gives other bits", function.name);
                } else {
                    unfused = unfused.max(largest);
                }
            }
        }
    }
    (fused, unfused)
}

#[allow(clippy::print_stdout)]
fn assert_bounds(step: usize) {
    for function in &FUNCTIONS {
        let (fused, unfused) = largest_errors(function, step);
        let Function { name, bound, .. } = function;
        println!("{name}: at most {fused:.4} ulp fused, {unfused:.4} ulp unfused");
        assert!(fused <= *bound && unfused <= *bound, "{name}: {fused} and {unfused} ulp");
    }
}

#[test]
fn errors_of_the_transcendentals() {
    assert_bounds(997);
}

#[test]
#[ignore = "every f32: takes minutes"]
fn errors_of_the_transcendentals_everywhere() {
    assert_bounds(1);
}

/// As an element, an f32 is a lane of the fused sets.
#[test]
fn one_number_is_a_lane() {
    let xs: Vec<f32> =
        (-4000..=4000).map(|i| i as f32 / 37.0).chain([f32::MAX, f32::MIN, -0.0, 1e-45]).collect();
    type One = fn(f32) -> f32;
    let functions: [(Op, One); 3] =
        [(sigmoid, Element::sigmoid), (tanh, Element::tanh), (softplus, Element::softplus)];
    for (op, one) in functions {
        for isa in Isa::fused() {
            for (&x, y) in xs.iter().zip(of(op, isa, &xs)) {
                assert_eq!(one(x).to_bits(), y.to_bits(), "{isa}: x = {x}");
            }
        }
    }
}

#[test]
fn special_values_of_the_sigmoid() {
    for isa in Isa::available() {
        let at = |x: f32| of(sigmoid, isa, &[x])[0];
        for half in [0.0, -0.0, 1e-45, -1e-45, f32::MIN_POSITIVE, -f32::MIN_POSITIVE] {
            assert_eq!(at(half), 0.5, "{isa}: σ({half:e})");
        }
        assert!(at(f32::NAN).is_nan() && at(-f32::NAN).is_nan(), "{isa}: NaN stays");
        for one in [f32::INFINITY, f32::MAX, 1000.0, 88.0, 87.0, 20.0] {
            assert_eq!(at(one), 1.0, "{isa}: σ({one:e})");
        }
        for lowest in [f32::NEG_INFINITY, f32::MIN, -1000.0, -90.0, -88.0] {
            assert_eq!(at(lowest), at(LOWEST), "{isa}: σ({lowest:e})");
        }
        assert!(at(LOWEST).is_normal(), "{isa}: σ({LOWEST}) = {:e}", at(LOWEST));
    }
}

#[test]
fn the_sigmoid_rises() {
    // Steps far above its rounding error, then saturation on both sides.
    let xs: Vec<f32> = (-1600..=1600).map(|i| i as f32 / 16.0).collect();
    for isa in Isa::available() {
        let ys = of(sigmoid, isa, &xs);
        for (x, y) in xs.iter().zip(ys.windows(2)) {
            let strictly = (-86.0..11.0).contains(x);
            assert!(
                y[0] < y[1] || (!strictly && y[0] == y[1]),
                "{isa}: σ({x}) = {:e}, then {:e}",
                y[0],
                y[1]
            );
        }
        assert!(ys.iter().all(|y| (0.0..=1.0).contains(y)));
    }
}

#[test]
fn extremes_stay_finite_and_nan_comes_through() {
    let extremes = [f32::MAX, f32::MIN, 1e20, -1e20, 200.0, -200.0, 1e-45, -1e-45, 0.0, -0.0];
    for isa in Isa::available() {
        for Function { name, op, exact, .. } in &FUNCTIONS {
            for (x, y) in extremes.into_iter().zip(of(*op, isa, &extremes)) {
                let expected = exact(f64::from(x));
                let off = (f64::from(y) - expected).abs();
                assert!(
                    off <= 1e-30 + 1e-6 * expected.abs() || y.is_infinite(),
                    "{name}({x:e}) on {isa}: {y:e}"
                );
                assert!(y.is_finite() || x.abs() == f32::MAX, "{name}({x:e}) on {isa}: {y:e}");
            }
            let nan = of(*op, isa, &[f32::NAN, -f32::NAN]);
            assert!(nan.iter().all(|y| y.is_nan()), "{name}(NaN) on {isa}: {nan:?}");
        }
    }
}

/// Rows of every length, with padding: right to f32's precision, equal bits on all fused sets, the padding untouched.
#[test]
fn softmax_and_its_jacobian() {
    let mut values = Values(5);
    for cols in 1..=70 {
        let (z, delta) = (values.vec(2 * cols), values.vec(2 * cols));
        let mut first: Option<Vec<u32>> = None;
        for isa in Isa::available() {
            let mut a = common::Guarded::new(2, cols, 3, |row, col| 20.0 * z[row * cols + col]);
            softmax(isa, &mut a.view_mut());
            a.assert_guards();
            let mut d = common::Guarded::new(2, cols, 3, |row, col| delta[row * cols + col]);
            softmax_backward(isa, &mut d.view_mut(), a.view());
            d.assert_guards();
            for row in 0..2 {
                let at = |col: usize| (20.0 * f64::from(z[row * cols + col])).exp();
                let sum: f64 = (0..cols).map(at).sum();
                let delta = |col: usize| f64::from(delta[row * cols + col]);
                let mean: f64 = (0..cols).map(|col| delta(col) * at(col) / sum).sum();
                for col in 0..cols {
                    let (found, exact) = (f64::from(a.view().get(row, col)), at(col) / sum);
                    assert!((found - exact).abs() <= 4e-6 * exact, "{isa}, {cols}: a = {found}, not {exact}");
                    let (found, exact) = (f64::from(d.view().get(row, col)), exact * (delta(col) - mean));
                    assert!((found - exact).abs() <= 4e-6, "{isa}, {cols}: δ = {found}, not {exact}");
                }
            }
            if isa.class() == ArithmeticClass::Fused {
                let bits =
                    |m: Mat<'_>| (0..2).flat_map(|r| m.row(r).to_vec()).map(f32::to_bits).collect::<Vec<_>>();
                let found = [bits(a.view()), bits(d.view())].concat();
                assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "{isa}, {cols}");
            }
        }
    }
}

#[test]
fn softmax_at_the_extremes() {
    for isa in Isa::available() {
        let of = |row: &[f32]| of(softmax, isa, row);
        assert_eq!(of(&[-7.0]), [1.0], "{isa}");
        assert_eq!(of(&[1e30, 1e30, -1e30, -1e30])[..2], [0.5; 2], "{isa}");
        let a = of(&[0.0, 1000.0, -1000.0]);
        assert!(a[1] == 1.0 && a.iter().all(|a| a.is_normal()), "{isa}: {a:?}");
        assert!(of(&[1.0, f32::NAN, 2.0]).iter().all(|a| a.is_nan()), "{isa}: NaN takes the row");
        assert!(of(&[f32::NAN; 40]).iter().all(|a| a.is_nan()), "{isa}");
        assert_eq!(of(&[]), [0.0f32; 0], "{isa}");
    }
}

/// The cross-entropy of a saturated sigmoid is |z| where it is wrong, and its tail e^−|z| where it is right.
#[test]
fn logistic_terms_of_saturated_sigmoids() {
    for isa in Isa::available() {
        for (z, y, expected) in [
            (100.0f32, 0.0, 100.0),
            (-100.0, 1.0, 100.0),
            (100.0, 1.0, 0.0),
            (-100.0, 0.0, 0.0),
            (0.0, 0.5, std::f64::consts::LN_2),
            (20.0, 1.0, (-20f64).exp().ln_1p()),
            (3.0, 0.25, softplus_exact(3.0) - 0.75),
        ] {
            let mut term = [z];
            logistic_terms(isa, &mut MatMut::row_major(&mut term, 1, 1), Mat::row_major(&[y], 1, 1));
            let off = (f64::from(term[0]) - expected).abs();
            assert!(off <= 1e-37 + 3e-7 * expected, "{isa}: z = {z}, y = {y}: {}", term[0]);
        }
    }
}

/// σ(z)·(1 − y/softplus(z)), also where softplus(z) is tiny.
#[test]
fn poisson_error_of_tiny_rates() {
    for isa in Isa::available() {
        for z in [-1000.0f32, -80.0, -20.0, -1.0, 0.0, 3.0, 50.0] {
            for y in [0.0f32, 1.0, 7.0] {
                let mut error = of(softplus, isa, &[z]);
                poisson_softplus_error(
                    isa,
                    &mut MatMut::row_major(&mut error, 1, 1),
                    Mat::row_major(&[y], 1, 1),
                );
                let sigmoid = reference::sigmoid(z.into());
                let ratio = if z < -30.0 { 1.0 } else { sigmoid / softplus_exact(z.into()) };
                let expected = sigmoid - f64::from(y) * ratio;
                let off = (f64::from(error[0]) - expected).abs();
                assert!(
                    off <= 2e-6 * (1.0 + f64::from(y)),
                    "{isa}: z = {z}, y = {y}: {} not {expected}",
                    error[0]
                );
            }
        }
    }
}
