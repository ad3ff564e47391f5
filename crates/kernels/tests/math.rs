//! The sigmoid against f64, and its special values. `exp` is private: src/math/tests.rs.

mod common;

use minibatch_kernels::{ArithmeticClass, Isa, MatMut, reference, sigmoid};

fn sigmoid_of(isa: Isa, xs: &[f32]) -> Vec<f32> {
    let mut values = xs.to_vec();
    sigmoid(isa, &mut MatMut::row_major(&mut values, 1, xs.len()));
    values
}

/// From here down the sigmoid is constant.
const LOWEST: f32 = -87.0;

/// Measures every `step`-th f32 of 2⁻³⁰ ≤ |x|, down to [`LOWEST`] and up to where σ is 1, and gives the largest errors
/// of the fused and the unfused class in ulp.
fn largest_errors(step: usize) -> (f64, f64) {
    let (mut fused, mut unfused) = (0.0f64, 0.0f64);
    for (sign, limit) in [(0u32, 20.0f32), (1 << 31, -LOWEST)] {
        let mut bits = (sign | 2f32.powi(-30).to_bits()..=sign | limit.to_bits()).step_by(step);
        loop {
            let xs: Vec<f32> = bits.by_ref().take(1 << 16).map(f32::from_bits).collect();
            if xs.is_empty() {
                break;
            }
            let exact: Vec<f64> = xs.iter().map(|&x| reference::sigmoid(x.into())).collect();
            let mut first: Option<Vec<f32>> = None;
            for isa in Isa::available() {
                let found = sigmoid_of(isa, &xs);
                let errors = found.iter().zip(&exact).map(|(&found, &exact)| reference::ulps(found, exact));
                let largest = errors.fold(0.0, f64::max);
                if isa.class() == ArithmeticClass::Fused {
                    fused = fused.max(largest);
                    let first = first.get_or_insert_with(|| found.clone());
                    let same = found.iter().zip(first).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{isa} gives other bits");
                } else {
                    unfused = unfused.max(largest);
                }
            }
        }
    }
    (fused, unfused)
}

/// The bounds that the documentation of the sigmoid states.
#[allow(clippy::print_stdout)]
fn assert_bounds((fused, unfused): (f64, f64)) {
    println!("sigmoid: at most {fused:.4} ulp fused, {unfused:.4} ulp unfused");
    assert!(fused <= 2.5, "{fused} ulp");
    assert!(unfused <= 2.5, "{unfused} ulp");
}

#[test]
fn error_of_the_sigmoid() {
    assert_bounds(largest_errors(97));
}

#[test]
#[ignore = "every f32: takes minutes"]
fn error_of_the_sigmoid_everywhere() {
    assert_bounds(largest_errors(1));
}

#[test]
fn special_values_of_the_sigmoid() {
    for isa in Isa::available() {
        let of = |x: f32| sigmoid_of(isa, &[x])[0];
        for half in [0.0, -0.0, 1e-45, -1e-45, f32::MIN_POSITIVE, -f32::MIN_POSITIVE] {
            assert_eq!(of(half), 0.5, "{isa}: σ({half:e})");
        }
        assert!(of(f32::NAN).is_nan() && of(-f32::NAN).is_nan(), "{isa}: NaN stays");
        for one in [f32::INFINITY, f32::MAX, 1000.0, 88.0, 87.0, 20.0] {
            assert_eq!(of(one), 1.0, "{isa}: σ({one:e})");
        }
        for lowest in [f32::NEG_INFINITY, f32::MIN, -1000.0, -90.0, -88.0] {
            assert_eq!(of(lowest), of(LOWEST), "{isa}: σ({lowest:e})");
        }
        assert!(of(LOWEST).is_normal(), "{isa}: σ({LOWEST}) = {:e}", of(LOWEST));
    }
}

#[test]
fn the_sigmoid_rises() {
    // Steps far above its rounding error, then saturation on both sides.
    let xs: Vec<f32> = (-1600..=1600).map(|i| i as f32 / 16.0).collect();
    for isa in Isa::available() {
        let ys = sigmoid_of(isa, &xs);
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
