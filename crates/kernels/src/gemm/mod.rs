//! C = start + A·B, with the work that follows done while C is in the first-level cache.
//!
//! One micro-kernel ([`tile`]) serves the three products of backpropagation: it broadcasts elements of A, reads rows
//! of B contiguously and writes rows of C. Around it stand the five loops of [`blocking`]; [`pack`] copies operands
//! into the micro-kernel's order where that pays; [`sizes`] holds every block size and threshold.

mod blocking;
mod pack;
mod sizes;
mod tile;

pub(crate) use pack::Scratch;

use crate::compact::{BLOCK, CompactInputs};
use crate::isa::{ArithmeticClass, Isa};
use crate::matrix::{Mat, MatMut};
use crate::team::{Team, column_block};
use std::ops::Range;

/// What each element's sum starts from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// 0. C is not read.
    Zero,
    /// The column's value: the bias of the neuron. C is not read.
    Bias(&'a [f32]),
    /// C itself times a factor: a product accumulated into C. A factor of 1 multiplies nothing.
    Scaled(f32),
}

/// What is done to C where it is complete: an activation, a derivative, an optimiser's step.
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
/// own order). A and B may have any strides; C is row-major. The team's members own blocks of C's columns.
///
/// # Panics
///
/// If the shapes don't fit, or an epilogue panics.
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
    run(team, Left::View(a), b, c, start, epilogue);
}

/// C ← finish(start + X·B) for the inputs X (m × k) of a minibatch, B (k × n), C (m × n): the first layer's forward
/// product. Inputs that are 0 in every example are left out of the chains, which changes no bit as long as B is finite.
///
/// # Panics
///
/// If the shapes don't fit, or an epilogue panics.
pub fn gemm_compact(
    team: &Team<'_>,
    x: &CompactInputs,
    b: Mat<'_>,
    c: &mut MatMut<'_>,
    start: Start<'_>,
    epilogue: &dyn Epilogue,
) {
    assert_eq!(x.inputs(), b.rows, "inner sizes of a product");
    assert_eq!(x.examples(), c.rows, "rows of a product");
    run(team, Left::Inputs(x), b, c, start, epilogue);
}

/// C ← C + Xᵀ·B for the inputs X (k × m) of a minibatch, B (k × n), C (m × n): the first layer's update. Rows of C
/// whose input is 0 in every example aren't touched.
///
/// # Panics
///
/// If the shapes don't fit.
pub fn accumulate_compact(team: &Team<'_>, x: &CompactInputs, b: Mat<'_>, c: &mut MatMut<'_>) {
    assert_eq!(x.examples(), b.rows, "inner sizes of a product");
    assert_eq!(x.inputs(), c.rows, "rows of a product");
    run(team, Left::InputsTransposed(x), b, c, Start::Scaled(1.0), &Store);
}

/// The left operand A (m × k).
#[derive(Clone, Copy)]
enum Left<'a> {
    /// A matrix.
    View(Mat<'a>),
    /// Examples × active inputs; step p of a chain belongs to row `active[p]` of B.
    Inputs(&'a CompactInputs),
    /// Active inputs × examples; row i belongs to row `active[i]` of C.
    InputsTransposed(&'a CompactInputs),
}

impl Left<'_> {
    /// m and k.
    fn shape(&self) -> (usize, usize) {
        match self {
            Left::View(a) => (a.rows, a.cols),
            Left::Inputs(x) => (x.examples(), x.active().len()),
            Left::InputsTransposed(x) => (x.active().len(), x.examples()),
        }
    }
}

fn run(
    team: &Team<'_>,
    a: Left<'_>,
    b: Mat<'_>,
    c: &mut MatMut<'_>,
    start: Start<'_>,
    epilogue: &dyn Epilogue,
) {
    assert_eq!(b.cols, c.cols, "columns of a product");
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), c.cols, "as many biases as columns");
    }
    let (rows, depth) = a.shape();
    let cols = c.cols;
    if rows == 0 || cols == 0 {
        return;
    }
    let product = Product { a, b, c: c.data, c_stride: c.row_stride, start, epilogue, isa: team.isa() };
    let members = sizes::members(team.members(), rows, cols, depth);
    if members > 1 && cols < sizes::LINE * members && rows > cols {
        // Too few columns to share: share rows, in whole blocks of examples.
        let blocks = rows.div_ceil(BLOCK);
        team.phase(members, |member, scratch| {
            let at = |member: usize| (blocks * member / members * BLOCK).min(rows);
            // SAFETY: blocks of rows are disjoint.
            unsafe { product.block(at(member)..at(member + 1), 0..cols, scratch) }
        });
    } else {
        team.phase(members, |member, scratch| {
            // SAFETY: blocks of columns are disjoint.
            unsafe { product.block(0..rows, column_block(cols, members, member), scratch) }
        });
    }
}

/// A product whose shapes have been checked, ready to be computed block by block.
#[derive(Clone, Copy)]
struct Product<'a> {
    /// (m × k)
    a: Left<'a>,
    /// (k × n), or all rows of which `a` selects k
    b: Mat<'a>,
    /// (m × n), or all rows of which `a` selects m; row-major
    c: *mut f32,
    c_stride: usize,
    start: Start<'a>,
    epilogue: &'a dyn Epilogue,
    isa: Isa,
}

// SAFETY: members write disjoint blocks of C (the contract of `block`) and only read the rest.
unsafe impl Sync for Product<'_> {}

impl Product<'_> {
    /// Computes `rows` × `cols` of C.
    ///
    /// # Safety
    ///
    /// The block must lie inside C, which must be valid to write, and no other thread may touch it meanwhile.
    unsafe fn block(&self, rows: Range<usize>, cols: Range<usize>, scratch: &mut Scratch) {
        if rows.is_empty() || cols.is_empty() {
            return;
        }
        // SAFETY: the caller's contract is the same.
        unsafe {
            if self.isa.class() == ArithmeticClass::Matrixmultiply {
                self.block_by_matrixmultiply(rows, cols);
            } else {
                self.isa.run(blocking::Block { product: *self, rows, cols, scratch });
            }
        }
    }

    /// The view of C's block.
    ///
    /// # Safety
    ///
    /// As for [`block`](Self::block).
    unsafe fn c_block(&self, rows: Range<usize>, cols: Range<usize>) -> MatMut<'_> {
        // SAFETY: the block lies inside C and is the caller's alone.
        unsafe {
            let data = self.c.add(rows.start * self.c_stride + cols.start);
            MatMut::from_raw(data, rows.len(), cols.len(), self.c_stride)
        }
    }

    /// Calls the epilogue on a complete part of C.
    ///
    /// # Safety
    ///
    /// As for [`block`](Self::block).
    unsafe fn finish(&self, rows: Range<usize>, cols: Range<usize>) {
        if let Left::InputsTransposed(_) = self.a {
            // Its rows are scattered, and it has no epilogue.
            return;
        }
        let (row, col) = (rows.start, cols.start);
        // SAFETY: as the caller's.
        let mut part = unsafe { self.c_block(rows, cols) };
        self.epilogue.finish(self.isa, &mut part, row, col);
    }

    /// Writes the starting values into the block of C.
    ///
    /// # Safety
    ///
    /// As for [`block`](Self::block).
    unsafe fn write_start(&self, rows: Range<usize>, cols: Range<usize>) {
        // SAFETY: as the caller's.
        let mut c = unsafe { self.c_block(rows.clone(), cols.clone()) };
        for row in 0..rows.len() {
            let row = c.row_mut(row);
            match self.start {
                Start::Zero => row.fill(0.0),
                Start::Bias(bias) => row.copy_from_slice(&bias[cols.clone()]),
                Start::Scaled(1.0) => {}
                Start::Scaled(factor) => row.iter_mut().for_each(|x| *x *= factor),
            }
        }
    }

    /// The block by the matrixmultiply crate, which packs and allocates on every call.
    ///
    /// Inputs are all active on this path, so rows of B and C that `a` selects are simply all of them.
    ///
    /// # Safety
    ///
    /// As for [`block`](Self::block).
    unsafe fn block_by_matrixmultiply(&self, rows: Range<usize>, cols: Range<usize>) {
        // SAFETY: A's rows and B's columns of the block lie inside the operands, whose shapes were checked against C's; a
        // block of inputs has a line of `BLOCK` values for each input, and lines past the last example are 0. Strides fit
        // isize because the storage does.
        unsafe {
            self.write_start(rows.clone(), cols.clone());
            let c = self.c_block(rows.clone(), cols.clone());
            let b = self.b.part(0..self.b.rows, cols.clone());
            let sgemm = |m, k, a: *const f32, a_row: usize, a_col: usize, b: Mat<'_>, c: *mut f32| {
                let (a_row, a_col) = (a_row as isize, a_col as isize);
                let (b_row, b_col) = (b.row_stride as isize, b.col_stride as isize);
                let c_row = self.c_stride as isize;
                matrixmultiply::sgemm(
                    m, k, b.cols, 1.0, a, a_row, a_col, b.data, b_row, b_col, 1.0, c, c_row, 1,
                );
            };
            match self.a {
                Left::View(a) => {
                    let a = a.part(rows.clone(), 0..a.cols);
                    sgemm(a.rows, a.cols, a.data, a.row_stride, a.col_stride, b, c.data);
                }
                Left::Inputs(x) => {
                    for first in rows.clone().step_by(BLOCK) {
                        let examples = BLOCK.min(rows.end - first);
                        let c = c.data.add((first - rows.start) * self.c_stride);
                        sgemm(examples, b.rows, x.block(first / BLOCK), 1, BLOCK, b, c);
                    }
                }
                Left::InputsTransposed(x) => {
                    for first in (0..b.rows).step_by(BLOCK) {
                        let examples = BLOCK.min(b.rows - first);
                        let a = x.block(first / BLOCK).add(rows.start * BLOCK);
                        sgemm(
                            rows.len(),
                            examples,
                            a,
                            BLOCK,
                            1,
                            b.part(first..first + examples, 0..b.cols),
                            c.data,
                        );
                    }
                }
            }
            self.finish(rows, cols);
        }
    }
}
