//! Costs at the extremes, the legal pairs, and the targets that costs take.

use minibatch::activation::{Identity, Relu, Sigmoid, Softmax, Softplus, Tanh};
use minibatch::cost::{BinaryCrossEntropy, CategoricalCrossEntropy, Hinge, Poisson};
use minibatch::{
    Activation, Cost, Dataset, Error, Isa, Mat, Network, NetworkError, Pool, Registry, Settings, Trainer,
};

/// One layer whose z are its inputs.
fn output_layer(n: usize, activation: impl Activation, cost: impl Cost) -> Network {
    let mut network = Network::builder(n).layer_with(n, activation).cost(cost).build().expect("a network");
    let layer = &mut network.layers_mut()[0];
    for j in 0..n {
        (0..n).for_each(|k| layer.set_weight(j, k, if j == k { 1.0 } else { 0.0 }));
        layer.biases_mut()[j] = 0.0;
    }
    network
}

/// Cost and Δ of one example, on every instruction set.
fn each_isa(network: &Network, z: &[f32], y: &[f32], check: impl Fn(Isa, f64, Vec<f32>)) {
    for isa in Isa::available() {
        let pool = Pool::new(isa, 1).expect("a pool");
        let mat = |data| Mat::row_major(data, 1, z.len());
        let gradients = network.gradients(&pool, mat(z), mat(y)).expect("gradients");
        check(isa, gradients.cost, gradients.layers[0].error().row(0).to_vec());
    }
}

#[track_caller]
fn assert_near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-30 + 4e-7 * expected.abs(), "{what}: {found:e}, not {expected:e}");
}

#[test]
fn binary_cross_entropy_of_saturated_sigmoids() {
    let network = output_layer(1, Sigmoid, BinaryCrossEntropy);
    for (z, y, cost, delta) in [
        (100.0f32, 0.0f32, 100.0, 1.0),
        (-100.0, 1.0, 100.0, -1.0),
        (100.0, 1.0, 0.0, 0.0),
        (-100.0, 0.0, 0.0, 0.0),
        (20.0, 1.0, (-20f64).exp(), 0.0),
        (0.0, 1.0, std::f64::consts::LN_2, -0.5),
    ] {
        each_isa(&network, &[z], &[y], |isa, found, error| {
            assert_near(found, cost, &format!("{isa}: C at z = {z}, y = {y}"));
            assert!((error[0] - delta).abs() < 1e-6, "{isa}: δ at z = {z}, y = {y}: {}", error[0]);
        });
    }
}

/// The outputs are more than are computed at a time. The sum is that of the parts.
#[test]
fn binary_cross_entropy_of_many_outputs() {
    let n = 150;
    let network = output_layer(n, Sigmoid, BinaryCrossEntropy);
    let z: Vec<f32> = (0..n).map(|i| (i as f32 - 75.0) / 20.0).collect();
    let y: Vec<f32> = (0..n).map(|i| (i % 3) as f32 / 2.0).collect();
    let term = |(&z, &y): (&f32, &f32)| {
        let a = Sigmoid.value(z.into());
        BinaryCrossEntropy.value(a, y.into())
    };
    let expected: f64 = z.iter().zip(&y).map(term).sum();
    each_isa(&network, &z, &y, |isa, found, _| assert_near(found, expected, &format!("{isa}")));
}

#[test]
fn cross_entropy_of_saturated_softmax() {
    let network = output_layer(3, Softmax, CategoricalCrossEntropy);
    for (z, y, cost) in [
        ([1000.0f32, 0.0, 0.0], [0.0f32, 1.0, 0.0], 1000.0),
        ([1000.0, 0.0, 0.0], [1.0, 0.0, 0.0], 0.0),
        ([20.0, 0.0, 0.0], [1.0, 0.0, 0.0], (2.0 * (-20f64).exp()).ln_1p()),
        ([-1e30, 1e30, 1e30], [0.0, 0.5, 0.5], std::f64::consts::LN_2),
        ([0.0, 0.0, 0.0], [0.25, 0.25, 0.5], 3f64.ln()),
    ] {
        each_isa(&network, &z, &y, |isa, found, error| {
            assert_near(found, cost, &format!("{isa}: C at {z:?}, {y:?}"));
            assert!(error.iter().all(|delta| delta.abs() <= 1.0), "{isa}: Δ at {z:?}: {error:?}");
            assert!(error.iter().sum::<f32>().abs() < 1e-6, "{isa}: Δ sums to 0: {error:?}");
        });
    }
}

#[test]
fn poisson_of_tiny_rates_is_finite() {
    for z in [-1000.0f32, -80.0, 0.0, 80.0, 1000.0] {
        let check = |isa: Isa, cost: f64, error: Vec<f32>| {
            assert!(cost.is_finite() && error[0].is_finite(), "{isa}: z = {z}: C = {cost}, δ = {error:?}");
        };
        each_isa(&output_layer(1, Softplus, Poisson), &[z], &[3.0], check);
        each_isa(&output_layer(1, Sigmoid, Poisson), &[z], &[3.0], check);
        each_isa(&output_layer(2, Softmax, Poisson), &[z, 0.0], &[300.0, 0.0], check);
    }
    // σ(z)(1 − y/a) → −y, where z → −∞
    each_isa(&output_layer(1, Softplus, Poisson), &[-80.0], &[3.0], |isa, cost, error| {
        assert_near(cost, 240.0, &format!("{isa}"));
        assert!((error[0] + 3.0).abs() < 1e-5, "{isa}: {error:?}");
    });
    for z in [-80.0, -1000.0] {
        each_isa(&output_layer(1, Sigmoid, Poisson), &[z], &[3.0], |isa, _, error| {
            assert_eq!(error, [-3.0], "{isa}: z = {z}");
        });
        // aΣy − y
        each_isa(&output_layer(2, Softmax, Poisson), &[z, 0.0], &[3.0, 1.0], |isa, _, error| {
            assert_eq!(error, [-3.0, 3.0], "{isa}: z = {z}");
        });
    }
}

/// A cost that isn't a number stops a run, so every pair must give it.
#[test]
fn a_nan_reaches_every_cost() {
    let registry = Registry::default();
    for cost in registry.costs() {
        for output in registry.activations().filter(|activation| cost.accepts(activation.range())) {
            let cost = registry.cost(&cost.label()).expect("a cost by its label");
            let output = registry.activation(&output.label()).expect("an activation by its label");
            let (name, pair) = (cost.name(), output.name());
            let mut network =
                Network::builder(2).layer_named(2, output).cost_named(cost).build().expect("legal");
            network.layers_mut()[0].biases_mut()[1] = f32::NAN;
            each_isa(&network, &[0.5, 0.25], &[0.0, 1.0], |isa, found, _| {
                assert!(found.is_nan(), "{isa}: {name} after {pair}: {found}");
            });
        }
    }
}

#[test]
fn illegal_pairs_are_refused_with_the_legal_ones_named() {
    let refused = |error: NetworkError| error.to_string();
    let build = |builder: minibatch::NetworkBuilder| refused(builder.build().expect_err("an illegal pair"));
    assert_eq!(
        build(Network::builder(2).layer_with(2, Relu).cost(CategoricalCrossEntropy)),
        "cost categorical-cross-entropy can't follow output activation relu: it takes softmax"
    );
    assert_eq!(
        build(Network::builder(2).layer_with(2, Softmax).cost(BinaryCrossEntropy)),
        "cost binary-cross-entropy can't follow output activation softmax: it takes sigmoid"
    );
    assert_eq!(
        build(Network::builder(2).layer_with(2, Identity).cost(Poisson)),
        "cost poisson can't follow output activation identity: it takes sigmoid, softplus, softmax"
    );
    assert_eq!(
        build(Network::builder(2).layer(2).cost(Hinge)),
        "cost hinge can't follow output activation sigmoid: it takes tanh, lecun-tanh, leaky-relu, elu, selu, gelu, \
         silu, mish, identity"
    );
    assert_eq!(
        build(Network::builder(2).layer_with(3, Softmax).layer(2)),
        "layer 1 can't be softmax, which is for the output layer only"
    );
}

#[test]
fn targets_a_cost_cant_take_are_refused() {
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    let refused = |network: Network, y: [f32; 4]| {
        let data = Dataset::from_values(vec![0.5f32, 1.0], &[1], y.to_vec(), 2).expect("a dataset");
        let settings = Settings { batch_size: 2, ..Settings::default() };
        let error = Trainer::new(&pool, &data, network, settings).expect_err("targets");
        assert!(matches!(error, Error::Targets { example: 1, .. }), "{error}");
        error.to_string()
    };
    let network = |builder: minibatch::NetworkBuilder| builder.build().expect("a network");
    assert_eq!(
        refused(network(Network::builder(1).layer(2).cost(BinaryCrossEntropy)), [0.0, 1.0, 0.5, 1.5]),
        "cost binary-cross-entropy needs targets that are numbers from 0 to 1: example 1 has [0.5, 1.5]"
    );
    let softmax = Network::builder(1).layer_with(2, Softmax).cost(CategoricalCrossEntropy);
    refused(network(softmax), [0.5, 0.5, 0.5, 0.25]);
    refused(network(Network::builder(1).layer_with(2, Softplus).cost(Poisson)), [0.0, 7.0, 1.0, -1.0]);
}

/// Tanh with hinge trains on classes as well as on ±1.
#[test]
fn hinge_takes_classes_and_signs() {
    let network = output_layer(1, Tanh, Hinge);
    for (y, cost) in [(1.0f32, 0.5), (0.0, 1.5), (-1.0, 1.5)] {
        each_isa(&network, &[0.549_306_1], &[y], |isa, found, _| {
            assert_near(found, cost, &format!("{isa}: y = {y}"));
        });
    }
}
