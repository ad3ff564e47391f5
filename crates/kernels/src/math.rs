//! Transcendental functions over registers: one formula each, with FMA, the same on every instruction set.

use crate::vector::Vector;

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
        let x = V::splat(EXP_MAX).min(V::splat(EXP_MIN).max(x));
        let shifted = x.fma(V::splat(std::f32::consts::LOG2_E), V::splat(ROUND));
        let n = shifted.sub(V::splat(ROUND));
        let r = n.fma(V::splat(-LN_2_HI), x);
        let r = n.fma(V::splat(-LN_2_LO), r);
        let mut p = V::splat(EXP_POLYNOMIAL[0]);
        for &coefficient in &EXP_POLYNOMIAL[1..] {
            p = p.fma(r, V::splat(coefficient));
        }
        let e = p.fma(r.mul(r), r).add(V::splat(1.0));
        e.mul(shifted.exp2_of_shifted())
    }
}

/// The logistic sigmoid σ(x) = 1 / (1 + e⁻ˣ).
///
/// Within 2.5 ulp of the exact value for x ≥ −87, with FMA and without (measured over every f32: tests/math.rs); below,
/// it stays at σ(−87) ≈ 1.6·10⁻³⁸ instead of sinking into denormals. σ(NaN) is NaN, σ(±0) is ½ exactly.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn sigmoid<V: Vector>(x: V) -> V {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let one = V::splat(1.0);
        one.div(one.add(exp(V::splat(0.0).sub(x))))
    }
}

/// x/255, correctly rounded, for the 256 values of a byte.
///
/// 1/255 is kept in two parts; with one rounding for product and sum, x times the first plus x times the second is what
/// the quotient rounds to, for each of them (tests/compact.rs tries all). Without, the slower quotient itself.
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
