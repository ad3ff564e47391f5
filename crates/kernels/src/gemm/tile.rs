//! The micro-kernel: a tile of C in registers.

use crate::isa::Kernel;
use crate::vector::Vector;

/// The largest tile height of any instruction set.
pub(crate) const MAX_ROWS: usize = 14;

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

/// The operands of one tile: C(i, j) ← start + Σₚ A(i, p)·B(p, j), p ascending.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    /// Number of multiply-adds in the chain.
    pub(crate) depth: usize,
    /// A's first element; its strides over rows i and over p.
    pub(crate) a: *const f32,
    pub(crate) a_row: usize,
    pub(crate) a_depth: usize,
    /// B's first element, contiguous over j; its stride over p.
    pub(crate) b: *const f32,
    pub(crate) b_depth: usize,
    /// C's first element, contiguous over j; its stride over i.
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    pub(crate) start: TileStart,
}

/// Computes a tile of `rows` ≤ `V::TILE_ROWS` by `cols` ≤ `V::TILE_VECTORS · V::LANES`.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; A, B and C (and the start row) must be valid for the elements the
/// tile's shape reaches, C to write and to nobody else meanwhile.
#[inline(always)]
pub(crate) unsafe fn tile<V: Vector>(rows: usize, cols: usize, operands: Operands) {
    debug_assert!((1..=V::TILE_ROWS).contains(&rows) && (1..=V::TILE_VECTORS * V::LANES).contains(&cols));
    /// Chooses the number of registers across, and whether the last one is an edge.
    #[inline(always)]
    unsafe fn across<V: Vector, const ROWS: usize>(cols: usize, operands: Operands) {
        // Taller than this set's tile: never called, and not worth compiling.
        if ROWS > V::TILE_ROWS {
            return;
        }
        let last = (cols - 1) % V::LANES + 1;
        // SAFETY: as the caller's.
        unsafe {
            match (cols > V::LANES, last == V::LANES) {
                (false, true) => V::enter(Tile::<ROWS, 1, false> { operands, last }),
                (false, false) => V::enter(Tile::<ROWS, 1, true> { operands, last }),
                (true, true) => V::enter(Tile::<ROWS, 2, false> { operands, last }),
                (true, false) => V::enter(Tile::<ROWS, 2, true> { operands, last }),
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
            MAX_ROWS => across::<V, MAX_ROWS>(cols, operands),
            _ => unreachable!("no tile has {rows} rows"),
        }
    }
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
        let Operands { depth, a, a_row, a_depth, b, b_depth, c, c_row, start } = self.operands;
        // SAFETY: the contract of `tile`: every address below belongs to an element of the tile's operands; lanes beyond
        // the edge are masked.
        unsafe {
            let mask = V::mask(if EDGE { self.last } else { V::LANES });
            let load = |from: *const f32| -> [V; VECTORS] {
                std::array::from_fn(|v| {
                    let from = from.add(v * V::LANES);
                    if EDGE && v == VECTORS - 1 { V::load_masked(from, mask) } else { V::load(from) }
                })
            };
            let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
            match start {
                TileStart::Zero => {}
                TileStart::Row(row) => sums = [load(row); ROWS],
                TileStart::Scaled(factor) => {
                    for i in 0..ROWS {
                        sums[i] = load(c.add(i * c_row));
                        if factor != 1.0 {
                            sums[i] = sums[i].map(|x| x.mul(V::splat(factor)));
                        }
                    }
                }
            }
            let (mut a, mut b) = (a, b);
            for _ in 0..depth {
                let row = load(b);
                for i in 0..ROWS {
                    let x = V::splat(*a.add(i * a_row));
                    for v in 0..VECTORS {
                        sums[i][v] = x.fma(row[v], sums[i][v]);
                    }
                }
                // `wrapping_add`: after the last step they may point past the end, unread.
                a = a.wrapping_add(a_depth);
                b = b.wrapping_add(b_depth);
            }
            for i in 0..ROWS {
                for v in 0..VECTORS {
                    let to = c.add(i * c_row + v * V::LANES);
                    if EDGE && v == VECTORS - 1 {
                        sums[i][v].store_masked(to, mask)
                    } else {
                        sums[i][v].store(to)
                    }
                }
            }
        }
    }
}
