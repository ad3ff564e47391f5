//! How many members share some work, and which piece of a matrix is whose. Neither changes a result.

use super::phase::Team;
use crate::matrix::LINE;
use std::ops::Range;

/// The columns that `member` of `members` owns in a matrix of `cols` columns: whole cache lines, the same in every phase of
/// as many members.
pub(crate) fn columns_of(cols: usize, members: usize, member: usize) -> Range<usize> {
    let lines = cols.div_ceil(LINE);
    // The product wraps for no matrix that fits in memory. Elsewhere the largest number will do.
    let at = |member: usize| (lines.saturating_mul(member) / members).saturating_mul(LINE).min(cols);
    at(member)..at(member + 1)
}

/// Multiply-adds of an (m × k)·(k × n) product. A view that has values several times can make them more than a usize holds.
pub(crate) fn volume(m: usize, n: usize, k: usize) -> usize {
    m.saturating_mul(n).saturating_mul(k)
}

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
fn members_of_product(team: &Team<'_>, m: usize, n: usize, k: usize) -> usize {
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

/// How members share a product: each owns columns of it, whole cache lines of them, or, where these are too few, rows.
#[derive(Clone, Copy)]
pub(crate) struct Split {
    pub(crate) members: usize,
    by_rows: bool,
}

impl Split {
    /// Shares an (m × k)·(k × n) product among as many members as it is worth, and as are ready.
    pub(crate) fn new(team: &Team<'_>, m: usize, n: usize, k: usize) -> Split {
        Split::among(members_of_product(team, m, n, k), m, n)
    }

    /// Shares an (m × n) matrix among so many members.
    pub(crate) fn among(members: usize, m: usize, n: usize) -> Split {
        Split { members, by_rows: members > 1 && n < LINE * members && m > n }
    }

    /// `member`'s rows and columns of an (m × n) matrix.
    pub(crate) fn piece(&self, member: usize, m: usize, n: usize) -> (Range<usize>, Range<usize>) {
        if self.by_rows {
            // 16 examples at a time.
            let lines = m.div_ceil(LINE);
            let at = |member: usize| (lines * member / self.members * LINE).min(m);
            (at(member)..at(member + 1), 0..n)
        } else {
            (0..m, columns_of(n, self.members, member))
        }
    }

    /// `member`'s bundles of rows and its columns, in a matrix of n columns whose rows are in so many bundles.
    pub(crate) fn bundles(&self, member: usize, bundles: usize, n: usize) -> (Range<usize>, Range<usize>) {
        if self.by_rows {
            let at = |member: usize| bundles * member / self.members;
            (at(member)..at(member + 1), 0..n)
        } else {
            (0..bundles, columns_of(n, self.members, member))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::members;

    #[test]
    fn members_follow_the_work() {
        assert_eq!(members(1, 4096, 4096, 4096), 1);
        assert_eq!(members(4, 16, 10, 32), 1, "the output layer isn't worth a barrier");
        assert_eq!(members(2, 8, 32, 784), 1, "nor are a few examples of a small hidden layer");
        assert_eq!(members(2, 16, 32, 784), 2, "with more it is");
        assert_eq!(members(8, 16, 32, 16 * 1024), 2, "whole lines of columns");
        assert_eq!(members(8, 1024, 32, 256), 8, "or rows");
        assert_eq!(members(4, 0, 10, 10), 1);
        assert_eq!(members(4, 1, 64, 0), 1);
        assert_eq!(members(4, usize::MAX, usize::MAX, 2), 4, "sizes that overflow");
    }
}
