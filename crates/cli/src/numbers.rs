//! Numbers as options take them.

use minibatch::ClassWeights;
use std::fmt;
use std::num::IntErrorKind;
use std::ops::RangeInclusive;

/// A whole number from 1.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
            Err(format!("expected a whole number up to {}", usize::MAX))
        }
        _ => Err("expected a whole number from 1".to_owned()),
    }
}

/// A whole number from 1 in a list of them.
pub(crate) fn count_of_list(text: &str) -> Result<usize, String> {
    match count(text.trim()) {
        Err(_) => Err("expected whole numbers from 1, such as 128 or 128,64".to_owned()),
        count => count,
    }
}

/// Indices of examples as `--index` takes them in a list: one of them, or a range with both its ends, such as `0-99`. Where the set
/// ends isn't known yet, so the indices stay a range until they are held against its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Indices(RangeInclusive<usize>);

impl Indices {
    /// The indices, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.clone()
    }

    /// The number of all indices of a list.
    pub(crate) fn count(list: &[Indices]) -> usize {
        let one = |Indices(range): &Indices| (range.end() - range.start()).saturating_add(1);
        list.iter().map(one).fold(0, usize::saturating_add)
    }

    /// The first of a list that doesn't lie in a set of so many `examples`.
    pub(crate) fn beyond(list: &[Indices], examples: usize) -> Option<&Indices> {
        list.iter().find(|Indices(range)| *range.end() >= examples)
    }
}

/// Writes the indices as `--index` takes them.
impl fmt::Display for Indices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Indices(range) = self;
        match (range.start(), range.end()) {
            (first, last) if first == last => write!(f, "{first}"),
            (first, last) => write!(f, "{first}-{last}"),
        }
    }
}

/// An index or a range of them in a list.
pub(crate) fn indices(text: &str) -> Result<Indices, String> {
    let number = |text: &str| {
        let expected = "expected whole numbers from 0 and ranges of them, such as 7 or 0-99,105";
        let text = text.trim();
        // `parse` alone would take a sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text);
        digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| expected.to_owned())
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first > last {
        return Err(format!("expected the smaller number of a range first, {last}-{first}"));
    }
    Ok(Indices(first..=last))
}

/// A number between 0 and 1.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    let between = |fraction: &f64| *fraction > 0.0 && *fraction < 1.0;
    text.parse()
        .ok()
        .filter(between)
        .ok_or_else(|| "expected a number between 0 and 1, such as 0.1".to_owned())
}

/// A number from 0 to below 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let accept = |share: &f64| (0.0..1.0).contains(share);
    text.trim()
        .parse()
        .ok()
        .filter(accept)
        .ok_or_else(|| "expected a number from 0 to below 1, such as 0.1".to_owned())
}

/// A learning rate. It must also be above 0 and finite as an f32, because the steps are computed in f32.
pub(crate) fn learning_rate(text: &str) -> Result<f64, String> {
    let accept = |rate: &f64| (*rate as f32).is_finite() && *rate as f32 > 0.0;
    text.parse().ok().filter(accept).ok_or_else(|| "expected a finite number above 0, such as 3.0".to_owned())
}

/// A seed: any 64 bits.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

/// A finite number from 0.
pub(crate) fn not_negative(text: &str) -> Result<f64, String> {
    let accept = |number: &f64| *number >= 0.0 && number.is_finite();
    let number = text.trim().parse().ok().filter(accept);
    number.ok_or_else(|| "expected a finite number from 0, such as 0.001".to_owned())
}

/// Weights of classes.
pub(crate) fn class_weights(text: &str) -> Result<ClassWeights, String> {
    text.parse::<ClassWeights>().map_err(|error| match error {
        minibatch::Error::Setting { expected, .. } => format!("expected {expected}"),
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_single_or_in_ranges() {
        for (text, first, last, shown) in
            [("7", 7, 7, "7"), (" 0-99 ", 0, 99, "0-99"), ("3 - 5", 3, 5, "3-5"), ("8-8", 8, 8, "8")]
        {
            let found = indices(text).expect(text);
            assert_eq!((&found, found.to_string().as_str()), (&Indices(first..=last), shown));
            assert!(found.iter().eq(first..=last));
        }
        for text in ["", "-", "-1", "1-", "+1", "1-+2", "1-2-3", "one", "0..9", "99999999999999999999", "9-3"]
        {
            assert!(indices(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_of_indices_is_counted_without_its_numbers() {
        let list = ["0-99", "105", "4-5"].map(|text| indices(text).expect(text));
        assert_eq!(Indices::count(&list), 103);
        assert_eq!(Indices::beyond(&list, 106), None);
        assert_eq!(Indices::beyond(&list, 105), Some(&list[1]));
        let all = indices(&format!("0-{}", usize::MAX)).expect("a range");
        assert_eq!(Indices::count(&[all.clone(), all]), usize::MAX);
    }
}
