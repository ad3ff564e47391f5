//! The micro-kernel: a tile of C in registers, and the rows of tiles that are computed in one call.
//!
//! A full tile of AVX-512 is 14 rows by 2 registers: each step of the chains loads 2 registers of B and 14 broadcasts of A
//! for 28 multiply-adds, so 16 loads against 14 cycles of both multiply-add units; the loads (2 a cycle) and the
//! instructions (6 a cycle) have slack, and what is left to lose is waiting for memory. Of that:
//!
//! - The tiles of a row share A's elements, which stay in the first-level cache while strips of B stream past: where A
//!   lies, if the cache holds them there (`sizes::packs_a`), else packed, one step after the other. The streams are
//!   sequential, which the CPU fetches ahead by itself.
//! - C isn't a stream: a tile begins with reading it, and its chains can't begin before. So each tile asks for the
//!   *next* tile's lines, a few at a time among its own multiply-adds: all at once they would take the buffers that A and B
//!   need. Without this a tile waits for the outer cache a tenth of its time.

use crate::matrix::{LINE, along};
use crate::simd::{Kernel, Vector, prefetch_line};

/// Rows of the tallest tile of any instruction set.
pub(crate) const MAX_ROWS: usize = 16;

/// The starting values of a tile's sums.
#[derive(Clone, Copy)]
pub(crate) enum TileStart {
    /// 0.
    Zero,
    /// The same row for all rows of the tile: the bias of its first column.
    Row(*const f32),
    /// C times a factor.
    Scaled(f32),
}

/// How the tile walks through A and B. Where strides are known when the micro-kernel is compiled they become constant
/// offsets in its loads: measured, strides in registers cost an eighth of the speed.
///
/// B is *in lines* if row p + 1 is 16 values after row p: a panel of weights, or packed.
#[derive(Clone, Copy)]
pub(crate) enum Layout {
    /// A(i, p) is `i·a_row + p·a_depth` in.
    Strided {
        /// A's stride over i.
        a_row: usize,
    },
    /// A(i, p) is `i + p·a_depth` in.
    Unit,
    /// A(i, p) is `i + p·height` in for tiles of `height` rows, as packed; B is in lines.
    Packed,
    /// A(i, p) is `i·LINE + p` in, in panels of `LINE` steps, which are `a_depth` apart; B is in lines.
    Panels,
}

/// The operands of tiles: C(i, j) ← start + Σₚ A(i, p)·B(p, j), p ascending.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    /// Number of multiply-adds in the chain.
    pub(crate) depth: usize,
    /// A's first element.
    pub(crate) a: *const f32,
    /// A's stride over p (over panels of p where `Panels`).
    pub(crate) a_depth: usize,
    /// How far A is from a tile to the one below.
    pub(crate) a_down: usize,
    pub(crate) walk: Layout,
    /// B's first element, contiguous over 16 columns; its strides over p and over panels of 16 columns.
    pub(crate) b: *const f32,
    pub(crate) b_depth: usize,
    pub(crate) b_panel: usize,
    /// C's first element, contiguous over 16 columns; its strides over i and over panels of 16 columns.
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    pub(crate) c_panel: usize,
    pub(crate) start: TileStart,
}

/// Computes `down` rows of tiles, each of `height` ≤ [`max_rows`] rows; together `cols` columns.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; A, B and C (and the start row) must be valid for the elements the
/// tiles' shape reaches, C to write and to nobody else meanwhile.
#[inline(always)]
pub(crate) unsafe fn tiles<V: Vector>(height: usize, down: usize, cols: usize, operands: Operands) {
    /// Chooses the number of registers across, and whether the last one is an edge.
    #[inline(always)]
    unsafe fn across<V: Vector, const ROWS: usize>(down: usize, cols: usize, operands: Operands) {
        let width = V::TILE_VECTORS * V::LANES;
        let (strips, cols) = (cols / width, cols % width);
        // SAFETY: as the caller's. The conditions on ROWS are the tile shapes of `max_rows`; they leave taller tiles
        // uncompiled.
        unsafe {
            if strips > 0 && ROWS <= max_rows::<V>(2) {
                V::enter(Tiles::<ROWS, 2, false> { operands, down, strips, last: V::LANES });
            }
            if cols == 0 {
                return;
            }
            let operands = operands.right(strips * width);
            let last = (cols - 1) % V::LANES + 1;
            match (cols > V::LANES, last < V::LANES) {
                (false, false) if ROWS <= max_rows::<V>(1) => {
                    V::enter(Tiles::<ROWS, 1, false> { operands, down, strips: 1, last });
                }
                (false, true) if ROWS <= max_rows::<V>(1) => {
                    V::enter(Tiles::<ROWS, 1, true> { operands, down, strips: 1, last });
                }
                (true, true) if ROWS <= max_rows::<V>(2) => {
                    V::enter(Tiles::<ROWS, 2, true> { operands, down, strips: 1, last });
                }
                _ => unreachable!("a tile of {ROWS} rows and {cols} columns"),
            }
        }
    }
    // SAFETY: as the caller's.
    unsafe {
        match height {
            1 => across::<V, 1>(down, cols, operands),
            2 => across::<V, 2>(down, cols, operands),
            3 => across::<V, 3>(down, cols, operands),
            4 => across::<V, 4>(down, cols, operands),
            5 => across::<V, 5>(down, cols, operands),
            6 => across::<V, 6>(down, cols, operands),
            7 => across::<V, 7>(down, cols, operands),
            8 => across::<V, 8>(down, cols, operands),
            9 => across::<V, 9>(down, cols, operands),
            10 => across::<V, 10>(down, cols, operands),
            11 => across::<V, 11>(down, cols, operands),
            12 => across::<V, 12>(down, cols, operands),
            13 => across::<V, 13>(down, cols, operands),
            14 => across::<V, 14>(down, cols, operands),
            15 => across::<V, 15>(down, cols, operands),
            MAX_ROWS => across::<V, MAX_ROWS>(down, cols, operands),
            _ => unreachable!("a tile of {height} rows"),
        }
    }
}

impl Operands {
    /// The operands from column `j` on, a multiple of the full tile's width.
    #[inline(always)]
    fn right(mut self, j: usize) -> Operands {
        self.b = self.b.wrapping_add(along(j, 1, self.b_panel));
        self.c = self.c.wrapping_add(along(j, 1, self.c_panel));
        if let TileStart::Row(row) = &mut self.start {
            *row = row.wrapping_add(j);
        }
        self
    }
}

/// How many steps ahead A and B are asked for: enough for the second-level cache to answer.
const AHEAD: usize = 12;

/// Rows of the tallest tile that is `vectors` registers across: `V::TILE_ROWS` for the full tile; a narrower one has
/// registers for more.
pub(crate) const fn max_rows<V: Vector>(vectors: usize) -> usize {
    let rows = V::TILE_ROWS * V::TILE_VECTORS / vectors;
    if rows < MAX_ROWS { rows } else { MAX_ROWS }
}

/// `down` rows of `strips` tiles of `ROWS` rows by `VECTORS` registers, the last register cut to `last` lanes where
/// `EDGE`.
struct Tiles<const ROWS: usize, const VECTORS: usize, const EDGE: bool> {
    operands: Operands,
    down: usize,
    strips: usize,
    last: usize,
}

impl<const ROWS: usize, const VECTORS: usize, const EDGE: bool> Kernel for Tiles<ROWS, VECTORS, EDGE> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Tiles { operands, down, strips, last } = self;
        let Operands { depth, a_depth, a_down, walk, b_depth, b_panel, c_row, c_panel, .. } = operands;
        // SAFETY: the contract of `tiles`: every address below belongs to an element of the tiles' operands; lanes beyond
        // the edge are masked. Pointers are advanced by `wrapping_add`, because past the last step they may leave their
        // operand, unread; lines are prefetched wherever they are.
        unsafe {
            let mask = V::mask(if EDGE { last } else { V::LANES });
            macro_rules! load {
                ($from:expr, $v:expr, $panel:expr) => {{
                    let from = $from.add(along($v * V::LANES, 1, $panel));
                    if EDGE && $v == VECTORS - 1 { V::load_masked(from, mask) } else { V::load(from) }
                }};
            }
            for tile in 0..down * strips {
                let (ir, jr) = (tile / strips, tile % strips);
                let Operands { b, c, start, .. } = operands.right(jr * VECTORS * V::LANES);
                let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
                match start {
                    TileStart::Zero => {}
                    TileStart::Row(row) => {
                        for v in 0..VECTORS {
                            let start = load!(row, v, LINE);
                            for i in 0..ROWS {
                                sums[i][v] = start;
                            }
                        }
                    }
                    TileStart::Scaled(factor) => {
                        for i in 0..ROWS {
                            let from = c.add((ir * ROWS + i) * c_row);
                            for v in 0..VECTORS {
                                sums[i][v] = load!(from, v, c_panel);
                            }
                        }
                        if factor != 1.0 {
                            let factor = V::splat(factor);
                            for i in 0..ROWS {
                                for v in 0..VECTORS {
                                    sums[i][v] = sums[i][v].mul(factor);
                                }
                            }
                        }
                    }
                }
                // The tile after this one; after the last of a call most likely comes the one below.
                let (next_row, next_c) = if jr + 1 < strips {
                    (ir * ROWS, operands.right((jr + 1) * VECTORS * V::LANES).c)
                } else {
                    ((ir + 1) * ROWS, operands.c)
                };
                let mut ahead = 0;
                macro_rules! prefetch_next {
                    () => {{
                        let line = next_c.wrapping_add((next_row + ahead) * c_row);
                        for v in 0..(VECTORS * V::LANES).div_ceil(LINE) {
                            prefetch_line(line.wrapping_add(v * c_panel));
                        }
                        ahead += usize::from(ahead + 1 < ROWS);
                    }};
                }
                /// One step of all chains: a row of B, whose registers are at `b`, against a column of A, whose elements are
                /// `a_row` apart.
                macro_rules! step {
                    ($a:expr, $a_row:expr, $b:expr) => {{
                        let mut row = [V::splat(0.0); VECTORS];
                        for v in 0..VECTORS {
                            let from = $b[v];
                            let masked = EDGE && v == VECTORS - 1;
                            row[v] = if masked { V::load_masked(from, mask) } else { V::load(from) };
                        }
                        for i in 0..ROWS {
                            let x = V::splat(*$a.add(i * $a_row));
                            for v in 0..VECTORS {
                                sums[i][v] = x.fma(row[v], sums[i][v]);
                            }
                        }
                    }};
                }
                /// Moves every register's place in B.
                macro_rules! advance {
                    ($b:expr, $by:expr) => {
                        for v in 0..VECTORS {
                            $b[v] = $b[v].wrapping_add($by);
                        }
                    };
                }
                /// `body` so many times, four at a time: the loop's own instructions compete with the multiply-adds for their
                /// ports. (A macro, because a closure would not be compiled for this instruction set.)
                macro_rules! repeat {
                    ($times:expr, $body:block) => {{
                        let times: usize = $times;
                        for _ in 0..times / 4 {
                            prefetch_next!();
                            $body
                            $body
                            $body
                            $body
                        }
                        for _ in 0..times % 4 {
                            $body
                        }
                    }};
                }
                // What the loops below have no time for.
                let loops = if let Layout::Strided { .. } = walk { 0 } else { depth / 4 };
                for _ in loops..ROWS {
                    prefetch_next!();
                }
                let mut a = operands.a.wrapping_add(ir * a_down);
                let mut at = [b; VECTORS];
                for v in 0..VECTORS {
                    at[v] = b.wrapping_add(along(v * V::LANES, 1, b_panel));
                }
                match walk {
                    // Not repeated: the rows' offsets take up the integer registers.
                    Layout::Strided { a_row } => {
                        for _ in 0..depth {
                            step!(a, a_row, at);
                            a = a.wrapping_add(a_depth);
                            advance!(at, b_depth);
                        }
                    }
                    Layout::Unit => repeat!(depth, {
                        step!(a, 1, at);
                        a = a.wrapping_add(a_depth);
                        advance!(at, b_depth);
                    }),
                    Layout::Packed => repeat!(depth, {
                        for v in 0..(VECTORS * V::LANES).div_ceil(LINE) {
                            prefetch_line(at[v].wrapping_add(AHEAD * LINE));
                        }
                        prefetch_line(a.wrapping_add(AHEAD * ROWS));
                        step!(a, 1, at);
                        a = a.wrapping_add(ROWS);
                        advance!(at, LINE);
                    }),
                    Layout::Panels => {
                        let mut left = depth;
                        while left > 0 {
                            let steps = left.min(LINE);
                            let mut line = a;
                            repeat!(steps, {
                                step!(line, LINE, at);
                                line = line.wrapping_add(1);
                                advance!(at, LINE);
                            });
                            a = a.wrapping_add(a_depth);
                            left -= steps;
                        }
                    }
                }
                for i in 0..ROWS {
                    let to = c.add((ir * ROWS + i) * c_row);
                    for v in 0..VECTORS {
                        let to = to.add(along(v * V::LANES, 1, c_panel));
                        if EDGE && v == VECTORS - 1 {
                            sums[i][v].store_masked(to, mask);
                        } else {
                            sums[i][v].store(to);
                        }
                    }
                }
            }
        }
    }
}
