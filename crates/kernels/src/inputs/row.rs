//! One example's inputs without their zeros, and the product over them: what a predictor of single examples computes.

use crate::matrix::{LINE, Mat, Panels};
use crate::simd::{ArithmeticClass, Isa, Kernel, Vector, math};

/// Registers of sums, at most: a chain waits for each of its multiply-adds to end, so many run side by side.
const MAX_VECTORS: usize = 8;

/// Values that are written at once, and so past the last one.
const SLACK: usize = 16;

/// The inputs x (k) of one example that aren't 0.
///
/// ```
/// use minibatch_kernels::{Isa, Panels, SparseRow};
///
/// let mut w = Panels::zeros(3, 2);
/// (0..3).for_each(|k| w.set(k, 1, k as f32));
/// let (isa, mut x, mut c) = (Isa::detect(), SparseRow::new(3), [0.0; 2]);
/// x.take_bytes(isa, &[0, 51, 255]);
/// x.multiply(isa, &w, &[0.5, 0.0], &mut c);
/// assert_eq!(c, [0.5, 2.2]);
/// ```
#[derive(Clone, Debug)]
pub struct SparseRow {
    /// n_0
    inputs: usize,
    /// The arithmetic that took the inputs: `indices` and `values` differ from class to class. None at first, when all are 0.
    class: Option<ArithmeticClass>,
    /// Inputs that aren't 0, ascending; the first `count`. On `matrixmultiply` all are taken.
    indices: Vec<u32>,
    values: Vec<f32>,
    count: usize,
    /// n_0 fractions of bytes.
    fractions: Vec<f32>,
}

impl SparseRow {
    /// Room for an example of `inputs` inputs.
    ///
    /// # Panics
    ///
    /// If there are more than 2³¹ inputs.
    #[must_use]
    pub fn new(inputs: usize) -> SparseRow {
        assert!(inputs <= 1 << 31, "{inputs} inputs");
        SparseRow {
            inputs,
            class: None,
            indices: vec![0; inputs + SLACK],
            values: vec![0.0; inputs + SLACK],
            count: 0,
            fractions: vec![0.0; inputs],
        }
    }

    /// Takes bytes, as numbers in [0, 1]: the correctly rounded x/255.
    ///
    /// # Panics
    ///
    /// If there aren't n_0.
    pub fn take_bytes(&mut self, isa: Isa, bytes: &[u8]) {
        assert!(bytes.len() == self.inputs, "an example of {} inputs", bytes.len());
        fractions_of(isa, bytes, &mut self.fractions);
        self.count = take(isa, &self.fractions, &mut self.indices, &mut self.values);
        self.class = Some(isa.class());
    }

    /// Takes numbers as they are.
    ///
    /// # Panics
    ///
    /// If there aren't n_0.
    pub fn take_floats(&mut self, isa: Isa, floats: &[f32]) {
        assert!(floats.len() == self.inputs, "an example of {} inputs", floats.len());
        self.count = take(isa, floats, &mut self.indices, &mut self.values);
        self.class = Some(isa.class());
    }

    /// c ← bias + x·B for B (k × n), on the calling thread. The chains are those of [`gemm`](crate::gemm), without what is 0.
    ///
    /// # Panics
    ///
    /// If the shapes don't fit, or the inputs were taken by the other class of arithmetic.
    pub fn multiply(&self, isa: Isa, b: &Panels, bias: &[f32], c: &mut [f32]) {
        assert!(self.class.is_none_or(|class| class == isa.class()), "the arithmetic that took the inputs");
        assert_eq!(self.inputs, b.rows(), "inner sizes of a product");
        assert_eq!(b.cols(), c.len(), "columns of a product");
        assert_eq!(bias.len(), c.len(), "as many biases as columns");
        if isa.class() == ArithmeticClass::Matrixmultiply {
            self.multiply_by_matrixmultiply(b, bias, c);
        } else {
            isa.run(Multiply { x: self, b: b.view(), bias, c });
        }
    }

    /// [`multiply`](Self::multiply) by the matrixmultiply crate, which knows no panels: 16 columns at a time.
    fn multiply_by_matrixmultiply(&self, b: &Panels, bias: &[f32], c: &mut [f32]) {
        let b = b.view();
        c.copy_from_slice(bias);
        for (panel, c) in c.chunks_mut(LINE).enumerate() {
            let (x, at) = (self.values.as_ptr(), b.data.wrapping_add(b.offset(0, panel * LINE)));
            let (k, n, row) = (b.rows, c.len(), LINE as isize);
            // SAFETY: x has k values, B's panel k lines, and c n values.
            unsafe {
                matrixmultiply::sgemm(1, k, n, 1.0, x, row, 1, at, row, 1, 1.0, c.as_mut_ptr(), row, 1);
            }
        }
    }
}

/// Takes the inputs that aren't 0, or with `matrixmultiply` all; returns their number.
fn take(isa: Isa, floats: &[f32], indices: &mut [u32], values: &mut [f32]) -> usize {
    assert!(indices.len() >= floats.len() + SLACK && values.len() >= floats.len() + SLACK);
    if isa.class() == ArithmeticClass::Matrixmultiply {
        values[..floats.len()].copy_from_slice(floats);
        floats.len()
    } else {
        isa.run(Nonzero { floats, indices, values })
    }
}

/// The correctly rounded x/255 of each byte.
///
/// # Panics
///
/// If there are more bytes than room for their fractions.
pub(crate) fn fractions_of(isa: Isa, bytes: &[u8], fractions: &mut [f32]) {
    assert!(bytes.len() <= fractions.len());
    isa.run(Fractions { bytes, fractions });
}

struct Fractions<'a> {
    bytes: &'a [u8],
    fractions: &'a mut [f32],
}

impl Kernel for Fractions<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Fractions { bytes, fractions } = self;
        let whole = bytes.len() / V::LANES * V::LANES;
        let mut rest = [0; LINE];
        rest[..bytes.len() - whole].copy_from_slice(&bytes[whole..]);
        // SAFETY: whole registers of bytes, for which there is room; what is left of them goes through a masked one.
        unsafe {
            for i in (0..whole).step_by(V::LANES) {
                let byte = V::load_bytes(bytes.as_ptr().add(i));
                math::unit_from_byte(byte).store(fractions.as_mut_ptr().add(i));
            }
            let mask = V::mask(bytes.len() - whole);
            let byte = V::load_bytes(rest.as_ptr());
            math::unit_from_byte(byte).store_masked(fractions.as_mut_ptr().wrapping_add(whole), mask);
        }
    }
}

/// [`take`]: how many aren't 0.
struct Nonzero<'a> {
    floats: &'a [f32],
    indices: &'a mut [u32],
    values: &'a mut [f32],
}

impl Kernel for Nonzero<'_> {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> usize {
        let Nonzero { floats, indices, values } = self;
        // SAFETY: `take` saw that there is room for as many as there are inputs, and 16 more.
        unsafe {
            V::nonzero_floats(floats.as_ptr(), 0..floats.len(), indices.as_mut_ptr(), values.as_mut_ptr())
        }
    }
}

/// [`SparseRow::multiply`].
struct Multiply<'a> {
    x: &'a SparseRow,
    b: Mat<'a>,
    bias: &'a [f32],
    c: &'a mut [f32],
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Multiply { x, b, bias, c } = self;
        for (strip, c) in c.chunks_mut(MAX_VECTORS * V::LANES).enumerate() {
            let col = strip * MAX_VECTORS * V::LANES;
            let (b, bias) = (b.part(0..b.rows, 0..b.cols), &bias[col..]);
            macro_rules! strip {
                ($($vectors:literal)*) => {
                    match c.len().div_ceil(V::LANES) {
                        // SAFETY: the caller vouches for the instruction set.
                        $($vectors => unsafe { V::enter(RowProduct::<$vectors> { x, b, col, bias, c }) },)*
                        vectors => unreachable!("a strip of {vectors} registers"),
                    }
                };
            }
            strip!(1 2 3 4 5 6 7 8);
        }
    }
}

/// Some columns of [`Multiply`], from `col` on.
struct RowProduct<'a, const VECTORS: usize> {
    x: &'a SparseRow,
    b: Mat<'a>,
    col: usize,
    bias: &'a [f32],
    c: &'a mut [f32],
}

impl<const VECTORS: usize> Kernel for RowProduct<'_, VECTORS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let RowProduct { x, b, col, bias, c } = self;
        let last = (VECTORS - 1) * V::LANES;
        // SAFETY: the indices are rows of B, whose panels have whole lines; bias and c are masked past the last column.
        unsafe {
            let mut masks = [V::mask(V::LANES); VECTORS];
            masks[VECTORS - 1] = V::mask(c.len() - last);
            let (mut sums, mut from) = ([V::splat(0.0); VECTORS], [b.data; VECTORS]);
            for v in 0..VECTORS {
                sums[v] = V::load_masked(bias.as_ptr().add(v * V::LANES), masks[v]);
                from[v] = b.data.wrapping_add(b.offset(0, col + v * V::LANES));
            }
            for (&input, &value) in x.indices[..x.count].iter().zip(&x.values) {
                let (row, value) = (input as usize * LINE, V::splat(value));
                for v in 0..VECTORS {
                    sums[v] = value.fma(V::load(from[v].add(row)), sums[v]);
                }
            }
            for v in 0..VECTORS {
                sums[v].store_masked(c.as_mut_ptr().add(v * V::LANES), masks[v]);
            }
        }
    }
}
