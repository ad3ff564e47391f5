//! Derivatives of costs by the outputs, and output errors of matched pairs: D, which comes in holding the outputs A, is
//! overwritten; Y holds the targets. NaN in either comes through.

use super::{Binary, zip};
use crate::matrix::{Mat, MatMut};
use crate::simd::{Isa, Vector, math};

/// Defines `pub fn name(isa, d, y, parameters…)` as D ← `body` of each pair of output and target.
macro_rules! derivative {
    ($(#[$doc:meta])* $name:ident($($parameter:ident),*) |$a:ident, $y:ident| $body:expr) => {
        $(#[$doc])*
        ///
        /// # Panics
        ///
        /// If the shapes differ, or Y's rows aren't contiguous.
        pub fn $name(isa: Isa, d: &mut MatMut<'_>, $y: Mat<'_>, $($parameter: f32),*) {
            struct Op { $($parameter: f32),* }
            impl Binary for Op {
                #[inline(always)]
                unsafe fn eval<V: Vector>(&self, $a: V, $y: V) -> V {
                    let Op { $($parameter),* } = *self;
                    // SAFETY: as the caller's.
                    unsafe {
                        $(let $parameter = V::splat($parameter);)*
                        $body
                    }
                }
            }
            zip(isa, d, $y, Op { $($parameter),* });
        }
    };
}

derivative! {
    /// D ← factor·(A − Y): of the factor/2·(a − y)².
    scaled_difference(factor) |a, y| a.sub(y).mul(factor)
}

derivative! {
    /// D ← factor·sign(A − Y), 0 where they are equal: of the factor·|a − y|.
    scaled_sign(factor) |a, y| {
        let (zero, difference) = (V::splat(0.0), a.sub(y));
        let negative = zero.select_gt(difference, zero.sub(factor), zero);
        // d − d is 0, or NaN where d isn't finite.
        difference.select_gt(zero, factor, negative).add(difference.sub(difference))
    }
}

derivative! {
    /// D ← factor·(A − Y clamped to ±limit): of the Huber cost.
    clamped_difference(limit, factor) |a, y| {
        limit.min(V::splat(0.0).sub(limit).max(a.sub(y))).mul(factor)
    }
}

derivative! {
    /// D ← −t where t·A < 1, else 0, for t = 1 where Y > 0, else −1: of the hinge cost max(0, 1 − t·a).
    hinge_derivative() |a, y| {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        let minus_t = y.select_gt(zero, zero.sub(one), one);
        let inside = one.select_gt(zero.sub(minus_t.mul(a)), minus_t, zero);
        inside.add(a.add(y).sub(a.add(y)))
    }
}

derivative! {
    /// D ← σ(z) − Y·σ(z)/A for A = softplus(z): the output error of the Poisson cost a − y·ln a. Both σ(z) = 1 − e⁻ᴬ and
    /// the quotient stay accurate where A is tiny.
    poisson_softplus_error() |a, y| {
        let zero = V::splat(0.0);
        let sigmoid = zero.sub(math::expm1(zero.sub(a)));
        sigmoid.sub(y.mul(sigmoid.div(a)))
    }
}

derivative! {
    /// D ← ln(1 + e^−|z|) + max(0, z) − Y·z where D comes in holding z: the binary cross-entropy of σ(z), exact to the
    /// last places however saturated.
    logistic_terms() |z, y| {
        let zero = V::splat(0.0);
        let tail = math::ln_1p(math::exp(z.min(zero.sub(z))));
        zero.sub(y).fma(z, zero.max(z)).add(tail)
    }
}
