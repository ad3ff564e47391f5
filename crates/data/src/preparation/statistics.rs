//! Scalers of columns, from the numbers in them.

use super::scale::{Scale, Scaler};

impl Scaler {
    /// The scaler for a column whose numbers in the training rows these are, at least one. They are put in another order.
    pub(super) fn learn(scale: Scale, numbers: &mut [f32]) -> Scaler {
        let inverse = |size: f64| if size > 0.0 { 1.0 / size } else { 0.0 };
        let n = numbers.len() as f64;
        match scale {
            Scale::None => Scaler::IDENTITY,
            Scale::Standard => {
                let (mean, deviation) = moments(numbers);
                Scaler { offset: mean, factor: inverse(deviation), draws_in: false }
            }
            Scale::MinMax => {
                let (low, high) = range(numbers);
                Scaler { offset: low, factor: inverse(high - low), draws_in: false }
            }
            Scale::Robust => {
                let (low, high) = range(numbers);
                let mut quantile = |fraction: f64| quantile(numbers, fraction * (n - 1.0));
                let (first, median, third) = (quantile(0.25), quantile(0.5), quantile(0.75));
                let size = if third > first { third - first } else { (high - low) / 2.0 };
                Scaler { offset: median, factor: inverse(size), draws_in: true }
            }
        }
    }
}

/// Mean and standard deviation (of all, not of a sample) of numbers, of which there is at least one.
pub(super) fn moments(numbers: &[f32]) -> (f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let squares = numbers.iter().map(|&x| (f64::from(x) - mean) * (f64::from(x) - mean)).sum::<f64>();
    // Rounding must not make a spread of equal numbers.
    let (low, high) = range(numbers);
    (mean, if high > low { (squares / n).sqrt() } else { 0.0 })
}

fn range(numbers: &[f32]) -> (f64, f64) {
    let range =
        numbers.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    (f64::from(range.0), f64::from(range.1))
}

/// The number at a place between 0 and the last in sorted order, interpolated between two, as numpy's `quantile` does. It puts the
/// numbers in another order.
pub(super) fn quantile(numbers: &mut [f32], place: f64) -> f64 {
    let below = place.floor() as usize;
    let (_, &mut low, above) = numbers.select_nth_unstable_by(below, f32::total_cmp);
    let high = above.iter().copied().min_by(f32::total_cmp).unwrap_or(low);
    let (low, high) = (f64::from(low), f64::from(high));
    low + (high - low) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scale_is_what_it_says() {
        let numbers = [1.0f32, 2.0, 3.0, 4.0, 10.0];
        let scaled = |scale| {
            let scaler = Scaler::learn(scale, &mut numbers.clone());
            numbers.map(|x| scaler.scale(x))
        };
        let standard = scaled(Scale::Standard);
        let (mean, deviation) = moments(&standard);
        assert!(mean.abs() < 1e-7 && (deviation - 1.0).abs() < 1e-7, "{mean} {deviation}");
        assert_eq!(scaled(Scale::MinMax), [0.0, 1.0 / 9.0, 2.0 / 9.0, 3.0 / 9.0, 1.0]);
        assert_eq!(scaled(Scale::None), numbers);
        // Median 3, quartiles 2 and 4.
        let clipped = |x: f64| (x / (1.0 + (x / 3.0).powi(2)).sqrt()) as f32;
        assert_eq!(scaled(Scale::Robust), [-1.0, -0.5, 0.0, 0.5, 3.5].map(clipped));
    }

    #[test]
    fn equal_numbers_become_0_and_a_spread_without_quartiles_is_half_the_range() {
        for scale in [Scale::Standard, Scale::Robust, Scale::MinMax] {
            assert_eq!(Scaler::learn(scale, &mut [0.1; 7]).scale(0.1), 0.0, "{scale}");
        }
        let scaler = Scaler::learn(Scale::Robust, &mut [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0]);
        assert_eq!((scaler.offset, scaler.factor), (0.0, 0.25));
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let mut numbers = [7.0f32, 1.0, 3.0, 2.0];
        // numpy.quantile([1, 2, 3, 7], [0.25, 0.5, 0.75, 1])
        let found = [0.25, 0.5, 0.75, 1.0].map(|fraction| quantile(&mut numbers, fraction * 3.0));
        assert_eq!(found, [1.75, 2.5, 4.0, 7.0]);
    }
}
