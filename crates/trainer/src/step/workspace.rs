//! Every buffer of a training step, allocated once.

use crate::answer::{has_all_labels, is_yes};
use crate::augment::Changed;
use crate::network::{Layer, LayerValues, Network};
use crate::settings::Settings;
use crate::target_rows::TargetRows;
use minibatch_data::{Dataset, Row, Targets};
use minibatch_kernels::{Matrix, TeamInputs, prefetch};

/// The buffers of a step for minibatches of up to B examples. A smaller minibatch uses the first rows.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// A_0 (B × n_0), without its zeros
    pub(crate) inputs: TeamInputs,
    /// A_l (B × n_l), l = 1, …, L
    pub(crate) activations: Vec<Matrix>,
    /// A_l (B × n_l), l = 1, …, L, with its noise, where it has any
    pub(crate) noisy: Vec<Option<Matrix>>,
    /// Z_l (B × n_l), l = 1, …, L, where the backward step or the cost is computed from it
    pub(crate) pre_activations: Vec<Option<Matrix>>,
    /// Δ_l (B × n_l), l = 1, …, L
    pub(crate) errors: Vec<Matrix>,
    /// A_0 (B × n_0) as it is changed before a step, if it is
    pub(crate) changed: Option<Changed>,
    /// Y (B × n_L)
    pub(crate) targets: Matrix,
    /// The gradient of one layer's biases, as long as the widest layer.
    pub(crate) bias_gradient: Vec<f32>,
    /// The gradient of the layers 1, …, L, where a step needs the whole of it.
    pub(crate) gradient: Option<Vec<LayerValues>>,
}

impl Workspace {
    /// The buffers for a pass of `network` on `batch_size` examples, which are gathered into `inputs`. The gradient stands by
    /// itself.
    pub(crate) fn for_gradient(network: &Network, batch_size: usize, inputs: TeamInputs) -> Workspace {
        let layers = network.layers().iter();
        let zeros = |layer: &Layer| LayerValues::zeros(layer.inputs(), layer.outputs());
        Workspace {
            gradient: Some(layers.map(zeros).collect()),
            ..Workspace::plain(network, batch_size, inputs)
        }
    }

    /// The buffers of `network`'s training step with these settings, whose minibatches are gathered into `inputs`, for a team of
    /// `team_size` members.
    pub(crate) fn new(
        network: &Network,
        settings: &Settings,
        inputs: TeamInputs,
        team_size: usize,
    ) -> Workspace {
        let (layers, batch_size) = (network.layers(), settings.batch_size);
        let mut workspace = match settings.needs_whole_gradient() {
            true => Workspace::for_gradient(network, batch_size, inputs),
            false => Workspace::plain(network, batch_size, inputs),
        };
        let has_noise = |l: usize| settings.noise.get(l).is_some_and(Option::is_some);
        for (l, (noisy, layer)) in (1..).zip(workspace.noisy.iter_mut().zip(layers)) {
            *noisy = has_noise(l).then(|| Matrix::zeros(batch_size, layer.outputs()));
        }
        workspace.changed = settings.changes_inputs().then(|| Changed::new(network.inputs(), team_size));
        workspace
    }

    /// The buffers for a pass of `network` on `batch_size` examples, which are gathered into `inputs`.
    pub(super) fn plain(network: &Network, batch_size: usize, inputs: TeamInputs) -> Workspace {
        let layers = network.layers();
        let for_each_layer =
            || layers.iter().map(|layer| Matrix::zeros(batch_size, layer.outputs())).collect();
        let pre_activations = layers.iter().enumerate().map(|(l, layer)| {
            let needed = layer.activation().needs_pre_activation()
                || (l + 1 == layers.len() && network.cost_needs_pre_activation());
            needed.then(|| Matrix::zeros(batch_size, layer.outputs()))
        });
        Workspace {
            inputs,
            activations: for_each_layer(),
            pre_activations: pre_activations.collect(),
            errors: for_each_layer(),
            targets: Matrix::zeros(batch_size, network.outputs()),
            bias_gradient: vec![0.0; layers.iter().map(Layer::outputs).max().unwrap_or(0)],
            gradient: None,
            noisy: layers.iter().map(|_| None).collect(),
            changed: None,
        }
    }

    /// A_l (B × n_l), l = 1, …, L, as the next layer takes it: with its noise.
    pub(crate) fn output(&self, l: usize) -> &Matrix {
        output(&self.activations, &self.noisy, l).expect("a layer's output")
    }

    /// Prepares the next step, on the examples `indices` of `data`, which lie in random places. Their labels are prefetched here.
    /// Inputs that are bytes are prefetched later, by the first layer's update. Never changes a result.
    pub(crate) fn expect(&mut self, data: &Dataset, indices: &[u32]) {
        self.inputs.expect(&indices.iter().filter_map(|&index| match data.input(index as usize) {
            Row::Bytes(bytes) => Some(bytes),
            Row::Floats(_) => None,
        }));
        if let Targets::Classes { labels, .. } = data.targets() {
            indices.iter().for_each(|&index| prefetch(&labels[index as usize]));
        }
    }

    /// Makes the gradient that stands by itself 0.
    pub(crate) fn clear_gradient(&mut self) {
        self.gradient.iter_mut().flatten().for_each(|layer| layer.for_each_slice(|values| values.fill(0.0)));
    }

    /// How many of the examples `index(0)`, …, `index(rows − 1)` of `data` are answered with their class, or with all of their
    /// labels. 0 if the targets are values. Augmentation may have mixed the targets of a step; here the labels of the data count.
    pub(crate) fn correct(&self, data: &Dataset, rows: usize, index: impl Fn(usize) -> usize) -> usize {
        let Some(outputs) = self.activations.last() else { return 0 };
        let count = |is_correct: &dyn Fn(&[f32], usize) -> bool| {
            (0..rows).filter(|&row| is_correct(outputs.row(row), index(row))).count()
        };
        match data.targets() {
            Targets::Classes { labels, classes: 2 } if outputs.cols() == 1 => {
                count(&|a, example| is_yes(a[0]) == (labels[example] == 1))
            }
            Targets::Classes { labels, .. } => {
                count(&|a, example| is_first_largest(a, labels[example] as usize))
            }
            Targets::Labels { data, width } => {
                count(&|a, example| has_all_labels(a, &data[example * width..][..*width]))
            }
            _ => 0,
        }
    }

    /// Takes the targets of the examples `index(0)`, …, `index(rows − 1)` of `data` as Y: classes become one-hot rows, smoothed as
    /// `smoothing` says.
    pub(crate) fn take_targets(
        &mut self,
        data: &Dataset,
        smoothing: f64,
        rows: usize,
        index: impl Fn(usize) -> usize,
    ) {
        let targets = TargetRows::new(data.targets(), self.targets.cols(), smoothing);
        (0..rows).for_each(|row| targets.write(index(row), self.targets.row_mut(row)));
    }
}

/// Whether the value at `position` is the first of the largest of `row`. It costs a fraction of what finding that position does.
fn is_first_largest(row: &[f32], position: usize) -> bool {
    let value = row[position];
    // Without an early end, so that the loop has no branch that nobody could predict.
    let is_exceeded = row.iter().fold(false, |exceeded, other| exceeded | (*other > value));
    !is_exceeded && row[..position].iter().all(|other| *other < value)
}

/// A_l as the next layer takes it. `None` for A_0, which is gathered.
pub(super) fn output<'a>(
    activations: &'a [Matrix],
    noisy: &'a [Option<Matrix>],
    l: usize,
) -> Option<&'a Matrix> {
    let l = l.checked_sub(1)?;
    Some(noisy[l].as_ref().unwrap_or(&activations[l]))
}
