//! The averaged weights of a run.

use super::Average;
use crate::network::{Layer, Network};
use crate::schedule::Time;
use minibatch_kernels::{Mat, MatMut, Team, approach, approach_panels};

/// The average of a run's weights.
#[derive(Clone, Debug)]
pub struct Averaged {
    /// The network with the averaged weights and biases. Until the first average it has those that the run began with.
    pub network: Network,
    /// The weights that have gone into the average.
    pub count: u64,
}

impl Averaged {
    /// No average yet of the weights of `network`.
    pub(crate) fn new(network: &Network) -> Averaged {
        let mut network = network.clone();
        network.origin = None;
        Averaged { network, count: 0 }
    }

    /// Takes account of `layers` after a step.
    pub(crate) fn took(&mut self, team: &Team<'_>, layers: &[Layer], average: &Average, at: Time<'_>) {
        let Some(share) = average.share(at, self.count) else { return };
        let share = share as f32;
        for (mean, layer) in self.network.layers.iter_mut().zip(layers) {
            approach_panels(team, &mut mean.weights, &layer.weights, share);
            let biases = layer.biases.len();
            let mut mean = MatMut::row_major(&mut mean.biases, 1, biases);
            approach(team.isa(), &mut mean, Mat::row_major(&layer.biases, 1, biases), share);
        }
        self.count += 1;
    }
}
