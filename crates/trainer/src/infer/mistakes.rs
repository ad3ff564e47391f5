//! The examples that a network answers worst.

use super::metrics::probability;
use super::pass::pass;
use crate::answer;
use crate::error::Error;
use crate::network::Network;
use minibatch_data::{Dataset, Targets};
use minibatch_kernels::Pool;
use serde::{Deserialize, Serialize};

/// An example that is answered with another class than its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WrongAnswer {
    /// The index of the example in the dataset.
    pub example: usize,
    /// Its class.
    pub class: usize,
    /// The class that the network answers with.
    pub answer: usize,
    /// The probability of the answer, as [`ClassMetrics`](crate::ClassMetrics) has it. If the outputs are no probabilities, it is the
    /// answer's output.
    pub confidence: f64,
}

/// An output that is far from its target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LargeError {
    /// The index of the example in the dataset.
    pub example: usize,
    /// The index of the output.
    pub output: usize,
    /// The target, in the units of the table if the network has a [preparation](Network::preparation).
    pub target: f64,
    /// The output, in the same units.
    pub answer: f64,
}

impl Network {
    /// The wrong answers on `data`, those of the greatest confidence first, at most so many. Equally confident ones are in the order of
    /// the data. The list is empty if the targets aren't classes.
    ///
    /// ```
    /// use minibatch::{Dataset, Network, Pool};
    ///
    /// // One layer that answers with the larger input.
    /// let mut network = Network::builder(2).layer(2).build()?;
    /// let layer = &mut network.layers_mut()[0];
    /// (0..2).for_each(|j| (0..2).for_each(|k| layer.set_weight(j, k, if j == k { 4.0 } else { -4.0 })));
    /// layer.biases_mut().fill(0.0);
    ///
    /// let data = Dataset::from_classes(vec![1.0f32, 0.0, 0.6, 0.5, 0.0, 1.0], &[2], vec![1, 1, 1])?;
    /// let wrong = network.wrong_answers(&Pool::detect()?, &data, 10)?;
    /// assert_eq!(wrong.iter().map(|it| (it.example, it.answer)).collect::<Vec<_>>(), [(0, 0), (1, 0)]);
    /// assert!(wrong[0].confidence > 0.9 && wrong[1].confidence < 0.7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn wrong_answers(&self, pool: &Pool, data: &Dataset, most: usize) -> Result<Vec<WrongAnswer>, Error> {
        self.check_shape(data)?;
        let Targets::Classes { labels, classes } = data.targets() else { return Ok(Vec::new()) };
        let of_tranches = pass(self, pool, data, |examples, outputs| {
            let wrong = examples.enumerate().filter_map(|(row, example)| {
                let (a, class) = (outputs.a.row(row), labels[example] as usize);
                let answer = answer::class(a, *classes);
                let confidence = probability(a, answer, *classes, outputs.activation.range());
                (answer != class).then_some(WrongAnswer { example, class, answer, confidence })
            });
            worst(wrong.collect(), most, |wrong| wrong.confidence)
        });
        Ok(worst(of_tranches.concat(), most, |wrong| wrong.confidence))
    }

    /// The outputs on `data` that are furthest from their targets, the furthest first, at most so many. Equally far ones are in the
    /// order of the data. The values of a table are compared as they were standardised, because their units differ. The list is empty if
    /// the targets are classes.
    ///
    /// ```
    /// use minibatch::{Dataset, Network, Pool, activation::Identity};
    ///
    /// let mut network = Network::builder(1).layer_with(1, Identity).build()?;
    /// network.layers_mut()[0].set_weight(0, 0, 2.0);
    /// network.layers_mut()[0].biases_mut().fill(0.0);
    ///
    /// let data = Dataset::from_values(vec![1.0f32, 2.0, 3.0], &[1], vec![2.0, 9.0, 7.0], 1)?;
    /// let far = network.largest_errors(&Pool::detect()?, &data, 2)?;
    /// assert_eq!((far[0].example, far[0].target, far[0].answer), (1, 9.0, 4.0));
    /// assert_eq!((far[1].example, far[1].target, far[1].answer), (2, 7.0, 6.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn largest_errors(&self, pool: &Pool, data: &Dataset, most: usize) -> Result<Vec<LargeError>, Error> {
        self.check_shape(data)?;
        if let Targets::Classes { .. } = data.targets() {
            return Ok(Vec::new());
        }
        let columns = self.preparation().and_then(|preparation| preparation.values());
        let in_units = |output: usize, x: f32| columns.map_or(f64::from(x), |all| all[output].value(x));
        let distance = |(_, _, target, answer): &(usize, usize, f32, f32)| f64::from((answer - target).abs());
        let of_tranches = pass(self, pool, data, |examples, outputs| {
            let all = examples.enumerate().flat_map(|(row, example)| {
                let pairs = outputs.y.row(row).iter().zip(outputs.a.row(row)).enumerate();
                pairs.map(move |(output, (&target, &answer))| (example, output, target, answer))
            });
            worst(all.collect(), most, distance)
        });
        let furthest = worst(of_tranches.concat(), most, distance).into_iter();
        let in_units = |(example, output, target, answer)| {
            let [target, answer] = [target, answer].map(|x| in_units(output, x));
            LargeError { example, output, target, answer }
        };
        Ok(furthest.map(in_units).collect())
    }
}

/// The elements with the greatest badness, the greatest first, at most `most` of them. Of equally bad ones the first comes first, and NaN
/// is worse than any number.
fn worst<T>(mut all: Vec<T>, most: usize, badness: impl Fn(&T) -> f64) -> Vec<T> {
    let badness = |one: &T| Some(badness(one)).filter(|it| !it.is_nan()).unwrap_or(f64::INFINITY);
    all.sort_by(|one, other| badness(other).total_cmp(&badness(one)));
    all.truncate(most);
    all
}
