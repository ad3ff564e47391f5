//! Gradients held against central differences of the cost's definition, in f64.
//!
//! The gradient of backpropagation in f32 may differ from the difference quotient for two reasons. One is the truncation and
//! rounding of the quotient, which is estimated. The other is f32's own rounding, which is bounded. There is no
//! constant to tune.

#[doc(hidden)]
pub mod bounds;
mod oracle;

pub use crate::bounded::Bounded;

use crate::error::Error;
use crate::network::Network;
use crate::network::activation::{self, Activation};
use crate::network::cost::{self, Cost};
use bounds::{Parameters, backpropagate};
use minibatch_data::generator;
use minibatch_kernels::{Mat, Pool};
use oracle::Oracle;
use rand::Rng;
use rand::rngs::Xoshiro256PlusPlus;
use std::sync::Arc;

/// Half the distance of a difference. The truncation error is proportional to its square, the rounding error to its inverse. Both
/// stay near 1e-10 here.
const H: f64 = 1e-5;

/// The least distance of random examples from every kink. A gradient at a kink is a convention, not a limit of differences.
const MARGIN: f64 = 2e-3;

/// The result of checking one network.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// The activations' labels, layer 1 first.
    pub activations: Vec<String>,
    /// The cost's label.
    pub cost: String,
    /// Weights and biases compared.
    pub compared: usize,
    /// Weights and biases left out, because a difference would have reached over a kink.
    pub skipped: usize,
    /// The largest difference between the two gradients, relative to the largest gradient of the network.
    pub largest_error: f64,
    /// The largest difference that was allowed, also relative to the largest gradient.
    pub largest_allowed: f64,
    /// A line for each number that was off by more than is allowed.
    pub failures: Vec<String>,
}

impl Check {
    /// Whether every compared gradient is right.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Checks every weight's and bias's gradient of `network` on the examples `x` (B × n_0) and `y` (B × n_L), and the cost.
///
/// ```
/// use minibatch::activation::{Gelu, Softmax};
/// use minibatch::cost::CategoricalCrossEntropy;
/// use minibatch::{Isa, Mat, Network, Pool, gradcheck};
///
/// let network = Network::builder(2).layer_with(3, Gelu).layer_with(2, Softmax);
/// let network = network.cost(CategoricalCrossEntropy).build()?;
/// let (x, y) = (Mat::row_major(&[0.3, -0.7], 1, 2), Mat::row_major(&[0.0, 1.0], 1, 2));
/// let check = gradcheck::check(&Pool::new(Isa::detect(), 1)?, &network, x, y)?;
/// assert!(check.passed(), "{:?}", check.failures);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`Network::gradients`].
///
/// # Panics
///
/// If an example lies on a kink.
pub fn check(pool: &Pool, network: &Network, x: Mat<'_>, y: Mat<'_>) -> Result<Check, Error> {
    let found = network.gradients(pool, x, y)?;
    let rows = |m: Mat<'_>| -> Vec<Vec<f32>> {
        (0..m.rows()).map(|row| (0..m.cols()).map(|col| m.get(row, col)).collect()).collect()
    };
    let (x, y) = (rows(x), rows(y));
    let (cost, bounds) = backpropagate(network, &Parameters::of(network), &x, &y);
    let mut oracle = Oracle::new(network);
    let mut check = Check {
        activations: network.layers().iter().map(|layer| layer.activation().label()).collect(),
        cost: network.cost().label(),
        compared: 0,
        skipped: 0,
        largest_error: 0.0,
        largest_allowed: 0.0,
        failures: Vec::new(),
    };
    let expected = oracle.cost(&x, &y);
    let (off, allowed) = ((found.cost - expected).abs(), cost.error + 1e-14);
    if off.is_nan() || off > allowed {
        check
            .failures
            .push(format!("the cost {} is {off:e} from {expected}, allowed {allowed:e}", found.cost));
    }
    let mut largest = 0.0_f64;
    for (l, (found, bounds)) in found.layers.iter().zip(&bounds).enumerate() {
        let layer = &network.layers()[l];
        for j in 0..layer.outputs() {
            // k = n_{l−1}, after the weights, is the bias.
            for k in 0..=layer.inputs() {
                let is_weight = k < layer.inputs();
                let difference = central_difference(&mut oracle, &x, &y, |oracle| {
                    let layer = &mut oracle.layers[l];
                    if is_weight { &mut layer.w[j][k] } else { &mut layer.b[j] }
                });
                let Some((difference, inexact)) = difference else {
                    check.skipped += 1;
                    continue;
                };
                let (found, bound) = if is_weight {
                    (found.weight(j, k), bounds.nabla_w[j][k])
                } else {
                    (found.biases()[j], bounds.nabla_b[j])
                };
                let allowed = inexact + bound.error;
                let off = (f64::from(found) - difference).abs();
                if off.is_nan() || off > allowed {
                    check.failures.push(format!(
                        "layer {}, ({j}, {k}): {found} is {off:e} from {difference}, allowed {allowed:e}",
                        l + 1
                    ));
                }
                check.compared += 1;
                largest = largest.max(difference.abs());
                check.largest_error = check.largest_error.max(off);
                check.largest_allowed = check.largest_allowed.max(allowed);
            }
        }
    }
    if largest > 0.0 {
        check.largest_error /= largest;
        check.largest_allowed /= largest;
    }
    Ok(check)
}

/// (C(p + h) − C(p − h)) / 2h, and the most that it may differ from the derivative. `None` if a kink lies in between.
///
/// The truncation error of a central difference is h²·C‴/6 + O(h⁴). Doubling h quadruples it, so the difference between h and 2h
/// is three times the error at h. The rounding error of a cost is some tens of 2⁻⁵³ of the cost.
fn central_difference(
    oracle: &mut Oracle,
    x: &[Vec<f32>],
    y: &[Vec<f32>],
    parameter: impl Fn(&mut Oracle) -> &mut f64,
) -> Option<(f64, f64)> {
    let pieces = |oracle: &Oracle| -> Vec<Vec<i32>> {
        x.iter().zip(y).map(|(x, y)| oracle.pieces(x, y, 0.0)).collect()
    };
    let (kept, before) = (*parameter(oracle), pieces(oracle));
    let mut smooth = true;
    let mut cost_at = |value: f64| {
        *parameter(oracle) = value;
        smooth &= pieces(oracle) == before;
        oracle.cost(x, y)
    };
    let mut difference = |h: f64| (cost_at(kept + h) - cost_at(kept - h)) / (2.0 * h);
    let (near, far) = (difference(H), difference(2.0 * H));
    let magnitude = cost_at(kept).abs();
    smooth.then(|| (near, (far - near).abs() + 64.0 * f64::EPSILON * magnitude.max(1.0) / H))
}

/// Checks every legal pair of built-in cost and output activation, in networks of one, two and three layers. Networks of two
/// layers are checked with every hidden activation, networks of three layers with two of them in turn. Widths and numbers come
/// from `seed`.
///
/// # Errors
///
/// As [`check`].
pub fn check_all(pool: &Pool, seed: u64) -> Result<Vec<Check>, Error> {
    let mut numbers = Numbers(generator(seed, *b"gradchek"));
    let hidden: Vec<_> = activation::built_in().into_iter().filter(|a| !a.is_row_wise()).collect();
    let mut checks = Vec::new();
    for cost in cost::built_in() {
        for output in activation::built_in().into_iter().filter(|a| cost.accepts(a.range())) {
            let pair = (&cost, &output);
            checks.push(check_pair(pool, &[], pair, &mut numbers)?);
            for (i, first) in hidden.iter().enumerate() {
                checks.push(check_pair(pool, &[first], pair, &mut numbers)?);
                let second = &hidden[(i + checks.len()) % hidden.len()];
                checks.push(check_pair(pool, &[first, second], pair, &mut numbers)?);
            }
        }
    }
    Ok(checks)
}

/// One random network with these activations and random examples, off the kinks.
fn check_pair(
    pool: &Pool,
    hidden: &[&Arc<dyn Activation>],
    (cost, output): (&Arc<dyn Cost>, &Arc<dyn Activation>),
    numbers: &mut Numbers,
) -> Result<Check, Error> {
    let inputs = 1 + numbers.below(5);
    let builder = hidden.iter().fold(Network::builder(inputs), |builder, activation| {
        builder.layer_named(1 + numbers.below(5), Arc::clone(activation))
    });
    let outputs = 1 + numbers.below(4) + usize::from(output.is_row_wise());
    let builder = builder.layer_named(outputs, Arc::clone(output)).cost_named(Arc::clone(cost));
    let mut network = builder.build()?;
    for layer in network.layers_mut() {
        for j in 0..layer.outputs() {
            (0..layer.inputs()).for_each(|k| layer.set_weight(j, k, numbers.signed()));
            layer.biases_mut()[j] = numbers.signed();
        }
    }
    let oracle = Oracle::new(&network);
    let examples = 1 + numbers.below(4);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    // A network may be so flat that a kink is everywhere. Then the last draw is taken, and the gradients at kinks are skipped.
    let mut draws = 0;
    while y.len() < examples * outputs {
        draws += 1;
        let input: Vec<f32> = (0..inputs).map(|_| numbers.signed()).collect();
        let target = numbers.target(&**cost, outputs);
        let pieces = |shift| oracle.pieces(&input, &target, shift);
        if pieces(-MARGIN) == pieces(MARGIN) || draws > 1_000 * examples {
            x.extend(input);
            y.extend(target);
        }
    }
    check(pool, &network, Mat::row_major(&x, examples, inputs), Mat::row_major(&y, examples, outputs))
}

/// A generator of seeded numbers.
struct Numbers(Xoshiro256PlusPlus);

impl Numbers {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    /// One of 2²⁰ evenly spaced f32 in [−1, 1).
    fn signed(&mut self) -> f32 {
        (self.0.next_u64() >> 44) as f32 / (1 << 19) as f32 - 1.0
    }

    /// A target that the cost takes: numbers of either sign, else of [0, 1), else two classes, half each.
    fn target(&mut self, cost: &dyn Cost, outputs: usize) -> Vec<f32> {
        let signed: Vec<f32> = (0..outputs).map(|_| self.signed()).collect();
        if cost.target_defect(&signed).is_none() {
            return signed;
        }
        let unit: Vec<f32> = signed.iter().map(|y| 0.5 + 0.5 * y).collect();
        if cost.target_defect(&unit).is_none() {
            return unit;
        }
        let mut halves = vec![0.0; outputs];
        for _ in 0..2 {
            halves[self.below(outputs)] += 0.5;
        }
        halves
    }
}
