//! Functions of one element that other crates write, and their derivatives: Z ← σ(Z) and Δ ← Δ ⊙ σ′(Z).

use super::{Binary, Unary, map, zip};
use crate::matrix::{Mat, MatMut};
use crate::simd::{Element, Isa, Lanes, Vector};

/// A function σ of one element, with its derivative.
///
/// It is written once over [`Element`]. As an f64 it is the definition, in registers the kernel.
///
/// Mark the methods `#[inline(always)]`: then they are compiled for the instruction set that they run on. Without that they are
/// right, and slow.
///
/// ```
/// use minibatch_kernels::{Element, Isa, Mat, MatMut, Pointwise, pointwise, pointwise_backward};
///
/// /// Softsign, a = z/(1 + |z|). Its derivative is 1/(1 + |z|)² = (1 − |a|)².
/// struct Softsign;
/// impl Pointwise for Softsign {
///     const NEEDS_Z: bool = false;
///     #[inline(always)]
///     fn apply<E: Element>(&self, z: E) -> E {
///         z / (E::of(1.0) + z.max(-z))
///     }
///     #[inline(always)]
///     fn slope<E: Element>(&self, a: E) -> E {
///         let rest = E::of(1.0) - a.max(-a);
///         rest * rest
///     }
/// }
///
/// let (isa, mut a, mut delta) = (Isa::detect(), [1.0, -3.0], [2.0, 16.0]);
/// pointwise(isa, &Softsign, &mut MatMut::row_major(&mut a, 1, 2));
/// assert_eq!(a, [0.5, -0.75]);
/// pointwise_backward(isa, &Softsign, &mut MatMut::row_major(&mut delta, 1, 2), Mat::row_major(&a, 1, 2));
/// assert_eq!(delta, [0.5, 1.0]);
/// assert_eq!(Softsign.with_slope(-3.0), (-0.75, 0.0625));
/// ```
pub trait Pointwise {
    /// Whether [`slope`](Self::slope) reads z. Else it reads a = σ(z).
    const NEEDS_Z: bool;

    /// σ(z).
    fn apply<E: Element>(&self, z: E) -> E;

    /// σ′(z), from z or from a: [`NEEDS_Z`](Self::NEEDS_Z) says which.
    fn slope<E: Element>(&self, saved: E) -> E;

    /// δ·σ′(z), from the same as [`slope`](Self::slope).
    #[inline(always)]
    fn chain<E: Element>(&self, delta: E, saved: E) -> E {
        delta * self.slope(saved)
    }

    /// (σ(z), σ′(z)).
    #[inline(always)]
    fn with_slope<E: Element>(&self, z: E) -> (E, E) {
        let a = self.apply(z);
        (a, self.slope(if Self::NEEDS_Z { z } else { a }))
    }
}

/// C ← σ(C).
///
/// # Panics
///
/// If C's rows aren't contiguous, or the function panics.
pub fn pointwise<F: Pointwise>(isa: Isa, function: &F, c: &mut MatMut<'_>) {
    struct Apply<'a, F>(&'a F);
    impl<F: Pointwise> Unary for Apply<'_, F> {
        #[inline(always)]
        unsafe fn eval<V: Vector>(&self, x: V) -> V {
            self.0.apply(Lanes(x)).0
        }
    }
    map(isa, c, Apply(function));
}

/// Δ ← Δ ⊙ σ′(Z), where `saved` is Z if the function [needs Z](Pointwise::NEEDS_Z), else A. Results below 2⁻⁹⁶ become +0.
///
/// # Panics
///
/// If the shapes differ, rows aren't contiguous, or the function panics.
pub fn pointwise_backward<F: Pointwise>(isa: Isa, function: &F, delta: &mut MatMut<'_>, saved: Mat<'_>) {
    struct Chain<'a, F>(&'a F);
    impl<F: Pointwise> Binary for Chain<'_, F> {
        #[inline(always)]
        unsafe fn eval<V: Vector>(&self, delta: V, saved: V) -> V {
            self.0.chain(Lanes(delta), Lanes(saved)).flush().0
        }
    }
    zip(isa, delta, saved, Chain(function));
}
