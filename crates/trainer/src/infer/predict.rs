//! Outputs, classes and probabilities for many examples.

use super::inference::{Inference, TRANCHE};
use super::rows::Rows;
use crate::answer;
use crate::error::Error;
use crate::network::Network;
use crate::network::activation::Range;
use minibatch_kernels::{Matrix, Pool, Solo, Team};
use std::sync::{Mutex, PoisonError};

/// Multiply-adds that are worth waking another thread for.
const WORK_PER_MEMBER: usize = 1_000_000;

/// The number of examples in a tranche. All `members` get a tranche if the work is worth it.
fn tranche_rows(network: &Network, rows: usize, members: usize) -> usize {
    let worth = (WORK_PER_MEMBER / network.parameters()).max(1);
    rows.div_ceil(members).max(worth).next_multiple_of(4).min(TRANCHE)
}

impl Network {
    /// The outputs A_L (B × n_L) for the inputs `x`: a slice of bytes or numbers, n_0 to a row, or a matrix (B × n_0), or a
    /// dataset.
    ///
    /// The pool's members share the rows out. A [`Predictor`](crate::Predictor) answers for one row at a time sooner.
    ///
    /// ```
    /// use minibatch::{Isa, Mat, Network, Pool};
    ///
    /// let network = Network::builder(2).layer(3).layer(1).build()?;
    /// let pool = Pool::new(Isa::detect(), 1)?;
    /// let outputs = network.predict(&pool, Mat::row_major(&[0.0, 1.0, 1.0, 1.0], 2, 2))?;
    /// assert_eq!((outputs.rows(), outputs.cols()), (2, 1));
    /// // Bytes stand for x/255.
    /// assert_eq!(network.predict(&pool, &[0u8, 255, 255, 255])?, outputs);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If `x` isn't rows of n_0, or an input is NaN.
    pub fn predict<'a>(&self, pool: &Pool, x: impl Into<Rows<'a>>) -> Result<Matrix, Error> {
        let x = x.into();
        let mut outputs = Matrix::zeros(x.count(self.inputs())?, self.outputs());
        self.predict_into(pool, x, &mut outputs)?;
        Ok(outputs)
    }

    /// As [`predict`](Self::predict), into a matrix that exists already. It saves a program that predicts again and again the
    /// allocation of new memory.
    ///
    /// # Errors
    ///
    /// If `x` isn't rows of n_0, an input is NaN, or `outputs` isn't (B × n_L).
    pub fn predict_into<'a>(
        &self,
        pool: &Pool,
        x: impl Into<Rows<'a>>,
        outputs: &mut Matrix,
    ) -> Result<(), Error> {
        let x = x.into();
        let rows = x.count(self.inputs())?;
        for (what, expected, found) in
            [("rows of outputs", rows, outputs.rows()), ("outputs", self.outputs(), outputs.cols())]
        {
            if found != expected {
                return Err(Error::Shape { what, expected, found });
            }
        }
        if rows == 0 {
            return Ok(());
        }
        let tranche = tranche_rows(self, rows, pool.members());
        let parts: Vec<_> = outputs.row_chunks_mut(tranche).map(Mutex::new).collect();
        let solo = |_| Solo::new(Inference::new(self, tranche.min(rows)));
        let mut solos: Vec<_> = (0..pool.members().min(parts.len())).map(solo).collect();
        let work = |team: &Team<'_>, inference: &mut Inference, i: usize| {
            let first = i * tranche;
            inference.forward(team, self, x, first..rows.min(first + tranche));
            let mut part = parts[i].lock().unwrap_or_else(PoisonError::into_inner);
            let rows = part.rows();
            part.copy_from(inference.outputs().top(rows));
        };
        match &mut solos[..] {
            [one] => {
                one.run(pool.isa(), |team, inference| {
                    (0..parts.len()).for_each(|i| work(team, inference, i));
                });
            }
            solos => pool.run(|team| team.share_out(solos, parts.len(), work)),
        }
        // NaN comes through all layers, and outputs are fewer than inputs.
        let is_nan = (0..rows).any(|row| outputs.row(row).iter().any(|output| output.is_nan()));
        if is_nan { x.refuse_nan(self.inputs()) } else { Ok(()) }
    }

    /// The outputs for rows of n_0 inputs: row after row of n_L.
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
    /// If `x` isn't whole rows, or an input is NaN.
    pub fn predict_rows<'a>(&self, pool: &Pool, x: impl Into<Rows<'a>>) -> Result<Vec<f32>, Error> {
        let outputs = self.predict(pool, x)?;
        let mut rows = Vec::with_capacity(outputs.rows() * outputs.cols());
        (0..outputs.rows()).for_each(|row| rows.extend_from_slice(outputs.row(row)));
        Ok(rows)
    }

    /// The class of each row of n_0 inputs: its largest output. A single sigmoid is the second of two [classes](Network::classes) above ½.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn predict_classes<'a>(&self, pool: &Pool, x: impl Into<Rows<'a>>) -> Result<Vec<usize>, Error> {
        let outputs = self.predict(pool, x)?;
        Ok((0..outputs.rows()).map(|row| answer::class(outputs.row(row), self.classes())).collect())
    }

    /// The probabilities of the classes for rows of n_0 inputs, as [`predict_rows`](Self::predict_rows). The network's outputs
    /// must be probabilities: softmax's sum to 1, and each of sigmoid's is for itself.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict), and if the output activation doesn't give probabilities.
    pub fn predict_proba<'a>(&self, pool: &Pool, x: impl Into<Rows<'a>>) -> Result<Vec<f32>, Error> {
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
}
