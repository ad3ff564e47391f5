//! C = start + A·B. The work that follows a product is done while C is still in the first-level cache.
//!
//! One micro-kernel ([`tile`]) serves the three products of backpropagation. It broadcasts elements of A, reads rows of B contiguously
//! and writes rows of C. The five loops of [`blocking`] stand around it. [`pack`] copies operands into the micro-kernel's order
//! where that pays. [`sizes`] has every block size and threshold. [`small`] computes products that are too small for all that.

mod blocking;
mod caches;
mod descent;
mod pack;
mod sizes;
mod small;
mod tile;

pub use descent::descend_gemm;
pub(crate) use descent::{Target, descend_piece};
pub(crate) use pack::reserve;
pub(crate) use sizes::{GROUPED_ROWS, is_swept};

use crate::matrix::{LINE, Mat, MatMut, along};
use crate::simd::{ArithmeticClass, Isa};
use crate::team::{Pointer, Scratch, Split, Team, volume};
use std::ops::Range;

/// The starting value of each element's sum.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// 0. C is not read.
    Zero,
    /// The column's value: the bias of the neuron. C is not read.
    Bias(&'a [f32]),
    /// C itself times a factor: a product accumulated into C. A factor of 1 multiplies nothing.
    Scaled(f32),
}

/// A function of parts of C that are complete: an activation, a derivative, an optimiser's step.
///
/// `finish` is called exactly once for every element, by whichever thread owns it, for rectangular parts of C.
pub trait Epilogue: Sync {
    /// Finishes `part`, whose first element is (row, col) of C.
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, row: usize, col: usize);
}

/// The epilogue that leaves C as it is.
#[derive(Clone, Copy, Debug)]
pub struct Store;

impl Epilogue for Store {
    fn finish(&self, _: Isa, _: &mut MatMut<'_>, _: usize, _: usize) {}
}

/// C ← finish(start + A·B) for A (m × k), B (k × n), C (m × n).
///
/// Each element of C is one chain of fused multiply-adds over k, ascending (on [`Isa::MATRIXMULTIPLY`], that crate's
/// own order). A and B may have any strides, B and C may stand in panels. The team's members each own some of C's columns.
///
/// # Panics
///
/// If the shapes don't fit, A stands in panels, or an epilogue panics.
pub fn gemm(
    team: &Team<'_>,
    a: Mat<'_>,
    b: Mat<'_>,
    c: &mut MatMut<'_>,
    start: Start<'_>,
    epilogue: &dyn Epilogue,
) {
    assert_eq!(a.cols, b.rows, "inner sizes of a product");
    assert_eq!(a.rows, c.rows, "rows of a product");
    assert!(a.is_strided(), "A isn't in panels");
    assert!(b.is_strided_or_panels(), "B is in panels along one dimension at most");
    assert_eq!(b.cols, c.cols, "columns of a product");
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), c.cols, "as many biases as columns");
    }
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    let split = Split::new(team, c.rows, c.cols, a.cols);
    let (isa, cols, rows, target) = (team.isa(), c.cols, c.rows, Pointer(c.data));
    let (c_stride, c_panel) = (c.row_stride, c.col_panel);
    // Everything by value: what the closure only refers to would be fetched from the driver's cache one after the other.
    team.phase(split.members, move |member, scratch| {
        let (rows, cols) = split.piece(member, rows, cols);
        let end = End::Epilogue(epilogue);
        let product = Product { a, b, c: target.at(0), c_stride, c_panel, start, end, isa };
        // SAFETY: shapes were checked, and pieces of different members are disjoint.
        unsafe { product.piece(rows, cols, scratch) }
    });
}

/// Makes a row of C, of these columns, what its sums start from.
pub(crate) fn write_start(start: Start<'_>, row: &mut [f32], cols: Range<usize>) {
    match start {
        Start::Zero => row.fill(0.0),
        Start::Bias(bias) => row.copy_from_slice(&bias[cols]),
        Start::Scaled(1.0) => {}
        Start::Scaled(factor) => row.iter_mut().for_each(|x| *x *= factor),
    }
}

/// A product whose shapes have been checked, ready to be computed piece by piece.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    /// (m × k)
    pub(crate) a: Mat<'a>,
    /// (k × n)
    pub(crate) b: Mat<'a>,
    /// (m × n), row-major or in panels
    pub(crate) c: *mut f32,
    pub(crate) c_stride: usize,
    pub(crate) c_panel: usize,
    pub(crate) start: Start<'a>,
    pub(crate) end: End<'a>,
    pub(crate) isa: Isa,
}

/// The end of a part of C: what it goes into once it is complete.
#[derive(Clone, Copy)]
pub(crate) enum End<'a> {
    Epilogue(&'a dyn Epilogue),
    /// C is a chunk of a gradient, and goes into a step.
    Descent(&'a descent::Chunk<'a>),
}

impl Product<'_> {
    /// Computes `rows` × `cols` of C.
    ///
    /// # Safety
    ///
    /// The piece must lie inside C, which must be valid to write, and no other thread may touch it meanwhile.
    pub(crate) unsafe fn piece(&self, rows: Range<usize>, cols: Range<usize>, scratch: &mut Scratch) {
        if rows.is_empty() || cols.is_empty() {
            return;
        }
        // SAFETY: the caller's contract is the same.
        unsafe {
            if self.isa.class() == ArithmeticClass::Fused
                && volume(rows.len(), cols.len(), self.b.rows) <= sizes::SMALL
            {
                return self.isa.run(small::Small { product: *self, rows, cols, scratch });
            }
            if self.isa.class() == ArithmeticClass::Matrixmultiply {
                self.by_matrixmultiply(rows, cols);
            } else {
                self.isa.run(blocking::Piece { product: *self, rows, cols, scratch });
            }
        }
    }

    /// How far column `col` of C is from the first.
    #[inline(always)]
    fn across(&self, col: usize) -> usize {
        along(col, 1, self.c_panel)
    }

    /// The view of these rows and columns of C.
    ///
    /// # Safety
    ///
    /// As for [`piece`](Self::piece).
    unsafe fn c_part(&self, rows: Range<usize>, cols: Range<usize>) -> MatMut<'_> {
        // SAFETY: the part lies inside C and is the caller's alone.
        unsafe {
            let data = self.c.add(rows.start * self.c_stride + self.across(cols.start));
            MatMut::from_raw(data, rows.len(), cols.len(), self.c_stride, self.c_panel)
        }
    }

    /// Calls the epilogue on a complete part of C.
    ///
    /// # Safety
    ///
    /// As for [`piece`](Self::piece).
    unsafe fn finish(&self, rows: Range<usize>, cols: Range<usize>) {
        match self.end {
            // SAFETY: as the caller's.
            End::Descent(descent) => unsafe { descent.finish(self, rows, cols) },
            End::Epilogue(epilogue) => {
                let (row, col) = (rows.start, cols.start);
                // SAFETY: as the caller's.
                let mut part = unsafe { self.c_part(rows, cols) };
                epilogue.finish(self.isa, &mut part, row, col);
            }
        }
    }

    /// Writes the starting values into this part of C.
    ///
    /// # Safety
    ///
    /// As for [`piece`](Self::piece).
    unsafe fn write_start(&self, rows: Range<usize>, cols: Range<usize>) {
        for first in cols.clone().step_by(LINE) {
            let part = first..cols.end.min(first + LINE);
            // SAFETY: as the caller's.
            let mut c = unsafe { self.c_part(rows.clone(), part.clone()) };
            for row in 0..rows.len() {
                write_start(self.start, c.row_mut(row), part.clone());
            }
        }
    }

    /// A piece by the matrixmultiply crate, which packs and allocates on every call.
    ///
    /// It knows no panels: where B or C stand in some, they are taken 16 columns (or steps) at a time.
    ///
    /// # Safety
    ///
    /// As for [`piece`](Self::piece).
    unsafe fn by_matrixmultiply(&self, rows: Range<usize>, cols: Range<usize>) {
        let (a, b) = (self.a, self.b);
        let step = |panel: usize, stride: usize, len: usize| {
            if panel == stride.wrapping_mul(LINE) { len.max(1) } else { LINE }
        };
        let col_step = step(b.col_panel, b.col_stride, cols.len()).min(step(self.c_panel, 1, cols.len()));
        for first in cols.clone().step_by(col_step) {
            let part = first..cols.end.min(first + col_step);
            // SAFETY: A's rows and B's columns of the piece lie inside the operands, whose shapes were checked against C's.
            // Strides fit isize because the storage does.
            unsafe {
                self.write_start(rows.clone(), part.clone());
                let c = self.c_part(rows.clone(), part.clone()).data;
                let steps =
                    step(b.row_panel, b.row_stride, b.rows).min(step(a.col_panel, a.col_stride, b.rows));
                for p in (0..b.rows).step_by(steps) {
                    let (a_at, b_at) =
                        (a.data.add(a.offset(rows.start, p)), b.data.add(b.offset(p, part.start)));
                    let (a_row, a_col) = (a.row_stride as isize, a.col_stride as isize);
                    let (b_row, b_col) = (b.row_stride as isize, b.col_stride as isize);
                    let (m, k, n) = (rows.len(), steps.min(b.rows - p), part.len());
                    let c_row = self.c_stride as isize;
                    matrixmultiply::sgemm(
                        m, k, n, 1.0, a_at, a_row, a_col, b_at, b_row, b_col, 1.0, c, c_row, 1,
                    );
                }
                self.finish(rows.clone(), part);
            }
        }
    }
}
