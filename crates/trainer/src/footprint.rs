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
use crate::infer::inference;
use crate::network::Network;
use crate::network::footprint::{numbers, sum};
use crate::optimizer::Optimizer;
use crate::settings::Settings;
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
    let layers = network.layers();
    let mut keeping_z = layers.iter().filter(|layer| layer.activation().needs_pre_activation()).count();
    keeping_z += usize::from(network.cost_needs_pre_activation());
    let workspace = workspace(&sizes, batch_size, keeping_z);
    // The first layer's products pack nothing.
    let widest = sizes[1..].iter().copied().fold(batch_size, usize::max);
    let mut packing = footprint::packing(widest, widest);
    if !settings.optimizer.is_plain() {
        packing = packing.saturating_add(footprint::matrix(batch_size, widest));
    }
    let members = if settings.may_be_shared() { sharing(network, batch_size, pool.members()) } else { 1 };
    let gradient = if settings.needs_whole_gradient() { self::network(&sizes) } else { 0 };
    let changed = if settings.changes_inputs() { footprint::matrix(batch_size, sizes[0]) } else { 0 };
    let noisy = |(l, &n): (usize, &usize)| match settings.noise.get(l) {
        Some(Some(_)) if l > 0 => footprint::matrix(batch_size, n),
        _ => 0,
    };
    let noisy = sum(sizes.iter().enumerate().map(noisy));
    let workspace = sum([workspace, changed, noisy]);
    let best = if settings.keeps_best() { self::network(&sizes) } else { 0 };
    let weights = if settings.class_weights == ClassWeights::None { 0 } else { numbers(examples) };
    let own = sum([workspace, gradient, best, inputs(pool.members()), numbers(examples), weights]);
    let parts = if members > 1 {
        // Each member has at most a copy of the whole. Then there is the network put together from all parts.
        let copy = self::network(&sizes);
        let part = sum([copy, workspace, inputs(1), packing]);
        let exchange = footprint::matrix(batch_size, sizes[1]).saturating_mul(2);
        part.saturating_mul(members as u64).saturating_add(copy).saturating_add(exchange)
    } else {
        0
    };
    sum([own, parts, packing.saturating_mul(pool.members() as u64)])
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
    member.saturating_mul(pool.members().min(tranches) as u64).saturating_add(64 * tranches as u64)
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
    let best = if settings.keeps_best() { network_file(network) } else { 0 };
    sum([network_file(network), best, moments, EPOCH.saturating_mul(epochs as u64)])
}

/// The bytes of a file that holds a network.
pub(crate) fn network_file(network: &Network) -> u64 {
    /// Header, directory, settings, progress.
    const REST: u64 = 1 << 12;
    /// A layer's size and the name of its activation.
    const LAYER: u64 = 64;
    sum([numbers(network.parameters()), REST, LAYER * network.layers().len() as u64])
}
