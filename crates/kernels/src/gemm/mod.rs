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
    assert_eq!((a.rows, b.cols), (c.rows, c.cols), "shape of a product");
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), c.cols, "as many biases as columns");
    }
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    let product = Product { a, b, c: c.data, c_stride: c.row_stride, start, epilogue, isa: team.isa() };
    let (rows, cols) = (c.rows, c.cols);
    let members = sizes::members(team.members(), rows, cols, a.cols);
    if members > 1 && cols < sizes::LINE * members && rows > cols {
        // Too few columns to share: share rows.
        team.phase(members, |block, scratch| {
            let part = rows * block / members..rows * (block + 1) / members;
            // SAFETY: blocks of rows are disjoint.
            unsafe { product.block(part, 0..cols, scratch) }
        });
    } else {
        team.phase(members, |block, scratch| {
            // SAFETY: blocks of columns are disjoint.
            unsafe { product.block(0..rows, column_block(cols, members, block), scratch) }
        });
    }
}

/// A product whose shapes have been checked, ready to be computed block by block.
#[derive(Clone, Copy)]
struct Product<'a> {
    /// (m × k)
    a: Mat<'a>,
    /// (k × n)
    b: Mat<'a>,
    /// (m × n), row-major
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
    /// # Safety
    ///
    /// As for [`block`](Self::block).
    unsafe fn block_by_matrixmultiply(&self, rows: Range<usize>, cols: Range<usize>) {
        // SAFETY: A's rows and B's columns of the block lie inside the operands, whose shapes were checked against C's;
        // strides fit isize because the storage does.
        unsafe {
            self.write_start(rows.clone(), cols.clone());
            let a = self.a.part(rows.clone(), 0..self.a.cols);
            let b = self.b.part(0..self.b.rows, cols.clone());
            let c = self.c_block(rows.clone(), cols.clone());
            matrixmultiply::sgemm(
                a.rows,
                a.cols,
                b.cols,
                1.0,
                a.data,
                a.row_stride as isize,
                a.col_stride as isize,
                b.data,
                b.row_stride as isize,
                b.col_stride as isize,
                1.0,
                c.data,
                c.row_stride as isize,
                1,
            );
            self.finish(rows, cols);
        }
    }
}
