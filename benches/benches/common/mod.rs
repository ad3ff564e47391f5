//! The settings of all benches.

use criterion::Criterion;
use std::time::Duration;

/// Criterion with `samples` samples of a benchmark in `milliseconds`. It draws no pictures and resamples little: both would take
/// longer than the measurement.
pub(crate) fn criterion(samples: usize, milliseconds: u64) -> Criterion {
    Criterion::default()
        .sample_size(samples)
        .warm_up_time(Duration::from_millis(milliseconds / 4))
        .measurement_time(Duration::from_millis(milliseconds))
        .nresamples(2_000)
        .without_plots()
}
