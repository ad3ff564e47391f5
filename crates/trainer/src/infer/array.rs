//! Outputs for the crate ndarray's arrays, under the feature `ndarray`.

#![expect(clippy::needless_pass_by_value, reason = "views are small, and handed over by value")]

use crate::error::Error;
use crate::network::Network;
use minibatch_kernels::{Mat, Matrix, Pool};
use ndarray::{Array2, ArrayView2};

impl Network {
    /// The outputs A_L (B × n_L) for the inputs `x` (B × n_0), as [`predict`](Network::predict) gives them. The numbers of `x` may
    /// be in any order in memory. They are read where they are, and copied only if an axis is walked backwards.
    ///
    /// ```
    /// use minibatch::{Network, Pool};
    /// use ndarray::array;
    ///
    /// let (network, pool) = (Network::builder(2).layer(3).layer(1).build()?, Pool::detect()?);
    /// let outputs = network.predict_array(&pool, array![[0.0, 1.0], [1.0, 1.0]].view())?;
    /// assert_eq!(outputs.dim(), (2, 1));
    /// # Ok::<(), minibatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If `x` hasn't n_0 columns.
    pub fn predict_array(&self, pool: &Pool, x: ArrayView2<'_, f32>) -> Result<Array2<f32>, Error> {
        let outputs = match Mat::try_from(x) {
            Ok(x) => self.predict(pool, x)?,
            Err(_) => self.predict(pool, Matrix::from(x).view())?,
        };
        Ok(Array2::from(outputs.view()))
    }
}
