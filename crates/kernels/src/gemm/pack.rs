//! Packing: copies of operand blocks in the order in which the micro-kernel reads them.

use super::sizes;
use crate::matrix::{Mat, Matrix};
use crate::vector::Vector;

/// The packing buffers of one member. Their memory is touched only when a product first packs.
pub(crate) struct Scratch {
    /// Strips of A: TILE_ROWS × KC each, column by column.
    pub(crate) a: Matrix,
    /// Strips of B: KC × NR each, row by row.
    pub(crate) b: Matrix,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch { a: Matrix::zeros(1, 0), b: Matrix::zeros(1, 0) }
    }

    /// Makes room for `a` and `b` values; allocates only when they grow.
    pub(crate) fn reserve(&mut self, a: usize, b: usize) {
        if self.a.cols() < a {
            self.a = Matrix::zeros(1, a);
        }
        if self.b.cols() < b {
            self.b = Matrix::zeros(1, b);
        }
    }
}

/// Packs a (rows × depth) part of A into strips of `V::TILE_ROWS` rows: in a strip, the column of step p follows that
/// of p − 1. The last strip is as high as what is left, so rows of a strip are `strip height` apart.
pub(crate) fn pack_a<V: Vector>(a: Mat<'_>, to: &mut [f32]) {
    let height = V::TILE_ROWS;
    let to = &mut to[..a.rows * a.cols];
    for (strip, to) in to.chunks_mut(height * a.cols.max(1)).enumerate() {
        let first = strip * height;
        let rows = height.min(a.rows - first);
        let part = a.part(first..first + rows, 0..a.cols);
        if part.row_stride == 1 {
            for (p, to) in to.chunks_exact_mut(rows).enumerate() {
                to.copy_from_slice(part.transposed().row(p));
            }
        } else {
            for i in 0..rows {
                for (p, to) in to[i..].iter_mut().step_by(rows).enumerate() {
                    // SAFETY: (i, p) lies inside `part`.
                    *to = unsafe { *part.data.add(i * part.row_stride + p * part.col_stride) };
                }
            }
        }
    }
}

/// Packs a (depth × cols) part of B into strips of NR columns: in a strip, row p follows row p − 1, each NR values
/// wide. Columns past the edge of the last strip are left as they are: the micro-kernel masks them.
pub(crate) fn pack_b<V: Vector>(b: Mat<'_>, to: &mut [f32]) {
    let width = sizes::nr::<V>();
    for (strip, to) in to.chunks_mut(width * b.rows.max(1)).enumerate().take(b.cols.div_ceil(width)) {
        let first = strip * width;
        let cols = width.min(b.cols - first);
        let part = b.part(0..b.rows, first..first + cols);
        if part.col_stride == 1 {
            for (p, to) in to.chunks_exact_mut(width).enumerate().take(b.rows) {
                to[..cols].copy_from_slice(part.row(p));
            }
        } else {
            for j in 0..cols {
                for (p, to) in to[j..].iter_mut().step_by(width).enumerate().take(b.rows) {
                    // SAFETY: (p, j) lies inside `part`.
                    *to = unsafe { *part.data.add(p * part.row_stride + j * part.col_stride) };
                }
            }
        }
    }
}
