//! The cost model: which way of training a network is expected to be faster. Never changes a result.

use crate::network::{Layer, Network};

/// How many members should share `network`'s first layer, at most `cores`; 1 if phases are better. Never changes a result.
pub(crate) fn sharing(network: &Network, batch_size: usize, cores: usize) -> usize {
    /// What an exchange costs, and what members lose to one another's pace, in floating-point operations: measured,
    /// 0.7 µs at 200 GFLOP/s.
    const EXCHANGE: f64 = 150_000.0;
    /// What each line of 16 values costs that comes from another's cache: measured, 8 ns.
    const LINE: f64 = 1_600.0;
    /// What it costs to share one product in a phase.
    const PHASE: f64 = 300_000.0;
    /// A gain this small isn't worth another core.
    const LEAST_GAIN: f64 = 0.02;
    let [first, others @ ..] = network.layers() else { return 1 };
    // Others don't have what these need: a whole row, or Z_1.
    let keeps_z =
        first.activation().needs_pre_activation() || others.is_empty() && network.cost_needs_pre_activation();
    if first.activation().is_row_wise() || keeps_z {
        return 1;
    }
    let product = |inputs: usize, outputs: usize| 2.0 * batch_size as f64 * inputs as f64 * outputs as f64;
    // Half of the inputs of an image are 0; forward and update.
    let shared = product(first.inputs(), first.outputs());
    let alone: f64 = others.iter().map(|layer| 3.0 * product(layer.inputs(), layer.outputs())).sum();
    let besides = besides_products(network, batch_size);
    let lines = first.outputs().div_ceil(16);
    let by_shares = |members: usize| {
        let part = lines.div_ceil(members) as f64 / lines as f64;
        let received = batch_size as f64 * lines as f64 * (1.0 - part);
        shared * part + alone + besides + if members > 1 { EXCHANGE + LINE * received } else { 0.0 }
    };
    let by_phases = |members: usize| {
        let phases = 2.0 + 3.0 * others.len() as f64;
        (shared + alone) / members as f64 + besides + if members > 1 { phases * PHASE } else { 0.0 }
    };
    let best = (1..=cores.min(lines)).min_by(|&a, &b| by_shares(a).total_cmp(&by_shares(b))).unwrap_or(1);
    let least = by_phases(cores).min((1.0 - LEAST_GAIN) * by_shares(1));
    if by_shares(best) < least { best } else { 1 }
}

/// Whether sharing single products among `members` makes the step shorter: what it saves against what the phases cost. Never
/// changes a result.
pub(crate) fn worth_phases(network: &Network, batch_size: usize, members: usize) -> bool {
    /// Smaller products stay on one thread.
    const LEAST: f64 = 8e5;
    /// A phase whose worker still spins: 1.5 µs.
    const WARM: f64 = 300_000.0;
    /// One whose worker has parked, because there was more to do between phases than it waits: measured, 15 µs.
    const COLD: f64 = 3e6;
    /// How long it waits: 50 µs.
    const WAIT: f64 = 1e7;
    let products = network.layers().iter().enumerate().map(|(index, layer)| {
        let product = 2.0 * batch_size as f64 * layer.inputs() as f64 * layer.outputs() as f64;
        // Forward, update, and in all layers but the first the error of the one before.
        (if index == 0 { 2.0 } else { 3.0 }, product, layer.outputs())
    });
    // What is left to one thread: the other products, and the activations and errors of their neurons.
    let small = products.clone().filter(|&(_, product, _)| product < LEAST);
    let besides = |neurons: usize| batch_size as f64 * NEURON * neurons as f64;
    let left: f64 = small.map(|(times, product, neurons)| times * product + besides(neurons)).sum();
    // Not all of it is in one place; but what it takes differs from machine to machine.
    let phase = if left < WAIT / 10.0 { WARM } else { COLD };
    let gains = products.map(|(times, product, _)| {
        if product < LEAST { 0.0 } else { times * (product * (1.0 - 1.0 / members as f64) - phase) }
    });
    members > 1 && gains.sum::<f64>() > 0.0
}

/// What an input of an example costs besides products, in floating-point operations: 0.4 ns, measured.
const INPUT: f64 = 80.0;
/// The same of a neuron: 1.6 ns.
const NEURON: f64 = 320.0;

/// What a step does besides products, in floating-point operations; of members with shares everyone does nearly all of it.
fn besides_products(network: &Network, batch_size: usize) -> f64 {
    let neurons: usize = network.layers().iter().map(Layer::outputs).sum();
    batch_size as f64 * (INPUT * network.inputs() as f64 + NEURON * neurons as f64)
}

#[cfg(test)]
mod tests {
    use super::sharing;
    use crate::cost::{BinaryCrossEntropy, Quadratic};
    use crate::network::Network;

    #[test]
    fn a_member_has_no_z_to_share() {
        // Of a single layer the cost may need it.
        let network = Network::builder(784).layer(32);
        for (network, expected) in
            [(network.clone().cost(Quadratic), 2), (network.cost(BinaryCrossEntropy), 1)]
        {
            assert_eq!(sharing(&network.build().expect("a network"), 16, 2), expected);
        }
    }
}
