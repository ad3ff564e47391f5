//! The settings of a run.

use crate::error::Error;
use crate::optimizer::Optimizer;
use minibatch_kernels::TeamInputs;
use serde::{Deserialize, Serialize};

/// The settings of a run. The default is the tutorial's recipe, plain stochastic gradient descent.
///
/// In serde's formats each field stands under its name, and the optimiser is a text. A field that is missing has its default:
///
/// ```
/// use minibatch::Settings;
///
/// let settings: Settings = serde_json::from_str(r#"{ "optimizer": "adam", "learning_rate": 0.001 }"#)?;
/// assert_eq!((settings.optimizer.name(), settings.batch_size), ("adam", 16));
/// assert_eq!(
///     serde_json::to_string(&settings)?,
///     r#"{"optimizer":"adam(0.9,0.999,1e-8)","learning_rate":0.001,"batch_size":16,"epochs":30,"seed":0}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The optimiser: the rule by which weights and biases follow from their gradients.
    pub optimizer: Optimizer,
    /// η. Every step of plain descent subtracts η times the mean gradient of its minibatch. Other optimisers need a very different
    /// η ([`Optimizer::learning_rates`]).
    pub learning_rate: f64,
    /// B, the examples of a minibatch. An epoch's last minibatch may be smaller. Its mean is over its own size.
    pub batch_size: usize,
    /// Epochs of the whole run.
    pub epochs: usize,
    /// Seeds the order of the examples.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        let optimizer = Optimizer::SGD;
        Settings { optimizer, learning_rate: 3.0, batch_size: 16, epochs: 30, seed: 0 }
    }
}

impl Settings {
    /// Checks that every setting is in range for `examples` training examples of `inputs` inputs.
    pub(crate) fn check(&self, examples: usize, inputs: usize) -> Result<(), Error> {
        let out_of_range = |setting, expected, found| Err(Error::Setting { setting, expected, found });
        let Settings { learning_rate, batch_size, .. } = *self;
        // The learning rate must be in range as an f32 too: steps are computed in f32.
        let step = learning_rate as f32;
        if !(step.is_finite() && step > 0.0 && learning_rate.is_finite()) {
            let expected = "a number from 1e-45 to 3.4e38".to_owned();
            return out_of_range("learning rate", expected, learning_rate.to_string());
        }
        if !self.optimizer.keeps_signs(learning_rate) {
            let expected = format!("below 1/λ of {}", self.optimizer);
            return out_of_range("learning rate", expected, learning_rate.to_string());
        }
        if !(1..=examples).contains(&batch_size) {
            let expected = format!("1 to {examples}, the number of training examples");
            return out_of_range("batch size", expected, batch_size.to_string());
        }
        let most = TeamInputs::most_examples(inputs);
        if batch_size > most {
            let expected = format!("1 to {most} for examples of {inputs} inputs");
            return out_of_range("batch size", expected, batch_size.to_string());
        }
        Ok(())
    }
}
