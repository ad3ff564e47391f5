//! The blocked product's block sizes and thresholds, in one place.
//!
//! Block sizes come from the first- and second-level caches of this machine, asked for once. They never change a result:
//! between blocks the sums rest in C, and every element's chain goes on where it stopped.

use super::caches::{CACHES, Caches};
use crate::matrix::{LINE, Mat};
use crate::simd::Vector;
use std::ops::Range;

/// How a product is cut into blocks.
pub(crate) struct Blocks {
    /// Steps of a K panel, a multiple of a panel of weights. A strip of A, TILE_ROWS × KC, takes up to three quarters of the
    /// first-level cache, because it's read again for every strip of B. A longer panel writes and reads C less often: three
    /// quarters of the cache instead of a half saved 1% of the time.
    pub(crate) kc: usize,
    /// Columns of a block of B. The block takes up to half of the second-level cache, because it's read again for every strip of A.
    pub(crate) nc: usize,
    /// Rows of a block of A that is packed at a time, a multiple of the tile's height. The block takes an eighth of the second-level
    /// cache, which leaves room for its part of C.
    pub(crate) mc: usize,
    /// True if all rows of A stay packed, so that each is packed once for all blocks of B. False if that would take more than eight
    /// times the second-level cache.
    pub(crate) keep_a: bool,
}

impl Blocks {
    /// For an (m × k)·(k × n) product, each dimension in blocks of about the same size.
    pub(crate) fn new<V: Vector>(m: usize, n: usize, k: usize) -> Blocks {
        Blocks::within(*CACHES, V::TILE_ROWS, m, n, k)
    }

    /// The same for tiles of `rows` rows on a core with these caches.
    fn within(caches: Caches, rows: usize, m: usize, n: usize, k: usize) -> Blocks {
        /// Past this depth, C is read and written seldom enough.
        const LONGEST: usize = 512;
        let Caches { l1, l2 } = caches;
        let value = size_of::<f32>();
        let kc = even(k, LONGEST.min(l1.bytes * 3 / 4 / value / rows), LINE);
        let nc = even(n, l2.bytes / 2 / value / kc, 2 * LINE);
        let mc = even(m, l2.bytes / 8 / value / kc, rows);
        Blocks { kc, nc, mc, keep_a: m.saturating_mul(kc) <= 8 * l2.bytes / value }
    }

    /// Columns of C for which a value of A is packed once, of `cols` in all.
    fn uses(&self, cols: usize) -> usize {
        if self.keep_a { cols } else { cols.min(self.nc) }
    }
}

/// The size of the largest, if `len` is divided into as few cuts of at most `max` as possible: a multiple of `unit`, at
/// least one.
fn even(len: usize, max: usize, unit: usize) -> usize {
    let (units, most) = (len.div_ceil(unit).max(1), (max / unit).max(1));
    units.div_ceil(units.div_ceil(most)) * unit
}

/// `range` in cuts of `step`; the last may be shorter.
#[inline(always)]
pub(crate) fn cuts(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(step).map(move |at| at..end.min(at + step))
}

/// `range` in as few cuts of at most `max` as possible, all of about the same size. (A tile of two rows takes nearly as long
/// as one of eight.)
#[inline(always)]
pub(crate) fn even_cuts(range: Range<usize>, max: usize) -> impl Iterator<Item = Range<usize>> {
    let count = range.len().div_ceil(max);
    let (small, larger) = (range.len() / count.max(1), range.len() % count.max(1));
    let mut at = range.start;
    (0..count).map(move |i| {
        let start = at;
        at += small + usize::from(i < larger);
        start..at
    })
}

/// The cuts of [`even_cuts`], as many equally large ones at a time as there are, but at most `most` (and at least one): their
/// range, and the size of each.
#[inline(always)]
pub(super) fn even_runs(
    range: Range<usize>,
    max: usize,
    most: usize,
) -> impl Iterator<Item = (Range<usize>, usize)> {
    let count = range.len().div_ceil(max);
    let (small, larger) = (range.len() / count.max(1), range.len() % count.max(1));
    let (mut i, mut at) = (0, range.start);
    std::iter::from_fn(move || {
        if i == count {
            return None;
        }
        let (size, left) = if i < larger { (small + 1, larger - i) } else { (small, count - i) };
        let run = left.min(most.max(1));
        let start = at;
        (i, at) = (i + run, at + run * size);
        Some((start..at, size))
    })
}

/// Values of C that are finished together, while the first- or second-level cache still has them: 32 KiB.
pub(crate) const FINISH: usize = 8192;

/// Columns of the full tile.
pub(crate) const fn nr<V: Vector>() -> usize {
    V::TILE_VECTORS * V::LANES
}

/// From this many rows on, a contiguous B is packed all the same: each packed value is then used by that many rows.
pub(crate) const PACK_B_ROWS: usize = 96;

/// Whether A, (m × k), is packed for products with `cols` columns. Packing costs up to a twentieth of a product. It pays if the caches
/// would lose lines of A between two tiles of a row. That happens if A's rows, or the columns of a transposed A, are too many or
/// meet in too few sets of a cache, as they do when they lie a power of two apart.
pub(crate) fn packs_a<V: Vector>(a: Mat<'_>, cols: usize, blocks: &Blocks) -> bool {
    /// Each packed value is used by so many columns at least.
    const COLS: usize = 128;
    const DEPTH: usize = 64;
    let (value, steps) = (size_of::<f32>(), blocks.kc.min(a.cols));
    if cols < COLS || a.cols < DEPTH {
        false
    } else if a.col_stride == 1 {
        // A tile's rows are slices, of which each step takes a value: the first-level cache is to hold them.
        !CACHES.l1.holds_rows(V::TILE_ROWS.min(a.rows), a.row_stride * value, steps * value)
    } else if a.row_stride == 1 {
        let tile = Tile { rows: V::TILE_ROWS, vectors: V::TILE_VECTORS, lanes: V::LANES };
        let columns = Columns { count: steps, stride: a.col_stride * value };
        columns.are_packed(*CACHES, tile, blocks.uses(cols))
    } else {
        true
    }
}

/// The full tile: its rows, and its registers across.
#[derive(Clone, Copy)]
struct Tile {
    rows: usize,
    vectors: usize,
    lanes: usize,
}

/// The columns of a transposed A that a row of tiles reads, one a step, `stride` bytes apart.
///
/// A tile reads one value of each column for each of its rows. Those values lie in one line or in two. The next tile of the row reads
/// the same lines again, and waits for them if a cache has lost them.
#[derive(Clone, Copy)]
struct Columns {
    count: usize,
    stride: usize,
}

/// Cycles of a tile's step for each of its lines of A that the second-level cache has, and the first-level cache has lost.
const FROM_L2: f64 = 5.4;
/// The same where those lines meet so few sets of the first-level cache that a line is lost before the tile has used it up.
const FROM_L2_TO_FEW_SETS: f64 = 8.0;
/// The same where the second-level cache has lost them too: at least.
const FROM_BEYOND: f64 = 13.0;
/// Lines of A that a core has under way at a time.
const UNDER_WAY: usize = 16;
/// Cycles of packing for a value.
const PACKING: f64 = 2.0;

impl Columns {
    /// Whether to pack them for `cols` columns of B takes less time than to read them where they lie.
    ///
    /// A step of a tile takes as long as its multiply-adds (two registers a cycle) or as long as its lines of A, whichever is longer,
    /// because a core computes ahead while it waits. Packed lines cost nothing.
    ///
    /// The constants were measured on a core with AVX2 (AMD Zen 3). No CPU tells two things that differ from core to core. Some cores
    /// do one register of AVX-512 a cycle, and hide more. Some second-level caches choose the set by further bits of the address, and
    /// hold more. On both the model packs more than it need, which costs some hundredths of a product. Reading lines that no
    /// cache holds can cost two thirds of it.
    fn are_packed(self, caches: Caches, tile: Tile, cols: usize) -> bool {
        let strips = cols as f64 / (tile.vectors * tile.lanes) as f64;
        let arithmetic = (tile.rows * tile.vectors) as f64 / 2.0;
        let memory = tile.lines() * self.cycles_of_a_line(caches, tile);
        strips * (memory - arithmetic).max(0.0) > tile.rows as f64 * PACKING
    }

    /// Cycles of a step for each of its lines of A, in all tiles of a row but the first.
    fn cycles_of_a_line(self, caches: Caches, tile: Tile) -> f64 {
        let Caches { l1, l2 } = caches;
        // Between two tiles of a row a strip of B passes through the first-level cache.
        let strip = self.count * tile.vectors * tile.lanes * size_of::<f32>();
        if l1.taken(self.count, self.stride) + strip.div_ceil(l1.way) < l1.ways {
            0.0
        } else if l2.taken(self.count, self.stride) >= l2.ways {
            FROM_BEYOND
        } else if l1.sets(self.stride) * l1.ways < UNDER_WAY {
            FROM_L2_TO_FEW_SETS
        } else {
            FROM_L2
        }
    }
}

impl Tile {
    /// Lines that hold the tile's rows of a column of A, on average over the tiles of that column, whose first begins a line.
    fn lines(self) -> f64 {
        let common = 1 << (self.rows | LINE).trailing_zeros();
        1.0 + (self.rows - common) as f64 / LINE as f64
    }
}

/// Rows of a tile that reads A, (m × k), where it lies. A line of A serves 16 steps, so the first-level cache must keep the lines of
/// all rows that long. Where A's rows lie so far apart that their lines meet in few sets, the tile has fewer rows than `most`.
pub(crate) fn tile_rows(most: usize, a: Mat<'_>) -> usize {
    if a.col_stride == 1 { most.min(CACHES.l1.most_lines(a.row_stride * size_of::<f32>())) } else { most }
}

/// Up to this many rows, a product with a transposed B is computed as its transpose: the few rows are packed and
/// become the vector side, B is broadcast where it lies.
pub(crate) const SWAP_ROWS: usize = 64;

/// Up to this many examples, a narrow layer's inputs are kept in groups of four examples.
pub(crate) const GROUPED_ROWS: usize = 64;

/// Whether the first-level cache holds half of the rows of a panel of weights for `inputs` inputs, and what else a sweep needs. Half of
/// the rows is what a few images use.
pub(crate) fn is_swept(inputs: usize) -> bool {
    inputs * LINE * size_of::<f32>() <= CACHES.l1.bytes * 2
}

/// Up to this many multiply-adds, a product is computed without packing and blocking.
pub(crate) const SMALL: usize = 1 << 15;

#[cfg(test)]
mod tests {
    use super::super::caches::{Cache, Caches};
    use super::{Blocks, Columns, Tile, even};

    #[test]
    fn cuts_are_even() {
        assert_eq!(even(784, 432, 16), 400, "two panels rather than 432 and 352");
        assert_eq!(even(432, 432, 16), 432);
        assert_eq!(even(433, 432, 16), 224);
        assert_eq!(even(10, 5, 16), 16, "at least a unit");
        assert_eq!(even(0, 432, 16), 16);
    }

    const AVX512: Tile = Tile { rows: 14, vectors: 2, lanes: 16 };
    const AVX2: Tile = Tile { rows: 6, vectors: 2, lanes: 8 };

    const fn caches(l1: (usize, usize), l2: (usize, usize)) -> Caches {
        Caches { l1: Cache::new(l1.0 << 10, l1.1), l2: Cache::new(l2.0 << 10, l2.1) }
    }

    /// Intel since Golden Cove; AMD Zen 4; AMD Zen 3.
    const GOLDEN_COVE: Caches = caches((48, 12), (2048, 16));
    const ZEN_4: Caches = caches((32, 8), (1024, 8));
    const ZEN_3: Caches = caches((32, 8), (512, 8));

    /// Whether the update product (m × n, depth k) packs an A whose columns are so many values apart.
    fn packs(caches: Caches, tile: Tile, (m, n, k): (usize, usize, usize), apart: usize) -> bool {
        let blocks = Blocks::within(caches, tile.rows, m, n, k);
        let columns = Columns { count: blocks.kc.min(k), stride: 4 * apart };
        columns.are_packed(caches, tile, blocks.uses(n))
    }

    #[test]
    fn a_tile_reads_one_line_or_two() {
        assert_eq!((AVX512.lines(), AVX2.lines()), (1.75, 1.25));
        assert_eq!(Tile { rows: 16, ..AVX512 }.lines(), 1.0);
        assert_eq!(Tile { rows: 4, ..AVX2 }.lines(), 1.0);
    }

    /// That product of C4 took 2.6 times as long on an Intel machine while tiles of 24 or more sums never packed A.
    #[test]
    fn columns_that_the_second_level_cache_loses_are_packed() {
        for (caches, tile) in [(GOLDEN_COVE, AVX512), (GOLDEN_COVE, AVX2), (ZEN_4, AVX512), (ZEN_3, AVX2)] {
            for n in [2048, 1024] {
                assert!(packs(caches, tile, (2048, n, 1024), 2048), "{caches:?}");
            }
            assert!(packs(caches, tile, (1024, 1024, 1024), 1024), "{caches:?}");
            assert!(packs(caches, tile, (2048, 2048, 2048), 2048), "{caches:?}");
        }
    }

    #[test]
    fn columns_that_spread_over_the_sets_are_packed_where_steps_are_short() {
        for (caches, tile, packed) in [
            (GOLDEN_COVE, AVX512, false),
            (ZEN_4, AVX512, false),
            // A panel of 512 columns is the whole first-level cache, and a step has 6 cycles to bring the next.
            (ZEN_3, AVX2, true),
        ] {
            assert_eq!(packs(caches, tile, (2000, 2000, 1024), 2000), packed, "{caches:?}");
            assert_eq!(packs(caches, tile, (784, 2048, 1024), 784), packed, "{caches:?}");
            assert!(
                !packs(caches, tile, (784, 512, 128), 784),
                "the first-level cache holds them: {caches:?}"
            );
        }
    }

    #[test]
    fn the_more_columns_the_sooner() {
        let least = |caches, tile, k, apart| (1..4096).find(|&n| packs(caches, tile, (192, n, k), apart));
        // One set of the first-level cache; two; all, too few; all.
        assert_eq!(least(ZEN_3, AVX2, 64, 1024), Some(49));
        assert_eq!(least(ZEN_3, AVX2, 128, 512), Some(257));
        assert_eq!(least(ZEN_3, AVX2, 512, 528), Some(257));
        assert_eq!(least(ZEN_3, AVX2, 128, 528), None);
        assert_eq!(least(GOLDEN_COVE, AVX512, 128, 1024), None, "14 cycles are enough");
        assert_eq!(least(GOLDEN_COVE, AVX512, 1024, 2048), Some(103));
    }
}
