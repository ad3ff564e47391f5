//! The figures of training in the history: correct answers before their updates, and η.

mod common;

use common::Numbers;
use minibatch::{Checkpoint, Dataset, Isa, Network, Pool, Settings, Trainer};
use std::f64::consts::PI;

/// Random bytes, half of them 0, in random classes.
fn data(examples: usize, inputs: usize, classes: usize) -> Dataset {
    let mut numbers = Numbers::new(7);
    let mut bytes = numbers.bytes(examples * inputs);
    bytes.iter_mut().filter(|byte| **byte < 128).for_each(|byte| *byte = 0);
    let labels = (0..examples).map(|_| numbers.below(classes) as u32).collect();
    Dataset::from_classes(bytes, &[inputs], labels).expect("a dataset")
}

fn pool(threads: usize) -> Pool {
    Pool::oversubscribed(Isa::detect(), threads).expect("a pool")
}

/// A trainer that counts correct answers: it has a validation set.
fn counting(threads: usize, data: &Dataset, network: Network, settings: Settings) -> Trainer {
    let mut trainer = Trainer::new(&pool(threads), data, network, settings).expect("a trainer");
    trainer.set_validation(data).expect("a validation set");
    trainer
}

/// In an epoch of one step, training examples are answered by the network as it was before.
#[test]
fn correct_answers_are_those_of_the_network_before_its_update() {
    for (inputs, examples) in [(784, 96), (20, 40)] {
        let data = data(examples, inputs, 10);
        for threads in [1, 2] {
            let network = Network::builder(inputs).layer(32).layer(10).seed(2).build().expect("a network");
            let settings = Settings { batch_size: examples, ..Settings::default() };
            let mut trainer = counting(threads, &data, network, settings);
            let mut seen = Vec::new();
            for _ in 0..12 {
                let before = trainer.evaluate(&data).expect("an evaluation").correct();
                assert_eq!(trainer.epoch().expect("an epoch").correct, before);
                seen.extend(before);
            }
            assert!(seen.last() > seen.first(), "it learns: {seen:?}");
        }
    }
}

/// Equal outputs are answered by the first class.
#[test]
fn the_first_of_equal_outputs_is_the_answer() {
    let data = Dataset::from_classes(vec![0.0f32; 4], &[1], vec![0, 1, 1, 2]).expect("a dataset");
    let zeros = minibatch::Initializer::Zeros;
    let network = Network::builder(1).layer(3).initializer(zeros).build().expect("a network");
    let settings = Settings { batch_size: 4, ..Settings::default() };
    let mut trainer = counting(1, &data, network.clone(), settings.clone());
    assert_eq!(trainer.epoch().expect("an epoch").correct, Some(1));
    // Without a validation set nothing is counted.
    let mut trainer = Trainer::new(&pool(1), &data, network, settings).expect("a trainer");
    assert_eq!(trainer.epoch().expect("an epoch").correct, None);
}

#[test]
fn values_have_no_correct_answers() {
    let data = Dataset::from_values(vec![0.0f32; 4], &[1], vec![0.5; 4], 1).expect("a dataset");
    let network = Network::builder(1).layer(1).build().expect("a network");
    let settings = Settings { batch_size: 2, ..Settings::default() };
    let mut trainer = counting(1, &data, network, settings);
    assert_eq!(trainer.epoch().expect("an epoch").correct, None);
}

#[test]
fn they_are_counted_across_interruptions_and_members() {
    let data = data(150, 784, 10);
    let trainer = |threads| {
        let network = Network::builder(784).layer(32).layer(10).seed(2).build().expect("a network");
        counting(threads, &data, network, Settings::default())
    };
    let mut whole = trainer(1);
    let expected = [(); 3].map(|()| whole.epoch().expect("an epoch").correct);
    assert!(expected.iter().all(|correct| correct.is_some_and(|correct| correct < 150)));
    for every in [1, 3, 7] {
        let mut cut = trainer(2);
        while cut.history().len() < 3 {
            cut.advance(every).expect("steps");
            let mut bytes = Vec::new();
            cut.encode_into(&mut bytes).expect("it encodes");
            let checkpoint = Checkpoint::decode(&bytes).expect("it decodes");
            cut = Trainer::resume(&pool(2), &data, checkpoint).expect("the same run");
            cut.set_validation(&data).expect("a validation set");
        }
        let found: Vec<_> = cut.history().iter().map(|epoch| epoch.correct).collect();
        assert_eq!(found, expected, "cuts after {every} steps");
    }
}

#[test]
fn the_learning_rate_is_that_of_the_last_step() {
    let data = data(40, 20, 4);
    let schedule = "cosine(0.25)".parse().expect("a schedule");
    let network = Network::builder(20).layer(4).build().expect("a network");
    let settings =
        Settings { schedule, learning_rate: 0.5, batch_size: 16, epochs: 4, ..Settings::default() };
    let mut trainer = Trainer::new(&pool(1), &data, network, settings).expect("a trainer");
    for epoch in 1..=4 {
        // Steps are counted from 0, three an epoch.
        let t = f64::from(3 * epoch - 1) / 12.0;
        let expected = 0.5 * (0.25 + 0.75 * 0.5 * (1.0 + (PI * t).cos()));
        let found = trainer.epoch().expect("an epoch").learning_rate.expect("a rate");
        assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
    }
}
