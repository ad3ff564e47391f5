//! All that a frame shows, as values.

use super::keys::Picture;
use crate::draw::{Colors, Raster, Scale, Series};
use crate::report::Inspected;
use minibatch::Epoch;

/// All that a frame shows.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) picture: Picture,
    pub(super) colors: Colors,
    /// The epochs that have ended.
    pub(super) history: &'a [Epoch],
    /// Training examples of an epoch.
    pub(super) examples: usize,
    /// The last epoch.
    pub(super) epochs: usize,
    /// The steps of the unfinished epoch, and those of a whole one.
    pub(super) step: usize,
    pub(super) steps: usize,
    /// Seconds since the start, and until the end.
    pub(super) elapsed: f64,
    pub(super) left: f64,
    /// η of the last step that is known.
    pub(super) learning_rate: f64,
    pub(super) samples_per_second: Option<f64>,
    pub(super) threads: usize,
    pub(super) isa: &'a str,
    /// The checkpoint file in words.
    pub(super) kept: &'a str,
    /// The answer to the last key, while it is new.
    pub(super) message: Option<&'a str>,
    pub(super) inspected: &'a [Inspected],
    pub(super) weights: Option<&'a FirstWeights>,
    /// The share of the time that the dashboard took.
    pub(super) share: f64,
}

/// Weights of the first layer as pictures.
#[derive(Clone, Debug)]
pub(super) struct FirstWeights {
    /// A picture for each of the first units.
    pub(super) pictures: Vec<Raster>,
    /// The units of the layer.
    pub(super) units: usize,
    /// The weight that has the strongest colour.
    pub(super) greatest: f64,
}

/// Points of a curve at most, so that a frame of a long run takes no longer.
const POINTS: usize = 200;

impl Shown<'_> {
    /// A curve of a figure of the epochs. `None` if no epoch has it.
    pub(super) fn curve(&self, name: &str, figure: impl Fn(&Epoch) -> Option<f64>) -> Option<Series> {
        let points: Vec<(f64, f64)> =
            thinned(self.history).filter_map(|epoch| Some((epoch.number as f64, figure(epoch)?))).collect();
        (!points.is_empty()).then(|| Series { name: name.to_owned(), points })
    }

    /// The scale of costs.
    pub(super) const COSTS: Scale = Scale::Decades;
}

/// Some of many, evenly spaced, with the last.
pub(super) fn thinned<T>(all: &[T]) -> impl Iterator<Item = &T> {
    let stride = all.len().div_ceil(POINTS).max(1);
    let from = all.len().saturating_sub(1) % stride;
    all.iter().skip(from).step_by(stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_points_are_few_and_have_the_last() {
        for count in [0, 1, 2, 199, 200, 201, 1000, 12_345] {
            let all: Vec<usize> = (0..count).collect();
            let thinned: Vec<usize> = thinned(&all).copied().collect();
            assert!(thinned.len() <= POINTS && thinned.len() >= count.min(POINTS / 2), "{count}");
            assert_eq!(thinned.last(), all.last());
            assert!(thinned.windows(2).all(|pair| pair[1] - pair[0] == count.div_ceil(POINTS)));
        }
    }
}
