//! Schedules, groups, L2, clipping, orders, noise, augmentation, given gradients: each against what it is defined by.

mod common;

use common::{Numbers, bits, weights};
use minibatch::activation::{Identity, Relu, Softmax, Tanh};
use minibatch::augment::{Augment, Augmentation, Minibatch};
use minibatch::cost::CategoricalCrossEntropy;
use minibatch::data::Order;
use minibatch::optimizer::Groups;
use minibatch::schedule::{At, Schedule, Shape};
use minibatch::{
    Checkpoint, Dataset, Isa, Mat, Network, Objective, Optimizer, Pool, Registry, Row, Settings, Trainer,
};

const EXAMPLES: usize = 48;

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

/// The factors of a table, one a step; a momentum of ½ with them.
#[derive(Debug)]
struct Table(Vec<f64>);

impl Shape for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Schedule> {
        None
    }

    fn factor(&self, at: At<'_>) -> f64 {
        assert_eq!(at.total, self.0.len() as u64);
        self.0[at.step as usize]
    }

    fn momentum(&self, _: At<'_>) -> Option<f64> {
        Some(0.5)
    }
}

#[test]
fn a_schedule_gives_each_step_its_rate_and_momentum() {
    let data = data(20, false);
    for (optimizer, half) in [
        ("sgd", "sgd"),
        ("momentum(0.9)", "momentum(0.5)"),
        ("nesterov(0.9)", "nesterov(0.5)"),
        ("adam(0.9)", "adam(0.5)"),
        ("adamw(0.9)", "adamw(0.5)"),
        ("nadam(0.9)", "nadam(0.5)"),
        ("rmsprop", "rmsprop"),
    ] {
        let rates: Vec<f64> = (0..12).map(|step| 1.0 - f64::from(step) / 16.0).collect();
        let schedule = Schedule::new(Table(rates.clone()));
        let scheduled = trained(&data, network(&[20, 16, 4]), Settings { schedule, ..settings(optimizer) });
        // Twelve steps, before each of which η is set.
        let settings = settings(half);
        let eta = settings.learning_rate;
        let mut trainer = Trainer::new(&pool(1), &data, network(&[20, 16, 4]), settings).expect("a trainer");
        for factor in rates {
            trainer.set_learning_rate(eta * factor).expect("in range");
            trainer.advance(1).expect("a step");
        }
        trainer.set_learning_rate(f64::NAN).expect_err("out of range");
        assert_eq!(bits(&scheduled), bits(trainer.network()), "{optimizer}");
    }
}

/// η falls to a tenth after each epoch whose cost isn't below the lowest.
#[derive(Debug)]
struct Falling;

impl Shape for Falling {
    fn name(&self) -> &'static str {
        "falling"
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Schedule> {
        Some(Schedule::new(Falling))
    }

    fn factor(&self, at: At<'_>) -> f64 {
        at.state[1]
    }

    /// The lowest cost, and the factor.
    fn state(&self) -> Vec<f64> {
        vec![0.0, 1.0]
    }

    fn after_epoch(&self, state: &mut [f64], cost: f64) {
        assert!(cost > state[0]);
        state[1] *= 0.1;
    }
}

#[test]
fn a_schedule_may_look_at_results() {
    let data = data(20, false);
    let epochs = |schedule: Schedule, epochs| {
        let settings = Settings { schedule, epochs, ..settings("sgd") };
        trained(&data, network(&[20, 16, 4]), settings)
    };
    let constant = |epochs_so_far| epochs(Schedule::default(), epochs_so_far);
    assert_eq!(bits(&epochs(Schedule::new(Falling), 1)), bits(&constant(1)));
    let distance = |a: &Network, b: &Network| {
        let pairs = a.layers().iter().zip(b.layers());
        pairs.map(|(a, b)| f64::from((a.weight(0, 0) - b.weight(0, 0)).abs())).sum::<f64>()
    };
    // In the second epoch the steps are a tenth.
    let ratio =
        distance(&epochs(Schedule::new(Falling), 2), &constant(1)) / distance(&constant(2), &constant(1));
    assert!((0.02..0.5).contains(&ratio), "{ratio}");
}

#[test]
fn a_schedule_out_of_range_is_refused_before_the_step() {
    let (data, pool) = (data(20, false), pool(1));
    for factor in [-1.0, f64::NAN, f64::INFINITY] {
        let mut factors = vec![1.0; 12];
        factors[2] = factor;
        let settings = Settings { schedule: Schedule::new(Table(factors)), ..settings("sgd") };
        let mut trainer = Trainer::new(&pool, &data, network(&[20, 16, 4]), settings).expect("a trainer");
        let error = trainer.epoch().expect_err("a step out of range").to_string();
        assert!(error.starts_with("step 3 of epoch 1: the schedule gives"), "{error}");
        assert_eq!(trainer.step(), 2);
    }
}

/// L2 in plain descent is a start factor, on every form that inputs have; in other optimisers a part of the gradient.
#[test]
fn l2_draws_weights_to_zero() {
    let l2 = 0.3;
    for inputs in [20, 784] {
        for floats in [false, true] {
            let data = data(inputs, floats);
            for isa in Isa::available() {
                for (optimizer, threads) in [("sgd", 1), ("sgd", 2), ("momentum(0)", 1), ("momentum(0)", 2)] {
                    let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                    let settings = Settings { l2, batch_size: EXAMPLES, ..settings(optimizer) };
                    let eta = settings.learning_rate;
                    let network = network(&[inputs, 32, 4]);
                    let gradients = gradients(&network, &data);
                    let before = network.clone();
                    let mut trainer = Trainer::new(&pool, &data, network, settings).expect("a trainer");
                    trainer.advance(1).expect("a step");
                    let layers = trainer.network().layers().iter().zip(before.layers());
                    for ((after, before), gradient) in layers.zip(&gradients.layers) {
                        for j in 0..after.outputs() {
                            for k in 0..after.inputs() {
                                let [w, g] = [before.weight(j, k), gradient.weight(j, k)].map(f64::from);
                                let expected = w - eta * (g + l2 * w);
                                let off = (f64::from(after.weight(j, k)) - expected).abs();
                                assert!(off < 1e-6 * (1.0 + w.abs()), "{optimizer} on {isa}: {off:e}");
                            }
                            let [b, g] = [before.biases()[j], gradient.biases()[j]].map(f64::from);
                            assert!((f64::from(after.biases()[j]) - (b - eta * g)).abs() < 1e-6);
                        }
                    }
                }
            }
        }
    }
}

/// The gradient over all data.
fn gradients(network: &Network, data: &Dataset) -> minibatch::Gradients {
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
    let minibatch::data::Targets::Classes { labels, .. } = data.targets() else { panic!("classes") };
    let targets = labels.iter().flat_map(|&label| (0..4).map(move |j| f32::from(u8::from(j == label))));
    (inputs.collect(), targets.collect())
}

#[test]
fn groups_have_their_own_rates() {
    let data = data(20, false);
    let start = || network(&[20, 16, 4]);
    for optimizer in ["sgd", "adam"] {
        for threads in [1, 2] {
            let step = |groups: Groups, eta: f64| {
                let mut settings = Settings { groups, ..settings(optimizer) };
                settings.learning_rate *= eta;
                let pool = pool(threads);
                let mut trainer = Trainer::new(&pool, &data, start(), settings).expect("a trainer");
                trainer.advance(1).expect("a step");
                trainer.network().clone()
            };
            let usual = Groups::default;
            let [whole, half] = [1.0, 0.5].map(|eta| step(usual(), eta));
            let found = step(Groups { weights: 0.5, ..usual() }, 1.0);
            for (l, layer) in found.layers().iter().enumerate() {
                assert_eq!(weights(layer), weights(&half.layers()[l]), "{optimizer}: weights' η");
                for (found, expected) in layer.biases().iter().zip(whole.layers()[l].biases()) {
                    assert!((found - expected).abs() < 1e-6, "{optimizer}: biases' η");
                }
            }
            let found = step(Groups { biases: 0.0, layers: vec![0.0, 0.5], ..usual() }, 1.0);
            assert_eq!(weights(&found.layers()[0]), weights(&start().layers()[0]), "{optimizer}: frozen");
            assert_eq!(weights(&found.layers()[1]), weights(&half.layers()[1]), "{optimizer}: layer 2's η");
            assert_eq!(
                found.layers()[1].biases(),
                start().layers()[1].biases(),
                "{optimizer}: frozen biases"
            );
        }
    }
}

#[test]
fn clipping_bounds_the_gradient() {
    let data = data(20, false);
    for threads in [1, 2] {
        let run = |optimizer: &str, clip: Option<&str>| {
            let clip = clip.map(|clip| clip.parse().expect("clipping"));
            let settings = Settings { clip, ..settings(optimizer) };
            let pool = pool(threads);
            let mut trainer = Trainer::new(&pool, &data, network(&[20, 16, 4]), settings).expect("a trainer");
            trainer.advance(3).expect("steps");
            bits(trainer.network())
        };
        // A gradient that stands by itself has the bits of one that goes into the step chunk by chunk.
        for optimizer in ["adam", "momentum", "centred-rmsprop"] {
            assert_eq!(run(optimizer, None), run(optimizer, Some("norm(1e6)")), "{optimizer}");
            assert_ne!(run(optimizer, None), run(optimizer, Some("value(1e-4)")), "{optimizer}");
        }
        assert_ne!(run("sgd", Some("norm(1e6)")), run("sgd", Some("norm(1e-3)")));
    }
    // ‖ΔW, Δb‖ = η·most, where the gradient is longer.
    let settings = Settings { clip: Some("norm(0.01)".parse().expect("clipping")), ..settings("sgd") };
    let before = network(&[20, 16, 4]);
    let pool = pool(1);
    let mut trainer = Trainer::new(&pool, &data, before.clone(), settings).expect("a trainer");
    trainer.advance(1).expect("a step");
    let values = |network: &Network| bits(network).into_iter().map(f32::from_bits).collect::<Vec<f32>>();
    let moved = values(trainer.network())
        .iter()
        .zip(values(&before))
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum::<f64>();
    assert!((moved.sqrt() - 0.5 * 0.01).abs() < 1e-5, "{}", moved.sqrt());
}

#[test]
fn orders_and_the_last_minibatch() {
    let data = data(20, false);
    let pool = pool(1);
    let start = |settings| Trainer::new(&pool, &data, network(&[20, 16, 4]), settings).expect("a trainer");
    // 48 examples are six minibatches of 7, and 6 left over.
    let seven = Settings { batch_size: 7, ..settings("sgd") };
    let dropping = Settings { drop_last: true, ..seven.clone() };
    let mut trainer = start(dropping.clone());
    assert_eq!((trainer.steps_per_epoch(), trainer.examples()), (6, 42));
    let epoch = trainer.advance(6).expect("steps").expect("an epoch");
    let mut whole = start(seven.clone());
    assert_eq!(whole.steps_per_epoch(), 7);
    whole.advance(6).expect("steps");
    assert_eq!(bits(trainer.network()), bits(whole.network()));
    assert!(epoch.cost.is_finite());
    // A run that is cut anywhere goes on to the same bits.
    trainer.advance(3).expect("steps");
    let mut resumed = Trainer::resume(&pool, &data, trainer.checkpoint()).expect("a resumed run");
    resumed.epoch().expect("an epoch");
    trainer.epoch().expect("an epoch");
    assert_eq!(bits(trainer.network()), bits(resumed.network()));

    // In order, an epoch of one minibatch after the other is that of the subset in that order.
    let in_order = Settings { order: Order::InOrder, batch_size: 16, ..settings("sgd") };
    let mut trainer = start(in_order.clone());
    trainer.advance(1).expect("a step");
    let first = data.subset(&(0..16).collect::<Vec<_>>()).expect("a subset");
    let mut alone = Trainer::new(&pool, &first, network(&[20, 16, 4]), in_order).expect("a trainer");
    alone.advance(1).expect("a step");
    assert_eq!(bits(trainer.network()), bits(alone.network()));

    // Draws with replacement repeat an example, and differ from epoch to epoch.
    let drawn = Settings { order: Order::WithReplacement, ..settings("sgd") };
    let mut trainer = start(drawn);
    trainer.epoch().expect("an epoch");
    let mut shuffled = start(settings("sgd"));
    shuffled.epoch().expect("an epoch");
    assert_ne!(bits(trainer.network()), bits(shuffled.network()));
}

/// A minibatch in which each example is mixed with the next.
#[derive(Debug)]
struct Mixup;

impl Augmentation for Mixup {
    fn name(&self) -> &'static str {
        "mixup"
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Augment> {
        Some(Augment::new(Mixup))
    }

    fn augment(&self, minibatch: &mut Minibatch<'_>) {
        for row in 0..minibatch.rows() {
            minibatch.mix(row, (row + 1) % minibatch.rows(), 0.75);
        }
    }
}

#[test]
fn mixed_examples_are_those_of_a_mixed_dataset() {
    let (order, augment) = (Order::InOrder, Some(Augment::new(Mixup)));
    for floats in [false, true] {
        let data = data(20, floats);
        let (x, y) = matrices(&data);
        let mixed = |values: &[f32], width: usize| -> Vec<f32> {
            let other = |i: usize| (i / width + 1) % EXAMPLES * width + i % width;
            (0..values.len()).map(|i| 0.75_f32.mul_add(values[i], 0.25 * values[other(i)])).collect()
        };
        let by_hand = Dataset::from_values(mixed(&x, 20), &[20], mixed(&y, 4), 4).expect("a dataset");
        let soft = Network::builder(20).layer_with(16, Tanh).layer_with(4, Softmax);
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
        Some("dropout(0.5)".parse().expect("noise")),
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

/// The bits don't depend on threads, instruction sets and cuts, whatever is on.
#[test]
fn techniques_are_repeatable() {
    let every = |settings: Settings, l2| Settings {
        schedule: "one-cycle".parse().expect("a schedule"),
        groups: Groups { biases: 0.5, layers: vec![1.0, 0.5], ..Groups::default() },
        l2,
        drop_last: true,
        noise: vec![
            Some("dropout(0.2)".parse().expect("noise")),
            Some("dropout(0.4)".parse().expect("noise")),
        ],
        augment: Some(Augment::new(Mixup)),
        batch_size: 7,
        ..settings
    };
    let clipped = Settings { clip: Some("norm(0.1)".parse().expect("clipping")), ..settings("sgd") };
    for settings in [settings("sgd"), settings("adam"), settings("momentum"), clipped] {
        let settings = every(settings, 1e-3);
        // The second is trained in shares by plain descent, the third in phases.
        for sizes in [&[20, 16, 4][..], &[784, 32, 4], &[200, 256, 4]] {
            let data = data(sizes[0], false);
            let mut first = None;
            for isa in Isa::fused() {
                for (threads, cut) in [(1, 20), (2, 20), (3, 1), (4, 3)] {
                    let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                    let mut trainer =
                        Trainer::new(&pool, &data, network(sizes), settings.clone()).expect("a trainer");
                    while trainer.history().len() < 2 {
                        trainer.advance(cut).expect("steps");
                    }
                    let bits = bits(trainer.network());
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
}

/// A run that goes on from a file, at any step, has the bits of one that never stopped, whatever is on.
#[test]
fn techniques_are_saved() {
    let data = data(20, false);
    let registry =
        Registry::default().with_schedule(Schedule::new(Falling)).with_augment(Augment::new(Mixup));
    for schedule in [Schedule::new(Falling), "one-cycle(0.4)".parse().expect("a schedule")] {
        for clip in [None, "norm(0.5)".parse().ok()] {
            let settings = Settings {
                schedule: schedule.clone(),
                groups: Groups { biases: 0.5, layers: vec![0.25], ..Groups::default() },
                l2: 1e-3,
                clip,
                noise: vec![None, "dropout(0.4)".parse().ok()],
                augment: Some(Augment::new(Mixup)),
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
                Checkpoint::decode(&file).expect_err("mixup is the test's own");
                let read = Checkpoint::decode_with(&file, &registry).expect("a checkpoint");
                assert_eq!(read.settings, settings);
                cut = Trainer::resume(&pool(1), &data, read).expect("a resumed run");
            }
            assert_eq!(bits(cut.network()), bits(whole.network()), "{schedule}");
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

#[test]
fn the_cost_of_a_dataset_is_a_function_of_the_parameters() {
    let data = data(20, false);
    let network = network(&[20, 16, 4]);
    let expected = gradients(&network, &data);
    let flat: Vec<f32> = (expected.layers.iter().zip(network.layers()))
        .flat_map(|(gradient, layer)| {
            let weights = (0..layer.inputs())
                .flat_map(move |k| (0..layer.outputs()).map(move |j| gradient.weight(j, k)));
            weights.chain(gradient.biases().iter().copied())
        })
        .collect();
    for (threads, block) in [(1, 48), (1, 7), (2, 16), (3, 1000)] {
        let pool = pool(threads);
        let mut objective = Objective::new(&pool, &data, network.clone(), block).expect("an objective");
        let (point, mut gradient) = (objective.parameters(), vec![0.0; objective.len()]);
        let cost = objective.evaluate(&point, &mut gradient).expect("a cost");
        assert_eq!(gradient, flat, "blocks of {block}");
        assert!((cost - expected.cost).abs() < 1e-12, "{cost}, {}", expected.cost);
        // A step along the gradient lowers the cost by about η‖g‖².
        let eta = 1e-2_f32;
        let moved: Vec<f32> = point.iter().zip(&flat).map(|(p, g)| p - eta * g).collect();
        let lower = objective.evaluate(&moved, &mut gradient).expect("a cost");
        let expected = f64::from(eta) * flat.iter().map(|g| f64::from(g * g)).sum::<f64>();
        assert!(
            ((cost - lower) / expected - 1.0).abs() < 0.05,
            "{cost} to {lower}, expected {expected:e} less"
        );
        assert_eq!(objective.parameters(), moved);
    }
}

#[test]
fn given_gradients_take_the_step_of_a_trainer() {
    let data = data(20, false);
    for optimizer in Optimizer::all() {
        let mut settings = settings(optimizer.name());
        settings.batch_size = EXAMPLES;
        // A limit that isn't reached: the gradient stands by itself.
        settings.clip = Some("norm(1e6)".parse().expect("clipping"));
        settings.order = Order::InOrder;
        let (pool, mut network) = (pool(1), network(&[20, 16, 4]));
        let mut trainer = Trainer::new(&pool, &data, network.clone(), settings.clone()).expect("a trainer");
        let mut state = optimizer.state(&network);
        for _ in 0..3 {
            trainer.advance(1).expect("a step");
            let gradients = gradients(&network, &data);
            optimizer
                .apply(&pool, &mut network, &mut state, &gradients, settings.learning_rate)
                .expect("a step");
        }
        assert_eq!(bits(trainer.network()), bits(&network), "{optimizer}");
        let mut wrong = gradients(&network, &data);
        wrong.layers[1].biases_mut()[2] = f32::NAN;
        let before = bits(&network);
        let refused = optimizer.apply(&pool, &mut network, &mut state, &wrong, 0.1);
        assert!(refused.expect_err("not finite").to_string().contains("layer 2"), "{optimizer}");
        assert_eq!((state.steps(), bits(&network)), (3, before));
    }
}

/// An example of weight 2 is two examples, one of weight 0 none.
#[test]
fn sample_weights_are_repetitions() {
    let data = data(20, false);
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
                    Trainer::new(&pool(threads), data, network(&[20, 16, 4]), settings).expect("a trainer");
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
        let mut objective = Objective::new(&pool, data, network(&[20, 16, 4]), 10).expect("an objective");
        let (point, mut gradient) = (objective.parameters(), vec![0.0; objective.len()]);
        (objective.evaluate(&point, &mut gradient).expect("a cost"), gradient)
    };
    let (found, expected) = (gradient(&weighted), gradient(&repeated));
    assert!((found.0 - expected.0).abs() < 1e-6);
    assert!(found.1.iter().zip(&expected.1).all(|(found, expected)| (found - expected).abs() < 1e-6));
    for wrong in [vec![1.0; 47], vec![-1.0; EXAMPLES], vec![f32::NAN; EXAMPLES], vec![0.0; EXAMPLES]] {
        data.clone().with_sample_weights(wrong).expect_err("wrong weights");
    }
}

fn weights_and_biases(layer: &minibatch::Layer) -> impl Iterator<Item = f32> {
    weights(layer).into_iter().flatten().chain(layer.biases().to_vec())
}
