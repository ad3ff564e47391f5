//! Schedules, groups, L2, clipping, orders, noise, augmentation, given gradients: each against what it is defined by, and all of
//! them together to the bit.

mod changes;
#[path = "../common/mod.rs"]
mod common;
mod examples;
mod gradients;
mod pictures;
mod regularisation;
mod scaling;
mod steps;
mod together;

use common::{Numbers, bits};
use minibatch::augment::{Augment, Augmentation, Minibatch};
use minibatch::data::{Order, Targets};
use minibatch::optimizer::Groups;
use minibatch::schedule::{Schedule, Shape, Time};
use minibatch::{
    Checkpoint, Dataset, Gradients, Isa, Mat, Network, Optimizer, Pool, Registry, Row, Settings, Trainer,
};
use std::collections::BTreeSet;

const EXAMPLES: usize = 48;

/// Every schedule, with parameters that act within a few epochs. The first is constant.
const SCHEDULES: [&str; 12] = [
    "constant",
    "step(1.5,0.5)",
    "multi-step(0.5,1,2.5)",
    "exponential(0.5)",
    "inverse-scaling(1)",
    "polynomial(2)",
    "linear(0.3)",
    "cosine(0.1,0.2)",
    "warm-restarts(1,2)",
    "one-cycle(0.4)",
    "coslog4(2)",
    "plateau(0.5,0,0.5)",
];

/// Random bytes, half of them 0, or the same as numbers, in four random classes.
fn data(inputs: usize, floats: bool) -> Dataset {
    let mut numbers = Numbers::new(23);
    let mut bytes = numbers.bytes(EXAMPLES * inputs);
    bytes.iter_mut().filter(|byte| **byte < 128).for_each(|byte| *byte = 0);
    let labels = (0..EXAMPLES).map(|_| numbers.below(4) as u32).collect();
    let data = match floats {
        true => {
            let floats: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
            Dataset::from_classes(floats, &[inputs], labels)
        }
        false => Dataset::from_classes(bytes, &[inputs], labels),
    };
    data.and_then(|data| data.with_classes(4)).expect("a dataset")
}

fn network(sizes: &[usize]) -> Network {
    let builder = Network::builder(sizes[0]).seed(9);
    sizes[1..].iter().fold(builder, |builder, &n| builder.layer(n)).build().expect("a network")
}

fn settings(optimizer: &str) -> Settings {
    let optimizer: Optimizer = optimizer.parse().expect("an optimiser");
    let learning_rate = if optimizer == Optimizer::SGD { 0.5 } else { 0.01 };
    Settings { optimizer, learning_rate, batch_size: 16, epochs: 4, seed: 4, ..Settings::default() }
}

fn pool(threads: usize) -> Pool {
    Pool::oversubscribed(Isa::detect(), threads).expect("a pool")
}

/// The network after all epochs.
fn trained(data: &Dataset, network: Network, settings: Settings) -> Network {
    let pool = pool(1);
    let mut trainer = Trainer::new(&pool, data, network, settings).expect("a trainer");
    trainer.fit(None, &mut ()).expect("epochs");
    trainer.into_network()
}

/// η falls to a tenth after each epoch that costs anything. The state has the number of epochs, and the factor.
#[derive(Debug)]
struct Falling;

impl Shape for Falling {
    fn name(&self) -> &'static str {
        "falling"
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Schedule> {
        Some(Schedule::new(Falling))
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        at.state[1]
    }

    fn state(&self) -> Vec<f64> {
        vec![0.0, 1.0]
    }

    fn after_epoch(&self, state: &mut [f64], cost: f64) {
        state[0] += 1.0;
        state[1] *= if cost > 0.0 { 0.1 } else { 1.0 };
    }
}

/// The gradient over all data.
fn gradients(network: &Network, data: &Dataset) -> Gradients {
    let (x, y) = matrices(data);
    let (x, y) = (Mat::row_major(&x, data.len(), data.input_len()), Mat::row_major(&y, data.len(), 4));
    network.gradients(&pool(1), x, y).expect("gradients")
}

/// Inputs and one-hot targets.
fn matrices(data: &Dataset) -> (Vec<f32>, Vec<f32>) {
    let inputs = (0..data.len()).flat_map(|i| match data.input(i) {
        Row::Bytes(bytes) => bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect::<Vec<_>>(),
        Row::Floats(floats) => floats.to_vec(),
    });
    let Targets::Classes { labels, .. } = data.targets() else { panic!("classes") };
    let targets = labels.iter().flat_map(|&label| (0..4).map(move |j| f32::from(u8::from(j == label))));
    (inputs.collect(), targets.collect())
}

/// A minibatch in which each example is mixed with the next, always alike.
#[derive(Debug)]
struct Even;

impl Augmentation for Even {
    fn name(&self) -> &'static str {
        "even"
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Augment> {
        Some(Augment::new(Even))
    }

    fn augment(&self, minibatch: &mut Minibatch<'_>) {
        for row in 0..minibatch.rows() {
            minibatch.mix(row, (row + 1) % minibatch.rows(), 0.75);
        }
    }
}

/// The bits don't depend on threads, instruction sets and cuts, whatever is on.
#[test]
fn techniques_are_repeatable() {
    let every = |settings: Settings, l2| Settings {
        schedule: "one-cycle".parse().expect("a schedule"),
        groups: Groups {
            biases: 0.5,
            layers: vec![1.0, 0.5],
            fan_in: settings.input_scaling.is_some(),
            ..Groups::default()
        },
        l2,
        l1: l2,
        weight_decay: l2,
        max_norm: settings.input_scaling.is_none().then_some(3.0),
        label_smoothing: 0.1,
        drop_last: true,
        noise: vec![
            Some("dropout(0.2)".parse().expect("noise")),
            Some("dropout(0.4)".parse().expect("noise")),
        ],
        augment: vec![Augment::new(Even)],
        batch_size: 16,
        ..settings
    };
    let clipped = Settings { clip: Some("norm(0.1)".parse().expect("clipping")), ..settings("sgd") };
    let averaged = Settings { average: Some("ema(0.75)".parse().expect("averaging")), ..settings("sgd") };
    let scaled = Settings { input_scaling: Some(6.0), ..settings("adam") };
    let mut ways = BTreeSet::new();
    for settings in [settings("sgd"), settings("adam"), settings("momentum"), clipped, averaged, scaled] {
        let settings = every(settings, 1e-3);
        for sizes in [&[20, 16, 4][..], &[784, 32, 4], &[200, 256, 4]] {
            let data = data(sizes[0], false);
            let mut first = None;
            for isa in Isa::fused() {
                for (threads, cut) in [(1, 20), (2, 20), (3, 1), (4, 3)] {
                    let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                    let mut trainer =
                        Trainer::new(&pool, &data, network(sizes), settings.clone()).expect("a trainer");
                    let crew = format!("{trainer:?}");
                    ways.extend(["Alone(", "Phases(", "Shares("].into_iter().find(|way| crew.contains(way)));
                    while trainer.history().len() < 2 {
                        trainer.advance(cut).expect("steps");
                    }
                    let bits = [trainer.network(), trainer.result()].map(bits);
                    let first = first.get_or_insert_with(|| bits.clone());
                    assert!(
                        *first == bits,
                        "{:?} {sizes:?} on {pool:?}, cut every {cut}",
                        settings.optimizer
                    );
                }
            }
        }
    }
    assert_eq!(ways.len(), 3, "all ways of training: {ways:?}");
}

/// A run that goes on from a file, at any step, has the bits of one that never stopped, whatever is on.
#[test]
fn techniques_are_saved() {
    let data = data(20, false);
    let registry = Registry::default().with_schedule(Schedule::new(Falling)).with_augment(Augment::new(Even));
    let built_in: Vec<Schedule> =
        SCHEDULES[1..].iter().map(|text| text.parse().expect("a schedule")).collect();
    assert_eq!(built_in.len() + 1, Schedule::all().len());
    for schedule in [vec![Schedule::new(Falling)], built_in].concat() {
        for clip in [None, "norm(0.5)".parse().ok()] {
            let settings = Settings {
                schedule: schedule.clone(),
                groups: Groups {
                    biases: 0.5,
                    layers: vec![0.25],
                    fan_in: clip.is_some(),
                    ..Groups::default()
                },
                input_scaling: clip.is_some().then_some(6.0),
                l2: 1e-3,
                l1: 1e-4,
                weight_decay: 1e-3,
                max_norm: clip.is_none().then_some(3.0),
                label_smoothing: 0.1,
                average: Some("ema(0.75)".parse().expect("averaging")),
                clip,
                noise: vec!["dropout(0.1)".parse().ok(), "dropout(0.4)".parse().ok()],
                augment: vec![Augment::new(Even)],
                drop_last: true,
                order: Order::WithReplacement,
                batch_size: 7,
                ..settings("momentum")
            };
            let start = || {
                let pool = pool(1);
                Trainer::new(&pool, &data, network(&[20, 16, 4]), settings.clone()).expect("a trainer")
            };
            let mut whole = start();
            whole.fit(None, &mut ()).expect("epochs");
            let mut cut = start();
            while cut.history().len() < settings.epochs {
                cut.advance(4).expect("steps");
                let mut file = Vec::new();
                cut.encode_into(&mut file).expect("a checkpoint");
                Checkpoint::decode(&file).expect_err("the augmentation is the test's own");
                let read = Checkpoint::decode_with(&file, &registry).expect("a checkpoint");
                assert_eq!(read.settings, settings);
                cut = Trainer::resume(&pool(1), &data, read).expect("a resumed run");
            }
            assert_eq!(bits(cut.network()), bits(whole.network()), "{schedule}");
            assert_eq!(bits(cut.result()), bits(whole.result()), "{schedule}");
            let hash = |trainer: &Trainer| trainer.checkpoint().compared_hash().expect("a hash");
            assert_eq!(hash(&cut), hash(&whole));
            assert_ne!(
                bits(whole.network()),
                bits(&trained(
                    &data,
                    network(&[20, 16, 4]),
                    Settings { schedule: Schedule::default(), ..settings.clone() }
                ))
            );
        }
    }
}
