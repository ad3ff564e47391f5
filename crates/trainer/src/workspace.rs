//! Every buffer of a training step, allocated once.

use crate::network::Network;
use minibatch_data::{Dataset, Row, Targets};
use minibatch_kernels::{Isa, Matrix, unit_from_bytes};

/// The buffers of a step for minibatches of up to B examples; a smaller one uses the first rows.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// A_0 (B × n_0)
    pub(crate) inputs: Matrix,
    /// A_l (B × n_l), l = 1, …, L
    pub(crate) activations: Vec<Matrix>,
    /// Δ_l (B × n_l), l = 1, …, L; none where nothing is trained
    pub(crate) errors: Vec<Matrix>,
    /// Y (B × n_L)
    pub(crate) targets: Matrix,
}

impl Workspace {
    /// The buffers of `network`'s training step for minibatches of `batch_size`.
    pub(crate) fn for_training(network: &Network, batch_size: usize) -> Workspace {
        let errors =
            network.layers().iter().map(|layer| Matrix::zeros(batch_size, layer.outputs())).collect();
        Workspace { errors, ..Self::for_inference(network, batch_size) }
    }

    /// The buffers of the forward pass alone.
    pub(crate) fn for_inference(network: &Network, batch_size: usize) -> Workspace {
        Workspace {
            inputs: Matrix::zeros(batch_size, network.inputs()),
            activations: network.layers().iter().map(|l| Matrix::zeros(batch_size, l.outputs())).collect(),
            errors: Vec::new(),
            targets: Matrix::zeros(batch_size, network.outputs()),
        }
    }

    /// Gathers the examples `indices` into the first rows of A_0 and Y: bytes become numbers in [0, 1], classes
    /// one-hot rows.
    pub(crate) fn gather(&mut self, isa: Isa, data: &Dataset, indices: impl Iterator<Item = usize>) {
        for (row, index) in indices.enumerate() {
            match data.input(index) {
                Row::Bytes(bytes) => unit_from_bytes(isa, bytes, self.inputs.row_mut(row)),
                Row::Floats(values) => self.inputs.row_mut(row).copy_from_slice(values),
            }
            let target = self.targets.row_mut(row);
            match data.targets() {
                Targets::Values { data, width } => target.copy_from_slice(&data[index * width..][..*width]),
                Targets::Classes { labels, .. } => {
                    target.fill(0.0);
                    target[labels[index] as usize] = 1.0;
                }
                _ => unreachable!("targets are classes or values"),
            }
        }
    }

    /// A_L (B × n_L).
    pub(crate) fn outputs(&self) -> &Matrix {
        &self.activations[self.activations.len() - 1]
    }
}
