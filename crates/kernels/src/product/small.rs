//! Products of a few thousand multiply-adds, such as those of an output layer: too small for packing and blocking, whose
//! loops would cost more than the arithmetic.
//!
//! C is computed a strip of columns, one register wide, at a time, for up to 16 rows whose sums stay in registers.

use super::pack::{pack_b, reserve};
use super::{Product, Start};
use crate::matrix::{LINE, Mat};
use crate::simd::{Kernel, Vector};
use crate::team::Scratch;
use std::ops::Range;

/// A register of columns: the first, and how many of its lanes are columns.
#[derive(Clone, Copy)]
struct Strip {
    col: usize,
    lanes: usize,
}

impl Strip {
    /// The starting values of the sums of `ROWS` rows, whose first element of C is at `c`.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`; the strip's columns must lie inside C and the bias, masked where `EDGE`.
    #[inline(always)]
    unsafe fn start<V: Vector, const ROWS: usize, const EDGE: bool>(
        self,
        product: &Product<'_>,
        c: *const f32,
    ) -> [V; ROWS] {
        // SAFETY: as the caller's.
        unsafe {
            let mut sums = [V::splat(0.0); ROWS];
            match product.start {
                Start::Zero => {}
                Start::Bias(bias) => sums = [self.load::<V, EDGE>(bias.as_ptr().add(self.col)); ROWS],
                Start::Scaled(factor) => {
                    for i in 0..ROWS {
                        sums[i] = self.load::<V, EDGE>(c.add(i * product.c_stride));
                    }
                    if factor != 1.0 {
                        for i in 0..ROWS {
                            sums[i] = sums[i].mul(V::splat(factor));
                        }
                    }
                }
            }
            sums
        }
    }

    /// The strip's columns of a row, from the first on.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`, and the columns must be readable.
    #[inline(always)]
    unsafe fn load<V: Vector, const EDGE: bool>(self, from: *const f32) -> V {
        // SAFETY: as the caller's.
        unsafe { if EDGE { V::load_masked(from, V::mask(self.lanes)) } else { V::load(from) } }
    }

    /// Writes the strip's columns of a row.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`, and the columns must be valid to write.
    #[inline(always)]
    unsafe fn store<V: Vector, const EDGE: bool>(self, values: V, to: *mut f32) {
        // SAFETY: as the caller's.
        unsafe { if EDGE { values.store_masked(to, V::mask(self.lanes)) } else { values.store(to) } }
    }
}

/// `cols` register by register.
#[inline(always)]
fn strips<V: Vector>(cols: Range<usize>) -> impl Iterator<Item = Strip> {
    let end = cols.end;
    cols.step_by(V::LANES).map(move |col| Strip { col, lanes: V::LANES.min(end - col) })
}

/// Calls `kernel::<ROWS, EDGE>` for a number of rows that is only known when running, in a function of its own, so that the
/// chains of a strip are unrolled.
macro_rules! with_rows {
    ($rows:expr, $edge:expr, $vector:ty, $kernel:ident($($argument:expr),*)) => {
        with_rows!(@ $rows, $edge, $vector, $kernel($($argument),*), 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    };
    (@ $rows:expr, $edge:expr, $vector:ty, $kernel:ident $arguments:tt, $($count:literal)*) => {
        match ($rows, $edge) {
            $(
                ($count, false) => <$vector>::enter($kernel::<$count, false> $arguments),
                ($count, true) => <$vector>::enter($kernel::<$count, true> $arguments),
            )*
            (rows, _) => unreachable!("{rows} rows at a time"),
        }
    };
}

/// `rows` × `cols` of a product. Made by [`Product::piece`], whose contract it inherits.
pub(super) struct Small<'a, 's> {
    pub(super) product: Product<'a>,
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    pub(super) scratch: &'s mut Scratch,
}

impl Kernel for Small<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Small { product, rows, cols, scratch } = self;
        let Product { a, b, .. } = product;
        let depth = a.cols;
        // A sum of each row in a register of its own, and one for the row of B.
        let height = if V::LANES == LINE { LINE } else { LINE / 2 };
        let pack = b.col_stride != 1;
        // SAFETY: a strip lies in C's piece, its rows in A. B's columns are read where they lie, or were packed just above.
        // The rest is the caller's contract.
        unsafe {
            let packed = if pack {
                let (_, packed) = reserve(scratch, [0, 0], [cols.len().next_multiple_of(LINE), depth]);
                pack_b::<V>(b, 0..depth, cols.clone(), packed);
                packed.as_ptr()
            } else {
                std::ptr::null()
            };
            for strip in strips::<V>(cols.clone()) {
                let (b, b_row) = if pack {
                    let at = strip.col - cols.start;
                    (packed.wrapping_add(at / LINE * LINE * depth + at % LINE), LINE)
                } else {
                    // `wrapping_add`: of depth 0 there is no B.
                    (b.data.wrapping_add(b.offset(0, strip.col)), b.row_stride)
                };
                for first in rows.clone().step_by(height) {
                    let count = height.min(rows.end - first);
                    let operands = FewRows { a: a.part(first..first + count, 0..depth), b, b_row };
                    with_rows!(count, strip.lanes < V::LANES, V, Sums(operands, product, strip, first));
                }
            }
            product.finish(rows, cols);
        }
    }
}

/// The operands of a strip's sums.
struct FewRows<'a> {
    /// The rows of A.
    a: Mat<'a>,
    /// The strip's first column of B.
    b: *const f32,
    b_row: usize,
}

/// A strip for `ROWS` rows of C from the given one on; masked where `EDGE`.
struct Sums<'a, const ROWS: usize, const EDGE: bool>(FewRows<'a>, Product<'a>, Strip, usize);

impl<const ROWS: usize, const EDGE: bool> Kernel for Sums<'_, ROWS, EDGE> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Sums(FewRows { a, mut b, b_row }, product, strip, first) = self;
        let (c_stride, a_row, a_col) = (product.c_stride, a.row_stride, a.col_stride);
        // SAFETY: the rows of A and B, the bias and C's strip lie where [`Small`] says; lanes beyond the strip are masked.
        unsafe {
            let c = product.c.add(product.across(strip.col)).add(first * c_stride);
            let mut sums = strip.start::<V, ROWS, EDGE>(&product, c);
            let mut from = a.data;
            macro_rules! chains {
                ($a_row:expr) => {
                    for _ in 0..a.cols {
                        let row = strip.load::<V, EDGE>(b);
                        for i in 0..ROWS {
                            sums[i] = V::splat(*from.add(i * $a_row)).fma(row, sums[i]);
                        }
                        from = from.wrapping_add(a_col);
                        b = b.wrapping_add(b_row);
                    }
                };
            }
            if a_row == 1 {
                chains!(1);
            } else {
                chains!(a_row);
            }
            for i in 0..ROWS {
                strip.store::<V, EDGE>(sums[i], c.add(i * c_stride));
            }
        }
    }
}
