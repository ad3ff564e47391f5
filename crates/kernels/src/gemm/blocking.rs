//! The five loops around the micro-kernel, and the order for products with few rows and a transposed B.

use super::pack::{Scratch, Steps, copy_transposed, pack_a, pack_b};
use super::sizes::{self, KC, MC, NC};
use super::tile::{MAX_ROWS, Operands, TileStart, Walk, max_rows, tile};
use super::{Left, Product, Start};
use crate::compact::BLOCK;
use crate::isa::Kernel;
use crate::matrix::Mat;
use crate::vector::Vector;
use std::ops::Range;
use std::ptr::null;

/// One member's block of a product. Made by [`Product::block`], whose contract it inherits.
pub(crate) struct Block<'a, 's> {
    pub(super) product: Product<'a>,
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    pub(super) scratch: &'s mut Scratch,
}

impl Kernel for Block<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let b = self.product.b;
        // SAFETY: the contract of `Product::block`.
        unsafe {
            match self.product.a {
                Left::View(a)
                    if b.col_stride != 1
                        && b.row_stride == 1
                        && self.rows.len() <= sizes::SWAP_ROWS
                        && self.product.c_panel == BLOCK =>
                {
                    self.run_swapped::<V>(a);
                }
                _ => self.run_straight::<V>(),
            }
        }
    }
}

/// `range` in pieces of at most `step`.
#[inline(always)]
fn pieces(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(step).map(move |at| at..end.min(at + step))
}

/// `range` in as few pieces of at most `max` as possible, all about the same size: a tile of two rows would take
/// nearly as long as one of eight.
#[inline(always)]
pub(super) fn even_pieces(range: Range<usize>, max: usize) -> impl Iterator<Item = Range<usize>> {
    let count = range.len().div_ceil(max);
    let (small, larger) = (range.len() / count.max(1), range.len() % count.max(1));
    let mut at = range.start;
    (0..count).map(move |i| {
        let start = at;
        at += small + usize::from(i < larger);
        start..at
    })
}

impl Block<'_, '_> {
    /// The five loops. Between K panels the sums rest in C and are reloaded: the chain over k isn't broken.
    #[inline(always)]
    unsafe fn run_straight<V: Vector>(self) {
        let Block { product, rows, cols, scratch } = self;
        let Product { a, b, .. } = product;
        let nr = sizes::nr::<V>();
        let depth = a.depth();
        // Panels are packed already; only a selection of their rows may not be one.
        let pack_the_b = b.col_stride != 1 || b.has_row_slices() && rows.len() >= sizes::PACK_B_ROWS;
        let pack_the_a =
            matches!(a, Left::View(_)) && cols.len() >= sizes::PACK_A_COLS && depth >= sizes::PACK_A_DEPTH;
        scratch.reserve(
            if pack_the_a { MC.min(rows.len()) * KC.min(depth) } else { 0 },
            if pack_the_b { NC.min(cols.len().next_multiple_of(nr)) * KC.min(depth) } else { 0 },
        );
        // Loop 5 slices C and B into NC columns: the packed slice of B stays in the outer cache.
        for jc in pieces(cols, NC) {
            // Loop 4 slices A and B into panels of KC steps. A product of depth 0 still has one, empty.
            let mut panel = 0..KC.min(depth);
            loop {
                let (first, last) = (panel.start == 0, panel.end == depth);
                // The rows of B that this panel takes; all from the panel's start on where none are selected.
                let selected = match a {
                    Left::Inputs(x) => Some(&x.active()[panel.clone()]),
                    _ => None,
                };
                if pack_the_b {
                    let steps = selected.map_or(Steps::Range(panel.clone()), Steps::Selected);
                    // SAFETY: room for the strips was reserved above; steps are rows of B.
                    unsafe { pack_b::<V>(b, &steps, jc.clone(), scratch.b.row_mut(0)) };
                }
                // Loop 3 slices C and A into MC rows: the packed block of A stays in the second-level cache.
                for ic in pieces(rows.clone(), MC) {
                    if pack_the_a && let Left::View(a) = a {
                        // SAFETY: the caller vouches for the instruction set.
                        unsafe { pack_a::<V>(a.part(ic.clone(), panel.clone()), scratch.a.row_mut(0)) };
                    }
                    // Loop 2 slices C into NR columns: the strip of B stays in the first-level cache.
                    for jr in pieces(jc.clone(), nr) {
                        // SAFETY: rows `ic`, columns `jr` and steps `panel` lie inside the operands, or inside their packed
                        // copies, which were laid out just above in the same slices. Rows that `a` selects are below its number
                        // of inputs, which is B's (C's) number of rows. C's block is the caller's alone.
                        unsafe {
                            let (b_at, b_depth, b_panel) = if pack_the_b {
                                let strip = (jr.start - jc.start) * panel.len();
                                (scratch.b.row(0).as_ptr().add(strip), nr, BLOCK)
                            } else {
                                let row = if selected.is_some() { 0 } else { panel.start };
                                (b.data.wrapping_add(b.offset(row, jr.start)), b.row_stride, b.col_panel)
                            };
                            let start = match product.start {
                                _ if !first => TileStart::Scaled(1.0),
                                Start::Zero => TileStart::Zero,
                                Start::Bias(bias) => TileStart::Row(bias.as_ptr().add(jr.start)),
                                Start::Scaled(factor) => TileStart::Scaled(factor),
                            };
                            let height = max_rows::<V>(if pack_the_a || jr.len() > V::LANES {
                                V::TILE_VECTORS
                            } else {
                                1
                            });
                            let compute = |ir: Range<usize>| {
                                let c_at =
                                    product.c.add(jr.start / BLOCK * product.c_panel + jr.start % BLOCK);
                                let (c, c_rows) = match a {
                                    Left::InputsTransposed(_, rows) => (c_at, rows.as_ptr().add(ir.start)),
                                    _ => (c_at.add(ir.start * product.c_stride), null()),
                                };
                                let (a, a_depth, walk) = match a {
                                    Left::View(_) if pack_the_a => {
                                        let strip = (ir.start - ic.start) * panel.len();
                                        (scratch.a.row(0).as_ptr().add(strip), ir.len(), Walk::Unit)
                                    }
                                    Left::View(a) => {
                                        let offset = a.offset(ir.start, panel.start);
                                        let walk = match a.row_stride {
                                            1 => Walk::Unit,
                                            a_row => Walk::Strided { a_row },
                                        };
                                        (a.data.wrapping_add(offset), a.col_stride, walk)
                                    }
                                    Left::Inputs(x) => {
                                        let line = x.block(ir.start / BLOCK).add(panel.start * BLOCK);
                                        let walk = match selected {
                                            Some(rows) if !pack_the_b => {
                                                Walk::UnitSelected { rows: rows.as_ptr() }
                                            }
                                            _ => Walk::Unit,
                                        };
                                        (line.add(ir.start % BLOCK), BLOCK, walk)
                                    }
                                    Left::InputsTransposed(x, _) => {
                                        let line = x.block(panel.start / BLOCK).add(ir.start * BLOCK);
                                        (line, x.block_stride(), Walk::Blocked)
                                    }
                                };
                                let operands = Operands {
                                    depth: panel.len(),
                                    a,
                                    a_depth,
                                    walk,
                                    b: b_at,
                                    b_depth,
                                    b_panel,
                                    c,
                                    c_row: product.c_stride,
                                    c_panel: product.c_panel,
                                    c_rows,
                                    start,
                                };
                                tile::<V>(ir.len(), jr.len(), operands);
                            };
                            // Loop 1 slices C into tiles; one of examples stays inside their block.
                            if let Left::Inputs(_) = a {
                                for block in pieces(ic.clone(), BLOCK) {
                                    even_pieces(block, height).for_each(compute);
                                }
                            } else {
                                even_pieces(ic.clone(), height).for_each(compute);
                            }
                            if last {
                                product.finish(ic.clone(), jr);
                            }
                        }
                    }
                }
                if last {
                    break;
                }
                panel = panel.end..depth.min(panel.end + KC);
            }
        }
    }

    /// Cᵀ = Bᵀ·Aᵀ for few rows and a transposed B: Bᵀ is broadcast where it lies, Aᵀ is packed (it is small), tiles
    /// of Cᵀ go through a buffer and are written transposed. The chains are the same.
    #[inline(always)]
    unsafe fn run_swapped<V: Vector>(self, a: Mat<'_>) {
        /// The largest tile of any instruction set: 16 rows of two 16-lane registers.
        const TILE: usize = MAX_ROWS * 32;
        let Block { product, rows, cols, scratch } = self;
        let b = product.b;
        let (nr, depth) = (sizes::nr::<V>(), a.cols);
        scratch.reserve(0, rows.len().next_multiple_of(nr) * depth);
        let mut buffer = [0.0f32; TILE];
        // SAFETY: columns `jr` of B and strips of the packed Aᵀ lie inside their operands; the buffer holds any tile; C's
        // block is the caller's alone.
        unsafe {
            pack_b::<V>(a.transposed(), &Steps::Range(0..depth), rows.clone(), scratch.b.row_mut(0));
            if !matches!(product.start, Start::Zero) {
                product.write_start(rows.clone(), cols.clone());
            }
            for ir in pieces(rows.clone(), nr) {
                let strip = scratch.b.row(0).as_ptr().add((ir.start - rows.start) * depth);
                let height = max_rows::<V>(if ir.len() > V::LANES { V::TILE_VECTORS } else { 1 });
                for jr in even_pieces(cols.clone(), height) {
                    let c = product.c_block(ir.clone(), jr.clone());
                    let start = match product.start {
                        Start::Zero => TileStart::Zero,
                        _ => {
                            copy_transposed::<V>(c.as_mat(), buffer.as_mut_ptr(), nr);
                            TileStart::Scaled(1.0)
                        }
                    };
                    let (a_depth, walk) = match b.row_panel {
                        BLOCK => (1, Walk::Strided { a_row: b.col_stride }),
                        panel => (panel, Walk::Blocked),
                    };
                    let operands = Operands {
                        depth,
                        a: b.data.wrapping_add(b.offset(0, jr.start)),
                        a_depth,
                        walk,
                        b: strip,
                        b_depth: nr,
                        b_panel: BLOCK,
                        c: buffer.as_mut_ptr(),
                        c_row: nr,
                        c_panel: BLOCK,
                        c_rows: null(),
                        start,
                    };
                    tile::<V>(jr.len(), ir.len(), operands);
                    let computed = Mat::strided(&buffer, jr.len(), ir.len(), nr, 1);
                    copy_transposed::<V>(computed, c.data, c.row_stride);
                }
            }
            product.finish(rows, cols);
        }
    }
}
