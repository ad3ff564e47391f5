//! The blocked product's block sizes and thresholds, and what is worth another thread, in one place.
//!
//! Block sizes come from the first- and second-level caches of this machine, asked for once. They never change a result:
//! between blocks the sums rest in C, and every element's chain goes on where it stopped.

use crate::storage::LINE;
use crate::team::Team;
use crate::vector::Vector;
use crate::view::Mat;
use std::sync::LazyLock;

/// A core's own caches.
#[derive(Clone, Copy, Debug)]
struct Caches {
    l1: Cache,
    l2: Cache,
}

/// A cache of `bytes`. Lines whose addresses are a multiple of `way` bytes apart share a set, which holds `ways` of them.
#[derive(Clone, Copy, Debug)]
struct Cache {
    bytes: usize,
    ways: usize,
    way: usize,
}

impl Cache {
    const fn new(bytes: usize, ways: usize) -> Cache {
        Cache { bytes, ways, way: bytes / ways }
    }

    /// The same with its size between these: one beyond is no core's own, or a hypervisor's invention.
    fn clamp(self, least: usize, most: usize) -> Cache {
        Cache { bytes: self.bytes.clamp(least, most), ..self }
    }

    /// Whether `rows` slices of `bytes` each, `stride` bytes from one to the next, keep to themselves: if no set is asked to
    /// hold more of them than it can beside a line of something else.
    fn holds_rows(&self, rows: usize, stride: usize, bytes: usize) -> bool {
        debug_assert!(rows <= 32, "{rows} rows of a tile");
        let [many, stride, way, bytes] = [rows, stride, self.way, bytes].map(|x| x as isize);
        // Whether a slice reaches the set where another begins depends on how many slices that is further: a bit for each.
        let reaches = |further: isize| (further * stride).rem_euclid(way) < bytes;
        let all = (1 - many..many).fold(0_u64, |all, further| all << 1 | u64::from(reaches(further)));
        // A set that is asked for the most is one where a slice begins. Each sees `rows` neighbouring bits.
        (0..rows).all(|at| ((all >> at & ((1 << rows) - 1)).count_ones() as usize) < self.ways)
    }

    /// The same of `count` single lines. (An even spread: a stride that is a multiple of half, a quarter, … of a way meets
    /// two, four, … sets.)
    fn holds_lines(&self, count: usize, stride: usize) -> bool {
        let gcd = 1 << (stride | self.way).trailing_zeros();
        let sets = self.way / gcd.max(LINE * size_of::<f32>());
        count.div_ceil(sets.max(1)) < self.ways
    }
}

static CACHES: LazyLock<Caches> = LazyLock::new(|| {
    // What nearly every core of the last ten years has at least, where the machine doesn't tell.
    let mut caches = Caches { l1: Cache::new(32 << 10, 8), l2: Cache::new(512 << 10, 8) };
    for (level, cache) in data_caches() {
        match level {
            1 => caches.l1 = cache.clamp(16 << 10, 256 << 10),
            2 => caches.l2 = cache.clamp(256 << 10, 4 << 20),
            _ => {}
        }
    }
    caches
});

/// The caches that hold data, and their levels, as the CPU itself lists them.
#[cfg(target_arch = "x86_64")]
fn data_caches() -> Vec<(u32, Cache)> {
    use core::arch::x86_64::{__cpuid, __cpuid_count};
    // AMD describes its caches in a leaf of its own, in the form of Intel's.
    let (intel, amd) = (0x4, 0x8000_001d);
    let leaf = if __cpuid(0).ebx == u32::from_le_bytes(*b"Auth") { amd } else { intel };
    if __cpuid(leaf & 0x8000_0000).eax < leaf {
        return Vec::new();
    }
    let describe = |index| {
        let cache = __cpuid_count(leaf, index);
        let (kind, level) = (cache.eax & 0x1f, cache.eax >> 5 & 0x7);
        let (ways, parts, line) = (cache.ebx >> 22, cache.ebx >> 12 & 0x3ff, cache.ebx & 0xfff);
        let [ways, parts, line, sets] = [ways, parts, line, cache.ecx].map(|x| x as usize + 1);
        (kind, level, Cache::new(ways * parts * line * sets, ways))
    };
    let (none, instructions) = (0, 2);
    let all = (0..16).map(describe).take_while(|(kind, ..)| *kind != none);
    all.filter(|(kind, ..)| *kind != instructions).map(|(_, level, cache)| (level, cache)).collect()
}

/// The caches that hold data, and their levels, as Linux lists them; none elsewhere.
#[cfg(not(target_arch = "x86_64"))]
fn data_caches() -> Vec<(u32, Cache)> {
    let read = |index: u32, what: &str| {
        std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{what}")).ok()
    };
    let describe = |index| {
        let kibibytes: usize = read(index, "size")?.trim().strip_suffix('K')?.parse().ok()?;
        let ways = read(index, "ways_of_associativity").and_then(|ways| ways.trim().parse().ok());
        let is_data = read(index, "type")?.trim() != "Instruction";
        let cache = Cache::new(kibibytes << 10, ways.filter(|&ways| ways > 0).unwrap_or(8));
        is_data.then_some((read(index, "level")?.trim().parse().ok()?, cache))
    };
    (0..8).filter_map(describe).collect()
}

/// How a product is cut into blocks.
pub(crate) struct Blocks {
    /// Steps of a K panel, a multiple of a panel of weights. A strip of A, TILE_ROWS × KC, takes up to three quarters of the
    /// first-level cache: it's read again for every strip of B, which streams past it. A longer panel writes and reads C less
    /// often: against half of the cache, 1% of the time.
    pub(crate) kc: usize,
    /// Columns of a block of B, which takes up to half of the second-level cache: it's read again for every strip of A.
    pub(crate) nc: usize,
    /// Rows of a block of A that is packed at a time: an eighth of the second-level cache, which then has room for C's
    /// part, too. A multiple of the tile's height.
    pub(crate) mc: usize,
    /// Whether all rows of A are kept packed, to be packed once for all blocks of B: not if that takes more than eight times
    /// the second-level cache. (What has to come from further away is read in order, once for each block.)
    pub(crate) keep_a: bool,
}

impl Blocks {
    /// For an (m × k)·(k × n) product, each dimension in blocks of about the same size.
    pub(crate) fn new<V: Vector>(m: usize, n: usize, k: usize) -> Blocks {
        /// Past this depth, C is read and written seldom enough.
        const LONGEST: usize = 512;
        let Caches { l1, l2 } = *CACHES;
        let value = size_of::<f32>();
        let kc = even(k, LONGEST.min(l1.bytes * 3 / 4 / value / V::TILE_ROWS), LINE);
        let nc = even(n, l2.bytes / 2 / value / kc, 2 * LINE);
        let mc = even(m, l2.bytes / 8 / value / kc, V::TILE_ROWS);
        Blocks { kc, nc, mc, keep_a: m.saturating_mul(kc) <= 8 * l2.bytes / value }
    }
}

/// The size of the largest of as few pieces of at most `max` as `len` can be cut into; a multiple of `unit`, and at least one.
fn even(len: usize, max: usize, unit: usize) -> usize {
    let (units, most) = (len.div_ceil(unit).max(1), (max / unit).max(1));
    units.div_ceil(units.div_ceil(most)) * unit
}

/// Values of C that are finished together, while the first- or second-level cache still has them: 32 KiB.
pub(crate) const FINISH: usize = 8192;

/// Columns of the full tile.
pub(crate) const fn nr<V: Vector>() -> usize {
    V::TILE_VECTORS * V::LANES
}

/// From this many rows on, a contiguous B is packed all the same: each packed value is then used by that many rows.
pub(crate) const PACK_B_ROWS: usize = 96;

/// Whether A, (m × k), is packed for products with `cols` columns in panels of `kc` steps. Not if the caches hold what a row of
/// tiles reads of it where it lies: then packing costs a twentieth of a product, and the tiles are no faster. They are where
/// its rows are some power of two apart, and the sets of the cache that they share are too small.
pub(crate) fn packs_a<V: Vector>(a: Mat<'_>, cols: usize, kc: usize) -> bool {
    /// Each packed value is used by so many columns at least.
    const COLS: usize = 128;
    const DEPTH: usize = 64;
    /// So many registers of sums take long enough to hide that each step's line of A comes from the outermost cache.
    const LONG_STEP: usize = 24;
    let Caches { l1, l2 } = *CACHES;
    let (value, steps) = (size_of::<f32>(), kc.min(a.cols));
    if cols < COLS || a.cols < DEPTH {
        false
    } else if a.col_stride == 1 {
        // A tile's rows are slices, of which each step takes a value: the first-level cache is to hold them.
        !l1.holds_rows(V::TILE_ROWS.min(a.rows), a.row_stride * value, steps * value)
    } else if a.row_stride == 1 {
        // Each step takes a line, or parts of two.
        V::TILE_ROWS * V::TILE_VECTORS < LONG_STEP && !l2.holds_lines(steps, a.col_stride * value)
    } else {
        true
    }
}

/// Up to this many rows, a product with a transposed B is computed as its transpose: the few rows are packed and
/// become the vector side, B is broadcast where it lies.
pub(crate) const SWAP_ROWS: usize = 64;

/// Up to this many examples, a narrow layer's inputs are kept in groups of four examples.
pub(crate) const GROUPED_ROWS: usize = 64;

/// Whether a panel of weights with a row for each of `inputs` can be swept again and again: half of its rows, those that a
/// few images need, and what else is used, fit the first-level cache.
pub(crate) fn is_swept(inputs: usize) -> bool {
    inputs * LINE * size_of::<f32>() <= CACHES.l1.bytes * 2
}

/// Multiply-adds of an (m × k)·(k × n) product. A view that has values several times can make them more than a usize holds.
pub(crate) fn volume(m: usize, n: usize, k: usize) -> usize {
    m.saturating_mul(n).saturating_mul(k)
}

/// Up to this many multiply-adds, a product is computed without packing and blocking.
pub(crate) const SMALL: usize = 1 << 15;

/// Floating-point operations that make another member worth its phase. Measured: opening and closing a phase costs 0.4 µs where
/// products follow one another, and up to 1.5 µs where the worker has to fetch what it needs from the driver's cache, at
/// 110 to 170 GFLOP/s 50,000 to 250,000 operations.
const FLOPS_PER_MEMBER: usize = 400_000;

/// Values that are worth another member's phase in a pass over a matrix: some 10 µs of them where each takes an exponential.
const VALUES_PER_MEMBER: usize = 16 * 1024;

/// How many members share a pass over so many values. Never changes a result.
pub(crate) fn members_of_pass(team: &Team<'_>, values: usize) -> usize {
    match values / VALUES_PER_MEMBER {
        0 | 1 => 1,
        worth => worth.min(team.ready()),
    }
}

/// How many members share an (m × k)·(k × n) product. Never changes a result.
pub(crate) fn members_of_product(team: &Team<'_>, m: usize, n: usize, k: usize) -> usize {
    match members(team.members(), m, n, k) {
        1 => 1,
        worth => worth.min(team.ready()),
    }
}

/// How many of `members` an (m × k)·(k × n) product is worth.
fn members(members: usize, m: usize, n: usize, k: usize) -> usize {
    if members == 1 {
        return 1;
    }
    let flops = volume(m, n, k).saturating_mul(2);
    let shares = n.div_ceil(LINE).max(m / LINE);
    members.min(flops / FLOPS_PER_MEMBER).min(shares).max(1)
}

#[cfg(test)]
mod tests {
    use super::{CACHES, Cache, even, members};

    #[test]
    fn pieces_are_even() {
        assert_eq!(even(784, 432, 16), 400, "two panels rather than 432 and 352");
        assert_eq!(even(432, 432, 16), 432);
        assert_eq!(even(433, 432, 16), 224);
        assert_eq!(even(10, 5, 16), 16, "at least a unit");
        assert_eq!(even(0, 432, 16), 16);
    }

    #[test]
    fn caches_are_of_possible_sizes() {
        assert!((16 << 10..=256 << 10).contains(&CACHES.l1.bytes), "{CACHES:?}");
        assert!((256 << 10..=4 << 20).contains(&CACHES.l2.bytes), "{CACHES:?}");
    }

    #[test]
    fn a_cache_holds_what_its_sets_can() {
        let l1 = Cache::new(32 << 10, 8);
        assert_eq!(l1.way, 4096);
        assert!(l1.holds_rows(14, 1024, 1024), "rows that follow one another");
        assert!(l1.holds_rows(14, 2048, 1024), "seven rows meet in half of the sets");
        assert!(!l1.holds_rows(14, 4096, 1024), "all meet in the same sets");
        assert!(l1.holds_rows(6, 4096, 2048), "but six of them find room");
        assert!(l1.holds_rows(14, 784 * 4, 1600));
        assert!(!l1.holds_rows(14, 1000 * 4, 1600), "a row begins where the one before nearly began");
        assert!(l1.holds_rows(14, 1100 * 4, 1024));
        assert!(l1.holds_rows(1, 0, 4) && l1.holds_rows(0, 8192, 64));

        let l2 = Cache::new(1 << 20, 8);
        assert!(l2.holds_lines(256, 784 * 4), "in every set of the cache");
        assert!(l2.holds_lines(256, 2048), "in every 32nd, four times");
        assert!(!l2.holds_lines(512, 8192), "in every 128th");
        assert!(l2.holds_lines(7, 128 << 10) && !l2.holds_lines(8, 128 << 10), "all in one");
        assert!(l2.holds_lines(512, 4), "next to one another");
    }

    #[test]
    fn members_follow_the_work() {
        assert_eq!(members(1, 4096, 4096, 4096), 1);
        assert_eq!(members(4, 16, 10, 32), 1, "the output layer isn't worth a barrier");
        assert_eq!(members(2, 8, 32, 784), 1, "nor are a few examples of a small hidden layer");
        assert_eq!(members(2, 16, 32, 784), 2, "with more it is");
        assert_eq!(members(8, 16, 32, 16 * 1024), 2, "whole lines of columns");
        assert_eq!(members(8, 1024, 32, 256), 8, "or blocks of rows");
        assert_eq!(members(4, 0, 10, 10), 1);
        assert_eq!(members(4, 1, 64, 0), 1);
        assert_eq!(members(4, usize::MAX, usize::MAX, 2), 4, "sizes that overflow");
    }
}
