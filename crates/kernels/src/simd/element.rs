//! A number that a formula is written over once, without `unsafe`: in f64 it is the definition, in a register of f32 the kernel.
//!
//! Transcendentals in f64 come from `libm`: a cost that a user wrote takes its output error from them, and std's are not specified
//! to the bit.

use super::math;
use super::scalar::Scalar;
use super::vector::Vector;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Errors, and moments of an optimiser, smaller than 2⁻⁹⁶ are replaced by +0, so that neither a saturated network nor
/// a weight at rest drags denormals along.
pub(crate) const SMALLEST_ERROR: f32 = f32::from_bits((127 - 96) << 23);

/// A number, or a register of numbers, in whose operators a formula is written.
///
/// The same generic function is the definition where the element is an f64, and the vectorised kernel where it is a register of
/// an instruction set. Each operation rounds once, so all instruction sets of the fused class give the same bits. There are no
/// branches on values: [`select`](Self::select) takes one of two.
///
/// ```
/// use minibatch_kernels::Element;
///
/// /// |x|·c + 1
/// fn formula<E: Element>(x: E, c: E) -> E {
///     x.max(-x).mul_add(c, E::of(1.0))
/// }
/// assert_eq!(formula(-2.0, 3.0), 7.0);
/// ```
pub trait Element:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// The number, rounded to the element's precision.
    fn of(x: f64) -> Self;

    /// `self · b + c`, rounded once.
    #[must_use]
    fn mul_add(self, b: Self, c: Self) -> Self;

    /// √self, correctly rounded.
    #[must_use]
    fn sqrt(self) -> Self;

    /// eˣ. In f32, x is clamped to ±87.
    #[must_use]
    fn exp(self) -> Self;

    /// eˣ − 1, accurate also near 0. In f32, x is clamped to ±87.
    #[must_use]
    fn expm1(self) -> Self;

    /// tanh x.
    #[must_use]
    fn tanh(self) -> Self;

    /// ln(1 + eˣ), the softplus. In f32 it stays at e⁻⁸⁷ below −87.
    #[must_use]
    fn softplus(self) -> Self;

    /// The logistic sigmoid σ(x) = 1/(1 + e⁻ˣ).
    ///
    /// In f32 it is within 2.5 ulp of the exact value for x ≥ −87, with FMA and without (measured over every f32: tests/math.rs).
    /// Below, it stays at σ(−87) ≈ 1.6·10⁻³⁸ instead of sinking into denormals. σ(±0) is ½ exactly.
    #[inline(always)]
    #[must_use]
    fn sigmoid(self) -> Self {
        self.sigmoid_pair().0
    }

    /// (σ(x), σ(−x)), each as accurate as [`sigmoid`](Self::sigmoid).
    #[inline(always)]
    #[must_use]
    fn sigmoid_pair(self) -> (Self, Self) {
        let e = (Self::of(0.0) - self).exp();
        let sigmoid = Self::of(1.0) / (Self::of(1.0) + e);
        (sigmoid, e * sigmoid)
    }

    /// `if self > b { self } else { b }`: b where either isn't a number.
    #[must_use]
    fn max(self, b: Self) -> Self;

    /// `if self < b { self } else { b }`: b where either isn't a number.
    #[must_use]
    fn min(self, b: Self) -> Self;

    /// `if self > b { value } else { otherwise }`.
    #[must_use]
    fn select(self, b: Self, value: Self, otherwise: Self) -> Self;

    /// +0 where the magnitude is below 2⁻⁹⁶. What an optimiser remembers goes through it, so that no denormals stay.
    #[must_use]
    fn flush(self) -> Self;
}

/// The definition: it keeps the smallest numbers.
impl Element for f64 {
    fn of(x: f64) -> f64 {
        x
    }

    fn mul_add(self, b: f64, c: f64) -> f64 {
        f64::mul_add(self, b, c)
    }

    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }

    fn exp(self) -> f64 {
        libm::exp(self)
    }

    fn expm1(self) -> f64 {
        libm::expm1(self)
    }

    fn tanh(self) -> f64 {
        libm::tanh(self)
    }

    fn softplus(self) -> f64 {
        Element::max(0.0, self) + libm::log1p(libm::exp(-self.abs()))
    }

    /// (e⁻ˣ may be infinite, so σ(−x) isn't a multiple of it.)
    fn sigmoid_pair(self) -> (f64, f64) {
        let of = |x: f64| 1.0 / (1.0 + libm::exp(-x));
        (of(self), of(-self))
    }

    fn max(self, b: f64) -> f64 {
        if self > b { self } else { b }
    }

    fn min(self, b: f64) -> f64 {
        if self < b { self } else { b }
    }

    fn select(self, b: f64, value: f64, otherwise: f64) -> f64 {
        if self > b { value } else { otherwise }
    }

    fn flush(self) -> f64 {
        self
    }
}

/// Functions of [`math`], of one number.
macro_rules! scalar_functions {
    ($($name:ident),*) => {$(
        fn $name(self) -> f32 {
            // SAFETY: scalar code needs no instruction set.
            unsafe { math::$name(Scalar::<true>(self)) }.0
        }
    )*};
}

/// Functions of [`math`], of a register.
macro_rules! register_functions {
    ($($name:ident),*) => {$(
        #[inline(always)]
        fn $name(self) -> Self {
            // SAFETY: the CPU has the instruction set of `V`, as `Lanes` says.
            unsafe { Lanes(math::$name(self.0)) }
        }
    )*};
}

/// One number of the kernels: what they do to each lane, to the bit.
impl Element for f32 {
    fn of(x: f64) -> f32 {
        x as f32
    }

    fn mul_add(self, b: f32, c: f32) -> f32 {
        f32::mul_add(self, b, c)
    }

    fn sqrt(self) -> f32 {
        f32::sqrt(self)
    }

    scalar_functions!(exp, expm1, tanh, softplus);

    fn max(self, b: f32) -> f32 {
        if self > b { self } else { b }
    }

    fn min(self, b: f32) -> f32 {
        if self < b { self } else { b }
    }

    fn select(self, b: f32, value: f32, otherwise: f32) -> f32 {
        if self > b { value } else { otherwise }
    }

    fn flush(self) -> f32 {
        if self.abs() < SMALLEST_ERROR { 0.0 } else { self }
    }
}

/// A register as an element.
///
/// The type has no name outside this crate. A kernel hands it to a formula when it runs on `V`'s instruction set, so wherever
/// code for this type is reached the CPU has it.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<V>(pub(crate) V);

/// Operators of [`Lanes`], each an operation of [`Vector`].
macro_rules! operators {
    ($($operator:ident $method:ident),*) => {$(
        impl<V: Vector> $operator for Lanes<V> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, b: Self) -> Self {
                // SAFETY: the CPU has the instruction set of `V`, as `Lanes` says.
                unsafe { Lanes(self.0.$method(b.0)) }
            }
        }
    )*};
}

operators!(Add add, Sub sub, Mul mul, Div div);

impl<V: Vector> Neg for Lanes<V> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        // SAFETY: as above.
        unsafe { Lanes(self.0.mul(V::splat(-1.0))) }
    }
}

impl<V: Vector> Element for Lanes<V> {
    #[inline(always)]
    fn of(x: f64) -> Self {
        // SAFETY: as above.
        unsafe { Lanes(V::splat(x as f32)) }
    }

    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: as above.
        unsafe { Lanes(self.0.fma(b.0, c.0)) }
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: as above.
        unsafe { Lanes(self.0.sqrt()) }
    }

    register_functions!(exp, expm1, tanh, softplus);

    #[inline(always)]
    fn max(self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { Lanes(self.0.max(b.0)) }
    }

    #[inline(always)]
    fn min(self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { Lanes(self.0.min(b.0)) }
    }

    #[inline(always)]
    fn select(self, b: Self, value: Self, otherwise: Self) -> Self {
        // SAFETY: as above.
        unsafe { Lanes(self.0.select_gt(b.0, value.0, otherwise.0)) }
    }

    #[inline(always)]
    fn flush(self) -> Self {
        // SAFETY: as above.
        unsafe { Lanes(self.0.flush_below(V::splat(SMALLEST_ERROR))) }
    }
}
