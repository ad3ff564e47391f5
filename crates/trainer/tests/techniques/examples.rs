//! Augmentation, noise and the weights of examples.

use super::common::{bits, weights};
use super::{EXAMPLES, Even, data, matrices, network, pool, settings};
use minibatch::activation::{Identity, Relu, Softmax, Tanh};
use minibatch::augment::Augment;
use minibatch::cost::CategoricalCrossEntropy;
use minibatch::data::Order;
use minibatch::{Dataset, Layer, Network, Objective, Settings, Trainer};

#[test]
fn mixed_examples_are_those_of_a_mixed_dataset() {
    let (order, augment) = (Order::InOrder, vec![Augment::new(Even)]);
    for (inputs, floats) in [(20, false), (20, true), (784, false)] {
        let data = data(inputs, floats);
        let (x, y) = matrices(&data);
        let mixed = |values: &[f32], width: usize| -> Vec<f32> {
            let other = |i: usize| (i / width + 1) % EXAMPLES * width + i % width;
            (0..values.len()).map(|i| 0.75_f32.mul_add(values[i], 0.25 * values[other(i)])).collect()
        };
        let by_hand = Dataset::from_values(mixed(&x, inputs), &[inputs], mixed(&y, 4), 4).expect("a dataset");
        let soft = Network::builder(inputs).layer_with(32, Tanh).layer_with(4, Softmax);
        let soft = soft.cost(CategoricalCrossEntropy).seed(9).build().expect("a network");
        for threads in [1, 2] {
            let settings = Settings { order, batch_size: EXAMPLES, epochs: 3, ..settings("sgd") };
            let run = |data: &Dataset, settings: Settings| {
                let pool = pool(threads);
                let mut trainer = Trainer::new(&pool, data, soft.clone(), settings).expect("a trainer");
                trainer.fit(None, &mut ()).expect("epochs");
                bits(trainer.network())
            };
            let expected = run(&by_hand, settings.clone());
            assert_eq!(run(&data, Settings { augment: augment.clone(), ..settings }), expected);
        }
    }
}

/// Plain descent of a tiny η takes a step along the gradient of the cost with the step's own noise.
#[test]
fn noise_is_part_of_the_gradient() {
    let data = data(20, true);
    let layers = || Network::builder(20).layer_with(12, Tanh).layer_with(9, Relu).layer_with(4, Identity);
    let noise = vec![
        Some("dropout(0.25)".parse().expect("noise")),
        Some("gaussian(0.3)".parse().expect("noise")),
        Some("dropout(0.125)".parse().expect("noise")),
    ];
    let settings = Settings { noise, learning_rate: 1.0, batch_size: EXAMPLES, ..settings("sgd") };
    let pool = pool(1);
    let step = |network: Network| {
        let mut trainer = Trainer::new(&pool, &data, network, settings.clone()).expect("a trainer");
        let epoch = trainer.advance(1).expect("a step").expect("an epoch of one step");
        (epoch.cost, trainer.into_network())
    };
    let network = layers().seed(2).build().expect("a network");
    let (_, after) = step(network.clone());
    let mut checked = 0;
    for l in 0..3 {
        for (j, k) in [(0, 0), (1, 3), (3, 7), (2, 8)] {
            let gradient = f64::from(network.layers()[l].weight(j, k) - after.layers()[l].weight(j, k));
            let cost = |by: f32| {
                let mut moved = network.clone();
                let layer = &mut moved.layers_mut()[l];
                layer.set_weight(j, k, layer.weight(j, k) + by);
                step(moved).0
            };
            let numeric = (cost(1e-2) - cost(-1e-2)) / 2e-2;
            assert!(
                (gradient - numeric).abs() < 2e-3 + 0.02 * numeric.abs(),
                "W{}_{j}{k}: {gradient}, {numeric}",
                l + 1
            );
            checked += usize::from(numeric.abs() > 1e-2);
        }
    }
    assert!(checked > 3, "gradients of some size: {checked}");
    assert_ne!(bits(&after), bits(&step_without(&data, &network, &settings)));
}

fn step_without(data: &Dataset, network: &Network, settings: &Settings) -> Network {
    let settings = Settings { noise: Vec::new(), ..settings.clone() };
    let pool = pool(1);
    let mut trainer = Trainer::new(&pool, data, network.clone(), settings).expect("a trainer");
    trainer.advance(1).expect("a step");
    trainer.into_network()
}

/// Inputs that noise makes infinite are refused before the step, though what follows from them is finite.
#[test]
fn inputs_stay_finite() {
    let data = Dataset::from_classes(vec![3e38_f32; 40], &[10], vec![0, 1, 0, 1]).expect("a dataset");
    let noise = vec!["dropout(0.5)".parse().ok()];
    let settings = Settings { noise, batch_size: 4, ..settings("sgd") };
    let before = network(&[10, 5, 2]);
    let mut trainer = Trainer::new(&pool(1), &data, before.clone(), settings).expect("a trainer");
    let error = trainer.advance(1).expect_err("infinite inputs").to_string();
    assert!(error.contains("the activations of layer"), "{error}");
    assert_eq!(bits(trainer.network()), bits(&before));
}

/// An example of weight 2 is two examples, one of weight 0 none.
#[test]
fn sample_weights_are_repetitions() {
    for inputs in [20, 784] {
        check_sample_weights(inputs);
    }
}

fn check_sample_weights(inputs: usize) {
    let data = data(inputs, false);
    let sizes = [inputs, 32, 4];
    let weights: Vec<f32> = (0..EXAMPLES).map(|i| (i % 3) as f32).collect();
    let repeated: Vec<u32> = (0..EXAMPLES as u32).flat_map(|i| vec![i; i as usize % 3]).collect();
    let (weighted, repeated) = (
        data.clone().with_sample_weights(weights.clone()).expect("weights"),
        data.subset(&repeated).expect("a subset"),
    );
    assert_ne!(weighted.fingerprint(), data.fingerprint());
    assert!(!weighted.is_same(&data));
    for optimizer in ["sgd", "adam"] {
        for threads in [1, 2] {
            let run = |data: &Dataset| {
                let settings = Settings { batch_size: data.len(), ..settings(optimizer) };
                let mut trainer =
                    Trainer::new(&pool(threads), data, network(&sizes), settings).expect("a trainer");
                let epoch = trainer.epoch().expect("an epoch");
                (epoch.cost, trainer.into_network())
            };
            let (found, expected) = (run(&weighted), run(&repeated));
            assert!((found.0 - expected.0).abs() < 1e-6, "{}, {}", found.0, expected.0);
            for (found, expected) in found.1.layers().iter().zip(expected.1.layers()) {
                for (found, expected) in weights_and_biases(found).zip(weights_and_biases(expected)) {
                    assert!((found - expected).abs() < 1e-4, "{optimizer}: {found}, {expected}");
                }
            }
        }
    }
    let gradient = |data: &Dataset| {
        let pool = pool(1);
        let mut objective = Objective::new(&pool, data, network(&sizes), 10).expect("an objective");
        let (point, mut gradient) = (objective.parameters(), vec![0.0; objective.len()]);
        (objective.evaluate(&point, &mut gradient).expect("a cost"), gradient)
    };
    let (found, expected) = (gradient(&weighted), gradient(&repeated));
    assert!((found.0 - expected.0).abs() < 1e-6);
    assert!(found.1.iter().zip(&expected.1).all(|(found, expected)| (found - expected).abs() < 1e-6));
    for wrong in [
        vec![1.0; 47],
        vec![-1.0; EXAMPLES],
        vec![f32::NAN; EXAMPLES],
        vec![0.0; EXAMPLES],
        vec![1e-9; EXAMPLES],
    ] {
        data.clone().with_sample_weights(wrong).expect_err("wrong weights");
    }
    let unweighted = weighted.subset(&[0, 3, 6]).expect("a subset");
    let refused =
        Trainer::new(&pool(1), &unweighted, network(&sizes), Settings { batch_size: 2, ..settings("sgd") });
    assert!(refused.expect_err("weights of 0").to_string().starts_with("sample weights is zeros"));
}

fn weights_and_biases(layer: &Layer) -> impl Iterator<Item = f32> {
    weights(layer).into_iter().flatten().chain(layer.biases().to_vec())
}
