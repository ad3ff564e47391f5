//! Medians and other quantiles, without a copy of the values, which may be millions.

/// The median of `values`, the upper one of two. None if there are no values. The values are iterated over twice.
pub(super) fn median<I: Iterator<Item = f32>>(values: impl Fn() -> I) -> Option<f32> {
    ranked(values, |count| [count / 2]).map(|[median]| median)
}

/// The quantiles of `values` at these percentages. None if there are no values. The values are iterated over twice.
pub(super) fn quantiles<const N: usize, I: Iterator<Item = f32>>(
    values: impl Fn() -> I,
    percents: [usize; N],
) -> Option<[f32; N]> {
    ranked(values, |count| percents.map(|percent| (count - 1) * percent / 100))
}

/// The values that sorting would bring to some places. `places` gives the places for the number of values.
///
/// This is a radix selection in two passes. The first one counts the values by the upper half of their bits, which says in
/// which set of values each place lies. The second one counts the values of those sets by the lower half.
fn ranked<const N: usize, I: Iterator<Item = f32>>(
    values: impl Fn() -> I,
    places: impl FnOnce(usize) -> [usize; N],
) -> Option<[f32; N]> {
    let mut sets = vec![0_u32; 1 << 16];
    values().for_each(|value| sets[upper(value)] += 1);
    let count = sets.iter().map(|&count| count as usize).sum();
    if count == 0 {
        return None;
    }
    let found = places(count).map(|place| find(&sets, place));
    let mut inside: Vec<(usize, Vec<u32>)> = Vec::new();
    for (set, _) in found {
        if inside.iter().all(|(other, _)| *other != set) {
            inside.push((set, vec![0; 1 << 16]));
        }
    }
    for value in values() {
        if let Some((_, counts)) = inside.iter_mut().find(|(set, _)| *set == upper(value)) {
            counts[lower(value)] += 1;
        }
    }
    let value = |(set, place)| {
        let counts = inside.iter().find(|(other, _)| *other == set).map(|(_, counts)| &**counts);
        let (lower, _) = find(counts.unwrap_or_default(), place);
        from_key((set << 16 | lower) as u32)
    };
    Some(found.map(value))
}

/// The set that holds the value at `place`, and the place within the set.
fn find(counts: &[u32], mut place: usize) -> (usize, usize) {
    for (set, &count) in counts.iter().enumerate() {
        match place.checked_sub(count as usize) {
            Some(rest) => place = rest,
            None => return (set, place),
        }
    }
    unreachable!("a place is below the number of values")
}

/// A number for the value. Numbers are ordered as [`f32::total_cmp`] orders the values.
fn key(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

fn from_key(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}

fn upper(value: f32) -> usize {
    (key(value) >> 16) as usize
}

fn lower(value: f32) -> usize {
    (key(value) & 0xffff) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_sorting() {
        let mut state = 1_u32;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // A few repeated values of both signs, and close ones.
            ((state >> 24) as f32 - 100.0) / 256.0 + if state & 1 == 0 { 1e-7 } else { 0.0 }
        };
        for len in [1, 2, 3, 10, 101, 5000] {
            let values: Vec<f32> = (0..len).map(|_| number()).collect();
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            assert_eq!(median(|| values.iter().copied()), Some(sorted[len / 2]));
            let expected = [0, 2, 50, 98, 100].map(|percent| sorted[(len - 1) * percent / 100]);
            assert_eq!(quantiles(|| values.iter().copied(), [0, 2, 50, 98, 100]), Some(expected));
        }
        assert_eq!(median(std::iter::empty), None);
    }
}
