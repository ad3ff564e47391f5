//! The library in a user's hands: functions of the user's own, values instead of classes, observers.

mod common;

use common::bits;
use minibatch::activation::{Gelu, Identity, Relu, Silu, Softmax, Tanh};
use minibatch::checkpoint::DataIdentity;
use minibatch::cost::{CategoricalCrossEntropy, Huber, Mse};
use minibatch::{
    Activation, Checkpoint, Cost, Dataset, Epoch, Error, Evaluation, Fit, Initializer, Isa, Mat, Matrix,
    Network, Observer, Pool, Predictor, Registry, Score, Settings, Trainer, gradcheck,
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

    // Sevenths of 0.3 don't add up to 0.3.
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
fn weights_are_set_and_read_as_matrices() {
    // More inputs and neurons than a panel has, and no multiples of it.
    let (inputs, neurons) = (19, 35);
    let mut network = Network::builder(inputs).layer(neurons).build().expect("a network");
    let w = Matrix::from_fn(neurons, inputs, |j, k| (100 * j + k) as f32);
    let layer = &mut network.layers_mut()[0];
    layer.set_weights(w.view()).expect("its shape");
    assert_eq!((layer.weights(), layer.weight(34, 2)), (w.clone(), 3402.0));
    let wrong = layer.set_weights(w.view().transposed()).expect_err("another shape");
    assert_eq!(wrong.to_string(), "19 × 35 weights for a layer of 35 × 19 (neurons × inputs)");
    assert_eq!(layer.weights(), w);
    // Input-major, as other libraries have them.
    let input_major = w.view().transposed().to_matrix();
    layer.set_weights(Matrix::zeros(neurons, inputs).view()).expect("its shape");
    layer.set_weights(input_major.view().transposed()).expect("its shape");
    assert_eq!(layer.weights(), w);

    let network = Network::builder(inputs).layer(neurons).build().expect("a network");
    let (x, y) = (Matrix::from_fn(2, inputs, |_, k| k as f32 / 19.0), Matrix::zeros(2, neurons));
    let gradients = network.gradients(&pool(), x.view(), y.view()).expect("gradients");
    let (layer, whole) = (&gradients.layers[0], gradients.layers[0].weights());
    assert!((0..neurons).all(|j| (0..inputs).all(|k| whole.row(j)[k] == layer.weight(j, k))));
    assert!(whole.row(0).iter().any(|&slope| slope != 0.0));
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
    #[derive(Default)]
    struct Counter {
        steps: Vec<usize>,
        epochs: Vec<usize>,
    }
    impl Observer for Counter {
        type Error = Error;
        fn interval(&mut self, trainer: &Trainer) -> usize {
            if trainer.history().is_empty() { 3 } else { 5 }
        }
        fn after_steps(&mut self, trainer: &mut Trainer) -> Result<ControlFlow<()>, Error> {
            assert!(trainer.position() > 0 || trainer.history().last().is_some_and(|e| e.test.is_none()));
            self.steps.push(trainer.step());
            Ok(ControlFlow::Continue(()))
        }
        fn after_epoch(&mut self, trainer: &mut Trainer, epoch: &Epoch) -> Result<ControlFlow<()>, Error> {
            assert_eq!(trainer.position(), 0);
            assert!(epoch.test.is_some());
            self.epochs.push(epoch.number);
            Ok(if epoch.number == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        }
    }
    let (pool, data) = (pool(), curve());
    let trainer = || {
        let network = Network::builder(1).layer(4).layer(1).build().expect("a network");
        Trainer::new(&pool, &data, network, settings(0.5, 9)).expect("a trainer")
    };
    let (mut watched, mut alone) = (trainer(), trainer());
    let mut counter = Counter::default();
    watched.fit(Some(&data), &mut counter).expect("a fit");
    // 8 steps an epoch. The last slice of each is shorter.
    assert_eq!(counter.steps, [3, 6, 0, 5, 0, 5, 0, 5, 0]);
    assert_eq!(counter.epochs, [1, 2, 3, 4]);
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
}

/// The observer evaluates a set of its own in the middle of an epoch, stops the run there, and goes on with it. Then it fails.
#[test]
fn observers_evaluate_stop_within_an_epoch_and_fail() {
    struct Looker {
        stop_at: usize,
    }
    impl Observer for Looker {
        type Error = Box<dyn std::error::Error>;
        fn interval(&mut self, _: &Trainer) -> usize {
            0
        }
        fn after_steps(&mut self, trainer: &mut Trainer) -> Result<ControlFlow<()>, Self::Error> {
            let others = curve();
            let cost = trainer.evaluate(&others)?.cost;
            let stops = trainer.step() == self.stop_at;
            Ok(if stops && cost.is_finite() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        }
        fn after_epoch(&mut self, _: &mut Trainer, epoch: &Epoch) -> Result<ControlFlow<()>, Self::Error> {
            if epoch.number == 2 { Err("enough".into()) } else { Ok(ControlFlow::Continue(())) }
        }
    }
    let (pool, data) = (pool(), curve());
    let network = Network::builder(1).layer(4).layer(1).build().expect("a network");
    let mut trainer = Trainer::new(&pool, &data, network, settings(0.5, 9)).expect("a trainer");
    let mut fit = |stop_at| {
        let fit = trainer.fit(Some(&data), &mut Looker { stop_at });
        (fit.map_err(|error| error.to_string()), trainer.history().len(), trainer.step())
    };
    assert_eq!(fit(5), (Ok(()), 0, 5));
    // An epoch that has ended is evaluated, and the observer is called, also if the run stops with its last step.
    assert_eq!(fit(0), (Ok(()), 1, 0));
    assert_eq!(fit(9), (Err("enough".to_owned()), 2, 0));
    assert!(trainer.history().iter().all(|epoch| epoch.test.is_some()));
}

#[test]
fn a_trainer_and_a_predictor_live_in_a_struct() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Trainer>();
    shared::<Predictor>();
    shared::<(Pool, Dataset, Network, Checkpoint)>();

    struct Service {
        trainer: Trainer,
        predictor: Option<Predictor>,
    }
    // The data, and the pool that it starts, have no other owner.
    let network = || Network::builder(1).layer(4).layer(1).seed(3).build().expect("a network");
    let trainer = Trainer::new(None, &curve(), network(), settings(0.5, 3)).expect("a trainer");
    let mut service = Service { trainer, predictor: None };
    let served = std::thread::spawn(move || {
        service.trainer.fit(None, &mut ()).expect("a fit");
        let isa = service.trainer.pool().isa();
        let predictor = service.predictor.insert(Predictor::new(service.trainer.network().clone(), isa));
        predictor.predict(&[0.25f32]).expect("an output").to_vec()
    });
    let data = curve();
    let mut alone = Trainer::new(&pool(), &data, network(), settings(0.5, 3)).expect("a trainer");
    alone.fit(None, &mut ()).expect("a fit");
    let expected = alone.network().predict_rows(alone.pool(), &[0.25f32]).expect("an output");
    assert_eq!(served.join().expect("the service ends"), expected);
}

#[test]
fn evaluations_enter_the_history_by_a_call_of_their_own() {
    let (data, pool) = (curve(), pool());
    let network = Network::builder(1).layer(4).layer(1).build().expect("a network");
    let mut trainer = Trainer::new(&pool, &data, network, settings(0.5, 9)).expect("a trainer");
    let test = curve();
    let before = trainer.evaluate(&test).expect("an evaluation");
    assert!(matches!(trainer.record(&test, before), Err(Error::NoEpoch)), "no epoch has been trained");
    for _ in 0..2 {
        trainer.epoch().expect("an epoch");
        let made_here = curve().subset(&[1, 2, 3]).expect("a subset");
        assert_eq!(trainer.evaluate(&made_here).expect("an evaluation").examples, 3);
    }
    assert!(trainer.history().iter().all(|epoch| epoch.test.is_none()), "nothing is recorded");
    assert_eq!(trainer.checkpoint().tested_on, None);

    let whole = trainer.evaluate(&test).expect("an evaluation");
    let few = test.subset(&[1, 2, 3]).expect("a subset");
    let fit = whole.fit().expect("values");
    let wrong = [
        (&few, whole, "expected an evaluation of 3 examples"),
        (&test, Evaluation { cost: f64::NAN, ..whole }, "the cost of an evaluation after epoch 2 is NaN"),
        (&test, Evaluation { score: Score::Values(Fit { mae: f64::NAN, ..fit }), ..whole }, "the mae of"),
        (&test, Evaluation { score: Score::Values(Fit { rmse: -1.0, ..fit }), ..whole }, "64 examples"),
        (&test, Evaluation { score: Score::Classes { correct: 65 }, ..whole }, "64 examples"),
    ];
    for (test, evaluation, part) in wrong {
        let error = trainer.record(test, evaluation).expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(trainer.history()[1].test, None);

    trainer.record(&test, whole).expect("an epoch has ended");
    assert_eq!((trainer.history()[0].test, trainer.history()[1].test), (None, Some(whole)));
    let identity = |data: &Dataset| Some(DataIdentity::of(data));
    assert_eq!(trainer.checkpoint().tested_on, identity(&test));
    // Another set takes the place of the first, which a checkpoint has identified.
    let evaluation = trainer.evaluate(&few).expect("an evaluation");
    trainer.record(&few, evaluation).expect("an epoch has ended");
    assert_eq!(trainer.checkpoint().tested_on, identity(&few));
    trainer.advance(1).expect("a step");
    assert!(matches!(trainer.record(&test, whole), Err(Error::NoEpoch)), "in the middle of an epoch");
    let mut file = Vec::new();
    trainer.encode_into(&mut file).expect("a checkpoint");
    assert_eq!(Checkpoint::decode(&file).expect("a checkpoint").history, trainer.history());
}

/// Layers that keep Z, softmax's pass over rows and the stable costs give the same bits on every fused set with any number of
/// threads.
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

/// No system has this much memory: addresses don't reach so far.
#[test]
fn what_no_memory_holds_is_an_error() {
    let wide = |builder: minibatch::NetworkBuilder, layer: usize| {
        builder.layer(if layer.is_multiple_of(2) { 8_000 } else { 1 << 20 })
    };
    let error = (0..6000).fold(Network::builder(1 << 20), wide).build().expect_err("200 TB");
    assert!(matches!(error, minibatch::NetworkError::Memory { bytes } if bytes > 1 << 47), "{error}");
    assert!(error.to_string().ends_with(" GB, more memory than there is"), "{error}");
}
