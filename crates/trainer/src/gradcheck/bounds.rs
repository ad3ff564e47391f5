//! Bounds on the error of f32: a running error analysis of backpropagation.
//!
//! Every quantity is computed in f64, together with a bound on the error that f32 arithmetic can add to it (Higham, *Accuracy and
//! Stability of Numerical Algorithms*, chapter 3). u = 2⁻²⁴ is the error of one rounding, relative to its result. The rules:
//!
//! - A sum of n products, in any order, fused or not, strays by at most γ(n) = n·u/(1 − n·u) times the sum of the products'
//!   magnitudes, plus the contribution of its operands' own errors.
//! - In σ, σ′ and a derivative of the cost, an error e becomes at most the change of the function within e. σ and σ′ add their own
//!   error: their formula, which is also the kernel, is computed over [`Bounded`]. Without a formula it is some roundings.
//! - A product p·q of inexact factors strays by |p|·e_q + |q|·e_p + e_p·e_q and the rounding.
//! - The library takes errors δ below 2⁻⁹⁶ for 0.
//!
//! These are worst cases, and roundings scatter. In the golden runs the typical error is a fiftieth of its bound or less, the
//! largest about half. The bounds hold for every instruction set, the unfused one included. There is no constant to tune.

mod descent;

pub use descent::Moments;

use crate::bounded::{ACTIVATION, Bounded, U, ZERO, gamma};
use crate::network::activation::Activation;
use crate::network::cost::Cost;
use crate::network::{Layer, Network};

/// The error of a cost's terms where they are computed in f32, relative to 1 and to themselves.
const COST: f64 = 8.0 * U;

/// (σ(z), σ′(z)) of an element-wise σ.
fn activate(activation: &dyn Activation, z: Bounded) -> (Bounded, Bounded) {
    let smooth = activation.piece(z.value - z.error) == activation.piece(z.value + z.error);
    assert!(smooth, "a kink within the error of z = {}", z.value);
    activation.bounded(z)
}

/// Softmax of a row, the only built-in σ of rows.
fn softmax(z: &[Bounded], activation: &dyn Activation) -> Vec<Bounded> {
    let mut a: Vec<f64> = z.iter().map(|z| z.value).collect();
    activation.row(&mut a);
    let widest = z.iter().map(|z| z.error).fold(0.0, f64::max);
    // Each e^z strays by its z's error, and so may their sum.
    let relative = 2.02 * widest + ACTIVATION + gamma(z.len());
    a.into_iter().map(|value| Bounded { value, error: relative * value }).collect()
}

/// ∂C/∂a of one output.
fn blame(cost: &dyn Cost, a: Bounded, y: f32, factor: f64) -> Bounded {
    let y = f64::from(y);
    let smooth = cost.piece(a.value - a.error, y) == cost.piece(a.value + a.error, y);
    assert!(smooth, "a kink of {cost:?} within the error of a = {}", a.value);
    let mut derivative = a.through(|a| factor * cost.derivative(a, y));
    derivative.error += gamma(8) * (factor + derivative.magnitude());
    derivative
}

/// Δ_L of one example: A − Y where cost and activation match, else ∂C/∂A times σ′ or the Jacobian.
fn output_error(
    cost: &dyn Cost,
    activation: &dyn Activation,
    a: &[Bounded],
    slope: &[Bounded],
    y: &[f32],
) -> Vec<Bounded> {
    if cost.matches(activation) {
        return a.iter().zip(y).map(|(a, &y)| a.minus(Bounded::exact(y))).collect();
    }
    let factor = cost.reduction().factor(a.len());
    let blame: Vec<Bounded> = a.iter().zip(y).map(|(&a, &y)| blame(cost, a, y, factor)).collect();
    if activation.is_row_wise() {
        let mean = Bounded::chain(ZERO, blame.iter().copied().zip(a.iter().copied()));
        return blame.iter().zip(a).map(|(blame, &a)| blame.minus(mean).times(a)).collect();
    }
    blame.iter().zip(slope).map(|(blame, &slope)| blame.times(slope)).collect()
}

/// A layer's parameters, with the error that has gone into them so far.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// w\[j\]\[k\]
    pub w: Vec<Vec<Bounded>>,
    /// b\[j\]
    pub b: Vec<Bounded>,
}

impl Parameters {
    /// The parameters of a network as they are, without error.
    #[must_use]
    pub fn of(network: &Network) -> Vec<Parameters> {
        let exact = |row: &[f32]| row.iter().map(|&v| Bounded::exact(v)).collect();
        let layer = |layer: &Layer| Parameters {
            w: (0..layer.outputs())
                .map(|j| (0..layer.inputs()).map(|k| Bounded::exact(layer.weight(j, k))).collect())
                .collect(),
            b: exact(layer.biases()),
        };
        network.layers().iter().map(layer).collect()
    }

    /// Takes one step of gradient descent. The library continues the gradient's chain from the parameter, with the factor −η/B
    /// instead of 1/B. So the parameter takes part in one more rounding than there are examples.
    pub fn step(&mut self, gradients: &LayerBounds, learning_rate: f64, examples: usize) {
        let step = |p: &mut Bounded, gradient: &Bounded| {
            let error = p.error + learning_rate * gradient.error + gamma(examples + 1) * p.magnitude();
            *p = Bounded { value: p.value - learning_rate * gradient.value, error };
        };
        let weights = self.w.iter_mut().flatten().zip(gradients.nabla_w.iter().flatten());
        weights.chain(self.b.iter_mut().zip(&gradients.nabla_b)).for_each(|(p, gradient)| step(p, gradient));
    }
}

/// One layer's part in a pass forward and back.
#[derive(Clone, Debug)]
pub struct LayerBounds {
    /// a\[x\]\[j\], of each example
    pub a: Vec<Vec<Bounded>>,
    /// σ′\[x\]\[j\]; none where σ is row-wise
    slope: Vec<Vec<Bounded>>,
    /// δ\[x\]\[j\]
    pub delta: Vec<Vec<Bounded>>,
    /// ∂C/∂w\[j\]\[k\], a mean over the minibatch
    pub nabla_w: Vec<Vec<Bounded>>,
    /// ∂C/∂b\[j\], a mean over the minibatch
    pub nabla_b: Vec<Bounded>,
}

/// The mean cost of a minibatch, and the results of the forward and backward pass over it. The activations and the cost are those
/// of `network`.
///
/// # Panics
///
/// If a kink lies within the errors: there, nothing is bounded.
#[must_use]
pub fn backpropagate(
    network: &Network,
    parameters: &[Parameters],
    x: &[Vec<f32>],
    y: &[Vec<f32>],
) -> (Bounded, Vec<LayerBounds>) {
    let x: Vec<Vec<Bounded>> = x.iter().map(|row| row.iter().map(|&v| Bounded::exact(v)).collect()).collect();
    let mut layers = Vec::<LayerBounds>::new();
    for (layer, Parameters { w, b }) in network.layers().iter().zip(parameters) {
        let activation = layer.activation();
        let row = |input: &Vec<Bounded>| {
            let z = |j: usize| Bounded::chain(b[j], w[j].iter().copied().zip(input.iter().copied()));
            let z: Vec<Bounded> = (0..b.len()).map(z).collect();
            match activation.is_row_wise() {
                true => (softmax(&z, activation), Vec::new()),
                false => z.into_iter().map(|z| activate(activation, z)).unzip(),
            }
        };
        let (a, slope) = layers.last().map_or(&x, |before| &before.a).iter().map(row).unzip();
        layers.push(LayerBounds { a, slope, delta: vec![], nabla_w: vec![], nabla_b: vec![] });
    }
    let share = Bounded { value: 1.0 / x.len() as f64, error: U / x.len() as f64 };
    let mut cost = ZERO;
    for l in (0..layers.len()).rev() {
        let (before, from) = layers.split_at_mut(l);
        let (layer, after) = from.split_first_mut().expect("layer l");
        for (row, (a, slope)) in layer.a.iter().zip(&layer.slope).enumerate() {
            let Some(after) = after.first() else {
                let (activation, network_cost) = (network.layers()[l].activation(), network.cost());
                layer.delta.push(output_error(network_cost, activation, a, slope, &y[row]));
                let factor = network_cost.reduction().factor(a.len()) * share.value;
                for (&a, &y) in a.iter().zip(&y[row]) {
                    let term = a.through(|a| network_cost.value(a, f64::from(y)));
                    cost.value += factor * term.value;
                    // The cost is computed in f64 from the outputs on, or from z with some roundings of about 1.
                    cost.error += factor * (term.error + COST * (1.0 + term.magnitude()));
                }
                continue;
            };
            let blame = |j: usize| {
                let outgoing = parameters[l + 1].w.iter().map(|w| w[j]);
                Bounded::chain(ZERO, outgoing.zip(after.delta[row].iter().copied()))
            };
            layer.delta.push((0..a.len()).map(|j| blame(j).times(slope[j])).collect());
        }
        let input = before.last().map_or(&x, |before| &before.a);
        let mean = |j: usize| layer.delta.iter().map(move |delta| delta[j].times(share));
        let nabla_b = |j: usize| Bounded::chain(ZERO, mean(j).map(|delta| (delta, Bounded::exact(1.0))));
        let nabla_w = |j: usize, k: usize| Bounded::chain(ZERO, mean(j).zip(input.iter().map(|a| a[k])));
        let (inputs, outputs) = (input[0].len(), parameters[l].b.len());
        let weights = (0..outputs).map(|j| (0..inputs).map(|k| nabla_w(j, k)).collect()).collect();
        let biases = (0..outputs).map(nabla_b).collect();
        (layer.nabla_w, layer.nabla_b) = (weights, biases);
    }
    (cost, layers)
}
