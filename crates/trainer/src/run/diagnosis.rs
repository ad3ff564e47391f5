//! Signs that a run has learned badly: [`Finding`].

use super::trainer::Trainer;
use crate::error::Error;
use crate::infer::{ClassMetrics, ClassScore, Metrics};
use crate::step::UnitActivity;
use minibatch_data::Dataset;
use serde::{Deserialize, Serialize};

/// Epochs in a row after which a cost that falls no more, or rises, is told.
const PATIENCE: usize = 5;

/// The part of a hidden layer's units that may be dead or saturated without being told.
const IDLE: f64 = 0.1;

/// A sign that a run has learned badly. [`Trainer::diagnose`] looks for them.
///
/// In serde's formats the field `finding` says which it is, in words joined by hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Finding {
    /// A class is hardly ever [answered](ClassScore::is_neglected).
    NeglectedClass(ClassScore),
    /// The training cost hasn't fallen for 5 epochs or more.
    StalledCost {
        /// Epochs since the one with the lowest training cost.
        epochs: usize,
        /// That cost.
        lowest: f64,
    },
    /// 10% or more of a hidden layer's units are dead or saturated.
    IdleUnits(UnitActivity),
    /// The cost on the validation set has risen for 5 epochs or more, from each to the next.
    RisingCost {
        /// The number of these epochs.
        epochs: usize,
        /// The cost before them.
        from: f64,
        /// The cost after them.
        to: f64,
    },
}

impl Trainer {
    /// All that is [measured](Metrics) of the [network that the run answers with](Self::result) on any data that fit it.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn metrics(&self, data: &Dataset) -> Result<Metrics, Error> {
        self.result().metrics(self.pool(), data)
    }

    /// Signs that the run has learned badly so far: in its history, in its hidden layers, and in the metrics of a test set. None is no
    /// proof that it has learned well. It takes a pass over 1,000 examples of the training set.
    ///
    /// ```
    /// use minibatch::activation::{Relu, Softmax};
    /// use minibatch::cost::CategoricalCrossEntropy;
    /// use minibatch::{Dataset, Finding, Network, Settings, Trainer};
    ///
    /// let data = Dataset::from_classes([0.0f32, 1.0, 1.0, 0.0].repeat(100), &[2], [0, 1].repeat(100))?;
    /// let mut network = Network::builder(2)
    ///     .layer_with(4, Relu)
    ///     .layer_with(2, Softmax)
    ///     .cost(CategoricalCrossEntropy)
    ///     .build()?;
    /// // No input wakes these units.
    /// network.layers_mut()[0].biases_mut().fill(-100.0);
    /// let mut trainer = Trainer::new(None, &data, network, Settings { learning_rate: 0.1, ..Settings::default() })?;
    /// trainer.epoch()?;
    /// let findings = trainer.diagnose(Some(&trainer.metrics(&data)?))?;
    /// assert!(findings.iter().any(|finding| matches!(finding, Finding::IdleUnits(layer) if layer.dead == 4)));
    /// # Ok::<(), minibatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If memory lacks for a sample of the data.
    pub fn diagnose(&self, test: Option<&Metrics>) -> Result<Vec<Finding>, Error> {
        let classes = test.and_then(Metrics::classes);
        let neglected = classes.into_iter().flat_map(ClassMetrics::neglected);
        let mut findings: Vec<Finding> = neglected.map(|score| Finding::NeglectedClass(*score)).collect();
        let costs: Vec<f64> = self.history().iter().map(|epoch| epoch.cost).collect();
        findings.extend(stalled(&costs));
        let validation: Vec<f64> =
            self.history().iter().filter_map(|epoch| Some(epoch.validation?.cost)).collect();
        findings.extend(rising(&validation));
        let layers = self.network().layers().len();
        if layers > 1 {
            let activities = self.result().activity(self.pool(), &self.data)?;
            let idle = |layer: &UnitActivity| {
                layer.layer < layers && (layer.dead + layer.saturated) as f64 >= IDLE * layer.units as f64
            };
            findings.extend(activities.into_iter().filter(idle).map(Finding::IdleUnits));
        }
        Ok(findings)
    }
}

/// The finding that a cost hasn't fallen for a while.
fn stalled(costs: &[f64]) -> Option<Finding> {
    let mut lowest = (0, *costs.first()?);
    for (epoch, &cost) in costs.iter().enumerate() {
        if cost < lowest.1 {
            lowest = (epoch, cost);
        }
    }
    let epochs = costs.len() - 1 - lowest.0;
    // A cost of 0 can't fall.
    (epochs >= PATIENCE && lowest.1 != 0.0).then_some(Finding::StalledCost { epochs, lowest: lowest.1 })
}

/// The finding that a cost rises and rises.
fn rising(costs: &[f64]) -> Option<Finding> {
    let epochs = costs.windows(2).rev().take_while(|pair| pair[1] > pair[0]).count();
    let (from, to) = (*costs.get(costs.len().checked_sub(1 + epochs)?)?, *costs.last()?);
    (epochs >= PATIENCE).then_some(Finding::RisingCost { epochs, from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_stalls_after_five_epochs_without_a_lower_one() {
        assert_eq!((stalled(&[]), stalled(&[1.0; 5])), (None, None));
        assert_eq!(stalled(&[0.0; 9]), None);
        assert_eq!(stalled(&[1.0; 6]), Some(Finding::StalledCost { epochs: 5, lowest: 1.0 }));
        assert_eq!(stalled(&[3.0, 1.0, 2.0, 2.0, 2.0, 1.5]), None);
        let costs = [3.0, 1.0, 2.0, 2.0, 2.0, 1.5, 1.0];
        assert_eq!(stalled(&costs), Some(Finding::StalledCost { epochs: 5, lowest: 1.0 }));
        assert_eq!(stalled(&[3.0, 1.0, 2.0, 2.0, 2.0, 1.5, 1.0, 0.5]), None);
    }

    #[test]
    fn a_cost_rises_for_five_epochs_in_a_row() {
        assert_eq!((rising(&[]), rising(&[1.0]), rising(&[1.0, 2.0, 3.0, 4.0, 5.0])), (None, None, None));
        assert_eq!(rising(&[1.0, 2.0, 3.0, 4.0, 5.0, 5.0]), None);
        let costs = [9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(rising(&costs), Some(Finding::RisingCost { epochs: 5, from: 1.0, to: 6.0 }));
        assert_eq!(rising(&[1.0, 2.0, 3.0, 2.5, 3.0, 4.0, 5.0]), None);
    }
}
