//! Training that changes between shares and one thread alone gives the bits of one thread. Only here can a test say when it
//! changes.

use super::*;
use crate::crew::{Way, sharing};
use crate::network::activation::Identity;
use crate::network::{Layer, NetworkBuilder};
use minibatch_data::synthetic;
use minibatch_kernels::Isa;

/// The state of a run, but for its wall-clock times.
#[derive(Debug, PartialEq)]
struct State {
    hash: u64,
    cost_sum: u64,
    position: usize,
    steps: (u64, Vec<f64>),
    bounds: String,
}

fn state(trainer: &Trainer) -> State {
    let Trainer { crew, cost_sum, position, .. } = trainer;
    let hash = trainer.checkpoint().compared_hash().expect("a checkpoint");
    let state = crew.state();
    let (steps, bounds) = ((state.steps, state.scalars.clone()), format!("{:?}", crew.guard()));
    State { hash, cost_sum: cost_sum.to_bits(), position: *position, steps, bounds }
}

fn parameters(network: &Network) -> Vec<u32> {
    let of_layer = |layer: &Layer| -> Vec<f32> {
        let weights = (0..layer.inputs()).flat_map(|k| (0..layer.outputs()).map(move |j| layer.weight(j, k)));
        weights.chain(layer.biases().iter().copied()).collect()
    };
    network.layers().iter().flat_map(of_layer).map(f32::to_bits).collect()
}

fn steps(trainer: &mut Trainer, steps: usize) -> Result<usize, String> {
    trainer.advance(steps).map(|_| trainer.history().len()).map_err(|error| error.to_string())
}

/// Trains for so many calls on one thread, and with `members` that change between shares and alone, at calls' ends and within
/// them. Both must come to the same state after every call, or end in the same error. Returns that error.
fn compare(network: NetworkBuilder, members: usize, settings: &Settings, calls: usize) -> Option<String> {
    let data = synthetic::generate(500, 10, 3).expect("digits").train;
    let isa = Isa::detect();
    let [several, one] = [members, 1].map(|members| Pool::oversubscribed(isa, members).expect("a pool"));
    let network = network.seed(9).build().expect("a network");
    assert_eq!(sharing(&network, settings.batch_size, 0.0, members), members, "a network to share");
    let trainer =
        |pool: &Pool| Trainer::new(pool, &data, network.clone(), settings.clone()).expect("a trainer");
    let (mut changing, mut expected) = (trainer(&several), trainer(&one));
    for call in 0..calls {
        // Slices are short at first. Members leave them, too, whenever one waits for another.
        let ways = [Way::Shares, Way::Alone, Way::Alone, Way::Shares, Way::Alone, Way::Shares];
        changing.crew.follow(ways[call % 5..].repeat(1 + call % 3));
        // Now and then longer than a slice, or than the epoch.
        let many = [1, 3, 2, 7, 40][call / 2 % 5];
        let [found, result] = [&mut changing, &mut expected].map(|trainer| steps(trainer, many));
        assert_eq!((&found, state(&changing)), (&result, state(&expected)), "call {call}");
        if let Err(error) = found {
            return Some(error);
        }
        if call % 10 == 6 {
            // Both trainers are resumed, because their bounds begin anew.
            let resume = |pool: &Pool, trainer: &Trainer| {
                Trainer::resume(pool, &data, trainer.checkpoint()).expect("the same run")
            };
            (changing, expected) = (resume(&several, &changing), resume(&one, &expected));
        }
    }
    let [last, left] =
        [changing.network().clone(), changing.into_network()].map(|network| parameters(&network));
    assert!(last == left, "the network that is left");
    None
}

/// Settings with this optimiser and η.
fn settings(optimizer: &str, learning_rate: f64) -> Settings {
    let optimizer = optimizer.parse().expect("an optimiser");
    Settings { optimizer, learning_rate, ..Settings::default() }
}

#[test]
fn changing_between_shares_and_alone_changes_no_bit() {
    let network = Network::builder(784);
    assert_eq!(compare(network.clone().layer(32).layer(10), 2, &settings("sgd", 3.0), 60), None);
    assert_eq!(compare(network.layer(48).layer(20).layer(10), 3, &settings("sgd", 3.0), 60), None);
}

#[test]
fn moments_go_from_shares_to_one_thread_and_back() {
    let network = Network::builder(784);
    assert_eq!(compare(network.clone().layer(32).layer(10), 2, &settings("nesterov", 0.3), 40), None);
    // A moment that is signed and one of squares, and scalars that change with each step.
    assert_eq!(compare(network.layer(48).layer(20).layer(10), 3, &settings("nadam", 0.002), 40), None);
}

#[test]
fn a_run_goes_astray_at_the_same_step_in_shares_and_alone() {
    // The bounds of weights and moments pass from shares to one thread and back.
    for optimizer in ["sgd", "momentum"] {
        let network = Network::builder(784).layer_with(32, Identity).layer_with(10, Identity);
        let error = compare(network, 2, &settings(optimizer, 1.0), 60).expect("a divergence");
        assert!(error.contains("step"), "{error}");
    }
}
