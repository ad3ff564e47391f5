//! Bars of one line of text.

/// The heights of a bar, in eighths of a line.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A line of bars, one for each number, from the least to the greatest. A number that isn't finite is a space.
pub(crate) fn sparkline(numbers: &[f64]) -> String {
    let finite = || numbers.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let bar = |&x: &f64| {
        if !x.is_finite() {
            return ' ';
        }
        let level = if high > low { (x - low) / (high - low) } else { 0.0 };
        BARS[(level * 7.0).round() as usize]
    };
    numbers.iter().map(bar).collect()
}

/// A line of bars from 0, one for each count. A count of 0 is a space, so that rare values are seen beside none.
pub(crate) fn histogram(counts: &[usize]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |&count: &usize| match count {
        0 => ' ',
        count => BARS[((count as f64 / most as f64 * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    counts.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_span_the_numbers() {
        assert_eq!(sparkline(&[3.0, 1.0, f64::NAN, 2.0]), "█▁ ▅");
        assert_eq!(sparkline(&[2.0, 2.0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(histogram(&[0, 1, 50, 100]), " ▁▄█");
        assert_eq!(histogram(&[0, 0]), "  ");
    }
}
