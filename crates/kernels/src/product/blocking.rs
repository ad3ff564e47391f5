//! The five loops around the micro-kernel, and the order for products with few rows and a transposed B.
//!
//! ```text
//! loop 5   for each panel of KC steps of k             slices A and B
//! loop 4     for each NC columns of B                   KC × NC of B stays in the second-level cache, packed or in panels
//! loop 3       for each MC rows of A                    MC × KC of A, where it is packed, stays there too
//! loop 2         for each row of tiles                  TILE_ROWS × KC of A stays in the first-level cache
//! loop 1           for each tile of the row             KC × NR of B streams past
//!                    micro-kernel: KC multiply-adds into a tile of C in registers
//! ```
//!
//! It departs from the five loops of BLIS (Van Zee and van de Geijn 2015) in three ways:
//!
//! 1. Between two panels of k the sums rest in C. The next panel starts from them, so each element is one chain over all of k.
//! 2. An operand is packed only where that pays ([`sizes`]). Weights stand in panels, which are packed already.
//! 3. C is finished (bias, activation, an optimiser's step) in parts of a few thousand values, while a cache still holds them.

use super::pack::{copy_transposed, pack_a, pack_b, reserve};
use super::sizes::{self, Blocks, cuts, even_cuts, even_runs};
use super::tile::{Layout, MAX_ROWS, Operands, TileStart, max_rows, tiles};
use super::{Product, Start};
use crate::matrix::{LINE, Mat};
use crate::simd::{Kernel, Vector};
use crate::team::Scratch;
use std::ops::Range;

/// One member's piece of a product. Made by [`Product::piece`], whose contract it inherits.
pub(crate) struct Piece<'a, 's> {
    pub(super) product: Product<'a>,
    pub(super) rows: Range<usize>,
    pub(super) cols: Range<usize>,
    pub(super) scratch: &'s mut Scratch,
}

impl Kernel for Piece<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let b = self.product.b;
        // SAFETY: the contract of `Product::piece`.
        unsafe {
            if b.col_stride != 1
                && b.row_stride == 1
                && self.rows.len() <= sizes::SWAP_ROWS
                && self.product.c_panel == LINE
            {
                self.run_swapped::<V>();
            } else {
                self.run_straight::<V>();
            }
        }
    }
}

impl Piece<'_, '_> {
    /// The five loops. Between K panels the sums rest in C and are reloaded: the chain over k isn't broken.
    #[inline(always)]
    unsafe fn run_straight<V: Vector>(self) {
        let Piece { product, rows, cols, scratch } = self;
        let Product { a, b, .. } = product;
        let depth = a.cols;
        let in_lines = b.col_stride == 1 && b.row_stride == LINE;
        let pack_the_b = b.col_stride != 1 || !in_lines && rows.len() >= sizes::PACK_B_ROWS;
        let blocks = Blocks::new::<V>(rows.len(), cols.len(), depth);
        let pack_the_a = (in_lines || pack_the_b) && sizes::packs_a::<V>(a, cols.len(), &blocks);
        let Blocks { kc, nc, mc, keep_a } = blocks;
        // A strip of A may be written past its end, by less than a line.
        let packed_rows = (if keep_a { rows.len() } else { mc.min(rows.len()) }) + LINE;
        let packed_cols = nc.min(cols.len().next_multiple_of(LINE));
        let steps = kc.min(depth).max(1);
        let (packed_a, packed_b) = reserve(
            scratch,
            if pack_the_a { [packed_rows, steps] } else { [0, 0] },
            if pack_the_b { [packed_cols, steps] } else { [0, 0] },
        );
        // Loop 5 slices A and B into panels of KC steps. A product of depth 0 still has one, empty.
        let mut panel = 0..kc.min(depth);
        loop {
            let (first, last) = (panel.start == 0, panel.end == depth);
            // Loop 4 slices C and B into NC columns: a KC × NC block of B stays in the second-level cache.
            for jc in cuts(cols.clone(), nc) {
                if pack_the_b {
                    // SAFETY: room for the strips was reserved above; steps are rows of B.
                    unsafe { pack_b::<V>(b, panel.clone(), jc.clone(), packed_b) };
                }
                let (b_at, b_depth, b_panel) = if pack_the_b {
                    (packed_b.as_ptr(), LINE, LINE * panel.len())
                } else {
                    (b.data.wrapping_add(b.offset(panel.start, jc.start)), b.row_stride, b.col_panel)
                };
                let start = match product.start {
                    _ if !first => TileStart::Scaled(1.0),
                    Start::Zero => TileStart::Zero,
                    Start::Bias(bias) => TileStart::Row(bias[jc.clone()].as_ptr()),
                    Start::Scaled(factor) => TileStart::Scaled(factor),
                };
                let tallest =
                    max_rows::<V>(if pack_the_a || jc.len() > V::LANES { V::TILE_VECTORS } else { 1 });
                let height = if pack_the_a { tallest } else { sizes::tile_rows(tallest, a) };
                // A part is finished while the cache still holds it.
                let most = if last { sizes::FINISH / (height * jc.len()) } else { usize::MAX };
                // Loop 3 slices C and A into MC rows: the packed block of A stays in the second-level cache, too.
                for ic in cuts(rows.clone(), mc) {
                    let packed = if keep_a { (ic.start - rows.start) * panel.len() } else { 0 };
                    if pack_the_a && (!keep_a || jc.start == cols.start) {
                        let to = &mut packed_a[packed..];
                        // SAFETY: the caller vouches for the instruction set; room was reserved above.
                        unsafe { pack_a::<V>(a, ic.clone(), panel.clone(), to) };
                    }
                    // Loop 2 slices C into rows of tiles, which share a strip of A that stays in the first-level cache;
                    // loop 1, in `tiles`, runs along such a row, one NR-wide strip of B after the other.
                    let compute = |ir: Range<usize>, height: usize| {
                        // SAFETY: rows `ir`, columns `jc` and steps `panel` lie inside the operands, or inside their packed
                        // copies, which were laid out just above in the same slices. C's piece is the caller's alone.
                        unsafe {
                            let c = product.c.add(product.across(jc.start) + ir.start * product.c_stride);
                            let (a, a_depth, a_down, walk) = if pack_the_a {
                                let strip = packed + (ir.start - ic.start) * panel.len();
                                let a = packed_a.as_ptr().add(strip);
                                (a, height, height * panel.len(), Layout::Packed)
                            } else {
                                let at = a.data.wrapping_add(a.offset(ir.start, panel.start));
                                let walk = match a.row_stride {
                                    1 => Layout::Unit,
                                    a_row => Layout::Strided { a_row },
                                };
                                (at, a.col_stride, height * a.row_stride, walk)
                            };
                            let operands = Operands {
                                depth: panel.len(),
                                a,
                                a_depth,
                                a_down,
                                walk,
                                b: b_at,
                                b_depth,
                                b_panel,
                                c,
                                c_row: product.c_stride,
                                c_panel: product.c_panel,
                                start,
                            };
                            tiles::<V>(height, ir.len() / height, jc.len(), operands);
                            if last {
                                product.finish(ir, jc.clone());
                            }
                        }
                    };
                    even_runs(ic.clone(), height, most).for_each(|(ir, height)| compute(ir, height));
                }
            }
            if last {
                break;
            }
            panel = panel.end..depth.min(panel.end + kc);
        }
    }

    /// Cᵀ = Bᵀ·Aᵀ for few rows and a transposed B: Bᵀ is broadcast where it lies, Aᵀ is packed (it is small), tiles
    /// of Cᵀ go through a buffer and are written transposed. The chains are the same.
    #[inline(always)]
    unsafe fn run_swapped<V: Vector>(self) {
        /// The largest tile of any instruction set: 16 rows of two 16-lane registers.
        const TILE: usize = MAX_ROWS * 32;
        let Piece { product, rows, cols, scratch } = self;
        let Product { a, b, .. } = product;
        let (nr, depth) = (sizes::nr::<V>(), a.cols);
        let (_, packed) = reserve(scratch, [0, 0], [rows.len().next_multiple_of(LINE), depth]);
        let mut buffer = [0.0f32; TILE];
        // SAFETY: columns `jr` of B and strips of the packed Aᵀ lie inside their operands; the buffer holds any tile; C's
        // piece is the caller's alone.
        unsafe {
            pack_b::<V>(a.transposed(), 0..depth, rows.clone(), packed);
            if !matches!(product.start, Start::Zero) {
                product.write_start(rows.clone(), cols.clone());
            }
            for ir in cuts(rows.clone(), nr) {
                let i = ir.start - rows.start;
                let lines = packed.as_ptr().wrapping_add(i / LINE * LINE * depth + i % LINE);
                let tallest = max_rows::<V>(if ir.len() > V::LANES { V::TILE_VECTORS } else { 1 });
                let height = sizes::tile_rows(tallest, b.transposed());
                for jr in even_cuts(cols.clone(), height) {
                    let c = product.c_part(ir.clone(), jr.clone());
                    let start = match product.start {
                        Start::Zero => TileStart::Zero,
                        _ => {
                            copy_transposed::<V>(c.as_mat(), buffer.as_mut_ptr(), nr);
                            TileStart::Scaled(1.0)
                        }
                    };
                    let (a_depth, walk) = match b.row_panel {
                        LINE => (1, Layout::Strided { a_row: b.col_stride }),
                        panel => (panel, Layout::Panels),
                    };
                    let operands = Operands {
                        depth,
                        a: b.data.wrapping_add(b.offset(0, jr.start)),
                        a_depth,
                        a_down: 0,
                        walk,
                        b: lines,
                        b_depth: LINE,
                        b_panel: LINE * depth,
                        c: buffer.as_mut_ptr(),
                        c_row: nr,
                        c_panel: LINE,
                        start,
                    };
                    tiles::<V>(jr.len(), 1, ir.len(), operands);
                    let computed = Mat::strided(&buffer, jr.len(), ir.len(), nr, 1);
                    copy_transposed::<V>(computed, c.data, c.row_stride);
                }
            }
            product.finish(rows, cols);
        }
    }
}
