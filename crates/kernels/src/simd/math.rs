//! Transcendental functions over registers: one formula each, with FMA, the same on every instruction set.

use super::vector::Vector;

/// The smallest argument of [`exp`] whose scale 2ⁿ is still a normal number: below, the result stays e⁻⁸⁷.
const EXP_MIN: f32 = -87.0;

/// The largest argument of [`exp`]: above, the result stays e⁸⁷, whose reciprocal is a normal number too.
const EXP_MAX: f32 = 87.0;

/// 1.5·2²³: adding it rounds a small number to the nearest integer (ties to even) and leaves that integer in the
/// low mantissa bits.
const ROUND: f32 = 12_582_912.0;

/// ln 2 in two parts: ten bits, so that their product with an integer n ≤ 2⁷ is exact also without FMA, and what that
/// leaves.
const LN_2_HI: f32 = 355.0 / 512.0;
const LN_2_LO: f32 = -2.121_944_4e-4;

/// Coefficients of (eʳ − 1 − r)/r² for |r| ≤ ½·ln 2, highest power first: the minimax polynomial of Cephes' `expf`.
const EXP_POLYNOMIAL: [f32; 6] =
    [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];

/// Coefficients of (2·artanh(s)/2s − 1)/s² for 0 ≤ s ≤ ⅓, highest power first: interpolated at Chebyshev's points in s²,
/// where it strays by 10⁻⁹ of the whole.
const ARTANH_POLYNOMIAL: [f32; 5] = [0.116_195_26, 0.108_516_574, 0.142_962_92, 0.199_998_51, 0.333_333_34];

/// eˣ for x clamped to [−87, 87]; NaN stays NaN.
///
/// x = n·ln 2 + r with integer n and |r| ≤ ½·ln 2 (Cody and Waite's two-part ln 2), eˣ = 2ⁿ·eʳ. Within 1.02 ulp
/// of the exact value between the clamps, with FMA and without (measured over every f32: math/tests.rs).
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn exp<V: Vector>(x: V) -> V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (fraction, scale) = exp_parts(x);
        fraction.add(V::splat(1.0)).mul(scale)
    }
}

/// eˣ − 1 for x clamped to [−87, 87], accurate also near 0; NaN stays NaN, −0 becomes +0.
///
/// As [`exp`], but 2ⁿ·(eʳ − 1) + (2ⁿ − 1), whose first term is the whole result where n = 0. Within 1.5 ulp (math/tests.rs).
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn expm1<V: Vector>(x: V) -> V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (fraction, scale) = exp_parts(x);
        fraction.fma(scale, scale.sub(V::splat(1.0)))
    }
}

/// eʳ − 1 and 2ⁿ, where x = n·ln 2 + r is clamped to [−87, 87].
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
unsafe fn exp_parts<V: Vector>(x: V) -> (V, V) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let x = V::splat(EXP_MAX).min(V::splat(EXP_MIN).max(x));
        let shifted = x.fma(V::splat(std::f32::consts::LOG2_E), V::splat(ROUND));
        let n = shifted.sub(V::splat(ROUND));
        let r = n.fma(V::splat(-LN_2_HI), x);
        let r = n.fma(V::splat(-LN_2_LO), r);
        let mut p = V::splat(EXP_POLYNOMIAL[0]);
        for &coefficient in &EXP_POLYNOMIAL[1..] {
            p = p.fma(r, V::splat(coefficient));
        }
        (p.fma(r.mul(r), r), shifted.exp2_of_shifted())
    }
}

/// ln(1 + t) for 0 ≤ t ≤ 1, accurate also near 0, as 2·artanh(t/(2 + t)); NaN stays NaN. Within
/// 2.5 ulp (math/tests.rs).
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn ln_1p<V: Vector>(t: V) -> V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let s = t.div(t.add(V::splat(2.0)));
        let square = s.mul(s);
        let mut p = V::splat(ARTANH_POLYNOMIAL[0]);
        for &coefficient in &ARTANH_POLYNOMIAL[1..] {
            p = p.fma(square, V::splat(coefficient));
        }
        let twice = s.add(s);
        twice.fma(p.mul(square), twice)
    }
}

/// tanh x = (e²ˣ − 1)/(e²ˣ + 1), accurate also near 0; −0 becomes +0. Within 3.5 ulp (tests/math.rs).
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn tanh<V: Vector>(x: V) -> V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        // tanh ±10 rounds to ±1.
        let x = V::splat(10.0).min(V::splat(-10.0).max(x));
        let t = expm1(x.add(x));
        t.div(t.add(V::splat(2.0)))
    }
}

/// ln(1 + eˣ) = max(0, x) + ln(1 + e^−|x|), the softplus. Within 3 ulp for x ≥ −87 (tests/math.rs); below, it
/// stays at e⁻⁸⁷.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn softplus<V: Vector>(x: V) -> V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let zero = V::splat(0.0);
        zero.max(x).add(ln_1p(exp(x.min(zero.sub(x)))))
    }
}

/// x/255, correctly rounded, for the 256 values of a byte.
///
/// 1/255 is kept in two parts; with one rounding for product and sum, x times the first plus x times the second is what
/// the quotient rounds to, for each of them (tests/gather.rs tries all). Without, the slower quotient itself.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn unit_from_byte<V: Vector>(x: V) -> V {
    const HI: f32 = 1.0 / 255.0;
    const LO: f32 = (1.0 / 255.0 - HI as f64) as f32;
    // SAFETY: the caller vouches for the instruction set.
    unsafe { if V::FUSED { x.fma(V::splat(HI), x.mul(V::splat(LO))) } else { x.div(V::splat(255.0)) } }
}

#[cfg(test)]
mod tests;
