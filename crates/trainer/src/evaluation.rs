//! What a network makes of data: outputs, cost and accuracy.

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

    /// Cost and accuracy on `data`.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn evaluate(&self, pool: &Pool, data: &Dataset) -> Result<Evaluation, Error> {
        self.check_shape(data)?;
        let mut workspace = Workspace::for_inference(self, BATCH.min(data.len()), pool.threads());
        let (mut cost, mut correct) = (0.0, 0);
        pool.run(|team| {
            for start in (0..data.len()).step_by(BATCH) {
                let end = data.len().min(start + BATCH);
                let (rows, index) = (end - start, |row| start + row);
                with_examples(data, index, |examples| {
                    backprop::forward(team, self, &mut workspace, examples, rows);
                });
                workspace.take_targets(data, rows, index);
                cost += backprop::cost(team.isa(), self, &workspace, rows);
                if let Targets::Classes { labels, .. } = data.targets() {
                    let hit = |&i: &usize| argmax(workspace.outputs().row(i - start)) == labels[i] as usize;
                    correct += (start..end).filter(hit).count();
                }
            }
        });
        Ok(Evaluation { cost: cost / data.len() as f64, correct, examples: data.len() })
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
