//! A look into the layers of a run: whether they learn, and how fast.

use super::trainer::Trainer;
use crate::error::Error;
use crate::step::{UnitActivity, trial};
use serde::{Deserialize, Serialize};

/// What a layer does, and what a step does to it. [`Trainer::inspect`] measures it.
///
/// In serde's formats the fields of the activity stand beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LayerInspection {
    /// The activity of the layer's units on examples of the training set.
    #[serde(flatten)]
    pub activity: UnitActivity,
    /// ‖Δ_l‖/√B, the root mean square over examples of the length of a layer's error. Where it is far smaller in the first layers
    /// than in the last, the gradient vanishes on its way; where it is far larger, it explodes.
    pub error: f64,
    /// ‖ΔW_l‖/‖W_l‖, how far a step moves the weights, relative to their size. About 10⁻³ is common where training goes well.
    /// It is infinite if the weights are 0 and the step moves them.
    pub update: f64,
}

impl Trainer {
    /// What the layers 1, …, L do now, and what a step does to them.
    ///
    /// The activity is that of [`Network::activity`](crate::Network::activity) on the training set. Error and update are those of a
    /// trial step on B examples of the training set, evenly spaced, by the run's optimiser as it is now, with the rates of the
    /// step before, the penalty and the clipping. The trial has no noise, augmentation and sample weights. Nothing of the run changes.
    ///
    /// ```
    /// use minibatch::{Dataset, Network, Settings, Trainer};
    ///
    /// let data = Dataset::from_classes([0.0f32, 1.0, 1.0, 0.0].repeat(100), &[2], [0, 1].repeat(100))?;
    /// let network = Network::builder(2).layer(8).layer(2).build()?;
    /// let mut trainer = Trainer::new(None, &data, network, Settings::default())?;
    /// trainer.epoch()?;
    /// for layer in trainer.inspect()? {
    ///     println!("layer {}: {:.3} ‖ΔW‖/‖W‖ {:.1e}", layer.activity.layer, layer.error, layer.update);
    /// }
    /// # Ok::<(), minibatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the schedule gives a rate that is out of range.
    pub fn inspect(&self) -> Result<Vec<LayerInspection>, Error> {
        let (network, epochs) = (self.network(), self.history().len() as u64);
        let steps = epochs.saturating_mul(self.steps_per_epoch() as u64).saturating_add(self.step() as u64);
        let trials = trial(
            self.pool(),
            network,
            &self.data,
            self.settings(),
            self.crew.state(),
            &self.course,
            steps.saturating_sub(1),
        )?;
        let activities = network.activity(self.pool(), &self.data)?;
        let layer = |(activity, trial): (_, crate::step::LayerTrial)| LayerInspection {
            activity,
            error: trial.error,
            update: trial.update,
        };
        Ok(activities.into_iter().zip(trials).map(layer).collect())
    }
}
