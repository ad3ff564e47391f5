//! The micro-kernel: a tile of C in registers.

use crate::compact::BLOCK;
use crate::isa::Kernel;
use crate::vector::Vector;

/// Rows of the tallest tile of any instruction set.
pub(crate) const MAX_ROWS: usize = 16;

/// What a tile's sums start from.
#[derive(Clone, Copy)]
pub(crate) enum TileStart {
    /// 0.
    Zero,
    /// The same row for all rows of the tile: the bias of its first column.
    Row(*const f32),
    /// C times a factor.
    Scaled(f32),
}

/// How the tile walks through A and B. The strides that are known when the micro-kernel is compiled become constant
/// offsets in its loads, which a chain of fused multiply-adds has no time to compute.
#[derive(Clone, Copy)]
pub(crate) enum Walk {
    /// A(i, p) is `i·a_row + p·a_depth` in, B's rows follow one another.
    Strided {
        /// A's stride over i.
        a_row: usize,
    },
    /// A(i, p) is `i + p·a_depth` in: packed, or transposed.
    Unit,
    /// As `Unit`, and step p takes row `rows[p]` of B.
    UnitSelected {
        /// `depth` indices of rows of B.
        rows: *const u32,
    },
    /// A(i, p) is `i·BLOCK + p` in, in steps of `BLOCK` from block to block, which are `a_depth` apart.
    Blocked,
}

/// The operands of one tile: C(i, j) ← start + Σₚ A(i, p)·B(p, j), p ascending.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    /// Number of multiply-adds in the chain.
    pub(crate) depth: usize,
    /// A's first element.
    pub(crate) a: *const f32,
    /// A's stride over p (over blocks of p where `Blocked`).
    pub(crate) a_depth: usize,
    pub(crate) walk: Walk,
    /// B's first element, contiguous over 16 columns; its strides over p and over panels of 16 columns.
    pub(crate) b: *const f32,
    pub(crate) b_depth: usize,
    pub(crate) b_panel: usize,
    /// C's first element, contiguous over 16 columns; its strides over i and over panels of 16 columns.
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    pub(crate) c_panel: usize,
    /// Null, or the rows of C that the tile's rows are, counted from `c`.
    pub(crate) c_rows: *const u32,
    pub(crate) start: TileStart,
}

/// Computes a tile of `rows` ≤ [`max_rows`] by `cols` ≤ `V::TILE_VECTORS · V::LANES`.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; A, B and C (and the start row) must be valid for the elements the
/// tile's shape reaches, C to write and to nobody else meanwhile.
#[inline(always)]
pub(crate) unsafe fn tile<V: Vector>(rows: usize, cols: usize, operands: Operands) {
    debug_assert!((1..=V::TILE_VECTORS * V::LANES).contains(&cols));
    /// Chooses the number of registers across, and whether the last one is an edge.
    #[inline(always)]
    unsafe fn across<V: Vector, const ROWS: usize>(cols: usize, operands: Operands) {
        let last = (cols - 1) % V::LANES + 1;
        let edge = last < V::LANES;
        // SAFETY: as the caller's. The conditions on ROWS are the tile shapes of `max_rows`; they leave taller tiles
        // uncompiled.
        unsafe {
            match (cols > V::LANES, edge) {
                (false, false) if ROWS <= max_rows::<V>(1) => {
                    V::enter(Tile::<ROWS, 1, false> { operands, last });
                }
                (false, true) if ROWS <= max_rows::<V>(1) => {
                    V::enter(Tile::<ROWS, 1, true> { operands, last });
                }
                (true, false) if ROWS <= max_rows::<V>(2) => {
                    V::enter(Tile::<ROWS, 2, false> { operands, last });
                }
                (true, true) if ROWS <= max_rows::<V>(2) => {
                    V::enter(Tile::<ROWS, 2, true> { operands, last });
                }
                _ => unreachable!("a tile of {ROWS} rows and {cols} columns"),
            }
        }
    }
    // SAFETY: as the caller's.
    unsafe {
        match rows {
            1 => across::<V, 1>(cols, operands),
            2 => across::<V, 2>(cols, operands),
            3 => across::<V, 3>(cols, operands),
            4 => across::<V, 4>(cols, operands),
            5 => across::<V, 5>(cols, operands),
            6 => across::<V, 6>(cols, operands),
            7 => across::<V, 7>(cols, operands),
            8 => across::<V, 8>(cols, operands),
            9 => across::<V, 9>(cols, operands),
            10 => across::<V, 10>(cols, operands),
            11 => across::<V, 11>(cols, operands),
            12 => across::<V, 12>(cols, operands),
            13 => across::<V, 13>(cols, operands),
            14 => across::<V, 14>(cols, operands),
            15 => across::<V, 15>(cols, operands),
            MAX_ROWS => across::<V, MAX_ROWS>(cols, operands),
            _ => unreachable!("a tile of {rows} rows"),
        }
    }
}

/// Rows of the tallest tile that is `vectors` registers across: `V::TILE_ROWS` for the full tile; a narrower one has
/// registers for more.
pub(crate) const fn max_rows<V: Vector>(vectors: usize) -> usize {
    let rows = V::TILE_ROWS * V::TILE_VECTORS / vectors;
    if rows < MAX_ROWS { rows } else { MAX_ROWS }
}

/// A tile of `ROWS` rows by `VECTORS` registers, the last one cut to `last` lanes where `EDGE`.
struct Tile<const ROWS: usize, const VECTORS: usize, const EDGE: bool> {
    operands: Operands,
    last: usize,
}

impl<const ROWS: usize, const VECTORS: usize, const EDGE: bool> Kernel for Tile<ROWS, VECTORS, EDGE> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Operands { depth, a, a_depth, walk, b, b_depth, b_panel, c, c_row, c_panel, c_rows, start } =
            self.operands;
        // SAFETY: the contract of `tile`: every address below belongs to an element of the tile's operands; lanes beyond
        // the edge are masked. Pointers are advanced by `wrapping_add`, because past the last step they may leave their
        // operand, unread.
        unsafe {
            let mask = V::mask(if EDGE { self.last } else { V::LANES });
            // How far register v is from the first.
            let across = |v: usize, panel: usize| v * V::LANES / BLOCK * panel + v * V::LANES % BLOCK;
            let load = |from: *const f32, panel: usize| -> [V; VECTORS] {
                std::array::from_fn(|v| {
                    let from = from.add(across(v, panel));
                    if EDGE && v == VECTORS - 1 { V::load_masked(from, mask) } else { V::load(from) }
                })
            };
            let c_at = |i: usize| {
                let row = if c_rows.is_null() { i } else { *c_rows.add(i) as usize };
                c.add(row * c_row)
            };
            let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
            match start {
                TileStart::Zero => {}
                TileStart::Row(row) => sums = [load(row, BLOCK); ROWS],
                TileStart::Scaled(factor) => {
                    for i in 0..ROWS {
                        sums[i] = load(c_at(i), c_panel);
                        if factor != 1.0 {
                            sums[i] = sums[i].map(|x| x.mul(V::splat(factor)));
                        }
                    }
                }
            }
            /// One step of all chains: row p of B against column p of A, whose elements are `a_row` apart.
            macro_rules! step {
                ($a:expr, $a_row:expr, $b:expr) => {{
                    let row = load($b, b_panel);
                    for i in 0..ROWS {
                        let x = V::splat(*$a.add(i * $a_row));
                        for v in 0..VECTORS {
                            sums[i][v] = x.fma(row[v], sums[i][v]);
                        }
                    }
                }};
            }
            /// `body` so many times, four at a time: the loop's own instructions compete with the multiply-adds for their
            /// ports. (A macro, because a closure would not be compiled for this instruction set.)
            macro_rules! repeat {
                ($times:expr, $body:block) => {{
                    let times: usize = $times;
                    for _ in 0..times / 4 {
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
            let (mut a, mut b) = (a, b);
            match walk {
                // Not repeated: the rows' offsets take up the integer registers.
                Walk::Strided { a_row } => {
                    for _ in 0..depth {
                        step!(a, a_row, b);
                        a = a.wrapping_add(a_depth);
                        b = b.wrapping_add(b_depth);
                    }
                }
                Walk::Unit => repeat!(depth, {
                    step!(a, 1, b);
                    a = a.wrapping_add(a_depth);
                    b = b.wrapping_add(b_depth);
                }),
                Walk::UnitSelected { mut rows } => repeat!(depth, {
                    step!(a, 1, b.add(*rows as usize * b_depth));
                    a = a.wrapping_add(a_depth);
                    rows = rows.wrapping_add(1);
                }),
                Walk::Blocked => {
                    let mut left = depth;
                    while left > 0 {
                        let steps = left.min(BLOCK);
                        let mut at = a;
                        repeat!(steps, {
                            step!(at, BLOCK, b);
                            at = at.wrapping_add(1);
                            b = b.wrapping_add(b_depth);
                        });
                        a = a.wrapping_add(a_depth);
                        left -= steps;
                    }
                }
            }
            for i in 0..ROWS {
                let to = c_at(i);
                for v in 0..VECTORS {
                    let to = to.add(across(v, c_panel));
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
