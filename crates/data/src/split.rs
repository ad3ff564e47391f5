//! Splits of a dataset into examples to train on and examples to validate on.

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
        let (order, held_out) = self.draw(fraction, seed)?;
        let (validation, training) = order.split_at(held_out);
        self.parts(training.to_vec(), validation.to_vec())
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
        let Targets::Classes { labels, classes } = self.targets() else { return self.split(fraction, seed) };
        let (order, held_out) = self.draw(fraction, seed)?;
        let mut left = shares(labels, *classes, held_out);
        let is_held_out = |index: &u32| {
            let left = &mut left[labels[*index as usize] as usize];
            let held_out = *left > 0;
            *left -= usize::from(held_out);
            held_out
        };
        let (validation, training) = order.into_iter().partition(is_held_out);
        self.parts(training, validation)
    }

    /// A random order of the examples, and how many of them a `fraction` is.
    fn draw(&self, fraction: f64, seed: u64) -> Result<(Vec<u32>, usize), Error> {
        let held_out = (fraction * self.len() as f64).round();
        if !(fraction > 0.0 && fraction < 1.0 && held_out >= 1.0 && held_out < self.len() as f64) {
            let expected = format!("between 0 and 1, leaving some of {} examples on each side", self.len());
            return Err(Error::argument("fraction for validation", expected, fraction));
        }
        // The seed differs from the one that shuffles the epochs, because the two orders must not be related.
        let mut shuffle = Shuffle::new(self.len(), seed ^ u64::from_le_bytes(*b"validate"))?;
        shuffle.begin_epoch();
        Ok((shuffle.order().to_vec(), held_out as usize))
    }

    fn parts(&self, mut training: Vec<u32>, mut validation: Vec<u32>) -> Result<(Self, Self), Error> {
        training.sort_unstable();
        validation.sort_unstable();
        Ok((self.subset(&training)?, self.subset(&validation)?))
    }
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
