//! The purposes of optimisers, and the steps that they refuse.

mod common;

use common::{Numbers, bits};
use minibatch::activation::{Identity, Tanh};
use minibatch::{Dataset, Error, Isa, Network, Optimizer, Pool, Settings, Trainer};

fn pool() -> Pool {
    Pool::new(Isa::detect(), 1).expect("a pool")
}

/// The cost of the last of so many epochs.
fn last_cost(data: &Dataset, network: &Network, settings: Settings, epochs: usize) -> f64 {
    let pool = pool();
    let mut trainer = Trainer::new(&pool, data, network.clone(), settings).expect("a trainer");
    (0..epochs).map(|_| trainer.epoch().expect("an epoch").cost).last().expect("epochs")
}

/// A straight line in two directions, one ten times as steep as the other. A learning rate that is stable in the steep direction
/// is slow in the other. Momentum is there for that.
#[test]
fn momentum_is_faster_in_a_narrow_valley() {
    let mut numbers = Numbers::new(7);
    let x: Vec<f32> = (0..64).flat_map(|_| [numbers.signed(), 0.1 * numbers.signed()]).collect();
    let y: Vec<f32> = x.chunks(2).map(|x| 0.5 * x[0] - 2.0 * x[1] + 0.25).collect();
    let data = Dataset::from_values(x, &[2], y, 1).expect("a dataset");
    let network = Network::builder(2).layer_with(1, Identity).seed(1).build().expect("a network");
    let cost = |optimizer: &str, learning_rate: f64| {
        let optimizer = optimizer.parse().expect("an optimiser");
        let settings = Settings { optimizer, learning_rate, batch_size: 16, ..Settings::default() };
        last_cost(&data, &network, settings, 400)
    };
    let plain = cost("sgd", 0.1);
    for (optimizer, learning_rate) in
        [("momentum", 0.1), ("nesterov", 0.1), ("adam", 0.05), ("adamw(0.9,0.999,1e-8,0)", 0.05)]
    {
        let other = cost(optimizer, learning_rate);
        assert!(other < plain / 20.0, "{optimizer}: {other:e}, plain descent {plain:e}");
    }
    assert!(plain > 1e-6, "a valley that plain descent is done with tells nothing: {plain:e}");
}

/// The class is the pair of opposite quadrants, of two, that a point lies in. Nothing linear can tell them apart.
#[test]
fn every_optimizer_learns_quadrants() {
    let mut numbers = Numbers::new(3);
    let x: Vec<f32> = (0..512).flat_map(|_| [numbers.signed(), numbers.signed()]).collect();
    let labels: Vec<u32> = x.chunks(2).map(|x| u32::from((x[0] > 0.0) != (x[1] > 0.0))).collect();
    let data = Dataset::from_classes(x, &[2], labels).expect("a dataset");
    let network = Network::builder(2).layer_with(16, Tanh).layer(2).seed(2).build().expect("a network");
    for optimizer in Optimizer::all() {
        let learning_rate = optimizer.learning_rates().sigmoid.max(0.01);
        let settings =
            Settings { optimizer: optimizer.clone(), learning_rate, batch_size: 16, ..Settings::default() };
        let pool = pool();
        let mut trainer = Trainer::new(&pool, &data, network.clone(), settings).expect("a trainer");
        for _ in 0..40 {
            trainer.epoch().expect("an epoch");
        }
        let accuracy = trainer.evaluate(&data).expect("an evaluation").accuracy().expect("classes");
        assert!(accuracy > 0.95, "{optimizer}: {accuracy}");
    }
}

/// A weight whose input is always 0 has no gradient. Decay alone moves it: by its factor, step by step. Biases stay.
#[test]
fn decay_is_decoupled_and_of_weights_only() {
    let data = Dataset::from_values(vec![0.0_f32; 8], &[2], vec![0.0; 4], 1).expect("a dataset");
    let mut network = Network::builder(2).layer_with(1, Identity).build().expect("a network");
    network.layers_mut()[0].set_weight(0, 0, 0.8);
    network.layers_mut()[0].biases_mut()[0] = 0.0;
    let optimizer = "adamw(0.9,0.999,1e-8,0.5)".parse().expect("an optimiser");
    let settings = Settings { optimizer, learning_rate: 0.1, batch_size: 2, ..Settings::default() };
    let pool = pool();
    let mut trainer = Trainer::new(&pool, &data, network, settings.clone()).expect("a trainer");
    trainer.epoch().expect("an epoch");
    let layer = &trainer.network().layers()[0];
    assert_eq!(layer.weight(0, 0), 0.8 * 0.95 * 0.95);
    assert_eq!(layer.biases(), [0.0]);
    let keeps_signs = Settings { learning_rate: 2.0, ..settings };
    let error = Trainer::new(&pool, &data, trainer.into_network(), keeps_signs).expect_err("1 − ηλ is 0");
    assert_eq!(error.to_string(), "learning rate is 2: expected below 1/λ of adamw(0.9,0.999,1e-8,0.5)");
}

/// One input and one weight of 1, target 0: error and gradient are `x` and `x²`.
fn steep(x: f32) -> (Dataset, Network) {
    let data = Dataset::from_values(vec![x], &[1], vec![0.0], 1).expect("a dataset");
    let mut network = Network::builder(1).layer_with(1, Identity).build().expect("a network");
    network.layers_mut()[0].set_weight(0, 0, 1.0);
    (data, network)
}

/// No number that isn't finite is applied. A step that would apply one changes nothing at all, not even a moment.
#[test]
fn steps_that_would_overflow_are_not_made() {
    let pool = pool();
    // A gradient of 10²² fits, and its square doesn't.
    // (The optimisers that remember its square refuse.)
    let squaring = ["adagrad", "rmsprop", "centred-rmsprop", "adam", "adamw", "nadam"];
    for (x, refusing) in [(1e25, Optimizer::all().len()), (1e11, squaring.len())] {
        let (data, network) = steep(x);
        let mut refused = 0;
        for optimizer in Optimizer::all() {
            let settings = Settings {
                optimizer: optimizer.clone(),
                learning_rate: 1e-3,
                batch_size: 1,
                ..Settings::default()
            };
            let mut trainer = Trainer::new(&pool, &data, network.clone(), settings).expect("a trainer");
            let before = trainer.checkpoint().compared_hash().expect("a checkpoint");
            match trainer.epoch() {
                Ok(_) => assert!(trainer.checkpoint().compared_hash().is_ok(), "{optimizer}: all is finite"),
                Err(error) => {
                    assert!(matches!(error, Error::Diverged { epoch: 1, step: 1, .. }), "{error}");
                    assert!(error.to_string().contains("the update of layer 1 may pass"), "{error}");
                    assert_eq!(bits(trainer.network()), bits(&network), "{optimizer}");
                    assert_eq!(
                        trainer.checkpoint().compared_hash().expect("a checkpoint"),
                        before,
                        "{optimizer}"
                    );
                    refused += 1;
                }
            }
        }
        assert_eq!(refused, refusing, "of the optimisers at {x:e}");
    }
}

/// In long runs far from 0, bounds add up, are measured anew, and refuse nothing that is finite.
#[test]
fn runs_among_large_numbers_are_not_refused() {
    let pool = pool();
    for optimizer in Optimizer::all() {
        // Gradients are around 10¹⁸, and their steps take the weight to the other side and back. (The squares of 3,000 must not
        // add up to more than the largest number.)
        let (data, network) = steep(if optimizer.name() == "adagrad" { 1e8 } else { 1e9 });
        let learning_rate = if optimizer.learning_rates().sigmoid < 0.1 { 1e-3 } else { 1e-19 };
        let settings =
            Settings { optimizer: optimizer.clone(), learning_rate, batch_size: 1, ..Settings::default() };
        let mut trainer = Trainer::new(&pool, &data, network.clone(), settings).expect("a trainer");
        for _ in 0..3_000 {
            trainer.epoch().unwrap_or_else(|error| panic!("{optimizer}: {error}"));
        }
    }
}
