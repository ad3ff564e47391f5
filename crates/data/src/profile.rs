//! The inputs of a dataset in a few figures.

use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, Row};

/// The inputs of a dataset in a few figures. A network's file keeps those of the training set, so that other data can be held against them.
///
/// Pixels of bytes count as numbers from 0 to 1. Up to 256 examples are looked at, spread over the set.
///
/// ```
/// use minibatch_data::Dataset;
///
/// // Two pictures, light on dark.
/// let pixels = [[0_u8, 0, 0, 0, 255, 0, 0, 0, 0]; 2].concat();
/// let profile = Dataset::from_classes(pixels, &[3, 3], vec![0, 1])?.profile();
/// assert_eq!((profile.mean, profile.border), (1.0 / 9.0, Some(0.0)));
/// // The same, dark on light.
/// let pixels = [[255_u8, 255, 255, 255, 0, 255, 255, 255, 255]; 2].concat();
/// let other = Dataset::from_classes(pixels, &[3, 3], vec![0, 1])?.profile();
/// assert!(profile.is_far(&other) && !profile.is_far(&profile));
/// # Ok::<(), minibatch_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InputProfile {
    /// The shape of an example.
    pub example_shape: Vec<usize>,
    /// Whether the inputs are pixels as bytes.
    pub are_bytes: bool,
    /// Whether rows and columns were exchanged ([`Dataset::transposed`]).
    pub is_transposed: bool,
    /// The mean of all inputs.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// The mean of the pixels at the border, if the examples are pictures.
    pub border: Option<f64>,
    /// The mean of the pixels in the two outermost rows and columns, if the examples are pictures of so many.
    pub margin: Option<f64>,
}

impl InputProfile {
    /// Whether inputs like `other` are so far from these that a network trained on these can't be expected to understand them: on
    /// another scale, or light where these are dark.
    #[must_use]
    pub fn is_far(&self, other: &InputProfile) -> bool {
        /// Deviations that the mean may be off.
        const OFF: f64 = 2.0;
        /// How often larger or smaller the deviation may be.
        const TIMES: f64 = 4.0;
        let is_off = (other.mean - self.mean).abs() > OFF * self.deviation.max(1e-6);
        // A single picture may well be blank.
        let is_spread = other.deviation > TIMES * self.deviation;
        is_off || is_spread || self.is_inverted(other)
    }

    /// Whether the pictures of `other` are dark on light where these are light on dark, or the other way round.
    #[must_use]
    pub fn is_inverted(&self, other: &InputProfile) -> bool {
        /// Deviations that the border must be off the mean, to be paper with something else on it.
        const LEAST: f64 = 0.15;
        let paper =
            |profile: &InputProfile| Some((profile.border? - profile.mean) / profile.deviation.max(1e-6));
        match (paper(self), paper(other)) {
            (Some(one), Some(two)) => one * two < 0.0 && one.abs() > LEAST && two.abs() > LEAST,
            _ => false,
        }
    }

    /// Whether the pictures are digits as MNIST has them: square, grey, light on black, with an empty margin.
    #[must_use]
    pub fn is_like_mnist(&self) -> bool {
        let is_square = matches!(*self.example_shape, [rows, columns] if rows == columns);
        is_square && self.are_bytes && self.mean < 0.5 && self.margin.is_some_and(|margin| margin < 0.004)
    }

    /// The reason why this is no profile of a network with so many inputs, if there is one. What a file holds isn't believed before
    /// it is checked.
    #[must_use]
    pub fn defect(&self, inputs: usize) -> Option<String> {
        let numbers = [Some(self.mean), Some(self.deviation), self.border, self.margin];
        if numbers.into_iter().flatten().any(|x| !x.is_finite()) || self.deviation < 0.0 {
            return Some("its figures aren't finite".to_owned());
        }
        let found = self.example_shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim));
        (found != Some(inputs))
            .then(|| format!("examples of shape {:?}, for {inputs} inputs", self.example_shape))
    }
}

impl Dataset {
    /// The inputs in a few figures.
    #[must_use]
    pub fn profile(&self) -> InputProfile {
        let profile = InputProfile::of_rows(self.len(), self.example_shape(), |index| self.input(index));
        InputProfile { is_transposed: self.is_transposed(), ..profile }
    }
}

impl InputProfile {
    /// The profile of so many examples of this shape, at least one.
    ///
    /// # Panics
    /// If an example is shorter than its shape.
    #[must_use]
    pub fn of_rows<'r>(len: usize, shape: &[usize], input: impl Fn(usize) -> Row<'r>) -> InputProfile {
        /// Examples that are looked at.
        const MOST: usize = 256;
        let (examples, inputs) = (len.min(MOST), shape.iter().product::<usize>());
        let (mut all, mut border, mut margin) = (Sum::default(), Sum::default(), Sum::default());
        let picture = match *shape {
            [rows, columns] => Some((rows, columns, 1)),
            [rows, columns, channels @ 1..=4] => Some((rows, columns, channels)),
            _ => None,
        };
        for index in (0..examples).map(|i| i * len / examples) {
            let row = input(index);
            let value = |i: usize| match row {
                Row::Bytes(bytes) => f64::from(bytes[i]) / 255.0,
                Row::Floats(floats) => f64::from(floats[i]),
            };
            (0..inputs).for_each(|i| all.add(value(i)));
            let Some((rows, columns, channels)) = picture else { continue };
            for row in 0..rows {
                let ring = |column: usize| row.min(rows - 1 - row).min(column).min(columns - 1 - column);
                for column in (0..columns).filter(|&column| ring(column) < 2) {
                    for channel in 0..channels {
                        let x = value((row * columns + column) * channels + channel);
                        margin.add(x);
                        if ring(column) == 0 {
                            border.add(x);
                        }
                    }
                }
            }
        }
        InputProfile {
            example_shape: shape.to_vec(),
            are_bytes: matches!(input(0), Row::Bytes(_)),
            is_transposed: false,
            mean: all.mean(),
            deviation: (all.squares / all.count - all.mean() * all.mean()).max(0.0).sqrt(),
            border: picture.map(|_| border.mean()),
            margin: picture.filter(|(rows, columns, _)| rows.min(columns) > &4).map(|_| margin.mean()),
        }
    }
}

#[derive(Default)]
struct Sum {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        self.sum += x;
        self.squares += x * x;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }
}
