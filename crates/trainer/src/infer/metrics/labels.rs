//! The measures for targets that are labels, several for each example.

use super::classes::{ClassMean, ClassScore};
use crate::answer::is_yes;
use crate::network::cost::Outputs;
use serde::{Deserialize, Serialize};

/// The quality of a network's answers where each example has several labels, each yes or no. An output above ½ says yes.
///
/// The measures are those of scikit-learn, with `zero_division=0`, of a matrix of 0 and 1:
///
/// | measure | scikit-learn's function |
/// |---|---|
/// | [`Evaluation::accuracy`](crate::Evaluation::accuracy) | `accuracy_score`: every label of an example is right |
/// | `hamming_loss` | `hamming_loss` |
/// | `by_label` | `precision_recall_fscore_support` |
/// | `micro_mean`, `macro_mean`, `weighted_mean` | the same with `average="micro"`, `"macro"` and `"weighted"` |
///
/// ```
/// use minibatch::{Dataset, Network, Pool};
///
/// // A layer that passes its inputs through sigmoids, and two labels of which one answer is wrong.
/// let mut network = Network::builder(2).layer(2).build()?;
/// let layer = &mut network.layers_mut()[0];
/// (0..2).for_each(|j| (0..2).for_each(|k| layer.set_weight(j, k, if j == k { 1.0 } else { 0.0 })));
/// layer.biases_mut().fill(0.0);
/// let data = Dataset::from_labels(vec![2.0f32, -2.0, 2.0, 2.0], &[2], &[true, false, false, true], 2)?;
/// let metrics = network.metrics(&Pool::detect()?, &data)?;
/// let labels = metrics.labels().expect("the targets are labels");
/// assert_eq!((metrics.evaluation.accuracy(), labels.hamming_loss), (Some(0.5), 0.25));
/// assert_eq!((labels.by_label[0].precision, labels.by_label[0].recall), (0.5, 1.0));
/// assert_eq!((labels.micro_mean.f1, labels.macro_mean.f1), (0.8, (2.0 / 3.0 + 1.0) / 2.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LabelMetrics {
    /// The fraction of all labels that are answered wrong.
    pub hamming_loss: f64,
    /// A score for each label: its `class` is the label's number, its support the examples that have it.
    pub by_label: Vec<ClassScore>,
    /// Precision, recall and F1 over all labels together.
    pub micro_mean: ClassMean,
    /// The mean over the labels.
    pub macro_mean: ClassMean,
    /// The mean over the labels, weighted by the examples that have them.
    pub weighted_mean: ClassMean,
}

impl LabelMetrics {
    /// The label with the lowest F1, of equal ones the first. Only labels that an example has count.
    #[must_use]
    pub fn worst(&self) -> Option<&ClassScore> {
        let scores = self.by_label.iter().filter(|score| score.support > 0);
        scores.min_by(|one, other| one.f1.total_cmp(&other.f1))
    }
}

/// Examples by label: those that rightly get it, those that have it, those that get it.
#[derive(Clone, Default)]
pub(super) struct LabelTally(Vec<[usize; 3]>);

impl LabelTally {
    /// The tally of a tranche of examples.
    pub(super) fn new(outputs: Outputs<'_>) -> LabelTally {
        let mut counts = vec![[0; 3]; outputs.a.cols()];
        for row in 0..outputs.a.rows() {
            let answers = outputs.a.row(row).iter().zip(outputs.y.row(row));
            for (count, (&a, &y)) in counts.iter_mut().zip(answers) {
                let (says, has) = (is_yes(a), is_yes(y));
                let seen = [says && has, has, says].map(usize::from);
                count.iter_mut().zip(seen).for_each(|(sum, one)| *sum += one);
            }
        }
        LabelTally(counts)
    }

    pub(super) fn add_all(&mut self, others: &LabelTally) {
        self.0.resize(others.0.len(), [0; 3]);
        for (sums, others) in self.0.iter_mut().zip(&others.0) {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        }
    }

    /// The metrics of so many examples with `width` labels each.
    pub(super) fn metrics(&self, width: usize, examples: usize) -> LabelMetrics {
        let score = |(label, &[right, support, answers]): (usize, &[usize; 3])| {
            ClassScore::new(label, right, support, answers)
        };
        let by_label: Vec<ClassScore> = self.0.iter().enumerate().map(score).collect();
        let total = |i: usize| self.0.iter().map(|count| count[i]).sum::<usize>();
        let [right, support, answers] = [0, 1, 2].map(total);
        let together = ClassScore::new(0, right, support, answers);
        let wrong = support + answers - 2 * right;
        LabelMetrics {
            hamming_loss: wrong as f64 / (width * examples) as f64,
            micro_mean: ClassMean::new([(1.0, &together)].into_iter()),
            macro_mean: ClassMean::new(by_label.iter().map(|score| (1.0, score))),
            weighted_mean: ClassMean::new(by_label.iter().map(|score| (score.support as f64, score))),
            by_label,
        }
    }
}
