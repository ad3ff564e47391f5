//! Every buffer of a training step, allocated once.

use crate::network::Network;
use minibatch_data::{Dataset, Row, Targets};
use minibatch_kernels::{Examples, Matrix, TeamInputs};

/// The buffers of a step for minibatches of up to B examples; a smaller one uses the first rows.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// A_0 (B × n_0), without inputs that are 0 in the whole minibatch
    pub(crate) inputs: TeamInputs,
    /// A_l (B × n_l), l = 1, …, L
    pub(crate) activations: Vec<Matrix>,
    /// Z_l (B × n_l), l = 1, …, L, where the backward step or the cost is computed from it
    pub(crate) pre_activations: Vec<Option<Matrix>>,
    /// Δ_l (B × n_l), l = 1, …, L; none where nothing is trained
    pub(crate) errors: Vec<Matrix>,
    /// Y (B × n_L)
    pub(crate) targets: Matrix,
}

impl Workspace {
    /// The buffers of `network`'s training step for minibatches of `batch_size` and a team of `members`.
    pub(crate) fn for_training(network: &Network, batch_size: usize, members: usize) -> Workspace {
        let errors =
            network.layers().iter().map(|layer| Matrix::zeros(batch_size, layer.outputs())).collect();
        let pre_activations = network.layers().iter().enumerate().map(|(l, layer)| {
            let needed = layer.activation().needs_pre_activation()
                || (l + 1 == network.layers().len() && network.cost_needs_pre_activation());
            needed.then(|| Matrix::zeros(batch_size, layer.outputs()))
        });
        let pre_activations = pre_activations.collect();
        Workspace { errors, pre_activations, ..Self::for_inference(network, batch_size, members) }
    }

    /// The buffers of the forward pass and the cost alone.
    pub(crate) fn for_inference(network: &Network, batch_size: usize, members: usize) -> Workspace {
        let mut pre_activations: Vec<_> = network.layers().iter().map(|_| None).collect();
        if network.cost_needs_pre_activation() {
            let last = pre_activations.last_mut().expect("a network has layers");
            *last = Some(Matrix::zeros(batch_size, network.outputs()));
        }
        Workspace {
            pre_activations,
            inputs: TeamInputs::new(network.inputs(), batch_size, members),
            activations: network.layers().iter().map(|l| Matrix::zeros(batch_size, l.outputs())).collect(),
            errors: Vec::new(),
            targets: Matrix::zeros(batch_size, network.outputs()),
        }
    }

    /// Takes the targets of the examples `index(0)`, …, `index(rows − 1)` of `data` as Y: classes become one-hot rows.
    pub(crate) fn take_targets(&mut self, data: &Dataset, rows: usize, index: impl Fn(usize) -> usize) {
        for row in 0..rows {
            let (index, target) = (index(row), self.targets.row_mut(row));
            match data.targets() {
                Targets::Values { data, width } => target.copy_from_slice(&data[index * width..][..*width]),
                Targets::Classes { labels, .. } => {
                    let label = labels[index] as usize;
                    for (class, target) in target.iter_mut().enumerate() {
                        *target = f32::from(u8::from(class == label));
                    }
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

/// Calls `f` with the inputs of the examples `index(0)`, `index(1)`, … of `data`.
pub(crate) fn with_examples<R>(
    data: &Dataset,
    index: impl Fn(usize) -> usize + Sync,
    f: impl FnOnce(Examples<'_>) -> R,
) -> R {
    const ONE_KIND: &str = "all rows of a dataset are of one kind";
    match data.input(index(0)) {
        Row::Bytes(_) => f(Examples::Bytes(&move |row| match data.input(index(row)) {
            Row::Bytes(bytes) => bytes,
            Row::Floats(_) => unreachable!("{ONE_KIND}"),
        })),
        Row::Floats(_) => f(Examples::Floats(&move |row| match data.input(index(row)) {
            Row::Floats(floats) => floats,
            Row::Bytes(_) => unreachable!("{ONE_KIND}"),
        })),
    }
}
