//! Every block size and threshold of the products, in one place.
//!
//! The sizes are for caches of 32 KiB, 1 MiB and up: smaller than today's server cores have, so that two threads of a
//! core, or the epilogue's operands, still find room.

use crate::vector::Vector;

/// f32 values in a cache line, and columns that a member owns at least.
pub(crate) const LINE: usize = 16;

/// K panel: an NR-wide, KC-deep strip of B stays in the first-level cache while a block of A streams past
/// (32 columns · 256 · 4 bytes = 32 KiB; 16 KiB on AVX2).
pub(crate) const KC: usize = 256;

/// Columns of B that are packed at a time: KC · NC · 4 bytes = 1 MiB.
pub(crate) const NC: usize = 1024;

/// Rows of A in a block: 256 · KC · 4 bytes = 256 KiB, half of a second-level cache. A multiple of the inputs' blocks.
pub(crate) const MC: usize = 256;

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

/// Up to this many gathered examples, the first layer's products are sweeps over the weights, a block of examples at a time,
/// from the second-level cache. (With more, blocking for the first-level cache pays.)
pub(crate) const GATHERED_ROWS: usize = 64;

/// Floating-point operations that make another member worth its phase. Measured: opening and closing a phase and fetching
/// what it needs from the driver's cache costs 1 to 1.5 µs, at 170 GFLOP/s some 250,000 operations; a share must be a
/// few times that.
const FLOPS_PER_MEMBER: usize = 1_000_000;

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
    use super::members;

    #[test]
    fn members_follow_the_work() {
        assert_eq!(members(1, 4096, 4096, 4096), 1);
        assert_eq!(members(4, 16, 10, 32), 1, "the output layer isn't worth a barrier");
        assert_eq!(members(2, 16, 32, 784), 1, "nor is a small hidden layer");
        assert_eq!(members(2, 128, 32, 784), 2, "with more examples it is");
        assert_eq!(members(8, 16, 32, 16 * 1024), 2, "whole lines of columns");
        assert_eq!(members(8, 1024, 32, 256), 8, "or blocks of rows");
        assert_eq!(members(4, 0, 10, 10), 1);
        assert_eq!(members(4, 1, 64, 0), 1);
        assert_eq!(members(4, usize::MAX, usize::MAX, 2), 4, "sizes that overflow");
    }
}
