//! Gradients against central differences of the cost's definition, in f64.

mod common;

use common::Numbers;
use common::bounds::{Parameters, backpropagate};
use common::oracle::Oracle;
use minibatch::activation::{Identity, Relu, Sigmoid};
use minibatch::{Isa, Mat, Network, Pool};

/// Half the distance of a difference. Its truncation error falls with its square, its rounding error grows with its
/// inverse; both stay near 1e-10 here.
const H: f64 = 1e-5;

const ACTIVATIONS: [&str; 3] = ["sigmoid", "relu", "identity"];

/// A network of these layers with weights and biases in [−1, 1).
fn network(inputs: usize, layers: &[(usize, &str)], numbers: &mut Numbers) -> Network {
    let builder =
        layers.iter().fold(Network::builder(inputs), |builder, &(outputs, activation)| match activation {
            "sigmoid" => builder.layer_with(outputs, Sigmoid),
            "relu" => builder.layer_with(outputs, Relu),
            "identity" => builder.layer_with(outputs, Identity),
            _ => panic!("no {activation} here"),
        });
    let mut network = builder.build().expect("a network");
    for layer in network.layers_mut() {
        for j in 0..layer.outputs() {
            (0..layer.inputs()).for_each(|k| layer.set_weight(j, k, numbers.signed()));
            layer.biases_mut()[j] = numbers.signed();
        }
    }
    network
}

/// `examples` inputs, none of them within 0.001 of a kink. They are drawn until they are: a gradient at a kink is a
/// convention, not a limit of differences.
fn inputs(network: &Network, examples: usize, numbers: &mut Numbers) -> Vec<Vec<f32>> {
    let oracle = Oracle::new(network);
    let mut draws = 0;
    let mut example = || loop {
        draws += 1;
        assert!(draws < 100 * examples, "{:?} has a kink nearly everywhere", network.sizes());
        let x: Vec<f32> = (0..network.inputs()).map(|_| numbers.signed()).collect();
        if oracle.forward(&x).0.iter().flatten().all(|z| z.abs() > 1e-3) {
            return x;
        }
    };
    (0..examples).map(|_| example()).collect()
}

/// (C(p + h) − C(p − h)) / 2h, and how far it may be from the derivative.
///
/// The truncation error of a central difference is h²·C‴/6 + O(h⁴), so that doubling h quadruples it: what differs
/// between h and 2h is three times the error at h. Rounding: a cost strays by some tens of 2⁻⁵³ of itself.
fn central_difference(
    oracle: &mut Oracle,
    x: &[Vec<f32>],
    y: &[Vec<f32>],
    parameter: impl Fn(&mut Oracle) -> &mut f64,
) -> (f64, f64) {
    let kept = *parameter(oracle);
    let signs = oracle.signs(x);
    let mut cost_at = |value: f64| {
        *parameter(oracle) = value;
        let cost = oracle.cost(x, y);
        assert!(oracle.signs(x) == signs, "a difference reaches over a kink");
        cost
    };
    let mut difference = |h: f64| (cost_at(kept + h) - cost_at(kept - h)) / (2.0 * h);
    let (near, far) = (difference(H), difference(2.0 * H));
    let magnitude = cost_at(kept);
    (near, (far - near).abs() + 64.0 * f64::EPSILON * magnitude.max(1.0) / H)
}

/// Checks every weight's and bias's gradient, and the cost, on `pool`.
fn check(pool: &Pool, network: &Network, numbers: &mut Numbers) {
    let examples = 1 + numbers.below(6);
    let x = inputs(network, examples, numbers);
    let y = numbers.signed_rows(examples, network.outputs());
    let (flat_x, flat_y) = (x.concat(), y.concat());
    let mat = |data| Mat::row_major(data, examples, data.len() / examples);
    let found = network.gradients(pool, mat(&flat_x), mat(&flat_y)).expect("gradients");
    let (cost, bounds) = backpropagate(network, &Parameters::of(network), &x, &y);
    let names: Vec<_> = network.layers().iter().map(|layer| layer.activation().name()).collect();
    let context = format!("{:?} {names:?}, {examples} examples, {pool:?}", network.sizes());
    let mut oracle = Oracle::new(network);
    let off = (found.cost - oracle.cost(&x, &y)).abs();
    assert!(off <= cost.error + 1e-14, "{context}: cost {} is {off:e} off", found.cost);
    let (mut largest, mut loosest) = (0.0_f64, 0.0_f64);
    for (l, (found, bounds)) in found.layers.iter().zip(&bounds).enumerate() {
        let layer = &network.layers()[l];
        for j in 0..layer.outputs() {
            // After the weights, k = n_{l−1} is the bias.
            for k in 0..=layer.inputs() {
                let is_weight = k < layer.inputs();
                let (difference, inexact) = central_difference(&mut oracle, &x, &y, |oracle| {
                    let layer = &mut oracle.layers[l];
                    if is_weight { &mut layer.w[j][k] } else { &mut layer.b[j] }
                });
                let (found, bound) = if is_weight {
                    (found.weight(j, k), bounds.nabla_w[j][k])
                } else {
                    (found.biases()[j], bounds.nabla_b[j])
                };
                let tolerance = inexact + bound.error;
                let off = (f64::from(found) - difference).abs();
                assert!(
                    off <= tolerance,
                    "{context}: layer {}, ({j}, {k}): {found} is {off:e} from {difference}, allowed {tolerance:e}",
                    l + 1
                );
                (largest, loosest) = (largest.max(difference.abs()), loosest.max(tolerance));
            }
        }
    }
    // Where bounds that hold are too wide to tell anything, the test would be none.
    assert!(
        loosest < 1e-3 * largest + 1e-6,
        "{context}: a tolerance of {loosest:e} for gradients up to {largest:e}"
    );
}

/// Every activation in every place of networks of one, two and three layers, widths from 1 on.
#[test]
fn central_differences() {
    let mut numbers = Numbers::new(1);
    for isa in Isa::available() {
        let pool = Pool::new(isa, 1).expect("a pool");
        for depth in 1..=3 {
            for choice in 0..ACTIVATIONS.len().pow(depth) {
                for most in [1, 6, 19] {
                    let mut width = || 1 + numbers.below(most);
                    let (inputs, mut digits) = (width(), choice);
                    let layers: Vec<_> = (0..depth)
                        .map(|_| {
                            let activation = ACTIVATIONS[digits % ACTIVATIONS.len()];
                            digits /= ACTIVATIONS.len();
                            (width(), activation)
                        })
                        .collect();
                    check(&pool, &network(inputs, &layers, &mut numbers), &mut numbers);
                }
            }
        }
    }
}

/// At a kink the convention holds: σ′(0) of a rectifier is 0.
#[test]
fn the_rectifier_is_flat_at_zero() {
    for isa in Isa::available() {
        let pool = Pool::new(isa, 1).expect("a pool");
        let mut network = Network::builder(1).layer_with(1, Relu).build().expect("a network");
        network.layers_mut()[0].set_weight(0, 0, 1.0);
        network.layers_mut()[0].biases_mut()[0] = -1.0;
        let gradients = network
            .gradients(&pool, Mat::row_major(&[1.0], 1, 1), Mat::row_major(&[5.0], 1, 1))
            .expect("gradients");
        assert_eq!((gradients.layers[0].weight(0, 0), gradients.layers[0].biases()[0]), (0.0, 0.0));
        assert_eq!(gradients.cost, 12.5);
    }
}
