//! What a network makes of data: outputs, cost and accuracy.

use crate::activation::Range;
use crate::backprop;
use crate::error::Error;
use crate::network::Network;
use crate::workspace::{Workspace, with_examples};
use minibatch_data::{Dataset, Targets};
use minibatch_kernels::{Examples, Mat, Matrix, Pool, argmax};

/// Examples evaluated at a time: enough for the products to be efficient, few enough for the buffers to stay in cache.
const BATCH: usize = 256;

/// A network's result on a dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cost per example.
    pub cost: f64,
    /// Number of examples.
    pub examples: usize,
    /// How good the outputs are, by what the targets are.
    pub score: Score,
}

/// How good outputs are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// For targets that are classes.
    Classes {
        /// Examples whose largest output is their class.
        correct: usize,
    },
    /// For targets that are values.
    Values(Fit),
}

/// How well outputs fit values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Root mean squared error, over all examples and outputs.
    pub rmse: f64,
    /// Mean absolute error, over all examples and outputs.
    pub mae: f64,
    /// R² = 1 − Σ(a − y)²/Σ(y − ȳ)², ȳ each output's mean target: 1 is perfect, 0 as good as always answering ȳ. Where
    /// every target is ȳ, 1 if all outputs are right, else 0.
    pub r_squared: f64,
}

impl Evaluation {
    /// Examples classified correctly, of classes.
    pub fn correct(&self) -> Option<usize> {
        match self.score {
            Score::Classes { correct } => Some(correct),
            Score::Values(_) => None,
        }
    }

    /// The fraction of examples classified correctly, of classes.
    pub fn accuracy(&self) -> Option<f64> {
        Some(self.correct()? as f64 / self.examples as f64)
    }

    /// How well the outputs fit, of values.
    pub fn fit(&self) -> Option<Fit> {
        match self.score {
            Score::Classes { .. } => None,
            Score::Values(fit) => Some(fit),
        }
    }
}

/// Sums over all examples and outputs, in order.
#[derive(Default)]
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

    /// The fit to all targets, row-major in rows of `width`.
    fn fit(&self, targets: &[f32], width: usize) -> Fit {
        let (n, rows) = (targets.len() as f64, targets.len() / width);
        let mut means = vec![0.0; width];
        for row in targets.chunks_exact(width) {
            means.iter_mut().zip(row).for_each(|(mean, &y)| *mean += f64::from(y) / rows as f64);
        }
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

impl Network {
    /// The outputs A_L (B × n_L) for the inputs `x` (B × n_0).
    ///
    /// ```
    /// use minibatch::{Isa, Mat, Network, Pool};
    ///
    /// let network = Network::builder(2).layer(3).layer(1).build()?;
    /// let pool = Pool::new(Isa::detect(), 1)?;
    /// let outputs = network.predict(&pool, Mat::row_major(&[0.0, 1.0, 1.0, 1.0], 2, 2))?;
    /// assert_eq!((outputs.rows(), outputs.cols()), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If `x` hasn't n_0 columns.
    pub fn predict(&self, pool: &Pool, x: Mat<'_>) -> Result<Matrix, Error> {
        if x.cols() != self.inputs() {
            return Err(Error::Shape { what: "inputs", expected: self.inputs(), found: x.cols() });
        }
        let batch = BATCH.min(x.rows());
        let mut workspace = Workspace::for_inference(self, batch, pool.threads());
        let mut outputs = Matrix::zeros(x.rows(), self.outputs());
        pool.run(|team| {
            for start in (0..x.rows()).step_by(batch.max(1)) {
                let rows = batch.min(x.rows() - start);
                let inputs = x.part(start..start + rows, 0..x.cols()).to_matrix();
                let examples = Examples::Floats(&|row| inputs.row(row));
                backprop::forward(team, self, &mut workspace, examples, rows);
                for row in 0..rows {
                    outputs.row_mut(start + row).copy_from_slice(workspace.outputs().row(row));
                }
            }
        });
        Ok(outputs)
    }

    /// The outputs for rows of n_0 inputs, row after row of n_L.
    ///
    /// ```
    /// use minibatch::{Isa, Network, Pool};
    ///
    /// let network = Network::builder(2).layer(3).layer(1).build()?;
    /// let pool = Pool::new(Isa::detect(), 1)?;
    /// assert_eq!(network.predict_rows(&pool, &[0.0, 1.0, 1.0, 1.0])?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If `x` isn't whole rows.
    pub fn predict_rows(&self, pool: &Pool, x: &[f32]) -> Result<Vec<f32>, Error> {
        if !x.len().is_multiple_of(self.inputs()) {
            let found = x.len() % self.inputs();
            return Err(Error::Shape { what: "inputs in the last row", expected: self.inputs(), found });
        }
        let rows = x.len() / self.inputs();
        if rows == 0 {
            return Ok(Vec::new());
        }
        let outputs = self.predict(pool, Mat::row_major(x, rows, self.inputs()))?;
        Ok((0..rows).flat_map(|row| outputs.row(row).to_vec()).collect())
    }

    /// The class of each row of n_0 inputs: its largest output.
    ///
    /// # Errors
    ///
    /// As [`predict_rows`](Self::predict_rows).
    pub fn predict_classes(&self, pool: &Pool, x: &[f32]) -> Result<Vec<usize>, Error> {
        Ok(self.predict_rows(pool, x)?.chunks_exact(self.outputs()).map(argmax).collect())
    }

    /// The probabilities of the classes for rows of n_0 inputs, as [`predict_rows`](Self::predict_rows), from a network
    /// whose outputs are probabilities: softmax's sum to 1, sigmoids' are each for itself.
    ///
    /// # Errors
    ///
    /// As [`predict_rows`](Self::predict_rows), and if the output activation doesn't give probabilities.
    pub fn predict_proba(&self, pool: &Pool, x: &[f32]) -> Result<Vec<f32>, Error> {
        let activation = self.layers()[self.layers().len() - 1].activation();
        if activation.range() < Range::Unit {
            return Err(Error::Setting {
                setting: "the output activation",
                expected: "one that gives probabilities: sigmoid, softmax".to_owned(),
                found: activation.label(),
            });
        }
        self.predict_rows(pool, x)
    }

    /// Cost on `data`, and accuracy or fit.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn evaluate(&self, pool: &Pool, data: &Dataset) -> Result<Evaluation, Error> {
        self.check_shape(data)?;
        let mut workspace = Workspace::for_inference(self, BATCH.min(data.len()), pool.threads());
        let (mut cost, mut correct, mut residuals) = (0.0, 0, Residuals::default());
        pool.run(|team| {
            for start in (0..data.len()).step_by(BATCH) {
                let end = data.len().min(start + BATCH);
                let (rows, index) = (end - start, |row| start + row);
                with_examples(data, index, |examples| {
                    backprop::forward(team, self, &mut workspace, examples, rows);
                });
                workspace.take_targets(data, rows, index);
                cost += backprop::cost(team.isa(), self, &workspace, rows);
                let Targets::Classes { labels, .. } = data.targets() else {
                    (0..rows).for_each(|row| {
                        residuals.add(workspace.outputs().row(row), workspace.targets.row(row));
                    });
                    continue;
                };
                let hit = |&i: &usize| argmax(workspace.outputs().row(i - start)) == labels[i] as usize;
                correct += (start..end).filter(hit).count();
            }
        });
        let score = match data.targets() {
            Targets::Values { data, width } => Score::Values(residuals.fit(data, *width)),
            _ => Score::Classes { correct },
        };
        Ok(Evaluation { cost: cost / data.len() as f64, examples: data.len(), score })
    }

    /// Whether `data` have this network's inputs, no more than its outputs, and targets that its cost takes.
    pub(crate) fn check_shape(&self, data: &Dataset) -> Result<(), Error> {
        if data.input_len() != self.inputs() {
            return Err(Error::Shape { what: "inputs", expected: self.inputs(), found: data.input_len() });
        }
        let (width, outputs) = (data.targets().width(), self.outputs());
        // A test set may lack the last classes; values must fit exactly.
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
