//! Packing: copies of operand blocks in the order in which the micro-kernel reads them.

use super::blocking::even_pieces;
use super::sizes;
use crate::matrix::{Mat, Matrix};
use crate::vector::Vector;
use std::ops::Range;

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

/// Packs a (rows × depth) part of A into strips, one for each tile of [`even_pieces`]: in a strip, the column of step
/// p follows that of p − 1.
pub(crate) fn pack_a<V: Vector>(a: Mat<'_>, to: &mut [f32]) {
    let mut to = to;
    for tile in even_pieces(0..a.rows, V::TILE_ROWS) {
        let rows = tile.len();
        let part = a.part(tile, 0..a.cols);
        let strip;
        (strip, to) = to.split_at_mut(rows * a.cols);
        if part.row_stride == 1 {
            for (p, to) in strip.chunks_exact_mut(rows).enumerate() {
                to.copy_from_slice(part.transposed().row(p));
            }
        } else {
            for i in 0..rows {
                for (p, to) in strip[i..].iter_mut().step_by(rows).enumerate() {
                    // SAFETY: (i, p) lies inside `part`.
                    *to = unsafe { *part.data.add(i * part.row_stride + p * part.col_stride) };
                }
            }
        }
    }
}

/// Packs the rows `steps` and columns `cols` of B into strips of NR columns: in a strip, row p follows row p − 1, each
/// NR values wide. Columns past the edge of the last strip are left as they are: the micro-kernel masks them.
pub(crate) fn pack_b<V: Vector>(
    b: Mat<'_>,
    steps: &(impl ExactSizeIterator<Item = usize> + Clone),
    cols: Range<usize>,
    to: &mut [f32],
) {
    let width = sizes::nr::<V>();
    let strips = to.chunks_mut((width * steps.len()).max(1));
    for (first, strip) in cols.clone().step_by(width).zip(strips) {
        let cols = first..cols.end.min(first + width);
        for (p, to) in steps.clone().zip(strip.chunks_exact_mut(width)) {
            let part = b.part(p..p + 1, cols.clone());
            if part.col_stride == 1 {
                to[..cols.len()].copy_from_slice(part.row(0));
            } else {
                for (j, to) in to[..cols.len()].iter_mut().enumerate() {
                    *to = part.get(0, j);
                }
            }
        }
    }
}
