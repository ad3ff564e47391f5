//! Factors of the inputs that are learned, and rates by fan-in, against their definitions.

use super::common::bits;
use super::{EXAMPLES, data, gradients, network, settings, trained};
use minibatch::data::Order;
use minibatch::optimizer::Groups;
use minibatch::{Checkpoint, Error, Isa, Layer, Mat, Network, Pool, Settings, Trainer};

const INPUTS: usize = 20;

/// W_jk of the first layer in f64, row j.
fn weights(layer: &Layer) -> Vec<Vec<f64>> {
    let row = |j| (0..layer.inputs()).map(|k| f64::from(layer.weight(j, k))).collect();
    (0..layer.outputs()).map(row).collect()
}

/// The settings of a run whose step takes all of the data.
fn whole_batch(settings: Settings) -> Settings {
    Settings { batch_size: EXAMPLES, order: Order::InOrder, ..settings }
}

/// Two steps of plain descent in f64: s ← s − fη·Σⱼ V_jk·G_jk and V ← V − η·s·G, where G is the gradient of the network with the
/// weights s·V, as the library gives it.
#[test]
fn factors_and_weights_move_by_their_gradients() {
    let (data, before) = (data(INPUTS, true), network(&[INPUTS, 40, 4]));
    let (eta, factor) = (0.5, 6.0);
    for isa in Isa::available() {
        for threads in [1, 3] {
            let pool = Pool::oversubscribed(isa, threads).expect("a pool");
            let scaled = whole_batch(Settings { input_scaling: Some(factor), ..settings("sgd") });
            let mut trainer = Trainer::new(&pool, &data, before.clone(), scaled).expect("a trainer");
            let (mut v, mut s) = (weights(&before.layers()[0]), vec![1.0; INPUTS]);
            for step in 0..2 {
                let g = weights_of_gradient(trainer.network(), &data);
                trainer.advance(1).expect("a step");
                for k in 0..INPUTS {
                    let of_factor: f64 = v.iter().zip(&g).map(|(v, g)| v[k] * g[k]).sum();
                    v.iter_mut().zip(&g).for_each(|(v, g)| v[k] -= eta * s[k] * g[k]);
                    s[k] -= factor * eta * of_factor;
                }
                for (j, w) in weights(&trainer.network().layers()[0]).iter().enumerate() {
                    for k in 0..INPUTS {
                        let (found, expected) = (w[k], s[k] * v[j][k]);
                        assert!(
                            (found - expected).abs() < 1e-5,
                            "step {step}, W_{j}{k} on {isa}: {found} {expected}"
                        );
                    }
                }
            }
            assert!(s.iter().any(|s| (s - 1.0).abs() > 1e-3), "{s:?}");
        }
    }
}

/// ∂C/∂W_jk of the first layer over all data, row j.
fn weights_of_gradient(network: &Network, data: &minibatch::Dataset) -> Vec<Vec<f64>> {
    let gradients = gradients(network, data);
    let layer = &network.layers()[0];
    let row = |j| (0..layer.inputs()).map(|k| f64::from(gradients.layers[0].weight(j, k))).collect();
    (0..layer.outputs()).map(row).collect()
}

/// The gradient of a factor, Σⱼ V_jk·G_jk, is the slope of the cost along it: central differences of the mean cost in which the input's
/// weights are scaled.
#[test]
fn the_gradient_of_a_factor_is_the_slope_of_the_cost() {
    let (data, network) = (data(INPUTS, true), network(&[INPUTS, 8, 4]));
    let (g, w) = (weights_of_gradient(&network, &data), weights(&network.layers()[0]));
    let cost = |k: usize, factor: f64| {
        let mut scaled = network.clone();
        let layer = &mut scaled.layers_mut()[0];
        (0..8).for_each(|j| layer.set_weight(j, k, (f64::from(layer.weight(j, k)) * factor) as f32));
        scaled.evaluate(&super::pool(1), &data).expect("an evaluation").cost
    };
    for k in 0..INPUTS {
        let analytic: f64 = (0..8).map(|j| w[j][k] * g[j][k]).sum();
        let h = 0.01;
        let difference = (cost(k, 1.0 + h) - cost(k, 1.0 - h)) / (2.0 * h);
        assert!(
            (analytic - difference).abs() < 2e-4 * (1.0 + analytic.abs()),
            "input {k}: {analytic} {difference}"
        );
    }
}

/// With rates by fan-in, Adam moves weights as it moves those of a layer that divides its sums by √n.
#[test]
fn rates_by_fan_in() {
    let (data, before) = (data(INPUTS, true), network(&[INPUTS, 9, 4]));
    let step = |fan_in, layers: Vec<f64>| {
        let groups = Groups { layers, fan_in, biases: 0.5, ..Groups::default() };
        let mut trainer = Trainer::new(
            &super::pool(1),
            &data,
            before.clone(),
            whole_batch(Settings { groups, ..settings("adam") }),
        )
        .expect("a trainer");
        trainer.advance(1).expect("a step");
        trainer.network().clone()
    };
    let (plain, by_fan_in) = (step(false, Vec::new()), step(true, Vec::new()));
    for (l, n) in [(0, INPUTS), (1, 9)] {
        let [before, plain, by_fan_in] = [&before, &plain, &by_fan_in].map(|network| &network.layers()[l]);
        assert_eq!(plain.biases(), by_fan_in.biases(), "biases have no fan-in");
        let change = |to: &Layer| f64::from(to.weight(0, 0)) - f64::from(before.weight(0, 0));
        let ratio = change(plain) / change(by_fan_in);
        assert!((ratio - (n as f64).sqrt()).abs() < 1e-3 * ratio, "layer {}: {ratio}", l + 1);
    }
}

/// A network whose weights were changed doesn't go on with the factors of another.
#[test]
fn factors_belong_to_their_weights() {
    let data = data(INPUTS, false);
    let settings = Settings { input_scaling: Some(1.0), ..settings("adam") };
    let mut trainer =
        Trainer::new(&super::pool(1), &data, network(&[INPUTS, 8, 4]), settings.clone()).expect("a trainer");
    trainer.advance(2).expect("steps");
    let mut checkpoint: Checkpoint = trainer.checkpoint();
    let [a, b] = [trainer.network(), trainer.network()].map(bits);
    assert_eq!(a, b);
    checkpoint.network.layers_mut()[0]
        .set_weights(Mat::row_major(&[0.5; 8 * INPUTS], 8, INPUTS))
        .expect("weights");
    let error = Trainer::resume(&super::pool(1), &data, checkpoint).expect_err("other weights");
    assert!(matches!(error, Error::Resume { what: "optimiser", .. }), "{error}");
    // Learned factors make a difference.
    let plain = Settings { input_scaling: None, ..settings.clone() };
    let networks =
        [settings, plain].map(|settings| bits(&trained(&data, network(&[INPUTS, 8, 4]), settings)));
    assert_ne!(networks[0], networks[1]);
}

/// Limits of norms are for the weights of the network, and there would be two of the first layer.
#[test]
fn a_limit_of_norms_is_refused() {
    let settings = Settings { input_scaling: Some(6.0), max_norm: Some(3.0), ..settings("adam") };
    let error = Trainer::new(&super::pool(1), &data(INPUTS, false), network(&[INPUTS, 8, 4]), settings)
        .expect_err("two weights");
    assert_eq!(error.to_string(), "max norm is 3: expected none where the inputs' factors are learned");
}
