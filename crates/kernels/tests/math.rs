//! Activation functions and their derivatives against f64, and their special values. `exp` and its kin are private:
//! src/math/tests.rs.

mod common;

use common::Values;
use minibatch_kernels::{
    ArithmeticClass, Isa, Mat, MatMut, elu, elu_backward, gelu, gelu_backward, leaky_relu, logistic_terms,
    poisson_softplus_error, reference, scaled_tanh, scaled_tanh_backward, sigmoid, silu, silu_backward,
    softmax, softmax_backward, softplus, softplus_backward, tanh, tanh_backward,
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

const SELU: (f32, f32) = (1.050_701, 1.673_263_2);

const FUNCTIONS: [Function; 10] = [
    Function { name: "sigmoid", op: sigmoid, exact: reference::sigmoid, from: LOWEST, to: 20.0, bound: 2.5 },
    Function { name: "tanh", op: tanh, exact: f64::tanh, from: -12.0, to: 12.0, bound: 3.5 },
    Function {
        name: "LeCun's tanh",
        op: |isa, c| scaled_tanh(isa, c, 1.7159, 2.0 / 3.0),
        exact: |z| 1.7159 * (2.0 / 3.0 * z).tanh(),
        from: -15.0,
        to: 15.0,
        bound: 5.0,
    },
    Function {
        name: "leaky ReLU",
        op: |isa, c| leaky_relu(isa, c, 0.01),
        exact: |z| if z > 0.0 { z } else { f64::from(0.01f32) * z },
        from: -100.0,
        to: 100.0,
        bound: 0.5,
    },
    Function {
        name: "ELU",
        op: |isa, c| elu(isa, c, 1.0, 1.0),
        exact: |z| if z > 0.0 { z } else { z.exp_m1() },
        from: -30.0,
        to: 100.0,
        bound: 1.5,
    },
    Function {
        name: "SELU",
        op: |isa, c| elu(isa, c, SELU.0, SELU.1),
        exact: |z| {
            let (scale, alpha) = (f64::from(SELU.0), f64::from(SELU.1));
            scale * if z > 0.0 { z } else { alpha * z.exp_m1() }
        },
        from: -30.0,
        to: 100.0,
        bound: 3.0,
    },
    Function {
        name: "SiLU",
        op: silu,
        exact: |z| z * reference::sigmoid(z),
        from: LOWEST,
        to: 100.0,
        bound: 3.5,
    },
    Function {
        name: "GELU",
        op: gelu,
        exact: |z| z * reference::sigmoid(gelu_argument(z)),
        from: -9.9,
        to: 100.0,
        bound: 250.0,
    },
    Function {
        name: "GELU above −3",
        op: gelu,
        exact: |z| z * reference::sigmoid(gelu_argument(z)),
        from: -3.0,
        to: 100.0,
        bound: 18.0,
    },
    Function { name: "softplus", op: softplus, exact: softplus_exact, from: LOWEST, to: 100.0, bound: 3.0 },
];

/// From here down the sigmoid is constant.
const LOWEST: f32 = -87.0;

/// 2·√(2/π)·(z + 0.044715·z³)
fn gelu_argument(z: f64) -> f64 {
    2.0 * (2.0 / std::f64::consts::PI).sqrt() * (z + 0.044715 * z * z * z)
}

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
fn errors_of_the_activations() {
    assert_bounds(997);
}

#[test]
#[ignore = "every f32: takes minutes"]
fn errors_of_the_activations_everywhere() {
    assert_bounds(1);
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

type Backward = fn(Isa, &mut MatMut<'_>, Mat<'_>);

/// A derivative, its definition from z, and what the backward step reads: z itself, or σ(z).
struct Derivative {
    name: &'static str,
    backward: Backward,
    saved: fn(f64) -> f64,
    exact: fn(f64) -> f64,
}

const DERIVATIVES: [Derivative; 6] = [
    Derivative { name: "tanh", backward: tanh_backward, saved: f64::tanh, exact: |z| 1.0 - z.tanh().powi(2) },
    Derivative {
        name: "LeCun's tanh",
        backward: |isa, delta, a| scaled_tanh_backward(isa, delta, a, 1.7159, 2.0 / 3.0),
        saved: |z| 1.7159 * (2.0 / 3.0 * z).tanh(),
        exact: |z| 1.7159 * 2.0 / 3.0 * (1.0 - (2.0 / 3.0 * z).tanh().powi(2)),
    },
    Derivative {
        name: "ELU",
        backward: |isa, delta, a| elu_backward(isa, delta, a, 1.0, 2.0),
        saved: |z| if z > 0.0 { z } else { 2.0 * z.exp_m1() },
        exact: |z| if z > 0.0 { 1.0 } else { 2.0 * z.exp() },
    },
    Derivative {
        name: "SiLU",
        backward: silu_backward,
        saved: |z| z,
        exact: |z| {
            let sigmoid = reference::sigmoid(z);
            sigmoid * (1.0 + z * reference::sigmoid(-z))
        },
    },
    Derivative {
        name: "GELU",
        backward: gelu_backward,
        saved: |z| z,
        exact: |z| {
            let (v, slope) = (gelu_argument(z), 1.595_769_121_605_73 * (1.0 + 3.0 * 0.044715 * z * z));
            reference::sigmoid(v) * (1.0 + z * slope * reference::sigmoid(-v))
        },
    },
    Derivative {
        name: "softplus",
        backward: softplus_backward,
        saved: softplus_exact,
        exact: reference::sigmoid,
    },
];

/// Derivatives lie around 1, and that is the measure of their errors: half an ulp of 1, 2⁻²⁴, counts as one. What is read
/// has been rounded to f32.
#[test]
fn errors_of_the_derivatives() {
    let zs: Vec<f64> = (-8000..=8000).map(|i| f64::from(i) / 800.0 + 1e-4).collect();
    for Derivative { name, backward, saved, exact } in DERIVATIVES {
        let saved: Vec<f32> = zs.iter().map(|&z| saved(z) as f32).collect();
        let mut first: Option<Vec<f32>> = None;
        for isa in Isa::available() {
            let mut delta = vec![1.0f32; zs.len()];
            backward(
                isa,
                &mut MatMut::row_major(&mut delta, 1, zs.len()),
                Mat::row_major(&saved, 1, zs.len()),
            );
            for (&z, &found) in zs.iter().zip(&delta) {
                let off = (f64::from(found) - exact(z)).abs() * f64::from(1u32 << 24);
                assert!(off <= 16.0, "{name}′({z}) on {isa}: {found}, {off} off");
            }
            if isa.class() == ArithmeticClass::Fused {
                let first = first.get_or_insert_with(|| delta.clone());
                assert!(delta.iter().zip(first).all(|(a, b)| a.to_bits() == b.to_bits()), "{name}: {isa}");
            }
        }
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
        for Derivative { name, backward, saved, .. } in DERIVATIVES {
            let saved = extremes.map(|z| saved(f64::from(z)) as f32);
            let mut delta = [1.0f32; 10];
            backward(isa, &mut MatMut::row_major(&mut delta, 1, 10), Mat::row_major(&saved, 1, 10));
            assert!(delta.iter().all(|d| d.is_finite() && d.abs() < 3.0), "{name}′ on {isa}: {delta:?}");
            let mut delta = [f32::NAN, 1.0];
            backward(isa, &mut MatMut::row_major(&mut delta, 1, 2), Mat::row_major(&[0.5, 0.5], 1, 2));
            assert!(delta[0].is_nan() && delta[1].is_finite(), "{name}′ on {isa}: {delta:?}");
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
