//! Element-wise operations and reductions on every instruction set: NaN, ±0, denormals, every edge mask, and the
//! bounds of the view.

mod common;

use common::{Guarded, Layout, Operand, Values, relu, relu_backward, sigmoid, sigmoid_backward};
use minibatch_kernels::{
    ArithmeticClass, Isa, Mat, MatMut, Matrix, Panels, add_column_sums, argmax, clamped_difference,
    hinge_derivative, scale, scaled_difference, scaled_sign, softmax, softmax_backward, subtract,
};
use proptest::prelude::*;

/// The threshold below which errors become +0.
const FLUSH: f32 = f32::from_bits((127 - 96) << 23);

/// The largest f32 below it.
const BELOW: f32 = f32::from_bits(FLUSH.to_bits() - 1);

/// Values at which activations and derivatives have something special to do.
const SPECIAL: [f32; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    f32::NAN,
    -f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    1e-45,
    -1e-45,
    1e-40,
    FLUSH,
    -FLUSH,
    BELOW,
    -BELOW,
    1e-28,
];

type Binary = fn(Isa, &mut MatMut<'_>, Mat<'_>);
type Unary = fn(Isa, &mut MatMut<'_>);
type Scalar1 = fn(f32) -> f32;
type Scalar2 = fn(f32, f32) -> f32;

/// What an operation of one element must give, in scalar f32 arithmetic. Sigmoid is held against f64 in tests/math.rs.
const UNARY: [(&str, Unary, Scalar1); 2] = [
    ("relu", relu, |x| if x < 0.0 { 0.0 } else { x }),
    ("scale", |isa, c| scale(isa, c, -0.3), |x| x * -0.3),
];

/// What an operation of two elements must give.
const BINARY: [(&str, Binary, Scalar2); 7] = [
    ("subtract", subtract, |x, y| x - y),
    ("sigmoid_backward", sigmoid_backward, |delta, a| flushed(delta * (a * (1.0 - a)))),
    ("relu_backward", relu_backward, |delta, a| if a > 0.0 { flushed(delta) } else { 0.0 }),
    ("scaled_difference", |isa, a, y| scaled_difference(isa, a, y, 0.7), |a, y| (a - y) * 0.7),
    (
        "scaled_sign",
        |isa, a, y| scaled_sign(isa, a, y, 0.7),
        |a, y| {
            let d = a - y;
            let sign = if d > 0.0 {
                0.7
            } else if d < 0.0 {
                -0.7
            } else {
                0.0
            };
            if d.is_finite() { sign } else { f32::NAN }
        },
    ),
    (
        "clamped_difference",
        |isa, a, y| clamped_difference(isa, a, y, 0.5, 0.7),
        |a, y| if (a - y).is_nan() { f32::NAN } else { (a - y).clamp(-0.5, 0.5) * 0.7 },
    ),
    ("hinge_derivative", hinge_derivative, |a, y| {
        let t = if y > 0.0 { 1.0 } else { -1.0 };
        match (a + y).is_finite() {
            true => {
                if t * a < 1.0 {
                    -t
                } else {
                    0.0
                }
            }
            false => f32::NAN,
        }
    }),
];

fn flushed(x: f32) -> f32 {
    if x.abs() < FLUSH { 0.0 } else { x }
}

/// Equal to the bit, but any NaN is as good as another.
fn assert_value(found: f32, expected: f32, what: &str) {
    let same = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
    assert!(same, "{what}: {found:e}, expected {expected:e}");
}

#[test]
fn the_threshold_of_errors_is_two_to_the_minus_96() {
    assert_eq!(FLUSH, 2f32.powi(-96));
    assert!(BELOW < FLUSH && BELOW.is_normal());
}

#[test]
fn special_values_of_one_operand() {
    for isa in Isa::available() {
        for (name, op, expected) in UNARY {
            // At every lane of every register, the masked one too.
            for shift in 0..40 {
                let mut values: Vec<f32> = (0..40).map(|i| SPECIAL[(i + shift) % SPECIAL.len()]).collect();
                let before = values.clone();
                op(isa, &mut MatMut::row_major(&mut values, 1, 40));
                for (&x, &y) in before.iter().zip(&values) {
                    assert_value(y, expected(x), &format!("{name}({x:e}) on {isa}"));
                }
            }
        }
    }
}

#[test]
fn special_values_of_two_operands() {
    for isa in Isa::available() {
        for (name, op, expected) in BINARY {
            for first in SPECIAL {
                let mut found = [first; SPECIAL.len()];
                op(
                    isa,
                    &mut MatMut::row_major(&mut found, 1, SPECIAL.len()),
                    Mat::row_major(&SPECIAL, 1, 22),
                );
                for (&second, &found) in SPECIAL.iter().zip(&found) {
                    assert_value(
                        found,
                        expected(first, second),
                        &format!("{name}({first:e}, {second:e}) on {isa}"),
                    );
                }
            }
        }
    }
}

#[test]
fn zeros_keep_their_sign_where_they_should() {
    for isa in Isa::available() {
        let mut z = [-0.0f32, 0.0, -1.0];
        relu(isa, &mut MatMut::row_major(&mut z, 1, 3));
        assert_eq!(z.map(f32::to_bits), [(-0.0f32).to_bits(), 0, 0], "{isa}: ReLU(−0) is −0");
        let mut delta = [-1e-30f32, -1e-40, -0.0];
        relu_backward(isa, &mut MatMut::row_major(&mut delta, 1, 3), Mat::row_major(&[1.0; 3], 1, 3));
        assert_eq!(delta.map(f32::to_bits), [0; 3], "{isa}: what is flushed becomes +0");
    }
}

#[test]
fn nan_survives_what_is_flushed() {
    for isa in Isa::available() {
        for (op, name) in [(sigmoid_backward as Binary, "sigmoid"), (relu_backward, "ReLU")] {
            let mut delta = [f32::NAN, 1e-30, 1.0];
            op(isa, &mut MatMut::row_major(&mut delta, 1, 3), Mat::row_major(&[0.5; 3], 1, 3));
            assert!(delta[0].is_nan() && delta[1] == 0.0 && delta[2] > 0.0, "{isa}: {name} gives {delta:?}");
        }
    }
}

/// Every operation at every length, on views with padding: the elements are right, the neighbours untouched, and sets
/// of one class agree to the bit.
#[test]
fn every_edge_mask() {
    for cols in 0..=40 {
        for isa in Isa::available() {
            let other = Operand::new(3, cols, Layout::RowMajor { padding: 5 }, cols as u64);
            let fresh = || {
                let mut values = Values(99);
                Guarded::new(3, cols, 4, |_, _| 4.0 * values.next())
            };
            let before = fresh();
            for (name, op, expected) in BINARY {
                let mut c = fresh();
                op(isa, &mut c.view_mut(), other.view());
                c.assert_guards();
                for (row, col) in (0..3).flat_map(|row| (0..cols).map(move |col| (row, col))) {
                    let expected = expected(before.view().get(row, col), other.view().get(row, col));
                    assert_value(
                        c.view().get(row, col),
                        expected,
                        &format!("{name} on {isa}, {cols} columns"),
                    );
                }
            }
            for (name, op, expected) in UNARY {
                let mut c = fresh();
                op(isa, &mut c.view_mut());
                c.assert_guards();
                for (row, col) in (0..3).flat_map(|row| (0..cols).map(move |col| (row, col))) {
                    let expected = expected(before.view().get(row, col));
                    assert_value(
                        c.view().get(row, col),
                        expected,
                        &format!("{name} on {isa}, {cols} columns"),
                    );
                }
            }
            let mut c = fresh();
            sigmoid(isa, &mut c.view_mut());
            c.assert_guards();
            if isa.class() == ArithmeticClass::Fused {
                let mut portable = fresh();
                sigmoid(Isa::PORTABLE, &mut portable.view_mut());
                common::assert_same_bits(
                    c.view(),
                    portable.view(),
                    &format!("sigmoid on {isa}, {cols} columns"),
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(common::config(200))]

    /// One chain of additions for each column, rows ascending, from the sums' own values.
    #[test]
    fn column_sums_run_down_the_rows(rows in 0usize..70, cols in 0usize..70, padding in 0usize..9, seed: u64) {
        let a = Operand::new(rows, cols, Layout::RowMajor { padding }, seed);
        let from = Values(seed ^ 1).vec(cols);
        for isa in Isa::available() {
            let mut sums = Guarded::new(1, cols, 2, |_, col| from[col]);
            add_column_sums(isa, a.view(), sums.view_mut().row_mut(0));
            sums.assert_guards();
            for col in 0..cols {
                let expected = (0..rows).fold(from[col], |sum, row| sum + a.view().get(row, col));
                prop_assert_eq!(sums.view().get(0, col).to_bits(), expected.to_bits(), "{}, column {}", isa, col);
            }
        }
    }
}

#[test]
fn the_order_of_column_sums_shows() {
    // 1 + 2⁻²⁴ + 2⁻²⁴ is 1 in this order, 1 + 2⁻²³ in the other.
    let half_ulp = f32::EPSILON / 2.0;
    for isa in Isa::available() {
        let mut sums = vec![1.0; 19];
        add_column_sums(isa, Matrix::from_fn(2, 19, |_, _| half_ulp).view(), &mut sums);
        assert_eq!(sums, [1.0; 19], "{isa}");
        let mut sums = vec![half_ulp; 19];
        let rows = Matrix::from_fn(2, 19, |row, _| if row == 0 { half_ulp } else { 1.0 });
        add_column_sums(isa, rows.view(), &mut sums);
        assert_eq!(sums, [1.0 + f32::EPSILON; 19], "{isa}");
    }
}

#[test]
fn argmax_takes_the_first_of_equals_and_never_nan() {
    const NAN: f32 = f32::NAN;
    assert_eq!(argmax(&[]), 0);
    assert_eq!(argmax(&[3.0]), 0);
    assert_eq!(argmax(&[1.0, 5.0, 5.0, 2.0]), 1);
    assert_eq!(argmax(&[0.0, -0.0, 0.0]), 0);
    assert_eq!(argmax(&[-0.0, 0.0]), 0);
    assert_eq!(argmax(&[NAN, 1.0, 2.0]), 2);
    assert_eq!(argmax(&[2.0, NAN, 1.0]), 0);
    assert_eq!(argmax(&[1.0, NAN, 2.0]), 2);
    assert_eq!(argmax(&[NAN, f32::NEG_INFINITY]), 1);
    assert_eq!(argmax(&[NAN, NAN]), 0);
    assert_eq!(argmax(&[f32::NEG_INFINITY, f32::INFINITY, NAN]), 1);
}

#[test]
#[should_panic(expected = "shapes of an element-wise operation")]
fn shapes_must_agree() {
    subtract(Isa::detect(), &mut Matrix::zeros(2, 3).view_mut(), Matrix::zeros(3, 2).view());
}

#[test]
#[should_panic(expected = "contiguous rows")]
fn the_second_operand_must_have_rows() {
    subtract(Isa::detect(), &mut Matrix::zeros(2, 3).view_mut(), Matrix::zeros(3, 2).view().transposed());
}

#[test]
#[should_panic(expected = "as many sums as columns")]
fn sums_must_fit() {
    add_column_sums(Isa::detect(), Matrix::zeros(2, 3).view(), &mut [0.0; 2]);
}

#[test]
#[should_panic(expected = "column sums read contiguous rows")]
fn column_sums_need_rows() {
    add_column_sums(Isa::detect(), Matrix::zeros(2, 3).view().transposed(), &mut [0.0; 2]);
}

/// Rows in panels aren't contiguous: neither softmax takes them.
#[test]
fn softmax_takes_contiguous_rows() {
    let isa = Isa::detect();
    let (mut panels, mut matrix) = (Panels::zeros(2, 20), Matrix::zeros(2, 20));
    let mut refused = |product: &mut dyn FnMut(&mut Panels, &mut Matrix)| {
        let product = std::panic::AssertUnwindSafe(|| product(&mut panels, &mut matrix));
        std::panic::catch_unwind(product).is_err()
    };
    assert!(refused(&mut |panels, _| softmax(isa, &mut panels.view_mut())));
    assert!(refused(&mut |panels, matrix| softmax_backward(isa, &mut panels.view_mut(), matrix.view())));
    assert!(refused(&mut |panels, matrix| softmax_backward(isa, &mut matrix.view_mut(), panels.view())));
    assert!(!refused(&mut |_, matrix| softmax(isa, &mut matrix.view_mut())));
}
