//! Element-wise operations on matrices: what runs as an epilogue while a product's tile is in the first-level cache.

use crate::isa::{Isa, Kernel};
use crate::math;
use crate::matrix::{Mat, MatMut};
use crate::vector::Vector;

/// Errors smaller than 2⁻⁹⁶ are replaced by +0, so that a saturated network doesn't drag denormals through every
/// product.
const SMALLEST_ERROR: f32 = f32::from_bits((127 - 96) << 23);

/// C ← σ(C), the logistic sigmoid 1 / (1 + e⁻ᶻ) of every element.
///
/// ```
/// use minibatch_kernels::{Isa, MatMut, sigmoid};
///
/// let mut z = [0.0, 1.0, f32::NAN];
/// sigmoid(Isa::detect(), &mut MatMut::row_major(&mut z, 1, 3));
/// assert_eq!(z[0], 0.5);
/// assert!((z[1] - 0.731_058_6).abs() < 1e-6 && z[2].is_nan());
/// ```
pub fn sigmoid(isa: Isa, c: &mut MatMut<'_>) {
    #[derive(Clone, Copy)]
    struct Sigmoid;
    impl Unary for Sigmoid {
        #[inline(always)]
        unsafe fn eval<V: Vector>(self, z: V) -> V {
            // SAFETY: as the caller's.
            unsafe { math::sigmoid(z) }
        }
    }
    map(isa, c, Sigmoid);
}

/// C ← max(0, C). ReLU(NaN) is NaN, ReLU(−0) is −0.
pub fn relu(isa: Isa, c: &mut MatMut<'_>) {
    #[derive(Clone, Copy)]
    struct Relu;
    impl Unary for Relu {
        #[inline(always)]
        unsafe fn eval<V: Vector>(self, z: V) -> V {
            // SAFETY: as the caller's.
            unsafe { V::splat(0.0).max(z) }
        }
    }
    map(isa, c, Relu);
}

/// C ← s·C.
pub fn scale(isa: Isa, c: &mut MatMut<'_>, s: f32) {
    #[derive(Clone, Copy)]
    struct Scale(f32);
    impl Unary for Scale {
        #[inline(always)]
        unsafe fn eval<V: Vector>(self, x: V) -> V {
            // SAFETY: as the caller's.
            unsafe { x.mul(V::splat(self.0)) }
        }
    }
    map(isa, c, Scale(s));
}

/// C ← C ⊙ B, the Hadamard product.
///
/// # Panics
///
/// If the shapes differ, or B's rows aren't contiguous.
pub fn hadamard(isa: Isa, c: &mut MatMut<'_>, b: Mat<'_>) {
    #[derive(Clone, Copy)]
    struct Hadamard;
    impl Binary for Hadamard {
        #[inline(always)]
        unsafe fn eval<V: Vector>(self, x: V, y: V) -> V {
            // SAFETY: as the caller's.
            unsafe { x.mul(y) }
        }
    }
    zip(isa, c, b, Hadamard);
}

/// C ← C − B. With C = A_L and B = Y, the derivative of the quadratic cost.
///
/// # Panics
///
/// If the shapes differ, or B's rows aren't contiguous.
pub fn subtract(isa: Isa, c: &mut MatMut<'_>, b: Mat<'_>) {
    #[derive(Clone, Copy)]
    struct Subtract;
    impl Binary for Subtract {
        #[inline(always)]
        unsafe fn eval<V: Vector>(self, x: V, y: V) -> V {
            // SAFETY: as the caller's.
            unsafe { x.sub(y) }
        }
    }
    zip(isa, c, b, Subtract);
}

/// Δ ← Δ ⊙ σ′(Z) for the sigmoid, from its output A = σ(Z): σ′ = A ⊙ (1 − A). Results below 2⁻⁹⁶ become +0.
///
/// # Panics
///
/// If the shapes differ, or A's rows aren't contiguous.
pub fn sigmoid_backward(isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
    #[derive(Clone, Copy)]
    struct SigmoidBackward;
    impl Binary for SigmoidBackward {
        #[inline(always)]
        unsafe fn eval<V: Vector>(self, delta: V, a: V) -> V {
            // SAFETY: as the caller's.
            unsafe {
                let derivative = a.mul(V::splat(1.0).sub(a));
                delta.mul(derivative).flush_below(V::splat(SMALLEST_ERROR))
            }
        }
    }
    zip(isa, delta, a, SigmoidBackward);
}

/// Δ ← Δ where A > 0, else +0: the derivative of ReLU from its output. Results below 2⁻⁹⁶ become +0.
///
/// # Panics
///
/// If the shapes differ, or A's rows aren't contiguous.
pub fn relu_backward(isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
    #[derive(Clone, Copy)]
    struct ReluBackward;
    impl Binary for ReluBackward {
        #[inline(always)]
        unsafe fn eval<V: Vector>(self, delta: V, a: V) -> V {
            // SAFETY: as the caller's.
            unsafe { a.select_gt(V::splat(0.0), delta).flush_below(V::splat(SMALLEST_ERROR)) }
        }
    }
    zip(isa, delta, a, ReluBackward);
}

/// A function of one element, for [`map`].
trait Unary: Copy {
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`.
    unsafe fn eval<V: Vector>(self, x: V) -> V;
}

/// A function of two elements, for [`zip`].
trait Binary: Copy {
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`.
    unsafe fn eval<V: Vector>(self, x: V, y: V) -> V;
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
