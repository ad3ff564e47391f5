//! What is measured where targets are values.

use crate::infer::evaluation::Fit;
use serde::{Deserialize, Serialize};

/// The fit of a network's outputs to values, output by output.
///
/// | measure | scikit-learn's function |
/// |---|---|
/// | [`rmse`](Fit::rmse) | `root_mean_squared_error` |
/// | [`mae`](Fit::mae) | `mean_absolute_error` |
/// | [`r_squared`](Fit::r_squared) | `r2_score` |
///
/// `by_output` is what these give with `multioutput="raw_values"`, `mean` with `"uniform_average"`. An output whose targets are all
/// equal has R² 1 if all its answers are right, else 0, as scikit-learn has it with `force_finite`. That holds for a single example,
/// too, where scikit-learn gives NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ValueMetrics {
    /// The fit of each output.
    pub by_output: Vec<Fit>,
    /// The means of the outputs' figures. The RMSE of an [`Evaluation`](crate::Evaluation) is another: the root of the mean over
    /// all outputs.
    pub mean: Fit,
}

impl ValueMetrics {
    pub(super) fn new(by_output: Vec<Fit>) -> ValueMetrics {
        let mean =
            |figure: fn(&Fit) -> f64| by_output.iter().map(figure).sum::<f64>() / by_output.len() as f64;
        let mean = Fit {
            rmse: mean(|fit| fit.rmse),
            mae: mean(|fit| fit.mae),
            r_squared: mean(|fit| fit.r_squared),
        };
        ValueMetrics { by_output, mean }
    }

    /// The index of the output with the lowest R², and its fit. The first of equal ones counts.
    ///
    /// ```
    /// use minibatch::activation::Identity;
    /// use minibatch::cost::Mse;
    /// use minibatch::{Dataset, Network, Pool};
    ///
    /// let network = Network::builder(1).layer_with(2, Identity).cost(Mse).build()?;
    /// let data = Dataset::from_values(vec![0.0f32, 1.0], &[1], vec![0.5, 0.0, 0.25, 0.001], 2)?;
    /// let metrics = network.metrics(&Pool::detect()?, &data)?;
    /// let values = metrics.values().expect("the targets are values");
    /// let (output, fit) = values.worst();
    /// assert_eq!(*fit, values.by_output[output]);
    /// assert!(fit.r_squared <= values.mean.r_squared);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If there are no outputs. A network has some.
    #[must_use]
    pub fn worst(&self) -> (usize, &Fit) {
        let lower =
            |one: &(usize, &Fit), other: &(usize, &Fit)| one.1.r_squared.total_cmp(&other.1.r_squared);
        self.by_output.iter().enumerate().min_by(lower).expect("a network has outputs")
    }
}
