//! Penalties on weights, max-norm, label smoothing and averages, each against its definition.

use super::common::bits;
use super::{EXAMPLES, data, gradients, matrices, network, pool, settings, trained};
use minibatch::data::Order;
use minibatch::{Checkpoint, Dataset, Isa, Layer, Network, Pool, Registry, Settings, Trainer};

/// Every weight and bias.
fn parameters(network: &Network) -> Vec<f32> {
    bits(network).into_iter().map(f32::from_bits).collect()
}

/// The network after one step, of which the whole of the data are the minibatch.
fn one_step(pool: &Pool, data: &Dataset, network: Network, settings: &Settings) -> Network {
    let settings = Settings { batch_size: EXAMPLES, order: Order::InOrder, ..settings.clone() };
    let mut trainer = Trainer::new(pool, data, network, settings).expect("a trainer");
    trainer.advance(1).expect("a step");
    trainer.network().clone()
}

/// Calls `check` with each weight before and after a step, and its gradient; a bias counts as a weight where `biases` is true.
fn for_each_weight(before: &Network, after: &Network, data: &Dataset, mut check: impl FnMut(f64, f64, f64)) {
    let gradients = gradients(before, data);
    for ((before, after), gradient) in before.layers().iter().zip(after.layers()).zip(&gradients.layers) {
        for j in 0..before.outputs() {
            for k in 0..before.inputs() {
                let [w, to, g] = [before.weight(j, k), after.weight(j, k), gradient.weight(j, k)];
                check(w.into(), to.into(), g.into());
            }
        }
    }
}

#[test]
fn penalties_by_their_definitions() {
    let lambda = 0.3;
    for inputs in [20, 784] {
        let (data, before) = (data(inputs, false), network(&[inputs, 32, 4]));
        for isa in Isa::available() {
            for (optimizer, threads) in [("sgd", 1), ("sgd", 2), ("momentum(0)", 1), ("momentum(0)", 2)] {
                let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                let plain = settings(optimizer);
                let eta = plain.learning_rate;
                let l1 = Settings { l1: lambda, ..plain.clone() };
                for_each_weight(&before, &one_step(&pool, &data, before.clone(), &l1), &data, |w, to, g| {
                    let expected = w - eta * (g + lambda * w.signum());
                    assert!((to - expected).abs() < 1e-6 * (1.0 + w.abs()), "l1, {optimizer} on {isa}: {to}");
                });
                let decay = Settings { weight_decay: lambda, ..plain };
                for_each_weight(
                    &before,
                    &one_step(&pool, &data, before.clone(), &decay),
                    &data,
                    |w, to, g| {
                        let expected = (1.0 - eta * lambda) * w - eta * g;
                        assert!(
                            (to - expected).abs() < 1e-6 * (1.0 + w.abs()),
                            "decay, {optimizer} on {isa}: {to}"
                        );
                    },
                );
            }
        }
    }
}

/// Adam with decoupled decay has the bits of AdamW. In plain descent it has those of L2.
#[test]
fn decoupled_decay_is_that_of_adamw() {
    let data = data(20, false);
    let run = |optimizer: &str, l2, weight_decay| {
        let settings = Settings { l2, weight_decay, ..settings(optimizer) };
        bits(&trained(&data, network(&[20, 16, 4]), settings))
    };
    assert_eq!(run("adam", 0.0, 0.25), run("adamw(0.9,0.999,1e-8,0.25)", 0.0, 0.0));
    assert_eq!(run("sgd", 0.0, 0.25), run("sgd", 0.25, 0.0));
    assert_ne!(run("adam", 0.25, 0.0), run("adam", 0.0, 0.25));
    // Biases aren't decayed: a network of frozen weights is the same.
    let biases = |weight_decay| {
        let mut settings = Settings { weight_decay, l1: weight_decay, ..settings("adam") };
        settings.groups.weights = 0.0;
        bits(&trained(&data, network(&[20, 16, 4]), settings))
    };
    assert_eq!(biases(0.0), biases(0.5));
}

fn norms(layer: &Layer) -> impl Iterator<Item = f64> {
    let square = |j, k| f64::from(layer.weight(j, k)).powi(2);
    (0..layer.outputs()).map(move |j| (0..layer.inputs()).map(|k| square(j, k)).sum::<f64>().sqrt())
}

#[test]
fn max_norm_limits_the_weights_into_hidden_units() {
    for sizes in [&[20, 16, 4][..], &[784, 32, 24, 4]] {
        let data = data(sizes[0], false);
        let free = network(sizes);
        let most = norms(&free.layers()[0]).fold(0.0, f64::max) * 0.8;
        let expected = |after: &Network| {
            let (output, hidden) = after.layers().split_last().expect("layers");
            assert!(hidden.iter().flat_map(norms).all(|norm| norm <= most * (1.0 + 1e-5)), "{sizes:?}");
            (
                norms(output).fold(0.0, f64::max),
                hidden.iter().flat_map(norms).filter(|norm| *norm > most * 0.99).count(),
            )
        };
        for isa in Isa::available() {
            for threads in [1, 2] {
                let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                let limited = Settings { max_norm: Some(most), ..settings("sgd") };
                let after = one_step(&pool, &data, free.clone(), &limited);
                let (output, at_the_limit) = expected(&after);
                assert!(at_the_limit > 0 && output > 0.0);
                // A column that was shortened keeps its direction.
                let unlimited = one_step(&pool, &data, free.clone(), &settings("sgd"));
                for (layer, whole) in after.layers().iter().zip(unlimited.layers()) {
                    for (j, norm) in norms(whole).enumerate() {
                        let is_hidden = layer.outputs() != 4;
                        let factor = if is_hidden && norm > most { most / norm } else { 1.0 };
                        let [found, whole] = [layer, whole].map(|layer| f64::from(layer.weight(j, 3)));
                        assert!((found - whole * factor).abs() < 1e-5 * (1.0 + whole.abs()), "{isa}");
                    }
                }
            }
        }
        let none = Settings { max_norm: Some(1e9), ..settings("sgd") };
        assert_eq!(
            bits(&trained(&data, network(sizes), none)),
            bits(&trained(&data, network(sizes), settings("sgd")))
        );
    }
    let settings = Settings { max_norm: Some(1.0), ..settings("sgd") };
    let refused = Trainer::new(&pool(1), &data(20, false), network(&[20, 4]), settings);
    assert!(refused.expect_err("no hidden layer").to_string().contains("max norm"));
}

/// A step with smoothed labels is that against the smoothed targets as values.
#[test]
fn label_smoothing_is_a_change_of_targets() {
    let (data, epsilon) = (data(20, true), 0.2);
    let (x, y) = matrices(&data);
    let smoothed = y.iter().map(|y| (f64::from(*y) * (1.0 - epsilon) + epsilon / 4.0) as f32).collect();
    let values = Dataset::from_values(x, &[20], smoothed, 4).expect("values");
    let pool = pool(1);
    let registry = Registry::default();
    for (cost, output) in [
        ("quadratic", "sigmoid"),
        ("binary-cross-entropy", "sigmoid"),
        ("categorical-cross-entropy", "softmax"),
    ] {
        let cost = registry.cost(cost).expect("a cost");
        let output = registry.activation(output).expect("an activation");
        let start = || {
            let builder = Network::builder(20).seed(3).layer(16);
            let output = output.clone();
            builder.layer_named(4, output).cost_named(cost.clone()).build().expect("a network")
        };
        let classes = Settings { label_smoothing: epsilon, ..settings("sgd") };
        let [classes, values] = [(&data, classes), (&values, settings("sgd"))].map(|(data, settings)| {
            let mut trainer = Trainer::new(&pool, data, start(), settings).expect("a trainer");
            let epoch = trainer.epoch().expect("an epoch");
            (bits(trainer.network()), epoch.cost.to_bits())
        });
        assert_eq!(classes, values, "{}", cost.name());
    }
    let smooth = Settings { label_smoothing: 0.1, ..settings("sgd") };
    let refused = Trainer::new(&pool, &values, network(&[20, 16, 4]), smooth);
    assert!(refused.expect_err("values").to_string().contains("label smoothing"));
}

/// Averages by their definitions, in f64, over the weights after each step.
#[test]
fn averages_by_their_definitions() {
    let data = data(20, false);
    for threads in [1, 2] {
        for (average, share) in [
            (
                "ema(0.75)",
                (|_, count| Some(if count == 0 { 1.0 } else { 0.25 })) as fn(u64, u64) -> Option<f64>,
            ),
            ("swa(0.5)", |step, count| (step % 3 == 2 && step > 5).then(|| 1.0 / (count + 1) as f64)),
        ] {
            let settings = Settings { average: average.parse().ok(), ..settings("sgd") };
            let mut trainer =
                Trainer::new(&pool(threads), &data, network(&[20, 16, 4]), settings).expect("a trainer");
            let (mut mean, mut count) = (vec![0.0; parameters(trainer.network()).len()], 0);
            for step in 0..12 {
                trainer.advance(1).expect("a step");
                if let Some(share) = share(step, count) {
                    count += 1;
                    let latest = parameters(trainer.network());
                    mean.iter_mut().zip(latest).for_each(|(m, w)| *m += share * (f64::from(w) - *m));
                }
                match count {
                    0 => assert_eq!(bits(trainer.result()), bits(trainer.network())),
                    _ => (parameters(trainer.result()).into_iter().zip(&mean)).for_each(|(found, m)| {
                        assert!((f64::from(found) - m).abs() < 1e-5, "{average}: {found}, {m}");
                    }),
                }
            }
            assert!(count > 1);
            let evaluated = trainer.evaluate(&data).expect("an evaluation");
            assert_eq!(evaluated, trainer.result().evaluate(trainer.pool(), &data).expect("an evaluation"));
            // What is trained knows nothing of its average.
            let plain = trained(
                &data,
                network(&[20, 16, 4]),
                Settings { average: None, ..trainer.settings().clone() },
            );
            assert_eq!(bits(trainer.network()), bits(&plain));
            // The average is saved.
            let mut bytes = Vec::new();
            trainer.encode_into(&mut bytes).expect("a checkpoint");
            let read = Checkpoint::decode(&bytes).expect("a checkpoint");
            assert_eq!(bits(read.result()), bits(trainer.result()));
            assert_ne!(bits(read.result()), bits(&read.network));
        }
    }
}
