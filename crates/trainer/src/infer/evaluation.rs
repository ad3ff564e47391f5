//! The evaluation of a network on a dataset: cost and accuracy, or fit.

use super::inference::{Inference, TRANCHE};
use super::rows::Rows;
use crate::error::Error;
use crate::network::Network;
use crate::network::cost::Outputs;
use minibatch_data::{Dataset, Targets};
use minibatch_kernels::{Isa, Matrix, Pool, Solo, argmax};
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
    /// Mean cost per example.
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
    /// For targets that are classes.
    Classes {
        /// Examples whose largest output is their class.
        correct: usize,
    },
    /// For targets that are values.
    Values(Fit),
}

/// The fit of outputs to values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Root mean squared error, over all examples and outputs.
    pub rmse: f64,
    /// Mean absolute error, over all examples and outputs.
    pub mae: f64,
    /// R² = 1 − Σ(a − y)²/Σ(y − ȳ)², ȳ each output's mean target. 1 is perfect, 0 as good as always answering ȳ. If every target
    /// is ȳ, R² is 1 if all outputs are right, else 0.
    pub r_squared: f64,
}

impl Evaluation {
    /// Examples classified correctly, if the targets are classes.
    #[must_use]
    pub fn correct(&self) -> Option<usize> {
        match self.score {
            Score::Classes { correct } => Some(correct),
            Score::Values(_) => None,
        }
    }

    /// The fraction of examples classified correctly, if the targets are classes.
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
#[derive(Clone, Copy, Default)]
struct Residuals {
    squares: f64,
    magnitudes: f64,
}

impl Residuals {
    fn add(&mut self, a: &[f32], y: &[f32]) {
        for (&a, &y) in a.iter().zip(y) {
            let residual = f64::from(a) - f64::from(y);
            self.squares += residual * residual;
            self.magnitudes += residual.abs();
        }
    }

    fn add_all(&mut self, others: Residuals) {
        self.squares += others.squares;
        self.magnitudes += others.magnitudes;
    }

    /// The fit to all targets, row-major in rows of `width`.
    fn fit(&self, targets: &[f32], width: usize) -> Fit {
        let (n, rows) = (targets.len() as f64, targets.len() / width);
        let mut means = vec![0.0; width];
        for row in targets.chunks_exact(width) {
            means.iter_mut().zip(row).for_each(|(sum, &y)| *sum += f64::from(y));
        }
        // One division at the end, so that the mean of equal targets is their value, and their spread 0.
        means.iter_mut().for_each(|mean| *mean /= rows as f64);
        let spread = |(i, &y): (usize, &f32)| (f64::from(y) - means[i % width]).powi(2);
        let total: f64 = targets.iter().enumerate().map(spread).sum();
        let r_squared = match total > 0.0 {
            true => 1.0 - self.squares / total,
            false if self.squares == 0.0 => 1.0,
            false => 0.0,
        };
        Fit { rmse: (self.squares / n).sqrt(), mae: self.magnitudes / n, r_squared }
    }
}

/// The contribution of a tranche of examples to an evaluation.
#[derive(Clone, Copy, Default)]
struct Tally {
    cost: f64,
    correct: usize,
    residuals: Residuals,
}

/// The buffers and results of one member in an evaluation.
struct Evaluator {
    inference: Inference,
    /// Y of a tranche (TRANCHE × n_L)
    targets: Matrix,
    /// The tranches that the member took, with their tallies.
    tallies: Vec<(usize, Tally)>,
}

impl Evaluator {
    fn new(network: &Network, data: &Dataset) -> Evaluator {
        let rows = TRANCHE.min(data.len());
        Evaluator {
            inference: Inference::for_cost(network, rows),
            targets: Matrix::zeros(rows, network.outputs()),
            tallies: Vec::with_capacity(data.len().div_ceil(TRANCHE)),
        }
    }

    /// Cost and score of the outputs that were just computed for `examples` of `data`.
    fn tally(&mut self, isa: Isa, network: &Network, data: &Dataset, examples: Range<usize>) -> Tally {
        let mut tally = Tally::default();
        let outputs = self.inference.outputs();
        for (row, example) in examples.clone().enumerate() {
            let (target, output) = (self.targets.row_mut(row), outputs.row(row));
            match data.targets() {
                Targets::Values { data, width } => {
                    target.copy_from_slice(&data[example * width..][..*width]);
                    tally.residuals.add(output, target);
                }
                Targets::Classes { labels, .. } => {
                    let label = labels[example] as usize;
                    target.fill(0.0);
                    target[label] = 1.0;
                    tally.correct += usize::from(argmax(output) == label);
                }
                _ => unreachable!("targets are classes or values"),
            }
        }
        let rows = examples.len();
        tally.cost = network.cost.total(Outputs {
            isa,
            activation: network.layers[network.layers.len() - 1].activation(),
            z: self.inference.pre_activations().map(|z| z.top(rows)),
            a: outputs.top(rows),
            y: self.targets.top(rows),
        });
        tally
    }
}

impl Network {
    /// The cost on `data`, and the accuracy or fit.
    ///
    /// The pool's members share the examples out in tranches of 256. The sums over a tranche, and over the tranches, are taken in
    /// order, so the result doesn't depend on which member computed which tranche.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn evaluate(&self, pool: &Pool, data: &Dataset) -> Result<Evaluation, Error> {
        self.check_shape(data)?;
        let tranches = data.len().div_ceil(TRANCHE);
        let solo = |_| Solo::new(Evaluator::new(self, data));
        let mut solos: Vec<_> = (0..pool.members().min(tranches)).map(solo).collect();
        pool.run(|team| {
            team.share_out(&mut solos, tranches, |team, member, tranche| {
                let examples = tranche * TRANCHE..data.len().min((tranche + 1) * TRANCHE);
                member.inference.forward(team, self, Rows::Dataset(data), examples.clone());
                let tally = member.tally(team.isa(), self, data, examples);
                member.tallies.push((tranche, tally));
            });
        });
        let mut tallies: Vec<_> = solos.into_iter().flat_map(|solo| solo.into_state().tallies).collect();
        tallies.sort_unstable_by_key(|&(tranche, _)| tranche);
        let mut whole = Tally::default();
        for (_, tally) in tallies {
            whole.cost += tally.cost;
            whole.correct += tally.correct;
            whole.residuals.add_all(tally.residuals);
        }
        let score = match data.targets() {
            Targets::Values { data, width } => Score::Values(whole.residuals.fit(data, *width)),
            _ => Score::Classes { correct: whole.correct },
        };
        Ok(Evaluation { cost: whole.cost / data.len() as f64, examples: data.len(), score })
    }

    /// Whether `data` have this network's inputs, no more than its outputs, and targets that its cost takes.
    pub(crate) fn check_shape(&self, data: &Dataset) -> Result<(), Error> {
        if data.input_len() != self.inputs() {
            return Err(Error::Shape { what: "inputs", expected: self.inputs(), found: data.input_len() });
        }
        let (width, outputs) = (data.targets().width(), self.outputs());
        // A test set may lack the last classes. Values must fit exactly.
        let fits = if data.classes().is_some() { width <= outputs } else { width == outputs };
        if !fits {
            return Err(Error::Shape { what: "outputs", expected: outputs, found: width });
        }
        if let Targets::Values { data, .. } = data.targets() {
            for (i, y) in data.chunks_exact(outputs).enumerate() {
                if let Some(expected) = self.cost.target_defect(y) {
                    let cost = self.cost.label();
                    return Err(Error::Targets { cost, example: i, expected, found: y.to_vec() });
                }
            }
        }
        Ok(())
    }
}
