//! The caches of this machine: how large they are, and which lines meet in which set.

use crate::matrix::LINE;
use std::sync::LazyLock;

/// Bytes of a cache line.
const LINE_BYTES: usize = LINE * size_of::<f32>();

/// A core's own caches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caches {
    pub(super) l1: Cache,
    pub(super) l2: Cache,
}

/// A cache of `bytes`. Lines whose addresses are a multiple of `way` bytes apart share a set, which holds `ways` of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cache {
    pub(super) bytes: usize,
    pub(super) ways: usize,
    pub(super) way: usize,
}

impl Cache {
    pub(super) const fn new(bytes: usize, ways: usize) -> Cache {
        Cache { bytes, ways, way: bytes / ways }
    }

    /// Clamps the size. A value outside this range is a shared cache, or wrong data from a hypervisor.
    fn clamp(self, least: usize, most: usize) -> Cache {
        Cache { bytes: self.bytes.clamp(least, most), ..self }
    }

    /// Whether `rows` slices of `bytes` each, `stride` bytes from one to the next, keep to themselves: if no set is asked to
    /// hold more of them than it can beside a line of something else.
    pub(super) fn holds_rows(&self, rows: usize, stride: usize, bytes: usize) -> bool {
        debug_assert!(rows <= 32, "{rows} rows of a tile");
        let [many, stride, way, bytes] = [rows, stride, self.way, bytes].map(|x| x as isize);
        // Whether a slice reaches the set where another begins depends on how many slices that is further: a bit for each.
        let reaches = |further: isize| (further * stride).rem_euclid(way) < bytes;
        let all = (1 - many..many).fold(0_u64, |all, further| all << 1 | u64::from(reaches(further)));
        // A set that is asked for the most is one where a slice begins. Each sees `rows` neighbouring bits.
        (0..rows).all(|at| ((all >> at & ((1 << rows) - 1)).count_ones() as usize) < self.ways)
    }

    /// The sets that lines meet which are `stride` bytes apart. (An even spread: a stride that is a multiple of half, a
    /// quarter, … of a way meets two, four, … sets.)
    pub(super) fn sets(&self, stride: usize) -> usize {
        let apart = 1 << (stride | self.way).trailing_zeros();
        (self.way / apart.max(LINE_BYTES)).max(1)
    }

    /// Lines that the cache keeps, `stride` bytes from one to the next, beside a line of something else in each set.
    pub(super) fn most_lines(&self, stride: usize) -> usize {
        self.sets(stride) * (self.ways - 1).max(1)
    }

    /// Lines of each set that `count` lines take, `stride` bytes from one to the next.
    pub(super) fn taken(&self, count: usize, stride: usize) -> usize {
        count.div_ceil(self.sets(stride))
    }
}

/// Those of this machine.
pub(super) static CACHES: LazyLock<Caches> = LazyLock::new(|| {
    // Where the machine doesn't tell: nearly every core of the last ten years has these at least.
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

#[cfg(test)]
mod tests {
    use super::{CACHES, Cache};

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
    }

    #[test]
    fn lines_meet_sets() {
        let l2 = Cache::new(1 << 20, 8);
        assert_eq!(l2.sets(784 * 4), 2048, "every set");
        assert_eq!(l2.sets(2048), 64, "every 32nd");
        assert_eq!((l2.sets(8192), l2.sets(3 * 8192)), (16, 16), "every 128th");
        assert_eq!((l2.sets(128 << 10), l2.sets(1 << 20), l2.sets(0)), (1, 1, 1));
        assert_eq!(l2.sets(4), 2048, "next to one another");
        assert_eq!((l2.taken(256, 784 * 4), l2.taken(256, 2048), l2.taken(512, 8192)), (1, 4, 32));
    }

    #[test]
    fn lines_of_a_tile_stay() {
        let rows = |ways, stride| Cache::new(4096 * ways, ways).most_lines(stride);
        assert_eq!((rows(8, 4096), rows(8, 1 << 20), rows(12, 8192)), (7, 7, 11), "all meet in one set");
        assert_eq!(rows(8, 2048), 14, "in one of two");
        assert!(rows(8, 4096 + 64) >= 64 && rows(8, 784 * 4) >= 64 && rows(8, 64) >= 64);
        assert_eq!(rows(1, 4096), 1);
    }
}
