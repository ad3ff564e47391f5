//! The blocked product's block sizes and thresholds, and what is worth another thread, in one place.
//!
//! Block sizes come from the first- and second-level caches of this machine, asked for once. They never change a result:
//! between blocks the sums rest in C, and every element's chain goes on where it stopped.

use crate::storage::LINE;
use crate::vector::Vector;
use std::sync::LazyLock;

/// The sizes of a core's own caches in bytes.
#[derive(Clone, Copy, Debug)]
struct Caches {
    l1: usize,
    l2: usize,
}

static CACHES: LazyLock<Caches> = LazyLock::new(|| {
    // What nearly every core of the last ten years has at least, where the machine doesn't tell.
    let (mut l1, mut l2) = (32 << 10, 512 << 10);
    for (level, bytes) in data_caches() {
        match level {
            // A size beyond these is no core's own, or a hypervisor's invention.
            1 => l1 = bytes.clamp(16 << 10, 256 << 10),
            2 => l2 = bytes.clamp(256 << 10, 4 << 20),
            _ => {}
        }
    }
    Caches { l1, l2 }
});

/// Level and bytes of the caches that hold data, as the CPU itself lists them.
#[cfg(target_arch = "x86_64")]
fn data_caches() -> Vec<(u32, usize)> {
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
        let bytes = [ways, parts, line, cache.ecx].iter().map(|&x| x as usize + 1).product();
        (kind, level, bytes)
    };
    let (none, instructions) = (0, 2);
    let all = (0..16).map(describe).take_while(|(kind, ..)| *kind != none);
    all.filter(|(kind, ..)| *kind != instructions).map(|(_, level, bytes)| (level, bytes)).collect()
}

/// Level and bytes of the caches that hold data, as Linux lists them; none elsewhere.
#[cfg(not(target_arch = "x86_64"))]
fn data_caches() -> Vec<(u32, usize)> {
    let read = |index: u32, what: &str| {
        std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{what}")).ok()
    };
    let describe = |index| {
        let kibibytes: usize = read(index, "size")?.trim().strip_suffix('K')?.parse().ok()?;
        let is_data = read(index, "type")?.trim() != "Instruction";
        is_data.then_some((read(index, "level")?.trim().parse().ok()?, kibibytes << 10))
    };
    (0..8).filter_map(describe).collect()
}

/// How a product is cut into blocks.
pub(crate) struct Blocks {
    /// Steps of a K panel, a multiple of a panel of weights. A strip of A, TILE_ROWS × KC, takes up to half of the first-level
    /// cache: it's read again for every strip of B, which streams past it. A longer panel writes and reads C less often.
    pub(crate) kc: usize,
    /// Columns of a block of B, which takes up to half of the second-level cache: it's read again for every strip of A.
    pub(crate) nc: usize,
    /// Rows of a block of A that is packed at a time: an eighth of the second-level cache, which then has room for C's
    /// part, too. A multiple of the tile's height.
    pub(crate) mc: usize,
    /// Whether all rows of A are kept packed, to be packed once for all blocks of B: not if that takes more than twice the
    /// second-level cache.
    pub(crate) keep_a: bool,
}

impl Blocks {
    /// For an (m × k)·(k × n) product, each dimension in blocks of about the same size.
    pub(crate) fn new<V: Vector>(m: usize, n: usize, k: usize) -> Blocks {
        /// Past this depth, C is read and written seldom enough.
        const LONGEST: usize = 512;
        let Caches { l1, l2 } = *CACHES;
        let value = size_of::<f32>();
        let kc = even(k, LONGEST.min(l1 / 2 / value / V::TILE_ROWS), LINE);
        let nc = even(n, l2 / 2 / value / kc, 2 * LINE);
        let mc = even(m, l2 / 8 / value / kc, V::TILE_ROWS * LINE);
        Blocks { kc, nc, mc, keep_a: m.saturating_mul(kc) <= 2 * l2 / value }
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

/// From this many columns on A is packed, if it is at least [`PACK_A_DEPTH`] deep: each packed value is used by that
/// many columns.
pub(crate) const PACK_A_COLS: usize = 128;

/// See [`PACK_A_COLS`].
pub(crate) const PACK_A_DEPTH: usize = 64;

/// Up to this many rows, a product with a transposed B is computed as its transpose: the few rows are packed and
/// become the vector side, B is broadcast where it lies.
pub(crate) const SWAP_ROWS: usize = 64;

/// Up to this many examples, a narrow layer's inputs are kept in groups of four examples.
pub(crate) const GROUPED_ROWS: usize = 64;

/// Whether a panel of weights with a row for each of `inputs` can be swept again and again: half of its rows, those that a
/// few images need, and what else is used, fit the first-level cache.
pub(crate) fn is_swept(inputs: usize) -> bool {
    inputs * LINE * size_of::<f32>() <= CACHES.l1 * 2
}

/// Up to this many multiply-adds, a product is computed without packing and blocking.
pub(crate) const SMALL: usize = 1 << 15;

/// Floating-point operations that make another member worth its phase. Measured: opening and closing a phase costs 0.4 µs where
/// products follow one another, and up to 1.5 µs where the worker has to fetch what it needs from the driver's cache, at
/// 110 to 170 GFLOP/s 50,000 to 250,000 operations.
const FLOPS_PER_MEMBER: usize = 400_000;

/// Values that are worth another member's phase in a pass over a matrix: some 10 µs of them where each takes an exponential.
pub(crate) const VALUES_PER_MEMBER: usize = 16 * 1024;

/// How many of `members` share an (m × k)·(k × n) product. Never changes a result.
pub(crate) fn members(members: usize, m: usize, n: usize, k: usize) -> usize {
    if members == 1 {
        return 1;
    }
    let flops = 2usize.saturating_mul(m).saturating_mul(n).saturating_mul(k);
    let shares = n.div_ceil(LINE).max(m / LINE);
    members.min(flops / FLOPS_PER_MEMBER).min(shares).max(1)
}

#[cfg(test)]
mod tests {
    use super::{CACHES, even, members};

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
        assert!((16 << 10..=256 << 10).contains(&CACHES.l1), "{CACHES:?}");
        assert!((256 << 10..=4 << 20).contains(&CACHES.l2), "{CACHES:?}");
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
