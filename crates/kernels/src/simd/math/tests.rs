//! `exp`, `expm1` and `ln_1p` on every instruction set, measured against f64. What is built on them is public:
//! tests/math.rs.

use super::{EXP_MAX, EXP_MIN, exp, expm1, ln_1p};
use crate::reference;
use crate::simd::{ArithmeticClass, Isa, Kernel, Vector};

/// x ← eˣ for whole registers.
struct Exp<'a>(&'a mut [f32]);

impl Kernel for Exp<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        assert!(self.0.len().is_multiple_of(V::LANES));
        for chunk in self.0.chunks_exact_mut(V::LANES) {
            // SAFETY: a chunk is a register long; `Isa::run` vouches for the instruction set.
            unsafe { exp(V::load(chunk.as_ptr())).store(chunk.as_mut_ptr()) }
        }
    }
}

fn exp_of(isa: Isa, xs: &[f32]) -> Vec<f32> {
    let mut values = xs.to_vec();
    values.resize(xs.len().next_multiple_of(16), 0.0);
    isa.run(Exp(&mut values));
    values.truncate(xs.len());
    values
}

/// Measures every `step`-th f32 of 2⁻³⁰ ≤ |x| ≤ limit, and gives the largest errors of the fused and the unfused
/// class in ulp. Smaller |x| all give 1.
fn largest_errors(step: usize) -> (f64, f64) {
    let (mut fused, mut unfused) = (0.0f64, 0.0f64);
    for (sign, limit) in [(0u32, EXP_MAX), (1 << 31, -EXP_MIN)] {
        let mut bits = (sign | 2f32.powi(-30).to_bits()..=sign | limit.to_bits()).step_by(step);
        loop {
            let xs: Vec<f32> = bits.by_ref().take(1 << 16).map(f32::from_bits).collect();
            if xs.is_empty() {
                break;
            }
            let exact: Vec<f64> = xs.iter().map(|&x| f64::from(x).exp()).collect();
            let mut first: Option<Vec<f32>> = None;
            for isa in Isa::available() {
                let found = exp_of(isa, &xs);
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

/// The bounds that the documentation of [`exp`] states.
#[allow(clippy::print_stdout)]
fn assert_bounds((fused, unfused): (f64, f64)) {
    println!("exp: at most {fused:.4} ulp fused, {unfused:.4} ulp unfused");
    assert!(fused <= 1.02, "{fused} ulp");
    assert!(unfused <= 1.02, "{unfused} ulp");
}

#[test]
fn error_of_exp() {
    assert_bounds(largest_errors(97));
}

#[test]
#[ignore = "every f32: takes minutes"]
fn error_of_exp_everywhere() {
    assert_bounds(largest_errors(1));
}

#[test]
fn special_values_of_exp() {
    for isa in Isa::available() {
        let xs = [
            0.0,
            -0.0,
            1e-45,
            -1e-45,
            f32::INFINITY,
            1e30,
            EXP_MAX,
            f32::NEG_INFINITY,
            -1e30,
            EXP_MIN,
            f32::NAN,
        ];
        let e = exp_of(isa, &xs);
        assert_eq!(e[..4], [1.0; 4], "{isa}");
        assert_eq!(e[4..7], [e[6]; 3], "{isa}: clamped above");
        assert_eq!(e[7..10], [e[9]; 3], "{isa}: clamped below");
        assert!(e[9].is_normal() && e[6].is_finite(), "{isa}");
        assert!(e[10].is_nan(), "{isa}: NaN stays");
        assert!(exp_of(isa, &[-f32::NAN])[0].is_nan(), "{isa}: NaN of either sign stays");
    }
}

/// x ← e^x − 1 and t ← ln(1 + t) for whole registers.
struct NearZero<'a>(&'a mut [f32], &'a mut [f32]);

impl Kernel for NearZero<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: a chunk is a register long; `Isa::run` vouches for the instruction set.
        unsafe {
            for chunk in self.0.chunks_exact_mut(V::LANES) {
                expm1(V::load(chunk.as_ptr())).store(chunk.as_mut_ptr());
            }
            for chunk in self.1.chunks_exact_mut(V::LANES) {
                ln_1p(V::load(chunk.as_ptr())).store(chunk.as_mut_ptr());
            }
        }
    }
}

/// The functions that must be accurate near 0: relative errors from 2⁻³⁰ on.
#[test]
#[allow(clippy::print_stdout)]
fn errors_near_zero() {
    let count = 1 << 20;
    // Evenly spaced logarithms: 2⁻³⁰ to 80, and 2⁻³⁰ to 1.
    let ladder = |top: f64| {
        move |i: usize| ((-30.0 + (30.0 + top.log2()) * (i / 2) as f64 / (count / 2) as f64).exp2()) as f32
    };
    let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
    let xs: Vec<f32> = (0..count).map(|i| sign(i) * ladder(80.0)(i)).collect();
    let ts: Vec<f32> = (0..count).map(ladder(1.0)).collect();
    for isa in Isa::available() {
        let (mut x, mut t) = (xs.clone(), ts.clone());
        isa.run(NearZero(&mut x, &mut t));
        let largest = |from: &[f32], found: &[f32], exact: fn(f64) -> f64| {
            let errors = from.iter().zip(found).map(|(&x, &y)| reference::ulps(y, exact(x.into())));
            errors.fold(0.0, f64::max)
        };
        let expm1 = largest(&xs, &x, f64::exp_m1);
        let ln_1p = largest(&ts, &t, f64::ln_1p);
        println!("{isa}: expm1 {expm1:.3} ulp, ln_1p {ln_1p:.3} ulp");
        assert!(expm1 <= 1.5 && ln_1p <= 2.5, "{isa}: {expm1} and {ln_1p} ulp");
    }
}
