//! The cost model: the way of training that is expected to be the fastest for a network. It never changes a result.
//!
//! All costs are in floating-point operations.

use crate::network::{Layer, Network};

/// The number of members that should each have a part of `network`, at most `cores`; 1 if phases are better.
///
/// `augmenting` is the time of one core to augment a minibatch, in nanoseconds. In phases members share it. Each member that has a part
/// of the network does all of it.
pub(crate) fn sharing(network: &Network, batch_size: usize, augmenting: f64, cores: usize) -> usize {
    /// An exchange, with the time that members wait for the slowest of them. Measured: 0.7 µs at 200 GFLOP/s.
    const EXCHANGE: f64 = 150_000.0;
    /// A line of 16 values that comes from another member's cache. Measured: 8 ns.
    const LINE: f64 = 1_600.0;
    /// A phase that shares one product.
    const PHASE: f64 = 300_000.0;
    /// The least gain, as a fraction of the step, that is worth another core.
    const LEAST_GAIN: f64 = 0.02;
    let [first, others @ ..] = network.layers() else { return 1 };
    // A member receives the others' columns of A_1. It has neither whole rows of Z_1 nor the others' columns of it.
    let keeps_z =
        first.activation().needs_pre_activation() || others.is_empty() && network.cost_needs_pre_activation();
    if first.activation().is_row_wise() || keeps_z {
        return 1;
    }
    let product = |inputs: usize, outputs: usize| 2.0 * batch_size as f64 * inputs as f64 * outputs as f64;
    // Forward and update are two products, but half of the inputs of an image are 0.
    let shared = product(first.inputs(), first.outputs());
    let alone: f64 = others.iter().map(|layer| 3.0 * product(layer.inputs(), layer.outputs())).sum();
    let besides = besides_products(network, batch_size);
    let augmenting = augmenting * NANOSECOND;
    let lines = first.outputs().div_ceil(16);
    let by_shares = |members: usize| {
        let part = lines.div_ceil(members) as f64 / lines as f64;
        let received = batch_size as f64 * lines as f64 * (1.0 - part);
        shared * part
            + alone
            + besides
            + augmenting
            + if members > 1 { EXCHANGE + LINE * received } else { 0.0 }
    };
    // In phases, what one member computes of A_l and Δ_l another takes for the next product.
    let hidden = network.layers()[..others.len()].iter().map(|layer| layer.outputs().div_ceil(16));
    let passed_on = 2.0 * batch_size as f64 * hidden.sum::<usize>() as f64;
    let by_phases = |members: usize| {
        let (phases, elsewhere) = (2.0 + 3.0 * others.len() as f64, 1.0 - 1.0 / members as f64);
        (shared + alone + augmenting) / members as f64
            + besides
            + if members > 1 { phases * PHASE + LINE * passed_on * elsewhere } else { 0.0 }
    };
    let best = (1..=cores.min(lines)).min_by(|&a, &b| by_shares(a).total_cmp(&by_shares(b))).unwrap_or(1);
    let least = by_phases(cores).min((1.0 - LEAST_GAIN) * by_shares(1));
    if by_shares(best) < least { best } else { 1 }
}

/// Whether the step is shorter if `members` share single products, or the work of `augmenting` a minibatch, in nanoseconds. The time
/// saved is held against the cost of the phases.
pub(crate) fn worth_phases(network: &Network, batch_size: usize, augmenting: f64, members: usize) -> bool {
    /// The smallest product that is shared.
    const LEAST: f64 = 8e5;
    /// A phase while the workers still spin: 1.5 µs.
    const WARM: f64 = 300_000.0;
    /// A phase after the workers have parked, because the driver had more to do between phases than they wait. Measured: 15 µs.
    const COLD: f64 = 3e6;
    /// The time that a worker waits before it parks: 50 µs.
    const WAIT: f64 = 1e7;
    let products = network.layers().iter().enumerate().map(|(index, layer)| {
        let product = 2.0 * batch_size as f64 * layer.inputs() as f64 * layer.outputs() as f64;
        // Forward and update. In all layers but the first also the error of the layer before.
        (if index == 0 { 2.0 } else { 3.0 }, product, layer.outputs())
    });
    // One thread computes the other products, and the activations and errors of their neurons.
    let small = products.clone().filter(|&(_, product, _)| product < LEAST);
    let besides = |neurons: usize| batch_size as f64 * NEURON * neurons as f64;
    let left: f64 = small.map(|(times, product, neurons)| times * product + besides(neurons)).sum();
    // The limit is a tenth: not all of this work lies between the same two phases, and its time differs from machine to machine.
    let phase = if left < WAIT / 10.0 { WARM } else { COLD };
    let gains = products.map(|(times, product, _)| {
        if product < LEAST { 0.0 } else { times * (product * (1.0 - 1.0 / members as f64) - phase) }
    });
    // A step without a shared product is long enough for workers to park.
    let gain = augmenting * NANOSECOND * (1.0 - 1.0 / members as f64) - COLD;
    members > 1 && gains.sum::<f64>() + gain.max(0.0) > 0.0
}

/// A nanosecond of one core.
const NANOSECOND: f64 = 200.0;
/// An input of an example, besides products. Measured: 0.4 ns.
const INPUT: f64 = 80.0;
/// A neuron for an example, besides products. Measured: 1.6 ns.
const NEURON: f64 = 320.0;

/// The work of a step besides products. Every member that trains in shares does nearly all of it.
fn besides_products(network: &Network, batch_size: usize) -> f64 {
    let neurons: usize = network.layers().iter().map(Layer::outputs).sum();
    batch_size as f64 * (INPUT * network.inputs() as f64 + NEURON * neurons as f64)
}

#[cfg(test)]
mod tests {
    use super::sharing;
    use crate::network::Network;
    use crate::network::cost::{BinaryCrossEntropy, Quadratic};

    #[test]
    fn a_network_of_one_layer_is_not_shared_if_its_cost_needs_z() {
        let network = Network::builder(784).layer(32);
        for (network, expected) in
            [(network.clone().cost(Quadratic), 2), (network.cost(BinaryCrossEntropy), 1)]
        {
            assert_eq!(sharing(&network.build().expect("a network"), 16, 0.0, 2), expected);
        }
    }
}
