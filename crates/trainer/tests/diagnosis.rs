//! What units, layers and runs show of themselves: against definitions in f64, against steps that are taken, and by runs that go wrong.

mod common;

use common::{Numbers, bits, weights};
use minibatch::activation::{Identity, Relu, Softmax, built_in};
use minibatch::cost::{CategoricalCrossEntropy, Mse};
use minibatch::{
    Dataset, Finding, Isa, LayerInspection, Mat, Matrix, Network, Optimizer, Pool, Settings, Trainer,
};
use std::sync::Arc;

fn pool() -> Pool {
    Pool::new(Isa::detect(), 1).expect("a pool")
}

/// Examples of five inputs in three classes.
fn data(examples: usize) -> Dataset {
    let mut numbers = Numbers::new(3);
    let inputs = (0..5 * examples).map(|_| 4.0 * numbers.signed()).collect::<Vec<_>>();
    Dataset::from_classes(inputs, &[5], (0..examples as u32).map(|i| i % 3).collect()).expect("a dataset")
}

/// Every built-in activation in two hidden layers: units are counted as the definitions in f64 have them.
#[test]
fn units_are_counted_by_their_slopes() {
    let data = data(600);
    for activation in built_in().into_iter().filter(|activation| !activation.is_row_wise()) {
        let name = activation.label();
        let builder = Network::builder(5).layer_named(40, Arc::clone(&activation)).layer_named(9, activation);
        let mut network =
            builder.layer_with(3, Softmax).cost(CategoricalCrossEntropy).seed(4).build().expect("a network");
        // Half of the units are far off on one side.
        network.layers_mut()[0].biases_mut()[..20].fill(-60.0);
        let activity = network.activity(&pool(), &data).expect("activity");
        let mut a: Vec<Vec<f64>> = (0..600).map(|i| input(&data, i)).collect();
        for (l, layer) in network.layers().iter().enumerate() {
            let w = weights(layer);
            let z = |a: &Vec<f64>, j: usize| {
                let products = a.iter().zip(&w[j]).map(|(a, w)| a * f64::from(*w));
                f64::from(layer.biases()[j]) + products.sum::<f64>()
            };
            let z: Vec<Vec<f64>> = a.iter().map(|a| (0..w.len()).map(|j| z(a, j)).collect()).collect();
            a = z.clone();
            a.iter_mut().for_each(|row| layer.activation().row(row));
            let is_flat = |i: usize, j: usize| match l {
                2 => a[i][j] * (1.0 - a[i][j]) < 0.01,
                // Less than 0.01 in f32: the slope of a leaky ReLU isn't.
                _ => (layer.activation().derivative(z[i][j]).abs() as f32) < 0.01,
            };
            let flat = (0..600 * w.len()).filter(|n| is_flat(n / w.len(), n % w.len())).count();
            let share = flat as f64 / (600 * w.len()) as f64;
            let found = activity[l];
            assert_eq!((found.layer, found.units, found.examples), (l + 1, w.len(), 600), "{name}");
            // A slope may lie so close to 0.01 that f32 and f64 differ.
            assert!((found.flat - share).abs() < 2e-3, "{name}, layer {}: {} for {share}", l + 1, found.flat);
            if l == 0 {
                let idle = (0..w.len()).filter(|&j| (0..600).all(|i| is_flat(i, j))).count();
                assert_eq!(found.dead + found.saturated, idle, "{name}");
                let dead =
                    (0..w.len()).filter(|&j| (0..600).all(|i| is_flat(i, j) && a[i][j] == 0.0)).count();
                if name == "relu" {
                    assert_eq!(found.dead, dead);
                    assert!(dead >= 20, "{dead}");
                }
            }
        }
    }
}

fn input(data: &Dataset, index: usize) -> Vec<f64> {
    match data.input(index) {
        minibatch::Row::Floats(floats) => floats.iter().map(|&x| f64::from(x)).collect(),
        minibatch::Row::Bytes(_) => unreachable!("numbers"),
    }
}

#[test]
fn activity_has_the_same_bits_on_every_thread_count() {
    let data = data(2_345);
    let network = Network::builder(5).layer_with(64, Relu).layer(3).build().expect("a network");
    let expected = network.activity(&pool(), &data).expect("activity");
    assert_eq!(expected[0].examples, 1000);
    for isa in Isa::fused() {
        for threads in [1, 2, 4] {
            let pool = Pool::oversubscribed(isa, threads).expect("a pool");
            assert_eq!(network.activity(&pool, &data).expect("activity"), expected);
        }
    }
}

fn trainer(optimizer: Optimizer, examples: usize) -> Trainer {
    let network = Network::builder(5).layer(8).layer(3).seed(2).build().expect("a network");
    let settings = Settings { optimizer, learning_rate: 0.01, batch_size: examples, ..Settings::default() };
    Trainer::new(&pool(), &data(examples), network, settings).expect("a trainer")
}

fn norm(matrix: &Matrix) -> f64 {
    let squares = |row| matrix.row(row).iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    (0..matrix.rows()).map(squares).sum::<f64>().sqrt()
}

fn assert_close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-3 * expected, "{what}: {found} instead of {expected}");
}

/// With minibatches of all examples, the next step is the trial step, but for the order of the sums.
#[test]
fn an_inspection_foretells_the_step() {
    for optimizer in Optimizer::all() {
        let mut trainer = trainer(optimizer, 60);
        for _ in 0..3 {
            let layers = trainer.inspect().expect("an inspection");
            let before = trainer.network().clone();
            trainer.epoch().expect("an epoch");
            for ((inspected, old), new) in layers.iter().zip(before.layers()).zip(trainer.network().layers())
            {
                let (old, new) = (old.weights(), new.weights());
                let change = Matrix::from_fn(old.rows(), old.cols(), |j, k| new.row(j)[k] - old.row(j)[k]);
                let what = format!("layer {} by {}", inspected.activity.layer, trainer.settings().optimizer);
                assert_close(inspected.update, norm(&change) / norm(&old), &what);
            }
        }
    }
}

#[test]
fn errors_are_those_of_backpropagation() {
    let trainer = trainer(Optimizer::SGD, 60);
    let inputs: Vec<f32> = (0..60).flat_map(|i| input(&data(60), i)).map(|x| x as f32).collect();
    let y = Matrix::from_fn(60, 3, |i, j| if i % 3 == j { 1.0 } else { 0.0 });
    let gradients =
        trainer.network().gradients(&pool(), Mat::row_major(&inputs, 60, 5), y.view()).expect("gradients");
    for (inspected, gradients) in trainer.inspect().expect("an inspection").iter().zip(&gradients.layers) {
        assert_close(inspected.error, norm(&gradients.error().to_matrix()) / 60f64.sqrt(), "an error");
    }
}

#[test]
fn a_look_changes_nothing() {
    let run = |looks: bool| {
        let settings = Settings {
            batch_size: 7,
            optimizer: "adam".parse().expect("adam"),
            learning_rate: 0.01,
            ..Settings::default()
        };
        let network = Network::builder(5).layer(8).layer(3).seed(2).build().expect("a network");
        let mut trainer =
            Trainer::new(&Pool::detect().expect("a pool"), &data(100), network, settings).expect("a trainer");
        for _ in 0..6 {
            trainer.advance(5).expect("steps");
            if looks {
                trainer.inspect().expect("an inspection");
                trainer.diagnose(None).expect("a diagnosis");
            }
        }
        (bits(trainer.network()), trainer.compared_hash().expect("a hash"))
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn inspections_have_the_same_bits_on_every_thread_count() {
    let inspect = |pool: &Pool| -> Vec<LayerInspection> {
        let network = Network::builder(5).layer(300).layer(3).seed(2).build().expect("a network");
        let mut trainer = Trainer::new(pool, &data(200), network, Settings::default()).expect("a trainer");
        trainer.epoch().expect("an epoch");
        trainer.inspect().expect("an inspection")
    };
    let expected = inspect(&pool());
    for isa in Isa::fused() {
        for threads in [1, 3] {
            assert_eq!(inspect(&Pool::oversubscribed(isa, threads).expect("a pool")), expected);
        }
    }
}

/// Units that no example wakes leave the output layer its biases: it answers with one class.
#[test]
fn a_run_that_goes_wrong_is_told() {
    let data = data(300);
    let network =
        Network::builder(5).layer_with(16, Relu).layer_with(3, Softmax).cost(CategoricalCrossEntropy);
    let network = network.initializer(minibatch::Initializer::HeNormal).seed(1);
    let run = |bias, learning_rate, epochs| {
        let settings = Settings { learning_rate, epochs, ..Settings::default() };
        let mut network = network.clone().build().expect("a network");
        network.layers_mut()[0].biases_mut().fill(bias);
        let mut trainer = Trainer::new(&pool(), &data, network, settings).expect("a trainer");
        trainer.fit(None, &mut ()).expect("a fit");
        let metrics = trainer.metrics(&data).expect("metrics");
        trainer.diagnose(Some(&metrics)).expect("a diagnosis")
    };
    let findings = run(-100.0, 0.1, 2);
    let is_dead = |finding: &Finding| matches!(finding, Finding::IdleUnits(layer) if layer.layer == 1 && layer.dead == 16);
    let is_neglected =
        |finding: &Finding| matches!(finding, Finding::NeglectedClass(score) if score.answers == 0);
    assert!(findings.iter().any(is_dead), "{findings:?}");
    assert!(findings.iter().any(is_neglected), "{findings:?}");
    assert_eq!(run(0.0, 0.01, 3), []);
    // A layer without hidden ones has no hidden units.
    let network = Network::builder(5).layer_with(3, Identity).cost(Mse).build().expect("a network");
    let trainer = Trainer::new(&pool(), &data, network, Settings::default()).expect("a trainer");
    assert_eq!(trainer.diagnose(None).expect("a diagnosis"), []);
}

/// What is learned makes the cost of a validation set with other labels rise from epoch to epoch.
#[test]
fn a_validation_cost_that_rises_is_told() {
    let inputs: Vec<f32> =
        (0..300).flat_map(|i| (0..5).map(move |k| f32::from(u8::from(k == i % 3)))).collect();
    let labelled = |shift: u32| {
        let labels = (0..300).map(|i| (i + shift) % 3).collect();
        Dataset::from_classes(inputs.clone(), &[5], labels).expect("a dataset")
    };
    let (data, others) = (labelled(0), labelled(1));
    let network = Network::builder(5).layer_with(3, Softmax).cost(CategoricalCrossEntropy).seed(1);
    let network = network.initializer(minibatch::Initializer::Zeros).build().expect("a network");
    let settings = Settings { learning_rate: 0.05, epochs: 6, ..Settings::default() };
    let mut trainer = Trainer::new(&pool(), &data, network, settings).expect("a trainer");
    trainer.set_validation(&others).expect("a validation set");
    trainer.fit(None, &mut ()).expect("a fit");
    let findings = trainer.diagnose(None).expect("a diagnosis");
    let [Finding::RisingCost { epochs: 5, from, to }] = findings[..] else { panic!("{findings:?}") };
    assert!(from < to);
    let text = serde_json::to_string(&findings).expect("JSON");
    assert!(text.starts_with(r#"[{"finding":"rising-cost","epochs":5,"from":"#), "{text}");
    assert_eq!(serde_json::from_str::<Vec<Finding>>(&text).expect("findings"), findings);
}
