//! The evaluation of a network on a dataset: cost and accuracy, or fit.

use super::pass::pass;
use crate::answer;
use crate::error::Error;
use crate::network::Network;
use crate::network::cost::Outputs;
use minibatch_data::{Dataset, Targets};
use minibatch_kernels::Pool;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use std::ops::Range;

/// A network's result on a dataset.
///
/// In serde's formats the figures stand side by side: `cost`, then `accuracy` and `correct`, or `rmse`, `mae` and `r_squared`, then
/// `examples`. The accuracy is for readers; when an evaluation is read, it follows from the others.
///
/// ```
/// use minibatch::{Evaluation, Score};
///
/// let evaluation = Evaluation { cost: 0.25, examples: 8, score: Score::Classes { correct: 6 } };
/// let text = serde_json::to_string(&evaluation)?;
/// assert_eq!(text, r#"{"cost":0.25,"accuracy":0.75,"correct":6,"examples":8}"#);
/// assert_eq!(serde_json::from_str::<Evaluation>(&text)?, evaluation);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Evaluation {
    /// Mean cost per example, in the units of the table where the network learns one value of it.
    pub cost: f64,
    /// Number of examples.
    pub examples: usize,
    /// The quality of the outputs, measured as the targets' kind demands.
    #[serde(flatten)]
    pub score: Score,
}

impl Serialize for Evaluation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Evaluation { cost, examples, score } = self;
        let figures = if self.correct().is_some() { 2 } else { 3 };
        let mut fields = serializer.serialize_struct("Evaluation", 2 + figures)?;
        fields.serialize_field("cost", cost)?;
        match score {
            Score::Classes { correct } => {
                fields.serialize_field("accuracy", &self.accuracy())?;
                fields.serialize_field("correct", correct)?;
            }
            Score::Values(Fit { rmse, mae, r_squared }) => {
                fields.serialize_field("rmse", rmse)?;
                fields.serialize_field("mae", mae)?;
                fields.serialize_field("r_squared", r_squared)?;
            }
        }
        fields.serialize_field("examples", examples)?;
        fields.end()
    }
}

/// The quality of outputs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Score {
    /// For targets that are classes or labels.
    Classes {
        /// Examples that are answered with their class, or with all of their labels.
        correct: usize,
    },
    /// For targets that are values.
    Values(Fit),
}

/// The fit of outputs to values, in the units of the table where the network has a [preparation](Network::preparation).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Root mean squared error, over all examples and outputs.
    pub rmse: f64,
    /// Mean absolute error, over all examples and outputs.
    pub mae: f64,
    /// R² = 1 − Σ(a − y)²/Σ(y − ȳ)² of each output, ȳ its mean target; of several outputs the mean of theirs. 1 is perfect, 0 as
    /// good as always answering ȳ, and no number is too low. If every target of an output is ȳ, its R² is 1 if all its answers are
    /// right, else 0. This is scikit-learn's `r2_score` with `multioutput="uniform_average"`.
    pub r_squared: f64,
}

impl Evaluation {
    /// Examples classified correctly, if the targets are classes; those of which every label is right, if they are labels.
    #[must_use]
    pub fn correct(&self) -> Option<usize> {
        match self.score {
            Score::Classes { correct } => Some(correct),
            Score::Values(_) => None,
        }
    }

    /// The fraction of examples classified correctly, if the targets are classes or labels.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        Some(self.correct()? as f64 / self.examples as f64)
    }

    /// The fit of the outputs, if the targets are values.
    #[must_use]
    pub fn fit(&self) -> Option<Fit> {
        match self.score {
            Score::Classes { .. } => None,
            Score::Values(fit) => Some(fit),
        }
    }
}

/// Sums over examples and outputs. They are taken over each tranche first, then over the tranches, both in order.
#[derive(Clone, Default)]
struct Residuals {
    squares: f64,
    magnitudes: f64,
    /// The squares and the magnitudes of each output. Empty before the first example.
    by_output: Vec<[f64; 2]>,
}

impl Residuals {
    /// Adds an example. `units` are those of the outputs, none if all are 1.
    fn add(&mut self, a: &[f32], y: &[f32], units: &[f64]) {
        self.by_output.resize(y.len(), [0.0; 2]);
        for (j, ((&a, &y), [squares, magnitudes])) in a.iter().zip(y).zip(&mut self.by_output).enumerate() {
            let residual = f64::from(a) - f64::from(y);
            let residual = units.get(j).map_or(residual, |unit| residual * unit);
            let (square, magnitude) = (residual * residual, residual.abs());
            self.squares += square;
            self.magnitudes += magnitude;
            *squares += square;
            *magnitudes += magnitude;
        }
    }

    fn add_all(&mut self, others: &Residuals) {
        self.squares += others.squares;
        self.magnitudes += others.magnitudes;
        self.by_output.resize(others.by_output.len(), [0.0; 2]);
        for (sums, others) in self.by_output.iter_mut().zip(&others.by_output) {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        }
    }

    /// The fit of each output to its targets, which are row-major in rows of `width`.
    fn by_output(&self, targets: &[f32], width: usize, units: &[f64]) -> Vec<Fit> {
        let rows = (targets.len() / width) as f64;
        let mut means = vec![0.0; width];
        for row in targets.chunks_exact(width) {
            means.iter_mut().zip(row).for_each(|(sum, &y)| *sum += f64::from(y));
        }
        // One division at the end, so that the mean of equal targets is their value, and their spread 0.
        means.iter_mut().for_each(|mean| *mean /= rows);
        let mut spreads = vec![0.0; width];
        for row in targets.chunks_exact(width) {
            for ((spread, &y), mean) in spreads.iter_mut().zip(row).zip(&means) {
                *spread += (f64::from(y) - mean).powi(2);
            }
        }
        spreads.iter_mut().zip(units).for_each(|(spread, unit)| *spread *= unit * unit);
        let fit = |(&[squares, magnitudes], spread): (&[f64; 2], f64)| Fit {
            rmse: (squares / rows).sqrt(),
            mae: magnitudes / rows,
            r_squared: match spread > 0.0 {
                true => 1.0 - squares / spread,
                false if squares == 0.0 => 1.0,
                false => 0.0,
            },
        };
        self.by_output.iter().zip(spreads).map(fit).collect()
    }
}

/// The contribution of a tranche of examples to an evaluation.
#[derive(Clone, Default)]
pub(super) struct Tally {
    cost: f64,
    correct: usize,
    residuals: Residuals,
}

impl Tally {
    /// Cost and score of a tranche of `data`.
    pub(super) fn new(
        network: &Network,
        data: &Dataset,
        examples: Range<usize>,
        outputs: Outputs<'_>,
    ) -> Tally {
        let (mut tally, units) = (Tally::default(), network.output_units());
        for (row, example) in examples.enumerate() {
            match data.targets() {
                Targets::Classes { labels, classes } => {
                    let answer = answer::class(outputs.a.row(row), *classes);
                    tally.correct += usize::from(answer == labels[example] as usize);
                }
                Targets::Labels { .. } => {
                    let is_correct = answer::has_all_labels(outputs.a.row(row), outputs.y.row(row));
                    tally.correct += usize::from(is_correct);
                }
                _ => tally.residuals.add(outputs.a.row(row), outputs.y.row(row), &units),
            }
        }
        tally.cost = network.cost.total(outputs);
        tally
    }

    pub(super) fn add_all(&mut self, others: &Tally) {
        self.cost += others.cost;
        self.correct += others.correct;
        self.residuals.add_all(&others.residuals);
    }

    /// The evaluation of `network` on all of `data`, whose tallies these are, and the fit of each output if the targets are values.
    pub(super) fn evaluation(&self, network: &Network, data: &Dataset) -> (Evaluation, Vec<Fit>) {
        let (score, by_output) = match data.targets() {
            Targets::Values { data, width } => {
                let Residuals { squares, magnitudes, .. } = self.residuals;
                let (n, by_output) =
                    (data.len() as f64, self.residuals.by_output(data, *width, &network.output_units()));
                let r_squared = by_output.iter().map(|fit| fit.r_squared).sum::<f64>() / *width as f64;
                let fit = Fit { rmse: (squares / n).sqrt(), mae: magnitudes / n, r_squared };
                (Score::Values(fit), by_output)
            }
            _ => (Score::Classes { correct: self.correct }, Vec::new()),
        };
        let cost = network.cost_in_units(self.cost / data.len() as f64);
        (Evaluation { cost, examples: data.len(), score }, by_output)
    }
}

impl Network {
    /// The cost on `data`, and the accuracy or fit.
    ///
    /// The pool's members share the examples out in tranches of 256. The sums over a tranche, and over the tranches, are taken in
    /// order, so the result doesn't depend on which member computed which tranche. [`metrics`](Self::metrics) measures more.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn evaluate(&self, pool: &Pool, data: &Dataset) -> Result<Evaluation, Error> {
        self.check_shape(data)?;
        let tallies = pass(self, pool, data, |examples, outputs| Tally::new(self, data, examples, outputs));
        let mut whole = Tally::default();
        tallies.iter().for_each(|tally| whole.add_all(tally));
        Ok(whole.evaluation(self, data).0)
    }
}
