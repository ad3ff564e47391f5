//! What is measured where targets are classes.

use crate::network::activation::Range;
use crate::network::cost::Outputs;
use minibatch_kernels::argmax;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The ranks k for which top-k accuracy is measured, where there are more than k classes.
const RANKS: [usize; 3] = [2, 3, 5];

/// Bins of the calibration error, as Guo et al. have them.
const BINS: usize = 15;

/// Classes up to which there is a confusion matrix. It has 8 MB then.
pub(crate) const LARGEST_MATRIX: usize = 1024;

/// Mistakes that are listed.
const MISTAKES: usize = 20;

/// The quality of a network's answers where each example has one class. The answer is the largest output, of equal ones the first.
///
/// The classes are the network's outputs. The measures are those of scikit-learn, with `zero_division=0`: a fraction whose
/// denominator is 0 counts as 0.
///
/// | measure | scikit-learn's function |
/// |---|---|
/// | `accuracy` | `accuracy_score` |
/// | `top` | `top_k_accuracy_score` |
/// | `by_class` | `precision_recall_fscore_support` with `labels=range(n)` |
/// | `macro_mean`, `weighted_mean` | the same with `average="macro"` and `"weighted"`, without `labels` |
/// | `confusion` | `confusion_matrix` with `labels=range(n)` |
/// | `log_loss` | `log_loss` with `labels=range(n)`, of probabilities in float32 |
///
/// Log loss and calibration error need the probabilities of the classes:
///
/// - Softmax gives them, and its outputs are taken as they are.
/// - Sigmoid, and any activation whose [range](crate::activation::Range) is `Unit`, gives each class a probability of its own. The
///   outputs are divided by their sum, as scikit-learn's `OneVsRestClassifier.predict_proba` does. If all are 0, they stay 0.
/// - Other outputs are no probabilities. Both measures are `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassMetrics {
    /// The fraction of examples answered with their class.
    pub accuracy: f64,
    /// Top-k accuracy for k = 2, 3 and 5, each where there are more than k classes.
    pub top: Vec<TopK>,
    /// The mean of −ln p over the examples, p the probability of an example's class. p is kept within [ε, 1 − ε], ε = 2⁻²³ being
    /// the spacing of f32 at 1.
    pub log_loss: Option<f64>,
    /// The expected calibration error Σ_m (|B_m|/n)·|acc(B_m) − conf(B_m)|. B_m has the examples whose answer has a probability in
    /// ((m − 1)/15, m/15], m = 1, …, 15; acc is the fraction of them that is right, conf the mean of these probabilities.
    /// (Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017.)
    pub calibration_error: Option<f64>,
    /// A score for each class, class 0 first.
    pub by_class: Vec<ClassScore>,
    /// The mean over the classes that occur, among the examples or among the answers.
    pub macro_mean: ClassMean,
    /// The mean over the classes, weighted by their examples.
    pub weighted_mean: ClassMean,
    /// Numbers of examples: a row for each class, a column for each answer. `None` if there are more than 1,024 classes.
    pub confusion: Option<Vec<Vec<usize>>>,
    /// The 20 most frequent wrong answers, the most frequent first.
    pub mistakes: Vec<Mistake>,
}

/// Top-k accuracy: the fraction of examples whose class is among the k largest outputs. Of equal outputs the first is the larger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TopK {
    /// k
    pub k: usize,
    /// The fraction.
    pub accuracy: f64,
}

/// The score of one class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassScore {
    /// The class.
    pub class: usize,
    /// The fraction of the answers with this class that are right.
    pub precision: f64,
    /// The fraction of the class's examples that are answered with it.
    pub recall: f64,
    /// F1 = 2·precision·recall/(precision + recall), their harmonic mean.
    pub f1: f64,
    /// Examples of the class.
    pub support: usize,
    /// Examples that are answered with the class.
    pub answers: usize,
}

impl ClassScore {
    pub(super) fn new(class: usize, right: usize, support: usize, answers: usize) -> ClassScore {
        ClassScore {
            class,
            precision: fraction(right, answers),
            recall: fraction(right, support),
            f1: fraction(2 * right, support + answers),
            support,
            answers,
        }
    }

    /// True if the class is hardly ever answered: it has 10 examples or more, and fewer answers than 1% of their number.
    #[must_use]
    pub fn is_neglected(&self) -> bool {
        self.support >= 10 && 100 * self.answers < self.support
    }
}

/// Means over classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassMean {
    /// Of their precisions.
    pub precision: f64,
    /// Of their recalls.
    pub recall: f64,
    /// Of their F1.
    pub f1: f64,
}

impl ClassMean {
    /// The mean with these weights, or 0 if they are.
    pub(super) fn new<'a>(scores: impl Iterator<Item = (f64, &'a ClassScore)>) -> ClassMean {
        let (mut mean, mut weights) = (ClassMean::default(), 0.0);
        for (weight, score) in scores {
            mean.precision += weight * score.precision;
            mean.recall += weight * score.recall;
            mean.f1 += weight * score.f1;
            weights += weight;
        }
        if weights > 0.0 {
            [&mut mean.precision, &mut mean.recall, &mut mean.f1].into_iter().for_each(|sum| *sum /= weights);
        }
        mean
    }
}

/// A wrong answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mistake {
    /// The class of the examples.
    pub class: usize,
    /// The answer.
    pub answer: usize,
    /// Examples of the class that get this answer.
    pub examples: usize,
}

impl ClassMetrics {
    /// The class with the lowest recall. The first of equal ones counts, and only classes that have examples.
    ///
    /// ```
    /// use minibatch::{Network, Pool, data::synthetic};
    ///
    /// let digits = synthetic::generate(1, 100, 1)?;
    /// let network = Network::builder(784).layer(10).build()?;
    /// let metrics = network.metrics(&Pool::detect()?, &digits.test)?;
    /// let classes = metrics.classes().expect("the targets are classes");
    /// let worst = classes.worst().expect("there are examples");
    /// assert!(classes.by_class.iter().all(|score| score.support == 0 || score.recall >= worst.recall));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn worst(&self) -> Option<&ClassScore> {
        let scores = self.by_class.iter().filter(|score| score.support > 0);
        scores.min_by(|one, other| one.recall.total_cmp(&other.recall))
    }

    /// The classes that are hardly ever [answered](ClassScore::is_neglected).
    pub fn neglected(&self) -> impl Iterator<Item = &ClassScore> {
        self.by_class.iter().filter(|score| score.is_neglected())
    }
}

/// A part of a whole, 0 if there is nothing.
fn fraction(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Examples whose answers have about the same probability.
#[derive(Clone, Copy, Default)]
struct Bin {
    correct: usize,
    examples: usize,
    confidence: f64,
}

/// The contribution of a tranche of examples.
#[derive(Clone, Default)]
pub(super) struct ClassTally {
    /// The answer to each example.
    answers: Vec<u32>,
    /// Examples whose class is among the k largest outputs, for each of [`RANKS`].
    top: [usize; RANKS.len()],
    /// Sums over the examples. `None` if the outputs aren't probabilities.
    probabilities: Option<Probabilities>,
}

/// What is summed of probabilities.
#[derive(Clone, Copy, Default)]
struct Probabilities {
    /// Σ −ln p
    loss: f64,
    bins: [Bin; BINS],
}

impl ClassTally {
    /// The tally of examples with these labels, of so many classes, and outputs.
    pub(super) fn new(labels: &[u32], classes: usize, outputs: Outputs<'_>) -> ClassTally {
        let range = outputs.activation.range();
        let probabilities = (range >= Range::Unit).then(Probabilities::default);
        let mut tally = ClassTally { probabilities, ..ClassTally::default() };
        for (row, &label) in labels.iter().enumerate() {
            let (a, label) = (outputs.a.row(row), label as usize);
            // One output is the probability of the second of two classes.
            let of_two = if let (&[a], 2) = (a, classes) { [1.0 - a, a] } else { [0.0; 2] };
            let a = if a.len() == 1 && classes == 2 { &of_two[..] } else { a };
            let answer = argmax(a);
            tally.answers.push(answer as u32);
            // A right answer needs no look at the others.
            let before = if answer == label { 0 } else { larger(a, label) };
            for (count, k) in tally.top.iter_mut().zip(RANKS) {
                *count += usize::from(before < k);
            }
            if let Some(sums) = &mut tally.probabilities {
                let [of_label, of_answer] =
                    [label, answer].map(|class| probability(a, class, classes, range));
                sums.add(of_label, of_answer, answer == label);
            }
        }
        tally
    }

    pub(super) fn add_all(&mut self, others: &ClassTally) {
        self.answers.extend_from_slice(&others.answers);
        self.top.iter_mut().zip(others.top).for_each(|(sum, other)| *sum += other);
        if let Some(others) = &others.probabilities {
            self.probabilities.get_or_insert_default().add_all(others);
        }
    }

    /// The metrics of all examples, whose labels these are.
    pub(super) fn metrics(&self, labels: &[u32], classes: usize) -> ClassMetrics {
        let mut counts = vec![[0; 3]; classes];
        let pairs =
            || labels.iter().map(|&label| label as usize).zip(self.answers.iter().map(|&a| a as usize));
        for (label, answer) in pairs() {
            counts[label][0] += usize::from(label == answer);
            counts[label][1] += 1;
            counts[answer][2] += 1;
        }
        let score = |(class, [right, support, answers]): (usize, [usize; 3])| {
            ClassScore::new(class, right, support, answers)
        };
        let by_class: Vec<ClassScore> = counts.into_iter().enumerate().map(score).collect();
        let right = pairs().filter(|(label, answer)| label == answer).count();
        let confusion = (classes <= LARGEST_MATRIX).then(|| {
            let mut matrix = vec![vec![0; classes]; classes];
            pairs().for_each(|(label, answer)| matrix[label][answer] += 1);
            matrix
        });
        let examples = labels.len();
        let top = |(k, &count): (usize, &usize)| TopK { k, accuracy: fraction(count, examples) };
        let occurring = by_class.iter().filter(|score| score.support + score.answers > 0);
        ClassMetrics {
            accuracy: fraction(right, examples),
            top: RANKS.into_iter().zip(&self.top).filter(|(k, _)| *k < classes).map(top).collect(),
            log_loss: self.probabilities.map(|sums| sums.loss / examples as f64),
            calibration_error: self.probabilities.map(|sums| sums.calibration_error(examples)),
            macro_mean: ClassMean::new(occurring.map(|score| (1.0, score))),
            weighted_mean: ClassMean::new(by_class.iter().map(|score| (score.support as f64, score))),
            confusion,
            mistakes: mistakes(pairs().filter(|(label, answer)| label != answer).collect()),
            by_class,
        }
    }
}

impl Probabilities {
    /// Adds an example: the probability of its class, that of the answer, and whether the answer is right.
    fn add(&mut self, of_class: f64, of_answer: f64, is_right: bool) {
        const EPSILON: f64 = f32::EPSILON as f64;
        self.loss -= libm::log(of_class.clamp(EPSILON, 1.0 - EPSILON));
        let bin = (of_answer * BINS as f64).ceil() as usize;
        let bin = &mut self.bins[bin.clamp(1, BINS) - 1];
        bin.examples += 1;
        bin.correct += usize::from(is_right);
        bin.confidence += of_answer;
    }

    fn add_all(&mut self, others: &Probabilities) {
        self.loss += others.loss;
        for (bin, other) in self.bins.iter_mut().zip(&others.bins) {
            bin.examples += other.examples;
            bin.correct += other.correct;
            bin.confidence += other.confidence;
        }
    }

    /// Σ_m (|B_m|/n)·|acc(B_m) − conf(B_m)|, which is Σ_m |right in B_m − sum of confidences in B_m|/n.
    fn calibration_error(&self, examples: usize) -> f64 {
        let gap = |bin: &Bin| (bin.correct as f64 - bin.confidence).abs();
        self.bins.iter().map(gap).sum::<f64>() / examples as f64
    }
}

/// The probability of a class by the outputs of an example, which have this range: the class's output, divided by the sum of all where they
/// are probabilities of their own. Outputs that aren't probabilities are taken as they are. One output for two `classes` is the
/// probability of the second.
pub(in super::super) fn probability(a: &[f32], class: usize, classes: usize, range: Range) -> f64 {
    if let (&[second], 2) = (a, classes) {
        return if class == 1 { f64::from(second) } else { f64::from(1.0 - second) };
    }
    let own = f64::from(a[class]);
    if range != Range::Unit {
        return own;
    }
    match a.iter().map(|&a| f64::from(a)).sum::<f64>() {
        0.0 => own,
        sum => own / sum,
    }
}

/// The number of outputs that are larger than that of `class`. The order is that of [`argmax`]: NaN comes last, and of equal
/// outputs the first is the larger.
fn larger(a: &[f32], class: usize) -> usize {
    let own = a[class];
    let is_larger = |(j, other): (usize, &f32)| match other.partial_cmp(&own) {
        Some(Ordering::Equal) => j < class,
        Some(order) => order == Ordering::Greater,
        None => own.is_nan() && (j < class || !other.is_nan()),
    };
    a.iter().enumerate().filter(|&(j, other)| is_larger((j, other))).count()
}

/// The most frequent of the wrong answers (class, answer).
fn mistakes(mut wrong: Vec<(usize, usize)>) -> Vec<Mistake> {
    wrong.sort_unstable();
    let count =
        |same: &[(usize, usize)]| Mistake { class: same[0].0, answer: same[0].1, examples: same.len() };
    let mut mistakes: Vec<Mistake> = wrong.chunk_by(|one, other| one == other).map(count).collect();
    mistakes.sort_by_key(|mistake| std::cmp::Reverse(mistake.examples));
    mistakes.truncate(MISTAKES);
    mistakes
}
