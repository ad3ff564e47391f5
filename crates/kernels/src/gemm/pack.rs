//! Packing: copies of operand blocks in the order in which the micro-kernel reads them.

use super::blocking::even_pieces;
use super::{descent, sizes};
use crate::matrix::{Mat, Matrix};
use crate::vector::Vector;
use std::ops::Range;

/// The packing buffers of one member. Their memory is touched only when a product first packs.
pub(crate) struct Scratch {
    /// Strips of A: TILE_ROWS × KC each, column by column.
    pub(crate) a: Matrix,
    /// Strips of B: KC × NR each, row by row.
    pub(crate) b: Matrix,
    /// A chunk of a gradient, and what belongs to it.
    pub(crate) descent: descent::Buffers,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch { a: Matrix::zeros(1, 0), b: Matrix::zeros(1, 0), descent: descent::Buffers::default() }
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
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn pack_a<V: Vector>(a: Mat<'_>, to: &mut [f32]) {
    let mut to = to;
    for tile in even_pieces(0..a.rows, V::TILE_ROWS) {
        let rows = tile.len();
        let part = a.part(tile, 0..a.cols);
        let strip;
        (strip, to) = to.split_at_mut(rows * a.cols);
        // SAFETY: the strip holds as many values as the part.
        unsafe { copy_transposed::<V>(part, strip.as_mut_ptr(), rows) };
    }
}

/// Packs the rows `steps` and columns `cols` of B into strips of NR columns: in a strip, row p follows row p − 1, each
/// NR values wide. Columns past the edge of the last strip are left as they are: the micro-kernel masks them.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; `to` must hold the strips; steps must be rows of B.
#[inline(always)]
pub(crate) unsafe fn pack_b<V: Vector>(b: Mat<'_>, steps: &Steps<'_>, cols: Range<usize>, to: &mut [f32]) {
    let width = sizes::nr::<V>();
    let strips = to.chunks_mut((width * steps.len()).max(1));
    for (first, strip) in cols.clone().step_by(width).zip(strips) {
        let cols = first..cols.end.min(first + width);
        match steps {
            // SAFETY: a strip holds `steps` rows of `width` ≥ `cols` values.
            Steps::Range(steps) if b.col_stride != 1 => unsafe {
                let part = b.part(steps.clone(), cols);
                copy_transposed::<V>(part.transposed(), strip.as_mut_ptr(), width);
            },
            Steps::Range(steps) => {
                for (p, to) in steps.clone().zip(strip.chunks_exact_mut(width)) {
                    to[..cols.len()].copy_from_slice(&b.row(p)[cols.clone()]);
                }
            }
            Steps::Selected(steps) => {
                for (&p, to) in steps.iter().zip(strip.chunks_exact_mut(width)) {
                    let row = b.part(p as usize..p as usize + 1, cols.clone());
                    (0..cols.len()).for_each(|j| to[j] = row.get(0, j));
                }
            }
        }
    }
}

/// Which rows of B are the steps of a chain.
pub(crate) enum Steps<'a> {
    /// These, one after the other.
    Range(Range<usize>),
    /// The active inputs.
    Selected(&'a [u32]),
}

impl Steps<'_> {
    fn len(&self) -> usize {
        match self {
            Steps::Range(steps) => steps.len(),
            Steps::Selected(steps) => steps.len(),
        }
    }
}

/// Writes the transpose of `from` (m × k): element (i, p) goes to `p·to_row + i`.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`, and `to` must be valid for k rows of m values, `to_row` ≥ m apart.
#[inline(always)]
pub(crate) unsafe fn copy_transposed<V: Vector>(from: Mat<'_>, to: *mut f32, to_row: usize) {
    let Mat { rows, cols, row_stride, col_stride, .. } = from;
    // SAFETY: every element (i, p) read lies inside `from`, every one written inside `to`; blocks of LANES by LANES elements
    // go through registers, smaller ones masked.
    unsafe {
        if from.transposed().has_row_slices() {
            for p in 0..cols {
                to.add(p * to_row).copy_from_nonoverlapping(from.data.add(from.offset(0, p)), rows);
            }
            return;
        }
        if col_stride != 1 {
            for i in 0..rows {
                for p in 0..cols {
                    *to.add(p * to_row + i) = *from.data.add(from.offset(i, p));
                }
            }
            return;
        }
        for i in (0..rows).step_by(V::LANES) {
            for p in (0..cols).step_by(V::LANES) {
                // LANES divides 16, so a block lies inside one panel.
                let (from, to) = (from.data.add(from.offset(i, p)), to.add(p * to_row + i));
                let (rows, cols) = (V::LANES.min(rows - i), V::LANES.min(cols - p));
                if rows == V::LANES && cols == V::LANES {
                    V::transpose(from, row_stride, to, to_row);
                } else {
                    // Through a whole block on the stack.
                    let mut block = [[0.0f32; 16]; 16];
                    let mut transposed = block;
                    let (rows_mask, cols_mask) = (V::mask(rows), V::mask(cols));
                    for i in 0..rows {
                        V::load_masked(from.add(i * row_stride), cols_mask).store(block[i].as_mut_ptr());
                    }
                    V::transpose(block.as_ptr().cast(), 16, transposed.as_mut_ptr().cast(), 16);
                    for p in 0..cols {
                        V::load(transposed[p].as_ptr()).store_masked(to.add(p * to_row), rows_mask);
                    }
                }
            }
        }
    }
}
