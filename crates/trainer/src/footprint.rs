//! The memory that networks, their training and their use take, before it is asked for.
//!
//! An allocation that the system refuses ends the process. A program can ask here first, if somebody else chooses the size of
//! its networks. All numbers are upper bounds, in bytes. A size beyond 64 bits is `u64::MAX`.
//!
//! ```
//! use minibatch::{Network, footprint};
//!
//! let bytes = footprint::network(&[784, 32, 10]);
//! assert!((100_000..200_000).contains(&bytes));
//! assert!(footprint::is_available(bytes) && !footprint::is_available(footprint::network(&[usize::MAX, 9])));
//! # Ok::<(), minibatch::Error>(())
//! ```

use crate::class_weights::ClassWeights;
use crate::crew::sharing;
use crate::infer::{LARGEST_MATRIX, inference};
use crate::network::Network;
use crate::network::footprint::{numbers, sum};
use crate::optimizer::Optimizer;
use crate::settings::Settings;
use crate::step::ROWS;
use minibatch_data::Preparation;
use minibatch_kernels::{Pool, footprint};

pub use crate::network::footprint::{is_available, network};

/// The moments that an optimiser keeps of a network of these layers.
#[must_use]
pub fn optimizer(optimizer: &Optimizer, sizes: &[usize]) -> u64 {
    network(sizes).saturating_mul(optimizer.moments() as u64)
}

/// The least memory that a network of these layers and its training take. [`training`] is more exact, and needs the network.
#[must_use]
pub fn least(sizes: &[usize], batch_size: usize, optimizer: &Optimizer) -> u64 {
    let inputs = footprint::team_inputs(sizes[0], batch_size, 1);
    sum([network(sizes), self::optimizer(optimizer, sizes), workspace(sizes, batch_size, 0), inputs])
}

/// The memory that training on so many examples takes besides `network` and the optimiser's moments.
pub fn training(network: &Network, examples: usize, settings: &Settings, pool: &Pool) -> u64 {
    let (sizes, batch_size) = (network.sizes(), settings.batch_size.min(examples));
    let inputs = |members| footprint::team_inputs(sizes[0], batch_size, members);
    let workspace = workspace(&sizes, batch_size, keeping_z(network));
    // The first layer's products pack nothing.
    let widest = sizes[1..].iter().copied().fold(batch_size, usize::max);
    let mut packing = footprint::packing(widest, widest);
    if !settings.optimizer.is_plain() {
        packing = packing.saturating_add(footprint::matrix(batch_size, widest));
    }
    let members = if settings.may_be_shared() {
        sharing(network, batch_size, settings.work(sizes[0]), pool.members())
    } else {
        1
    };
    let gradient = if settings.needs_whole_gradient() { self::network(&sizes) } else { 0 };
    // The first layer's weights without the inputs' factors.
    let scaling = if settings.input_scaling.is_some() {
        self::network(&sizes[..2]) + scaling(settings, sizes[0])
    } else {
        0
    };
    let average = if settings.average.is_some() { self::network(&sizes) } else { 0 };
    let changed = if settings.changes_inputs() { changed(&sizes, batch_size, settings, pool) } else { 0 };
    let noisy = |(l, &n): (usize, &usize)| match settings.noise.get(l) {
        Some(Some(_)) if l > 0 => footprint::matrix(batch_size, n),
        _ => 0,
    };
    let noisy = sum(sizes.iter().enumerate().map(noisy));
    let workspace = sum([workspace, changed, noisy]);
    let best = if settings.keeps_best() { self::network(&sizes) } else { 0 };
    let weights = if settings.class_weights == ClassWeights::None { 0 } else { numbers(examples) };
    let own = sum([
        workspace,
        gradient,
        scaling,
        average,
        best,
        inputs(pool.members()),
        numbers(examples),
        weights,
    ]);
    let parts = if members > 1 {
        // Each member has at most a copy of the whole, moments included. Then there is what is put together from all parts.
        let copy = self::network(&sizes).saturating_add(optimizer(&settings.optimizer, &sizes));
        let part = sum([copy, workspace, inputs(1), packing]);
        let exchange = footprint::matrix(batch_size, sizes[1]).saturating_mul(2);
        part.saturating_mul(members as u64).saturating_add(copy).saturating_add(exchange)
    } else {
        0
    };
    sum([own, parts, packing.saturating_mul(pool.members() as u64)])
}

/// The inputs' factors that are learned, with their gradient and moments.
fn scaling(settings: &Settings, inputs: usize) -> u64 {
    numbers(inputs).saturating_mul(2 + settings.optimizer.moments() as u64)
}

/// A minibatch's inputs and targets as they are changed before a step, with what each member needs to change an example.
fn changed(sizes: &[usize], batch_size: usize, settings: &Settings, pool: &Pool) -> u64 {
    let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
    let row = |values: usize| numbers(batch_size).saturating_mul(values as u64);
    // Bytes, numbers, and the numbers before they were mixed.
    let minibatch = sum([row(inputs).saturating_mul(3), row(outputs), numbers(inputs)]);
    let reach = settings.augment.iter().map(|augment| augment.rule().reach()).max();
    let maker = reach.map_or(0, |reach| {
        footprint::canvas(inputs, reach).saturating_add(numbers(inputs).saturating_mul(2))
    });
    sum([minibatch, maker.saturating_mul(pool.members() as u64)])
}

/// The number of layers that keep Z, at most.
fn keeping_z(network: &Network) -> usize {
    let layers = network.layers().iter();
    layers.filter(|layer| layer.activation().needs_pre_activation()).count()
        + usize::from(network.cost_needs_pre_activation())
}

/// A minibatch's activations, errors and targets, one layer's bias gradient, and Z of `keeping_z` layers at most.
fn workspace(sizes: &[usize], batch_size: usize, keeping_z: usize) -> u64 {
    let layers = || sizes[1..].iter().map(|&n| footprint::matrix(batch_size, n));
    let pre_activations = layers().max().unwrap_or_default().saturating_mul(keeping_z as u64);
    let targets = layers().next_back().unwrap_or_default();
    let bias_gradient = numbers(sizes[1..].iter().copied().max().unwrap_or_default());
    sum([sum(layers()).saturating_mul(2), pre_activations, targets, bias_gradient])
}

/// The memory that [`Network::evaluate`] takes for so many examples.
#[must_use]
pub fn evaluation(network: &Network, examples: usize, pool: &Pool) -> u64 {
    let rows = inference::TRANCHE.min(examples);
    let tranches = examples.div_ceil(inference::TRANCHE);
    // Outputs, targets, and Z if the cost needs it.
    let outputs = footprint::matrix(rows, network.outputs()).saturating_mul(2);
    let member = inference::footprint(network, rows).saturating_add(outputs);
    // A tranche has two sums for each output, if the targets are values.
    let sums = 128 + 16 * network.outputs() as u64;
    member
        .saturating_mul(pool.members().min(tranches) as u64)
        .saturating_add(sums.saturating_mul(tranches as u64 + 4))
}

/// The memory that [`Network::metrics`] takes for so many examples, its result included.
#[must_use]
pub fn metrics(network: &Network, examples: usize, pool: &Pool) -> u64 {
    /// A tranche's sums for classes.
    const SUMS: u64 = 1 << 10;
    /// An example's answer, twice, and its place among the mistakes.
    const ANSWER: u64 = 32;
    /// A class's counts and scores.
    const CLASS: u64 = 128;
    let classes = network.outputs() as u64;
    let matrix = if network.outputs() <= LARGEST_MATRIX { 8 * classes * classes } else { 0 };
    let tranches = examples.div_ceil(inference::TRANCHE) as u64;
    sum([
        evaluation(network, examples, pool),
        SUMS * tranches,
        ANSWER.saturating_mul(examples as u64),
        CLASS * classes + matrix,
    ])
}

/// The memory that [`Network::activity`] takes. [`Trainer::diagnose`](crate::Trainer::diagnose) takes little more.
#[must_use]
pub fn activity(network: &Network, pool: &Pool) -> u64 {
    let pass = pass(network, ROWS, pool);
    // The sample's indices, and what is seen of each unit.
    let seen = network.sizes().iter().fold(1 << 16, |sum: u64, &n| sum.saturating_add(4 * n as u64));
    pass.saturating_add(seen)
}

/// The memory that [`Trainer::inspect`](crate::Trainer::inspect) takes.
#[must_use]
pub fn inspection(network: &Network, settings: &Settings, pool: &Pool) -> u64 {
    let sizes = network.sizes();
    // A copy of the network and of the moments, and the gradient.
    let copies =
        self::network(&sizes).saturating_mul(2).saturating_add(optimizer(&settings.optimizer, &sizes));
    copies.saturating_add(pass(network, settings.batch_size, pool)).max(activity(network, pool))
}

/// A pass of a team forward and back, without a gradient.
fn pass(network: &Network, rows: usize, pool: &Pool) -> u64 {
    let sizes = network.sizes();
    let widest = sizes[1..].iter().copied().fold(rows, usize::max);
    sum([
        workspace(&sizes, rows, keeping_z(network)),
        footprint::team_inputs(sizes[0], rows, pool.members()),
        footprint::packing(widest, widest).saturating_mul(pool.members() as u64),
    ])
}

/// The memory that [`Network::predict_rows`] takes for so many rows, its result included.
#[must_use]
pub fn prediction(network: &Network, rows: usize, pool: &Pool) -> u64 {
    let outputs = footprint::matrix(rows, network.outputs()).saturating_mul(2);
    let member = inference::footprint(network, inference::TRANCHE.min(rows));
    member.saturating_mul(pool.members() as u64).saturating_add(outputs)
}

/// The bytes of a checkpoint after so many epochs.
#[must_use]
pub fn checkpoint(network: &Network, settings: &Settings, epochs: usize) -> u64 {
    /// An epoch in the history and the times.
    const EPOCH: u64 = 128;
    let moments = numbers(network.parameters()).saturating_mul(settings.optimizer.moments() as u64);
    let average = if settings.average.is_some() { network_file(network) } else { 0 };
    let best = if settings.keeps_best() { network_file(network) } else { 0 };
    let scaling = match settings.input_scaling {
        Some(_) => numbers(network.layers()[0].parameters()) + scaling(settings, network.inputs()),
        None => 0,
    };
    sum([network_file(network), average, best, scaling, moments, EPOCH.saturating_mul(epochs as u64)])
}

/// The bytes of a file that holds a network.
pub(crate) fn network_file(network: &Network) -> u64 {
    /// Header, directory, settings, progress.
    const REST: u64 = 1 << 12;
    /// A layer's size and the name of its activation.
    const LAYER: u64 = 64;
    let preparation = network.preparation().map_or(0, Preparation::file_bytes);
    let names = network.class_names().map_or(0, |names| names.iter().map(|name| name.len() as u64 + 8).sum());
    sum([numbers(network.parameters()), REST, LAYER * network.layers().len() as u64, preparation, names])
}
