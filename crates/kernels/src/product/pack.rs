//! Packing: copies of operand blocks in the order in which the micro-kernel reads them.

use super::sizes::even_cuts;
use crate::matrix::{LINE, Mat};
use crate::simd::{Vector, prefetch_line};
use crate::team::Scratch;
use std::ops::Range;

/// Makes room in a member's scratch for so many strips times steps of A and of B, and lends it: strips of A, TILE_ROWS × KC each,
/// column by column; strips of B, KC × NR each, row by row.
pub(crate) fn reserve(scratch: &mut Scratch, a: [usize; 2], b: [usize; 2]) -> (&mut [f32], &mut [f32]) {
    let [a, b] = [a, b].map(|[wide, steps]| {
        wide.checked_mul(steps).expect("the packed operands of a product must fit in memory")
    });
    let [packed_a, packed_b, ..] = &mut scratch.buffers;
    (packed_a.room(a), packed_b.room(b))
}

/// How many columns ahead of a transpose its rows are asked for.
const AHEAD: usize = 4 * LINE;

/// Strips or panels that are written side by side: what lies side by side in the operand comes from one page of memory, and
/// the CPU remembers the places of so many pages.
const GROUP: usize = 8;

/// Packs rows `rows` and steps `steps` of A into strips, one for each tile of [`even_cuts`]: in a strip, the column of
/// step p follows that of p − 1.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; `to` must hold the strips and [`LINE`] values more.
#[inline(always)]
pub(crate) unsafe fn pack_a<V: Vector>(a: Mat<'_>, rows: Range<usize>, steps: Range<usize>, to: &mut [f32]) {
    let (first, depth) = (rows.start, steps.len());
    let strip = |tile: &Range<usize>| (tile.start - first) * depth;
    if a.row_stride == 1 {
        // A column of A is contiguous: it goes to many strips at once, so that what the memory sends is used while it's here.
        let mut tiles = even_cuts(rows, V::TILE_ROWS).peekable();
        while tiles.peek().is_some() {
            let mut group: [Option<PackedStrip>; GROUP] = std::array::from_fn(|_| {
                let tile = tiles.next()?;
                // SAFETY: a tile's first element is A's, and its strip is in `to`.
                Some(unsafe {
                    PackedStrip::new::<V>(a, &tile, steps.clone(), to.as_mut_ptr().add(strip(&tile)))
                })
            });
            for p in 0..depth {
                for strip in group.iter_mut().flatten() {
                    // SAFETY: the columns of all steps are copied, in order.
                    unsafe { strip.copy_column::<V>(p) };
                }
            }
        }
        return;
    }
    for tile in even_cuts(rows, V::TILE_ROWS) {
        let height = tile.len();
        // Where A has the rows, whole registers of them are taken though a tile has fewer: what is written too much is
        // overwritten by the next column. (Where columns are written in order: not where both strides are odd.)
        let taken = height.next_multiple_of(V::LANES);
        let whole = a.col_stride == 1 && taken <= LINE && tile.start + taken <= a.rows;
        let end = if whole { tile.start + taken } else { tile.end };
        // SAFETY: the rows that are read are A's. Strips follow one another, so what reaches past a strip's end by less
        // than a line is written again with the next one, or is the slack.
        unsafe {
            let to = to.as_mut_ptr().add(strip(&tile));
            copy_transposed::<V>(a.part(tile.start..end, steps.clone()), to, height);
        }
    }
}

/// The strip of a tile of a transposed A, whose columns are contiguous, while it's packed column by column.
struct PackedStrip {
    /// The next column of the tile, and how far the one after it is.
    from: *const f32,
    from_col: usize,
    /// Where the next column goes.
    to: *mut f32,
    height: usize,
    /// Columns that are copied in whole registers: what is written too much is overwritten by the columns that follow. (A
    /// masked store takes some CPUs a dozen cycles.) The last few are copied masked, since a register would reach beyond the
    /// strip; all are where it would reach beyond A.
    whole: usize,
}

impl PackedStrip {
    /// The strip of rows `tile`, which aren't empty, and columns `steps`, to be written from `to` on.
    ///
    /// # Safety
    ///
    /// The tile's first element must be A's.
    #[inline(always)]
    unsafe fn new<V: Vector>(
        a: Mat<'_>,
        tile: &Range<usize>,
        steps: Range<usize>,
        to: *mut f32,
    ) -> PackedStrip {
        let (height, taken) = (tile.len(), tile.len().next_multiple_of(V::LANES));
        let beyond = (taken - height).div_ceil(height);
        let whole = if tile.start + taken <= a.rows { steps.len().saturating_sub(beyond) } else { 0 };
        // SAFETY: the caller's contract.
        let from = unsafe { a.data.add(a.offset(tile.start, steps.start)) };
        PackedStrip { from, from_col: a.col_stride, to, height, whole }
    }

    /// Copies column `p`.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`. The column must be A's, and its place the strip's. Columns before `p` must
    /// have been copied.
    #[inline(always)]
    unsafe fn copy_column<V: Vector>(&mut self, p: usize) {
        let &mut PackedStrip { from, from_col, to, height, whole } = self;
        // SAFETY: the caller's contract; what whole registers reach is A's and the strip's, as `whole` says.
        unsafe {
            if p < whole {
                V::load(from).store(to);
                for i in (V::LANES..height).step_by(V::LANES) {
                    V::load(from.add(i)).store(to.add(i));
                }
            } else {
                for i in (0..height).step_by(V::LANES) {
                    let mask = V::mask(V::LANES.min(height - i));
                    V::load_masked(from.add(i), mask).store_masked(to.add(i), mask);
                }
            }
        }
        (self.from, self.to) = (from.wrapping_add(from_col), to.wrapping_add(height));
    }
}

/// Packs the rows `steps` and columns `cols` of B in lines: in panels of 16 columns, as weights are kept, row p follows
/// row p − 1. Columns past the edge of the last panel are left as they are: the micro-kernel masks them.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; `to` must hold the panels; steps must be rows of B.
#[inline(always)]
pub(crate) unsafe fn pack_b<V: Vector>(b: Mat<'_>, steps: Range<usize>, cols: Range<usize>, to: &mut [f32]) {
    let depth = steps.len();
    let side_by_side = if b.col_stride == LINE { cols.len().max(1) } else { GROUP * LINE };
    for group in cols.clone().step_by(side_by_side) {
        let whole = group..cols.end.min(group + side_by_side);
        let to = &mut to[(group - cols.start) * depth..];
        if b.col_stride == LINE {
            // The transpose of weights: their panels are read from one end to the other.
            for p in steps.clone().step_by(LINE) {
                for first in whole.clone().step_by(LINE) {
                    let part = b.part(p..steps.end.min(p + LINE), first..whole.end.min(first + LINE));
                    let at = (first - group) * depth + (p - steps.start) * LINE;
                    // SAFETY: a panel holds `steps` rows of 16 values.
                    unsafe { copy_transposed::<V>(part.transposed(), to[at..].as_mut_ptr(), LINE) };
                }
            }
        } else if b.col_stride != 1 {
            for (first, panel) in whole.clone().step_by(LINE).zip(to.chunks_mut((LINE * depth).max(1))) {
                let part = b.part(steps.clone(), first..whole.end.min(first + LINE));
                // SAFETY: as above.
                unsafe { copy_transposed::<V>(part.transposed(), panel.as_mut_ptr(), LINE) };
            }
        } else {
            // SAFETY: as above; the columns of a group begin at a multiple of 16 from the first.
            unsafe { copy_lines::<V>(b.part(steps.clone(), whole), to.as_mut_ptr(), LINE * depth) };
        }
    }
}

/// Copies the rows of `from` (k × n), slices each, to rows `to_row` apart, ascending.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`, and `to` must be valid for k rows of n values, `to_row` apart.
#[inline(always)]
unsafe fn copy_rows<V: Vector>(from: Mat<'_>, to: *mut f32, to_row: usize) {
    let whole = from.cols / V::LANES * V::LANES;
    // SAFETY: every element read lies inside `from`, every one written in a row of `to`; the last lanes are masked.
    unsafe {
        let rest = V::mask(from.cols - whole);
        for p in 0..from.rows {
            let (from_row, to) = (from.data.add(from.offset(p, 0)), to.add(p * to_row));
            for j in (0..whole).step_by(V::LANES) {
                V::load(from_row.add(j)).store(to.add(j));
            }
            if whole < from.cols {
                V::load_masked(from_row.add(whole), rest).store_masked(to.add(whole), rest);
            }
        }
    }
}

/// Copies the rows of `from` (k × n), contiguous over 16 columns, into panels of 16 columns, `panel` apart.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`, and `to` must be valid for the panels of k lines.
#[inline(always)]
unsafe fn copy_lines<V: Vector>(from: Mat<'_>, to: *mut f32, panel: usize) {
    let (whole, rest) = (from.cols / LINE, from.cols % LINE);
    // SAFETY: every element read lies inside `from`, every one written in a panel of `to`.
    unsafe {
        for p in 0..from.rows {
            for j in 0..whole {
                let (from, to) = (from.data.add(from.offset(p, j * LINE)), to.add(j * panel + p * LINE));
                for lane in (0..LINE).step_by(V::LANES) {
                    V::load(from.add(lane)).store(to.add(lane));
                }
            }
        }
        if rest > 0 {
            let edge = from.part(0..from.rows, whole * LINE..from.cols);
            copy_rows::<V>(edge, to.add(whole * panel), LINE);
        }
    }
}

/// Writes the transpose of `from` (m × k): element (i, p) goes to `p·to_row + i`. Rows are written in ascending order of p,
/// so they may overlap.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`, and `to` must be valid for k rows of m values, `to_row` apart.
#[inline(always)]
pub(crate) unsafe fn copy_transposed<V: Vector>(from: Mat<'_>, to: *mut f32, to_row: usize) {
    let Mat { rows, cols, row_stride, col_stride, .. } = from;
    // SAFETY: every element (i, p) read lies inside `from`, every one written inside `to`; squares of LANES by LANES elements
    // go through registers, smaller ones masked.
    unsafe {
        if from.transposed().has_row_slices() {
            return copy_rows::<V>(from.transposed(), to, to_row);
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
                // LANES divides 16, so a square lies inside one panel.
                let (from, to) = (from.data.add(from.offset(i, p)), to.add(p * to_row + i));
                let (rows, cols) = (V::LANES.min(rows - i), V::LANES.min(cols - p));
                for i in 0..V::LANES {
                    prefetch_line(from.wrapping_add(i * row_stride + AHEAD));
                }
                if rows == V::LANES && cols == V::LANES {
                    V::transpose(from, row_stride, to, to_row);
                } else {
                    // Through a whole square on the stack.
                    let mut square = [[0.0f32; 16]; 16];
                    let mut transposed = square;
                    let (rows_mask, cols_mask) = (V::mask(rows), V::mask(cols));
                    for i in 0..rows {
                        V::load_masked(from.add(i * row_stride), cols_mask).store(square[i].as_mut_ptr());
                    }
                    V::transpose(square.as_ptr().cast(), 16, transposed.as_mut_ptr().cast(), 16);
                    for p in 0..cols {
                        V::load(transposed[p].as_ptr()).store_masked(to.add(p * to_row), rows_mask);
                    }
                }
            }
        }
    }
}
