//! All that is measured of a network on a dataset, in one pass: [`Metrics`].
//!
//! [`classes`] has what is measured where targets are classes, [`labels`](mod@labels) where they are labels, [`values`] where they are values.

mod classes;
mod labels;
mod values;

pub(crate) use classes::LARGEST_MATRIX;
pub(super) use classes::probability;
pub use classes::{ClassMean, ClassMetrics, ClassScore, Mistake, TopK};
pub use labels::LabelMetrics;
pub use values::ValueMetrics;

use super::evaluation::{Evaluation, Tally};
use super::pass::pass;
use crate::error::Error;
use crate::network::Network;
use classes::ClassTally;
use labels::LabelTally;
use minibatch_data::{Dataset, Targets};
use minibatch_kernels::Pool;
use serde::{Deserialize, Serialize};

/// All that is measured of a network on a dataset. [`Network::metrics`] measures it.
///
/// In serde's formats it has the fields `evaluation`, and `classes`, `labels` or `values`.
///
/// ```
/// use minibatch::{Dataset, Metrics, Network, Pool};
///
/// // One layer that answers with the larger input.
/// let mut network = Network::builder(2).layer(2).build()?;
/// let layer = &mut network.layers_mut()[0];
/// (0..2).for_each(|j| (0..2).for_each(|k| layer.set_weight(j, k, if j == k { 4.0 } else { 0.0 })));
/// layer.biases_mut().fill(-2.0);
///
/// // Two examples of class 0, of which one is taken for class 1, and one of class 1.
/// let data = Dataset::from_classes(vec![1.0f32, 0.0, 0.0, 1.0, 0.25, 1.0], &[2], vec![0, 0, 1])?;
/// let metrics: Metrics = network.metrics(&Pool::detect()?, &data)?;
/// assert_eq!(metrics.evaluation.correct(), Some(2));
/// let classes = metrics.classes().expect("the targets are classes");
/// assert_eq!(classes.confusion, Some(vec![vec![1, 1], vec![0, 1]]));
/// assert_eq!((classes.by_class[0].precision, classes.by_class[0].recall), (1.0, 0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Cost and score, with the bits that [`Network::evaluate`] gives.
    pub evaluation: Evaluation,
    /// The measures that the kind of the targets calls for.
    #[serde(flatten)]
    pub measures: Measures,
}

/// The measures that the kind of the targets calls for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Measures {
    /// For targets that are classes.
    Classes(ClassMetrics),
    /// For targets that are values.
    Values(ValueMetrics),
    /// For targets that are labels.
    Labels(LabelMetrics),
}

impl Metrics {
    /// The measures for classes, if the targets are classes.
    #[must_use]
    pub fn classes(&self) -> Option<&ClassMetrics> {
        match &self.measures {
            Measures::Classes(classes) => Some(classes),
            Measures::Values(_) | Measures::Labels(_) => None,
        }
    }

    /// The measures for labels, if the targets are labels.
    #[must_use]
    pub fn labels(&self) -> Option<&LabelMetrics> {
        match &self.measures {
            Measures::Labels(labels) => Some(labels),
            Measures::Classes(_) | Measures::Values(_) => None,
        }
    }

    /// The measures for values, if the targets are values.
    #[must_use]
    pub fn values(&self) -> Option<&ValueMetrics> {
        match &self.measures {
            Measures::Classes(_) | Measures::Labels(_) => None,
            Measures::Values(values) => Some(values),
        }
    }
}

impl Network {
    /// All that is measured of this network on `data`, in one pass over them.
    ///
    /// The pool's members share the examples out as in [`evaluate`](Self::evaluate). Every sum is in f64 and taken in order, so the
    /// bits don't depend on the number of threads. Weights of examples don't count.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn metrics(&self, pool: &Pool, data: &Dataset) -> Result<Metrics, Error> {
        self.check_shape(data)?;
        let mut whole = Tally::default();
        if let Targets::Labels { width, .. } = data.targets() {
            let tallies = pass(self, pool, data, |examples, outputs| {
                let labels = LabelTally::new(outputs);
                (Tally::new(self, data, examples, outputs), labels)
            });
            let mut labels = LabelTally::default();
            for (tally, of_labels) in &tallies {
                whole.add_all(tally);
                labels.add_all(of_labels);
            }
            let measures = Measures::Labels(labels.metrics(*width, data.len()));
            return Ok(Metrics { evaluation: whole.evaluation(self, data).0, measures });
        }
        let Targets::Classes { labels, classes: count } = data.targets() else {
            let tallies =
                pass(self, pool, data, |examples, outputs| Tally::new(self, data, examples, outputs));
            tallies.iter().for_each(|tally| whole.add_all(tally));
            let (evaluation, by_output) = whole.evaluation(self, data);
            return Ok(Metrics { evaluation, measures: Measures::Values(ValueMetrics::new(by_output)) });
        };
        let tallies = pass(self, pool, data, |examples, outputs| {
            let classes = ClassTally::new(&labels[examples.clone()], *count, outputs);
            (Tally::new(self, data, examples, outputs), classes)
        });
        let mut classes = ClassTally::default();
        for (tally, of_classes) in &tallies {
            whole.add_all(tally);
            classes.add_all(of_classes);
        }
        let measures = Measures::Classes(classes.metrics(labels, self.outputs().max(*count)));
        Ok(Metrics { evaluation: whole.evaluation(self, data).0, measures })
    }
}
