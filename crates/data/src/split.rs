//! Splits of examples into some to train on and some to validate or test on.

use crate::dataset::Dataset;
use crate::error::Error;
use crate::shuffle::Shuffle;
use crate::targets::Targets;

impl Dataset {
    /// Sets a random `fraction` of the examples aside for validation. Returns (training, validation), both
    /// [subsets](Dataset::subset) in their original order. The choice depends on `seed` and the number
    /// of examples alone. Classes are not balanced.
    ///
    /// # Errors
    /// [`Error::Argument`] unless 0 < `fraction` < 1 leaves at least one example on each side.
    pub fn split(&self, fraction: f64, seed: u64) -> Result<(Self, Self), Error> {
        let (training, validation) = split_rows(self.len(), None, fraction, seed, VALIDATION)?;
        Ok((self.subset(&training)?, self.subset(&validation)?))
    }

    /// As [`split`](Dataset::split), with as many examples, of which each class has its share to within one, as
    /// scikit-learn's `train_test_split(stratify=y)` does. Values have no classes, so their split is the plain one.
    ///
    /// Of n_k examples of class k in n, the validation set of m has ⌊m·n_k/n⌋. The examples that are then missing
    /// are of the classes with the largest remainders, the first of equals. Within a class the choice is random.
    ///
    /// ```
    /// use minibatch_data::{Dataset, Targets};
    ///
    /// // 8 examples of class 0, 4 of class 1.
    /// let labels = vec![0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1];
    /// let data = Dataset::from_classes(vec![0_u8; 12], &[1], labels)?;
    /// let (training, validation) = data.split_stratified(0.25, 7)?;
    /// let Targets::Classes { labels, .. } = validation.targets() else { unreachable!() };
    /// assert_eq!((training.len(), labels.iter().sum::<u32>(), labels.len()), (9, 1, 3));
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`split`](Dataset::split).
    pub fn split_stratified(&self, fraction: f64, seed: u64) -> Result<(Self, Self), Error> {
        self.split_by_class(fraction, seed, VALIDATION)
    }

    /// As [`split_stratified`](Dataset::split_stratified), with another choice for the same seed: sets examples aside to test on, so
    /// that a part of the rest can be set aside to validate on.
    ///
    /// # Errors
    /// As [`split`](Dataset::split).
    pub fn split_test(&self, fraction: f64, seed: u64) -> Result<(Self, Self), Error> {
        self.split_by_class(fraction, seed, TEST)
    }

    fn split_by_class(&self, fraction: f64, seed: u64, purpose: [u8; 8]) -> Result<(Self, Self), Error> {
        let labels = match self.targets() {
            Targets::Classes { labels, classes } => Some((&**labels, *classes)),
            Targets::Values { .. } | Targets::Labels { .. } => None,
        };
        let (kept, aside) = split_rows(self.len(), labels, fraction, seed, purpose)?;
        Ok((self.subset(&kept)?, self.subset(&aside)?))
    }
}

/// The purpose of a split whose smaller part is validated on. Its seed differs from the one that shuffles the epochs, because the
/// orders must not be related.
pub(crate) const VALIDATION: [u8; 8] = *b"validate";
/// The purpose of a split whose smaller part is tested on.
pub(crate) const TEST: [u8; 8] = *b"testpart";

/// Sets a random `fraction` of so many examples aside; of each class its share, if there are `labels` and a number of classes.
/// Returns the indices of the others, and of these, ascending.
pub(crate) fn split_rows(
    len: usize,
    labels: Option<(&[u32], usize)>,
    fraction: f64,
    seed: u64,
    purpose: [u8; 8],
) -> Result<(Vec<u32>, Vec<u32>), Error> {
    let held_out = (fraction * len as f64).round();
    if !(fraction > 0.0 && fraction < 1.0 && held_out >= 1.0 && held_out < len as f64) {
        let expected = format!("between 0 and 1, leaving some of {len} examples on each side");
        let what = if purpose == TEST { "fraction to test on" } else { "fraction for validation" };
        return Err(Error::argument(what, expected, fraction));
    }
    let held_out = held_out as usize;
    let mut shuffle = Shuffle::new(len, seed ^ u64::from_le_bytes(purpose))?;
    shuffle.begin_epoch();
    let order = shuffle.order();
    let (mut kept, mut aside) = match labels {
        None => (order[held_out..].to_vec(), order[..held_out].to_vec()),
        Some((labels, classes)) => {
            let mut left = shares(labels, classes, held_out);
            order.iter().partition(|&&index| {
                let left = &mut left[labels[index as usize] as usize];
                let stays = *left == 0;
                *left -= usize::from(!stays);
                stays
            })
        }
    };
    kept.sort_unstable();
    aside.sort_unstable();
    Ok((kept, aside))
}

/// How many of `held_out` examples each class has.
fn shares(labels: &[u32], classes: usize, held_out: usize) -> Vec<usize> {
    let mut counts = vec![0_usize; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    // Numbers of examples are below 2³², so their products are below 2⁶⁴.
    let product = |count: usize| count as u64 * held_out as u64;
    let examples = labels.len() as u64;
    let mut shares: Vec<usize> = counts.iter().map(|&count| (product(count) / examples) as usize).collect();
    let missing = held_out - shares.iter().sum::<usize>();
    let mut by_remainder: Vec<usize> = (0..classes).collect();
    // A stable sort leaves the first of equals before the others.
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(product(counts[class]) % examples));
    by_remainder.iter().take(missing).for_each(|&class| shares[class] += 1);
    shares
}
