//! What a user of the library brings and watches: functions of their own, values instead of classes, observers.

mod common;

use common::bits;
use minibatch::activation::{Gelu, Identity, Relu, Silu, Softmax, Tanh};
use minibatch::cost::{CategoricalCrossEntropy, Huber, Mse};
use minibatch::{
    Activation, Checkpoint, Cost, Dataset, EarlyStopping, Epoch, Fit, Initializer, Isa, Mat, Network,
    Observer, Pool, Registry, Settings, Trainer, gradcheck,
};
use std::ops::ControlFlow;

#[derive(Debug)]
struct Softsign;

impl Activation for Softsign {
    fn name(&self) -> &'static str {
        "softsign"
    }
    fn value(&self, z: f64) -> f64 {
        z / (1.0 + z.abs())
    }
    fn derivative(&self, z: f64) -> f64 {
        (1.0 + z.abs()).powi(-2)
    }
}

#[derive(Debug)]
struct LogCosh;

impl Cost for LogCosh {
    fn name(&self) -> &'static str {
        "log-cosh"
    }
    fn value(&self, a: f64, y: f64) -> f64 {
        (a - y).cosh().ln()
    }
    fn derivative(&self, a: f64, y: f64) -> f64 {
        (a - y).tanh()
    }
}

fn pool() -> Pool {
    Pool::new(Isa::detect(), 1).expect("a pool")
}

/// y = sin 3x in 64 places.
fn curve() -> Dataset {
    let x: Vec<f32> = (0..64).map(|i| i as f32 / 32.0 - 1.0).collect();
    let y = x.iter().map(|x| (3.0 * x).sin()).collect();
    Dataset::from_values(x, &[1], y, 1).expect("a dataset")
}

fn settings(learning_rate: f64, epochs: usize) -> Settings {
    Settings { learning_rate, batch_size: 8, epochs, seed: 2, ..Settings::default() }
}

#[test]
fn functions_of_ones_own_train_and_are_saved() {
    let (pool, data) = (pool(), curve());
    let network = Network::builder(1).layer_with(8, Softsign).layer_with(1, Identity).cost(LogCosh).seed(3);
    let network = network.build().expect("a network");
    let (x, y) = (Mat::row_major(&[0.3, -0.4], 2, 1), Mat::row_major(&[0.5, 0.25], 2, 1));
    let check = gradcheck::check(&pool, &network, x, y).expect("a check");
    assert!(check.passed(), "{:?}", check.failures);

    let mut trainer = Trainer::new(&pool, &data, network, settings(0.2, 40)).expect("a trainer");
    trainer.fit(None, &mut ()).expect("a fit");
    let costs: Vec<f64> = trainer.history().iter().map(|epoch| epoch.cost).collect();
    assert!(costs.len() == 40 && costs[39] < 0.2 * costs[0], "{costs:?}");

    let mut file = Vec::new();
    trainer.encode_into(&mut file).expect("a checkpoint");
    let error = Checkpoint::decode(&file).expect_err("unknown parts").to_string();
    assert!(error.contains("'log-cosh'") && error.contains("Registry"), "{error}");
    let half = Registry::default().with_cost(LogCosh);
    let error = Checkpoint::decode_with(&file, &half).expect_err("an unknown part").to_string();
    assert!(error.contains("unknown activation 'softsign'"), "{error}");
    let whole = half.with_activation(Softsign);
    let checkpoint = Checkpoint::decode_with(&file, &whole).expect("a checkpoint");
    assert_eq!(bits(&checkpoint.network), bits(trainer.network()));
}

#[test]
fn parameters_are_saved() {
    let (pool, data) = (pool(), curve());
    let leaky = minibatch::activation::LeakyRelu::new(0.2).expect("a slope");
    let huber = Huber::new(0.3).expect("a limit");
    let network = Network::builder(1).layer_with(4, leaky).layer_with(1, Identity).cost(huber);
    let trainer =
        Trainer::new(&pool, &data, network.build().expect("a network"), settings(0.1, 1)).expect("a trainer");
    let mut file = Vec::new();
    trainer.encode_into(&mut file).expect("a checkpoint");
    let network = Checkpoint::decode(&file).expect("a checkpoint").network;
    assert_eq!(network.layers()[0].activation().label(), "leaky-relu(0.2)");
    assert_eq!(network.cost().label(), "huber(0.3)");
}

#[test]
fn every_built_in_is_found_by_its_label() {
    let registry = Registry::default();
    for activation in registry.activations() {
        let found = registry.activation(&activation.label()).expect("an activation");
        assert_eq!((found.name(), found.parameter()), (activation.name(), activation.parameter()));
    }
    for cost in registry.costs() {
        let found = registry.cost(&cost.label()).expect("a cost");
        assert_eq!((found.name(), found.parameter()), (cost.name(), cost.parameter()));
    }
    for wrong in
        ["", "Relu", "relu(1)", "leaky-relu(", "leaky-relu(x)", "leaky-relu(1)", "elu(0)", "elu(NaN)"]
    {
        assert!(registry.activation(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn values_are_scored_by_their_fit() {
    let (pool, data) = (pool(), curve());
    // a = 2x + 0.5, against values worked out by hand below.
    let mut network = Network::builder(1).layer_with(1, Identity).cost(Mse).build().expect("a network");
    network.layers_mut()[0].set_weight(0, 0, 2.0);
    network.layers_mut()[0].biases_mut()[0] = 0.5;
    let small =
        Dataset::from_values(vec![0.0f32, 1.0, 2.0], &[1], vec![0.5, 2.0, 5.5], 1).expect("a dataset");
    let evaluation = network.evaluate(&pool, &small).expect("an evaluation");
    // Residuals 0, 0.5, −1; targets spread by 2.1666 + 0.4444 + 8.0277 around 2.6667.
    let Fit { rmse, mae, r_squared } = evaluation.fit().expect("values");
    assert!((rmse - (1.25f64 / 3.0).sqrt()).abs() < 1e-12, "{rmse}");
    assert!((mae - 0.5).abs() < 1e-12, "{mae}");
    assert!((r_squared - (1.0 - 1.25 / 13.166_666_666_666_666)).abs() < 1e-12, "{r_squared}");
    assert!((evaluation.cost - 1.25 / 3.0).abs() < 1e-12, "{}", evaluation.cost);
    assert_eq!((evaluation.accuracy(), evaluation.correct()), (None, None));

    // Sevenths of it don't add up to it.
    let constant = Dataset::from_values(vec![1.0f32; 7], &[1], vec![0.3; 7], 1).expect("a dataset");
    assert_eq!(
        network.evaluate(&pool, &constant).expect("an evaluation").fit().expect("values").r_squared,
        0.0
    );

    let network = Network::builder(1).layer_with(16, Tanh).layer_with(1, Identity).cost(Mse);
    let network = network.initializer(Initializer::FanInNormal).seed(1).build().expect("a network");
    let mut trainer = Trainer::new(&pool, &data, network, settings(0.1, 300)).expect("a trainer");
    trainer.fit(Some(&data), &mut ()).expect("a fit");
    let fit = trainer.history()[299].test.expect("evaluated").fit().expect("values");
    assert!(fit.r_squared > 0.95, "{fit:?}");
    let mut file = Vec::new();
    trainer.encode_into(&mut file).expect("a checkpoint");
    assert_eq!(Checkpoint::decode(&file).expect("a checkpoint").history, trainer.history());
}

#[test]
fn slices_in_slices_out() {
    let pool = pool();
    let network =
        Network::builder(2).layer_with(3, Relu).layer_with(3, Softmax).cost(CategoricalCrossEntropy);
    let network = network.seed(4).build().expect("a network");
    let x = [0.5, -1.0, 2.0, 0.0];
    let rows = network.predict_rows(&pool, &x).expect("outputs");
    let matrix = network.predict(&pool, Mat::row_major(&x, 2, 2)).expect("outputs");
    assert_eq!(rows, [matrix.row(0), matrix.row(1)].concat());
    let probabilities = network.predict_proba(&pool, &x).expect("probabilities");
    assert!(probabilities.chunks(3).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6));
    for (class, row) in network.predict_classes(&pool, &x).expect("classes").iter().zip(rows.chunks(3)) {
        assert!(row.iter().all(|&other| other <= row[*class]));
    }
    assert_eq!(network.predict_rows(&pool, &[0.0; 0]).expect("no rows"), []);
    let error = network.predict_rows(&pool, &x[..3]).expect_err("half a row").to_string();
    assert!(error.contains("inputs in the last row"), "{error}");
    let scores = Network::builder(2).layer_with(3, Identity).build().expect("a network");
    let error = scores.predict_proba(&pool, &x).expect_err("scores").to_string();
    assert!(error.contains("identity") && error.contains("softmax"), "{error}");
}

#[test]
fn observers_see_every_step_and_end_the_run() {
    struct Counter {
        steps: usize,
        epochs: Vec<usize>,
    }
    impl Observer for Counter {
        fn interval(&self) -> usize {
            3
        }
        fn after_steps(&mut self, trainer: &Trainer<'_>) -> ControlFlow<()> {
            assert!(trainer.position() > 0);
            self.steps += 1;
            ControlFlow::Continue(())
        }
        fn after_epoch(&mut self, trainer: &Trainer<'_>, epoch: &Epoch) -> ControlFlow<()> {
            assert_eq!(trainer.position(), 0);
            assert!(epoch.test.is_some());
            self.epochs.push(epoch.number);
            if epoch.number == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let (pool, data) = (pool(), curve());
    let trainer = || {
        let network = Network::builder(1).layer(4).layer(1).build().expect("a network");
        Trainer::new(&pool, &data, network, settings(0.5, 9)).expect("a trainer")
    };
    let (mut watched, mut alone) = (trainer(), trainer());
    let mut counter = Counter { steps: 0, epochs: Vec::new() };
    watched.fit(Some(&data), &mut counter).expect("a fit");
    // 8 steps an epoch: after 3 and 6, then the end.
    assert_eq!((counter.steps, counter.epochs), (8, vec![1, 2, 3, 4]));
    let mut left = 4;
    alone
        .fit(None, &mut |_: &Epoch| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("a fit");
    assert_eq!(bits(watched.network()), bits(alone.network()), "watching changes nothing");
    alone.fit(None, &mut ()).expect("the rest");
    assert_eq!(alone.history().len(), 9);

    // A network that can't learn the constant curve better than it does stops early.
    let mut stopping = EarlyStopping::new(2);
    let mut trainer = trainer();
    trainer.fit(Some(&data), &mut stopping).expect("a fit");
    let costs: Vec<f64> = trainer.history().iter().map(|e| e.test.expect("evaluated").cost).collect();
    assert_eq!(stopping.best(), costs.iter().copied().fold(f64::INFINITY, f64::min));
}

/// Layers that keep Z, softmax's pass over rows and the stable costs: bits on every fused set and any threads.
#[test]
fn every_path_gives_the_same_bits() {
    let inputs: Vec<f32> = (0..96 * 40).map(|i| ((i * 37 + i / 7) % 101) as f32 / 50.0 - 1.0).collect();
    let labels = (0..96).map(|i| (i * i % 7) as u32).collect();
    let data =
        Dataset::from_classes(inputs, &[40], labels).expect("a dataset").with_classes(10).expect("classes");
    let mut first = None;
    for isa in Isa::fused() {
        for threads in [1, 3] {
            let pool = Pool::new(isa, threads).expect("a pool");
            let network =
                Network::builder(40).layer_with(150, Gelu).layer_with(33, Silu).layer_with(10, Softmax);
            let network = network.cost(CategoricalCrossEntropy).initializer(Initializer::HeNormal).seed(1);
            let network = network.build().expect("a network");
            let settings =
                Settings { learning_rate: 0.1, batch_size: 32, epochs: 3, seed: 0, ..Settings::default() };
            let mut trainer = Trainer::new(&pool, &data, network, settings).expect("a trainer");
            trainer.fit(Some(&data), &mut ()).expect("a fit");
            let test = trainer.history()[2].test.expect("evaluated");
            let result = (bits(trainer.network()), test.cost.to_bits(), test.correct());
            assert!(*first.get_or_insert(result.clone()) == result, "{isa}, {threads} threads");
        }
    }
}

/// No system has this much: addresses don't reach so far.
#[test]
fn what_no_memory_holds_is_an_error() {
    let wide = |builder: minibatch::NetworkBuilder, layer: usize| {
        builder.layer(if layer.is_multiple_of(2) { 8_000 } else { 1 << 20 })
    };
    let error = (0..6000).fold(Network::builder(1 << 20), wide).build().expect_err("200 TB");
    assert!(matches!(error, minibatch::NetworkError::Memory { bytes } if bytes > 1 << 47), "{error}");
    assert!(error.to_string().ends_with(" GB, more memory than there is"), "{error}");
}
