//! Numbers and times as people read them.

/// A rate: `1,234,567 samples/s`.
pub(crate) fn samples_per_second(rate: f64) -> String {
    format!("{} samples/s", grouped(rate.round() as usize))
}

/// A rate in at most 8 characters: `1.23 M/s`, `456 k/s`, `78.9 /s`.
pub(crate) fn short_rate(rate: f64) -> String {
    let (number, unit) = match rate {
        r if r >= 999.5e6 => (r / 1e9, "G/s"),
        r if r >= 999.5e3 => (r / 1e6, "M/s"),
        r if r >= 999.5 => (r / 1e3, "k/s"),
        r => (r, "/s"),
    };
    match number {
        n if n < 9.995 => format!("{n:.2} {unit}"),
        n if n < 99.95 => format!("{n:.1} {unit}"),
        n => format!("{n:.0} {unit}"),
    }
}

/// A number with its thousands marked: `60,000`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A figure to four significant digits: `0.02367`, `12.35`, `1.235e-7`. From 1,000 to below 10⁹ it is a whole number: `52,963`.
pub(crate) fn figure(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.abs().to_string().replace("inf", if x < 0.0 { "-inf" } else { "inf" });
    }
    // The exponent is that of the rounded number: 999.96 is 1,000.
    let scientific = format!("{x:.3e}");
    let exponent = scientific.split_once('e').map_or(0, |(_, exponent)| exponent.parse::<i32>().unwrap_or(0));
    match exponent {
        -4..=2 => format!("{x:.*}", (3 - exponent) as usize),
        3..=8 => format!("{}{}", if x < 0.0 { "-" } else { "" }, grouped(x.abs().round() as usize)),
        _ => scientific,
    }
}

/// A fraction: `95.31%`.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.2}%", 100.0 * fraction)
}

/// A time: `0.42 s`, `12.3 s`, `4 min 05 s`, `2 h 07 min`.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{} min {:02} s", s as u64 / 60, s as u64 % 60),
        s => format!("{} h {:02} min", s as u64 / 3600, s as u64 % 3600 / 60),
    }
}

/// An example's shape: `28×28`.
pub(crate) fn shape(dims: &[usize]) -> String {
    dims.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// The kind of the examples: `images of 28×28`, `examples of 13 inputs`.
pub(crate) fn images(dims: &[usize]) -> String {
    match dims {
        [1] => "examples of 1 input".to_owned(),
        [inputs] => format!("examples of {inputs} inputs"),
        dims => format!("images of {}", shape(dims)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(
            [0, 7, 999, 1000, 60_000, 1_234_567].map(grouped),
            ["0", "7", "999", "1,000", "60,000", "1,234,567"]
        );
        assert_eq!(
            [0.0, 0.424, 12.34, 245.9, 7630.0].map(duration),
            ["0.00 s", "0.42 s", "12.3 s", "4 min 05 s", "2 h 07 min"]
        );
    }

    #[test]
    fn short_rates_have_three_digits() {
        for (rate, shown) in [
            (0.5, "0.50 /s"),
            (78.94, "78.9 /s"),
            (999.6, "1.00 k/s"),
            (456_123.0, "456 k/s"),
            (1_234_567.0, "1.23 M/s"),
            (99.96e6, "100 M/s"),
            (2.5e9, "2.50 G/s"),
        ] {
            assert_eq!(short_rate(rate), shown, "{rate}");
        }
    }

    #[test]
    fn figures_have_four_digits() {
        for (x, shown) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.156736, "0.1567"),
            (0.0236721, "0.02367"),
            (1e-4, "0.0001000"),
            (0.999_96, "1.000"),
            (0.000_099_999_6, "0.0001000"),
            (1.2345e-7, "1.235e-7"),
            (-0.5, "-0.5000"),
            (12.3456, "12.35"),
            (999.94, "999.9"),
            (999.96, "1,000"),
            (-52_963.4, "-52,963"),
            (999_949_000.0, "999,949,000"),
            (1.5e12, "1.500e12"),
            (5e-324, "4.941e-324"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(figure(x), shown, "{x:e}");
        }
    }
}
