//! A pairwise covering: few rows in which every two values of any two factors stand together at least once.
//!
//! ```text
//! while a pair of values stands in no row:
//!     first ← the largest factor that has such a pair, and its value with the most of them
//!     for each other factor, the largest first:
//!         take the value that makes the most new pairs with the values taken
//!         if several do: the one that has the most new pairs left; if none does, or several still do: the first
//! ```
//!
//! 1. A value that has been taken has fewer new pairs left, so the first rows have different values of every factor.
//! 2. A value that is free is the first of its factor. The caller lists first the value that it wants most.
//! 3. Nothing is drawn at random: the same sizes have the same rows.

use std::cmp::Reverse;

/// A covering for factors with so many values each. A row has a value of each factor, counted from 0. A factor without values
/// has no rows.
pub(super) fn rows(sizes: &[usize]) -> Vec<Vec<usize>> {
    let mut by_size: Vec<usize> = (0..sizes.len()).collect();
    by_size.sort_by_key(|&factor| Reverse(sizes[factor]));
    let mut pairs = Pairs::new(sizes);
    let mut rows = Vec::new();
    if sizes.contains(&0) {
        return rows;
    }
    while let Some(first) = by_size.iter().copied().find_map(|factor| pairs.start(factor)) {
        let mut taken = vec![first];
        for &factor in by_size.iter().filter(|&&factor| factor != first.0) {
            let value = pairs.best(factor, &taken);
            taken.push((factor, value));
        }
        pairs.cover(&taken);
        taken.sort_unstable();
        rows.push(taken.into_iter().map(|(_, value)| value).collect());
    }
    rows
}

/// A factor, and one of its values.
type Taken = (usize, usize);

/// The pairs of values that stand in no row yet.
struct Pairs {
    sizes: Vec<usize>,
    /// The number of the first value of each factor, where the values of all factors are numbered in order.
    starts: Vec<usize>,
    /// By the numbers of two values: whether they are of different factors and stand in no row together.
    is_new: Vec<Vec<bool>>,
    /// By the number of a value: its new pairs.
    left: Vec<usize>,
}

impl Pairs {
    fn new(sizes: &[usize]) -> Self {
        let factors: Vec<usize> =
            sizes.iter().enumerate().flat_map(|(factor, &size)| vec![factor; size]).collect();
        let of_others = |factor| factors.iter().map(|other| *other != factor).collect::<Vec<_>>();
        let is_new: Vec<Vec<bool>> = factors.iter().map(|&factor| of_others(factor)).collect();
        let left = is_new.iter().map(|others| others.iter().filter(|is_new| **is_new).count()).collect();
        let starts = (0..sizes.len()).map(|factor| sizes[..factor].iter().sum()).collect();
        Self { sizes: sizes.to_vec(), starts, is_new, left }
    }

    fn number(&self, (factor, value): Taken) -> usize {
        self.starts[factor] + value
    }

    /// The value of `factor` that has the most new pairs. `None` if no value has one.
    fn start(&self, factor: usize) -> Option<Taken> {
        let left = |value| self.left[self.number((factor, value))];
        let value = (0..self.sizes[factor]).max_by_key(|&value| (left(value), Reverse(value)))?;
        (left(value) > 0).then_some((factor, value))
    }

    /// The value of `factor` that makes the most new pairs with those taken.
    fn best(&self, factor: usize, taken: &[Taken]) -> usize {
        let key = |&value: &usize| {
            let own = self.number((factor, value));
            let gain = taken.iter().filter(|&&other| self.is_new[own][self.number(other)]).count();
            (gain, if gain > 0 { self.left[own] } else { 0 }, Reverse(value))
        };
        (0..self.sizes[factor]).max_by_key(key).unwrap_or(0)
    }

    /// Marks the pairs of a row.
    fn cover(&mut self, row: &[Taken]) {
        let numbers: Vec<usize> = row.iter().map(|&taken| self.number(taken)).collect();
        for &one in &numbers {
            for &other in &numbers {
                if std::mem::take(&mut self.is_new[one][other]) {
                    self.left[one] -= 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const SIZES: [&[usize]; 6] =
        [&[67, 12, 9, 8, 4], &[4, 3, 2], &[2, 2, 2, 2, 2, 2], &[3, 3, 3, 3], &[1, 5, 1], &[10, 10, 10]];

    #[test]
    fn every_two_values_of_any_two_factors_stand_in_a_row() {
        for sizes in SIZES {
            let rows = rows(sizes);
            for (one, other) in (0..sizes.len()).flat_map(|other| (0..other).map(move |one| (one, other))) {
                let found: HashSet<_> = rows.iter().map(|row| (row[one], row[other])).collect();
                let all = (0..sizes[one]).flat_map(|a| (0..sizes[other]).map(move |b| (a, b)));
                assert_eq!(found, all.collect(), "{sizes:?}: factors {one} and {other}");
            }
        }
    }

    /// The two largest factors alone need their product.
    #[test]
    fn rows_are_few() {
        for sizes in [SIZES[0], SIZES[1], SIZES[4]] {
            let mut largest = sizes.to_vec();
            largest.sort_unstable_by_key(|size| Reverse(*size));
            let (least, found) = (largest[0] * largest[1], rows(sizes).len());
            assert!(found >= least && 10 * found < 13 * least, "{sizes:?}: {found} rows, at least {least}");
        }
    }

    #[test]
    fn the_same_sizes_have_the_same_rows() {
        for sizes in SIZES {
            assert_eq!(rows(sizes), rows(sizes));
        }
    }

    #[test]
    fn the_first_rows_have_different_values() {
        let rows = rows(SIZES[0]);
        for factor in 0..3 {
            let values: HashSet<usize> = rows[..9].iter().map(|row| row[factor]).collect();
            assert_eq!(values.len(), 9, "factor {factor}: {:?}", &rows[..9]);
        }
    }

    #[test]
    fn one_factor_or_none_has_no_pairs() {
        assert!(rows(&[]).is_empty() && rows(&[5]).is_empty() && rows(&[3, 0]).is_empty());
    }
}
