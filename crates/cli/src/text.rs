//! Numbers and times as people read them.

/// A rate: `1,234,567 samples/s`.
pub(crate) fn samples_per_second(rate: f64) -> String {
    format!("{} samples/s", grouped(rate.round() as usize))
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
}
