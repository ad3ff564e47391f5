//! How far f32 may stray: a running error analysis of backpropagation.
//!
//! Every quantity is computed in f64 together with a bound on what f32 arithmetic can make of it (Higham, *Accuracy and
//! Stability of Numerical Algorithms*, chapter 3). With u = 2⁻²⁴, the error of one rounding relative to its result:
//!
//! - a sum of n products, in any order, fused or not, strays by at most γ(n) = n·u/(1 − n·u) times the sum of the
//!   products' magnitudes, plus what its operands' own errors contribute;
//! - σ adds its own [`SIGMOID`] relative error and passes on an error e of z as at most σ′·e, where σ′ is the
//!   largest slope within e of z;
//! - a product p·q of inexact factors strays by |p|·e_q + |q|·e_p + e_p·e_q and the rounding.
//! - the library takes errors δ below [`FLUSHED`] for 0.
//!
//! These are worst cases, and roundings scatter: in the golden runs the typical error is a fiftieth of its bound or
//! less, the largest about half. They hold for every instruction set, the unfused one included, and there is no
//! constant to tune.

use minibatch::{Layer, Network};

/// Half the distance from 1 to the next f32.
const U: f64 = 1.0 / (1 << 24) as f64;

/// Relative error of the f32 sigmoid: 3 units in the last place, which the kernels keep (fused sets: 2.5), each at most
/// 2u of the value.
const SIGMOID: f64 = 6.0 * U;

/// Errors below 2⁻⁹⁶ become 0.
const FLUSHED: f64 = 1.0 / (1_u128 << 96) as f64;

/// n roundings in a row, relative.
fn gamma(n: usize) -> f64 {
    let nu = n as f64 * U;
    nu / (1.0 - nu)
}

/// A value and how far f32 may stray from it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounded {
    pub(crate) value: f64,
    pub(crate) error: f64,
}

impl Bounded {
    /// What f32 holds exactly.
    pub(crate) fn exact(value: f32) -> Bounded {
        Bounded { value: f64::from(value), error: 0.0 }
    }

    fn magnitude(self) -> f64 {
        self.value.abs() + self.error
    }

    fn times(self, other: Bounded) -> Bounded {
        let error =
            self.value.abs() * other.error + other.value.abs() * self.error + self.error * other.error;
        Bounded { value: self.value * other.value, error: error + FLUSHED }.rounded(1)
    }

    fn minus(self, other: Bounded) -> Bounded {
        Bounded { value: self.value - other.value, error: self.error + other.error }.rounded(1)
    }

    /// After `n` more roundings.
    fn rounded(self, n: usize) -> Bounded {
        Bounded { error: self.error + gamma(n) * self.magnitude(), ..self }
    }

    /// start + Σ p·q.
    fn chain(start: Bounded, terms: impl Iterator<Item = (Bounded, Bounded)>) -> Bounded {
        let (mut sum, mut magnitude, mut n) = (start, start.magnitude(), 0);
        for (p, q) in terms {
            sum.value += p.value * q.value;
            sum.error += p.value.abs() * q.error + q.value.abs() * p.error + p.error * q.error;
            magnitude += p.magnitude() * q.magnitude();
            n += 1;
        }
        // A product and an addition for each term, where they aren't fused one.
        Bounded { error: sum.error + gamma(n + 1) * magnitude, ..sum }
    }

    /// Whether `found` is a possible f32 result.
    #[track_caller]
    pub(crate) fn check(self, found: impl Into<f64>, what: impl Fn() -> String) {
        let found = found.into();
        let off = (found - self.value).abs();
        assert!(
            off <= self.error,
            "{}: {found} is {off:e} from {}, allowed {:e}",
            what(),
            self.value,
            self.error
        );
    }
}

const ZERO: Bounded = Bounded { value: 0.0, error: 0.0 };

/// (σ(z), σ′(z)), the latter computed from a as the library does.
fn activate(name: &str, z: Bounded, value: f64) -> (Bounded, Bounded) {
    match name {
        "sigmoid" => {
            // σ′ falls with |z|.
            let nearest = (z.value.abs() - z.error).max(0.0);
            let slope = 1.0 / (2.0 + nearest.exp() + (-nearest).exp());
            let a = Bounded { value, error: slope * z.error + SIGMOID * (value + slope * z.error) };
            // a(1 − a) has slope 1 − 2a.
            let derivative = Bounded {
                value: value * (1.0 - value),
                error: a.error * ((1.0 - 2.0 * value).abs() + a.error) + gamma(2) * (value + a.error),
            };
            (a, derivative)
        }
        "relu" => {
            assert!(z.value.abs() > z.error, "a kink within the error of z = {}", z.value);
            let open = if z.value > 0.0 { 1.0 } else { 0.0 };
            let through = Bounded { value, error: z.error * open };
            (through, Bounded { value: open, error: 0.0 })
        }
        "identity" => (Bounded { value, ..z }, Bounded { value: 1.0, error: 0.0 }),
        _ => panic!("no error analysis for {name}"),
    }
}

/// A layer's parameters, with what has gone into them so far.
#[derive(Clone)]
pub(crate) struct Parameters {
    /// w[j][k]
    pub(crate) w: Vec<Vec<Bounded>>,
    pub(crate) b: Vec<Bounded>,
}

impl Parameters {
    /// Those of a network as they are, without error.
    pub(crate) fn of(network: &Network) -> Vec<Parameters> {
        let exact = |row: &[f32]| row.iter().map(|&v| Bounded::exact(v)).collect();
        let layer = |layer: &Layer| Parameters {
            w: super::weights(layer).iter().map(|row| exact(row)).collect(),
            b: exact(layer.biases()),
        };
        network.layers().iter().map(layer).collect()
    }

    /// One step of gradient descent: the library continues the gradient's chain from the parameter, with the factor
    /// −η/B instead of 1/B, so the parameter takes part in one more rounding than there are examples.
    pub(crate) fn step(&mut self, gradients: &LayerBounds, learning_rate: f64, examples: usize) {
        let step = |p: &mut Bounded, gradient: &Bounded| {
            let error = p.error + learning_rate * gradient.error + gamma(examples + 1) * p.magnitude();
            *p = Bounded { value: p.value - learning_rate * gradient.value, error };
        };
        let weights = self.w.iter_mut().flatten().zip(gradients.nabla_w.iter().flatten());
        weights.chain(self.b.iter_mut().zip(&gradients.nabla_b)).for_each(|(p, gradient)| step(p, gradient));
    }
}

/// One layer's part in a pass forward and back.
pub(crate) struct LayerBounds {
    /// a[x][j], of each example
    pub(crate) a: Vec<Vec<Bounded>>,
    /// σ′[x][j]
    slope: Vec<Vec<Bounded>>,
    /// δ[x][j]
    pub(crate) delta: Vec<Vec<Bounded>>,
    /// Means over the minibatch, [j][k].
    pub(crate) nabla_w: Vec<Vec<Bounded>>,
    pub(crate) nabla_b: Vec<Bounded>,
}

/// Mean quadratic cost, and forward and backward pass over a minibatch, with the activations of `network`.
pub(crate) fn backpropagate(
    network: &Network,
    parameters: &[Parameters],
    x: &[Vec<f32>],
    y: &[Vec<f32>],
) -> (Bounded, Vec<LayerBounds>) {
    let x: Vec<Vec<Bounded>> = x.iter().map(|row| row.iter().map(|&v| Bounded::exact(v)).collect()).collect();
    let mut layers = Vec::<LayerBounds>::new();
    for (layer, Parameters { w, b }) in network.layers().iter().zip(parameters) {
        let activation = layer.activation();
        let neuron = |input: &[Bounded], j: usize| {
            let z = Bounded::chain(b[j], w[j].iter().copied().zip(input.iter().copied()));
            activate(activation.name(), z, activation.value(z.value))
        };
        let row = |input: &Vec<Bounded>| (0..b.len()).map(|j| neuron(input, j)).unzip();
        let (a, slope) = layers.last().map_or(&x, |before| &before.a).iter().map(row).unzip();
        layers.push(LayerBounds { a, slope, delta: vec![], nabla_w: vec![], nabla_b: vec![] });
    }
    let share = Bounded { value: 1.0 / x.len() as f64, error: U / x.len() as f64 };
    let mut cost = ZERO;
    for l in (0..layers.len()).rev() {
        let (before, from) = layers.split_at_mut(l);
        let (layer, after) = from.split_first_mut().expect("layer l");
        for (row, (a, slope)) in layer.a.iter().zip(&layer.slope).enumerate() {
            let blame = |j: usize| match after.first() {
                None => a[j].minus(Bounded::exact(y[row][j])),
                Some(after) => {
                    let outgoing = parameters[l + 1].w.iter().map(|w| w[j]);
                    Bounded::chain(ZERO, outgoing.zip(after.delta[row].iter().copied()))
                }
            };
            layer.delta.push((0..a.len()).map(|j| blame(j).times(slope[j])).collect());
            if after.is_empty() {
                for (a, &y) in a.iter().zip(&y[row]) {
                    // From the f32 activations on, the cost is computed in f64.
                    let distance = a.value - f64::from(y);
                    cost.value += 0.5 * distance * distance * share.value;
                    cost.error += a.error * (distance.abs() + 0.5 * a.error) * share.value;
                }
            }
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
