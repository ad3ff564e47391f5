//! Element-wise operations on matrices: what runs as an epilogue while a product's tile is in the first-level cache.

mod factors;
mod limit;
mod optimizer;
mod output;
mod pass;
mod pointwise;
mod reduce;

pub use factors::{scale_rows, split_row_factors};
pub use limit::limit_columns;
pub use optimizer::{COEFFICIENTS, Descent, Formula, MOST_MOMENTS, Penalty, descend};
pub(crate) use optimizer::{Place, descend_raw};
pub use output::*;
pub use pass::{approach_panels, max_magnitudes, scale_and_sum, scale_panels};
pub use pointwise::{Pointwise, pointwise, pointwise_backward};
pub use reduce::*;

use crate::matrix::{Mat, MatMut};
use crate::simd::{Isa, Kernel, Vector};

/// C ← s·C.
pub fn scale(isa: Isa, c: &mut MatMut<'_>, s: f32) {
    struct Scale(f32);
    impl Unary for Scale {
        #[inline(always)]
        unsafe fn eval<V: Vector>(&self, x: V) -> V {
            // SAFETY: as the caller's.
            unsafe { x.mul(V::splat(self.0)) }
        }
    }
    map(isa, c, Scale(s));
}

/// C ← C − B. With C = A_L and B = Y, the derivative of the quadratic cost.
///
/// # Panics
///
/// If the shapes differ, or B's rows aren't contiguous.
pub fn subtract(isa: Isa, c: &mut MatMut<'_>, b: Mat<'_>) {
    struct Subtract;
    impl Binary for Subtract {
        #[inline(always)]
        unsafe fn eval<V: Vector>(&self, x: V, y: V) -> V {
            // SAFETY: as the caller's.
            unsafe { x.sub(y) }
        }
    }
    zip(isa, c, b, Subtract);
}

/// C ← C + s·(B − C): the part `s` of the way to B. With s = 1 it is B to the bit.
///
/// # Panics
///
/// If the shapes differ, or B's rows aren't contiguous.
pub fn approach(isa: Isa, c: &mut MatMut<'_>, b: Mat<'_>, s: f32) {
    struct Approach(f32);
    impl Binary for Approach {
        #[inline(always)]
        unsafe fn eval<V: Vector>(&self, x: V, y: V) -> V {
            // SAFETY: as the caller's.
            unsafe { y.sub(x).fma(V::splat(self.0), x) }
        }
    }
    if s == 1.0 {
        c.copy_from(b);
    } else {
        zip(isa, c, b, Approach(s));
    }
}

/// C ← share·C + (1 − share)·B, where 1 − share is rounded, and (1 − share)·B is.
///
/// # Panics
///
/// If the shapes differ, or rows aren't contiguous.
pub fn mix(isa: Isa, c: &mut MatMut<'_>, b: Mat<'_>, share: f32) {
    struct Mix(f32);
    impl Binary for Mix {
        #[inline(always)]
        unsafe fn eval<V: Vector>(&self, x: V, y: V) -> V {
            // SAFETY: as the caller's.
            unsafe { V::splat(self.0).fma(x, V::splat(1.0 - self.0).mul(y)) }
        }
    }
    zip(isa, c, b, Mix(share));
}

/// A function of one element, for [`map`].
trait Unary {
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`.
    unsafe fn eval<V: Vector>(&self, x: V) -> V;
}

/// A function of two elements, for [`zip`].
trait Binary {
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`.
    unsafe fn eval<V: Vector>(&self, x: V, y: V) -> V;
}

/// C ← op(C), element by element.
fn map(isa: Isa, c: &mut MatMut<'_>, op: impl Unary) {
    assert!(c.as_mat().has_row_slices(), "element-wise operations need contiguous rows");
    struct Map<'a, 'c, O>(&'a mut MatMut<'c>, O);
    impl<O: Unary> Kernel for Map<'_, '_, O> {
        type Output = ();

        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            let Map(c, op) = self;
            for row in 0..c.rows {
                // SAFETY: the registers cover the row's `cols` elements, the last one masked.
                unsafe {
                    let to = c.data.add(row * c.row_stride);
                    let whole = c.cols / V::LANES * V::LANES;
                    for col in (0..whole).step_by(V::LANES) {
                        op.eval(V::load(to.add(col))).store(to.add(col));
                    }
                    if whole < c.cols {
                        let mask = V::mask(c.cols - whole);
                        op.eval(V::load_masked(to.add(whole), mask)).store_masked(to.add(whole), mask);
                    }
                }
            }
        }
    }
    isa.run(Map(c, op));
}

/// C ← op(C, B), element by element.
fn zip(isa: Isa, c: &mut MatMut<'_>, b: Mat<'_>, op: impl Binary) {
    assert_eq!((c.rows, c.cols), (b.rows, b.cols), "shapes of an element-wise operation");
    assert!(
        c.as_mat().has_row_slices() && b.has_row_slices(),
        "element-wise operations need contiguous rows"
    );
    struct Zip<'a, 'c, 'b, O>(&'a mut MatMut<'c>, Mat<'b>, O);
    impl<O: Binary> Kernel for Zip<'_, '_, '_, O> {
        type Output = ();

        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            let Zip(c, b, op) = self;
            for row in 0..c.rows {
                // SAFETY: the shapes are equal, and the registers cover the row's `cols` elements, the last one
                // masked.
                unsafe {
                    let (to, from) = (c.data.add(row * c.row_stride), b.data.add(row * b.row_stride));
                    let whole = c.cols / V::LANES * V::LANES;
                    for col in (0..whole).step_by(V::LANES) {
                        op.eval(V::load(to.add(col)), V::load(from.add(col))).store(to.add(col));
                    }
                    if whole < c.cols {
                        let mask = V::mask(c.cols - whole);
                        let (x, y) =
                            (V::load_masked(to.add(whole), mask), V::load_masked(from.add(whole), mask));
                        op.eval(x, y).store_masked(to.add(whole), mask);
                    }
                }
            }
        }
    }
    isa.run(Zip(c, b, op));
}
