//! Medians and ranges.

/// The median of some measurements, with their least and their most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The measurement in the middle. Of an even number, the mean of the two there.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Summary {
    /// The summary of `values`. `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&least, &most) = (sorted.first()?, sorted.last()?);
        let half = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 };
        Some(Self { median, least, most })
    }

    /// The summary as `345 (320–351)`, each number divided by `unit`, three significant digits.
    pub fn show(&self, unit: f64) -> String {
        let [median, least, most] =
            [self.median, self.least, self.most].map(|value| three_digits(value / unit));
        format!("{median} ({least}–{most})")
    }
}

/// A number with three significant digits: `0.123`, `1.23`, `12.3`, `123`, `1234`.
pub fn three_digits(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_range() {
        assert_eq!(Summary::of(&[]), None);
        let expected = Some(Summary { median: 2.0, least: 1.0, most: 9.0 });
        assert_eq!(Summary::of(&[9.0, 1.0, 2.0]), expected);
        assert_eq!(Summary::of(&[1.0, 4.0, 2.0, 3.0]).unwrap().median, 2.5);
    }

    #[test]
    fn three_significant_digits() {
        let shown = [0.01234, 0.9996, 1.234, 9.994, 9.996, 12.34, 99.96, 123.4, 12_345.6].map(three_digits);
        assert_eq!(shown, ["0.012", "1.00", "1.23", "9.99", "10.0", "12.3", "100", "123", "12346"]);
        let summary = Summary { median: 345_000.0, least: 99_000.0, most: 351_400.0 };
        assert_eq!(summary.show(1_000.0), "345 (99.0–351)");
    }
}
