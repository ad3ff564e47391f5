//! The five loops around the micro-kernel, and the order for products with few rows and a transposed B.

use super::pack::{Scratch, pack_a, pack_b};
use super::sizes::{self, KC, NC};
use super::tile::{MAX_ROWS, Operands, TileStart, tile};
use super::{Product, Start};
use crate::isa::Kernel;
use crate::vector::Vector;
use std::ops::Range;

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
        // SAFETY: the contract of `Product::block`.
        unsafe {
            let b = self.product.b;
            if b.col_stride != 1 && b.row_stride == 1 && self.rows.len() <= sizes::SWAP_ROWS {
                self.run_swapped::<V>();
            } else {
                self.run_straight::<V>();
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

impl Block<'_, '_> {
    /// The five loops. Between K panels the sums rest in C and are reloaded: the chain over k isn't broken.
    #[inline(always)]
    unsafe fn run_straight<V: Vector>(self) {
        let Block { product, rows, cols, scratch } = self;
        let Product { a, b, .. } = product;
        let (nr, mc) = (sizes::nr::<V>(), sizes::mc::<V>());
        let depth = a.cols;
        let pack_the_b = b.col_stride != 1 || rows.len() >= sizes::PACK_B_ROWS;
        let pack_the_a = cols.len() >= sizes::PACK_A_COLS && depth >= sizes::PACK_A_DEPTH;
        scratch.reserve(
            if pack_the_a { mc.min(rows.len()) * KC.min(depth) } else { 0 },
            if pack_the_b { NC.min(cols.len().next_multiple_of(nr)) * KC.min(depth) } else { 0 },
        );
        // Loop 5 slices C and B into NC columns: the packed slice of B stays in the outer cache.
        for jc in pieces(cols, NC) {
            // Loop 4 slices A and B into panels of KC steps. A product of depth 0 still has one, empty.
            let mut panel = 0..KC.min(depth);
            loop {
                let (first, last) = (panel.start == 0, panel.end == depth);
                if pack_the_b {
                    pack_b::<V>(b.part(panel.clone(), jc.clone()), scratch.b.row_mut(0));
                }
                // Loop 3 slices C and A into MC rows: the packed block of A stays in the second-level cache.
                for ic in pieces(rows.clone(), mc) {
                    if pack_the_a {
                        pack_a::<V>(a.part(ic.clone(), panel.clone()), scratch.a.row_mut(0));
                    }
                    // Loop 2 slices C into NR columns: the strip of B stays in the first-level cache.
                    for jr in pieces(jc.clone(), nr) {
                        // SAFETY: rows `ic`, columns `jr` and steps `panel` lie inside the operands, or inside their packed
                        // copies, which were laid out just above in the same slices. C's block is the caller's alone.
                        unsafe {
                            let (b_at, b_depth) = if pack_the_b {
                                (scratch.b.row(0).as_ptr().add((jr.start - jc.start) * panel.len()), nr)
                            } else {
                                (b.data.wrapping_add(panel.start * b.row_stride + jr.start), b.row_stride)
                            };
                            // Loop 1 slices C into tiles.
                            for ir in pieces(ic.clone(), V::TILE_ROWS) {
                                let (a_at, a_row, a_depth) = if pack_the_a {
                                    let strip = (ir.start - ic.start) * panel.len();
                                    (scratch.a.row(0).as_ptr().add(strip), 1, ir.len())
                                } else {
                                    let offset = ir.start * a.row_stride + panel.start * a.col_stride;
                                    (a.data.wrapping_add(offset), a.row_stride, a.col_stride)
                                };
                                let start = match product.start {
                                    _ if !first => TileStart::Scaled(1.0),
                                    Start::Zero => TileStart::Zero,
                                    Start::Bias(bias) => TileStart::Row(bias.as_ptr().add(jr.start)),
                                    Start::Scaled(factor) => TileStart::Scaled(factor),
                                };
                                let operands = Operands {
                                    depth: panel.len(),
                                    a: a_at,
                                    a_row,
                                    a_depth,
                                    b: b_at,
                                    b_depth,
                                    c: product.c.add(ir.start * product.c_stride + jr.start),
                                    c_row: product.c_stride,
                                    start,
                                };
                                tile::<V>(ir.len(), jr.len(), operands);
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
    unsafe fn run_swapped<V: Vector>(self) {
        /// The largest tile of any instruction set: 14 rows of two 16-lane registers.
        const TILE: usize = MAX_ROWS * 32;
        let Block { product, rows, cols, scratch } = self;
        let Product { a, b, .. } = product;
        let (nr, depth) = (sizes::nr::<V>(), a.cols);
        scratch.reserve(0, rows.len().next_multiple_of(nr) * depth);
        pack_b::<V>(a.part(rows.clone(), 0..depth).transposed(), scratch.b.row_mut(0));
        let mut buffer = [0.0f32; TILE];
        // SAFETY: columns `jr` of B and strips of the packed Aᵀ lie inside their operands; the buffer holds any tile; C's
        // block is the caller's alone.
        unsafe {
            if !matches!(product.start, Start::Zero) {
                product.write_start(rows.clone(), cols.clone());
            }
            for ir in pieces(rows.clone(), nr) {
                let strip = scratch.b.row(0).as_ptr().add((ir.start - rows.start) * depth);
                for jr in pieces(cols.clone(), V::TILE_ROWS) {
                    let c_at =
                        |i: usize, j: usize| product.c.add((ir.start + i) * product.c_stride + jr.start + j);
                    let start = match product.start {
                        Start::Zero => TileStart::Zero,
                        _ => {
                            for i in 0..ir.len() {
                                for j in 0..jr.len() {
                                    buffer[j * nr + i] = *c_at(i, j);
                                }
                            }
                            TileStart::Scaled(1.0)
                        }
                    };
                    let operands = Operands {
                        depth,
                        a: b.data.wrapping_add(jr.start * b.col_stride),
                        a_row: b.col_stride,
                        a_depth: 1,
                        b: strip,
                        b_depth: nr,
                        c: buffer.as_mut_ptr(),
                        c_row: nr,
                        start,
                    };
                    tile::<V>(jr.len(), ir.len(), operands);
                    for i in 0..ir.len() {
                        for j in 0..jr.len() {
                            *c_at(i, j) = buffer[j * nr + i];
                        }
                    }
                }
            }
            product.finish(rows, cols);
        }
    }
}
