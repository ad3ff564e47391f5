//! What a network makes of data: outputs, cost and accuracy.

use crate::backprop;
use crate::error::Error;
use crate::network::Network;
use crate::workspace::{Workspace, with_examples};
use minibatch_data::{Dataset, Targets};
use minibatch_kernels::{Examples, Isa, Mat, Matrix, Pool, argmax};

/// Examples evaluated at a time: enough for the products to be efficient, few enough for the buffers to stay in cache.
const BATCH: usize = 256;

/// A network's result on a dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cost per example.
    pub cost: f64,
    /// Examples whose largest output is their class; 0 for targets that aren't classes.
    pub correct: usize,
    /// Number of examples.
    pub examples: usize,
}

impl Evaluation {
    /// The fraction of examples classified correctly.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.examples as f64
    }
}

/// How far a network's outputs are from a dataset's values: over all examples and outputs, y the value, a the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regression {
    /// Root of the mean of (a − y)².
    pub rmse: f64,
    /// Mean of |a − y|.
    pub mae: f64,
    /// R² = 1 − Σ(a − y)²/Σ(y − ȳ)², ȳ the mean of y's own output; `None` if the values of no output differ.
    pub r2: Option<f64>,
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
        let mut workspace = Workspace::for_inference(self, x.rows(), pool.threads());
        let inputs = x.to_matrix();
        let examples = Examples::Floats(&|row| inputs.row(row));
        pool.run(|team| backprop::forward(team, self, &mut workspace, examples, x.rows()));
        Ok(workspace.activations.pop().expect("a network has layers"))
    }

    /// Cost and accuracy on `data`.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn evaluate(&self, pool: &Pool, data: &Dataset) -> Result<Evaluation, Error> {
        let (mut cost, mut correct) = (0.0, 0);
        self.sweep(pool, data, |isa, workspace, start, end| {
            cost += backprop::cost(isa, self, workspace, end - start);
            if let Targets::Classes { labels, .. } = data.targets() {
                let hit = |&i: &usize| argmax(workspace.outputs().row(i - start)) == labels[i] as usize;
                correct += (start..end).filter(hit).count();
            }
        })?;
        Ok(Evaluation { cost: cost / data.len() as f64, correct, examples: data.len() })
    }

    /// How far the outputs are from `data`'s values; `None` if its targets are classes.
    ///
    /// ```
    /// use minibatch::{Dataset, Initializer, Isa, Network, Pool};
    ///
    /// // All weights and biases are 0, and so is every output.
    /// let network = Network::builder(1).layer_with(1, minibatch::activation::Identity);
    /// let network = network.initializer(Initializer::Zeros).build()?;
    /// let data = Dataset::from_values(vec![0.5f32, 1.5], &[1], vec![3.0, -3.0], 1)?;
    /// let regression = network.regression(&Pool::new(Isa::detect(), 1)?, &data)?.expect("values");
    /// assert_eq!((regression.rmse, regression.mae, regression.r2), (3.0, 3.0, Some(0.0)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn regression(&self, pool: &Pool, data: &Dataset) -> Result<Option<Regression>, Error> {
        let Targets::Values { data: values, width } = data.targets() else { return Ok(None) };
        let width = *width;
        let (mut squares, mut absolutes) = (0.0, 0.0);
        self.sweep(pool, data, |_, workspace, start, end| {
            let outputs = workspace.outputs();
            for (i, y) in (start..end).zip(values[start * width..].chunks_exact(width)) {
                for (&a, &y) in outputs.row(i - start).iter().zip(y) {
                    let off = f64::from(a) - f64::from(y);
                    squares += off * off;
                    absolutes += off.abs();
                }
            }
        })?;
        let mut spread = 0.0;
        for output in 0..width {
            let column = || values.iter().skip(output).step_by(width).map(|&y| f64::from(y));
            let mean = column().sum::<f64>() / data.len() as f64;
            spread += column().map(|y| (y - mean).powi(2)).sum::<f64>();
        }
        let count = values.len() as f64;
        Ok(Some(Regression {
            rmse: (squares / count).sqrt(),
            mae: absolutes / count,
            r2: (spread > 0.0).then(|| 1.0 - squares / spread),
        }))
    }

    /// The outputs for all of `data`, a batch of its examples `start..end` at a time, in order.
    fn sweep(
        &self,
        pool: &Pool,
        data: &Dataset,
        mut look: impl FnMut(Isa, &Workspace, usize, usize) + Send,
    ) -> Result<(), Error> {
        self.check_shape(data)?;
        let mut workspace = Workspace::for_inference(self, BATCH.min(data.len()), pool.threads());
        pool.run(|team| {
            for start in (0..data.len()).step_by(BATCH) {
                let end = data.len().min(start + BATCH);
                let (rows, index) = (end - start, |row| start + row);
                with_examples(data, index, |examples| {
                    backprop::forward(team, self, &mut workspace, examples, rows);
                });
                workspace.take_targets(data, rows, index);
                look(team.isa(), &workspace, start, end);
            }
        });
        Ok(())
    }

    /// Whether `data` have this network's inputs and no more than its outputs.
    pub(crate) fn check_shape(&self, data: &Dataset) -> Result<(), Error> {
        if data.input_len() != self.inputs() {
            return Err(Error::Shape { what: "inputs", expected: self.inputs(), found: data.input_len() });
        }
        let (width, outputs) = (data.targets().width(), self.outputs());
        // A test set may lack the last classes; values must fit exactly.
        let fits = if data.classes().is_some() { width <= outputs } else { width == outputs };
        if fits { Ok(()) } else { Err(Error::Shape { what: "outputs", expected: outputs, found: width }) }
    }
}
