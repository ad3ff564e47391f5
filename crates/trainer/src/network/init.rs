//! Initial weights and biases.

use rand::Rng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// The distribution of the first weights and biases.
///
/// The scaled distributions keep the spread of activations and errors from growing or shrinking from layer to layer. Biases start
/// at 0, except where the table says N(0, 1).
///
/// | | variance of the weights | biases | goes with |
/// |---|---|---|---|
/// | standard normal | 1 | N(0, 1) | the tutorial's choice, the default |
/// | fan-in normal | 1/n_in | N(0, 1) | sigmoid (Nielsen, chapter 3) |
/// | Glorot | 2/(n_in + n_out) | 0 | tanh, sigmoid, softmax (Glorot and Bengio 2010) |
/// | He | 2/n_in | 0 | ReLU and its kin (He et al. 2015) |
/// | Glorot for sigmoids | 32/(n_in + n_out), in the last layer 8/(n_in + n_out) | −½·Σₖ W_jk, in the first layer 0 | deep networks of sigmoids |
/// | LeCun | 1/n_in | 0 | SELU, LeCun's tanh (LeCun et al. 1998) |
/// | zeros | 0 | 0 | nothing with a hidden layer |
///
/// A sigmoid is half a hyperbolic tangent: σ(z) = ½(1 + tanh(z/2)). With Glorot's variance for sigmoids, and the biases that go with
/// it, a network of sigmoids begins as one of tangents does with Glorot's.
///
/// Uniform distributions draw from ±√(3·variance). The same seed gives the same bits on every platform. In serde's formats an
/// initialiser is its [name](Initializer::name).
///
/// ```
/// use minibatch::{Initializer, Network};
///
/// let network = Network::builder(6).layer(3).initializer(Initializer::HeUniform).seed(1).build()?;
/// let layer = &network.layers()[0];
/// assert!((0..3).all(|j| (0..6).all(|k| layer.weight(j, k).abs() <= 1.0)));
/// assert_eq!(layer.biases(), [0.0; 3]);
/// # Ok::<(), minibatch::NetworkError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Initializer {
    /// Weights and biases from the standard normal distribution N(0, 1): the tutorial's choice.
    #[default]
    StandardNormal,
    /// Weights from N(0, 1/n_in), biases from N(0, 1).
    FanInNormal,
    /// Weights from N(0, 2/(n_in + n_out)).
    GlorotNormal,
    /// Weights uniform within ±√(6/(n_in + n_out)).
    GlorotUniform,
    /// Weights from N(0, 32/(n_in + n_out)), 16 times Glorot's variance, in the last layer 4 times. A bias is −½ of the sum of the
    /// weights into its neuron, so that inputs around ½, as a layer of sigmoids has them, give numbers around 0. In the first layer
    /// it is 0.
    GlorotSigmoid,
    /// Weights from N(0, 2/n_in).
    HeNormal,
    /// Weights uniform within ±√(6/n_in).
    HeUniform,
    /// Weights from N(0, 1/n_in).
    LecunNormal,
    /// Weights uniform within ±√(3/n_in).
    LecunUniform,
    /// All zero. The hidden units of a layer then stay identical: a lesson, not a way to train.
    Zeros,
}

impl Initializer {
    /// Every initialiser.
    pub const ALL: [Initializer; 10] = [
        Initializer::StandardNormal,
        Initializer::FanInNormal,
        Initializer::GlorotNormal,
        Initializer::GlorotUniform,
        Initializer::GlorotSigmoid,
        Initializer::HeNormal,
        Initializer::HeUniform,
        Initializer::LecunNormal,
        Initializer::LecunUniform,
        Initializer::Zeros,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Initializer::StandardNormal => "standard-normal",
            Initializer::FanInNormal => "fan-in-normal",
            Initializer::GlorotNormal => "glorot-normal",
            Initializer::GlorotUniform => "glorot-uniform",
            Initializer::GlorotSigmoid => "glorot-sigmoid",
            Initializer::HeNormal => "he-normal",
            Initializer::HeUniform => "he-uniform",
            Initializer::LecunNormal => "lecun-normal",
            Initializer::LecunUniform => "lecun-uniform",
            Initializer::Zeros => "zeros",
        }
    }

    /// The initialiser of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Initializer> {
        Self::ALL.into_iter().find(|init| init.name() == name)
    }

    /// The sources of the weights and of the biases of a layer.
    pub(super) fn draws(self, inputs: usize, outputs: usize, is_last: bool) -> (Draw, Draw) {
        let (inputs, outputs) = (inputs as f64, outputs as f64);
        let normal = |variance: f64| Draw::Normal(variance.sqrt());
        let uniform = |variance: f64| Draw::Uniform((3.0 * variance).sqrt());
        let (glorot, he, lecun) = (2.0 / (inputs + outputs), 2.0 / inputs, 1.0 / inputs);
        match self {
            Initializer::StandardNormal => (normal(1.0), normal(1.0)),
            Initializer::FanInNormal => (normal(lecun), normal(1.0)),
            Initializer::GlorotNormal => (normal(glorot), Draw::Zero),
            Initializer::GlorotUniform => (uniform(glorot), Draw::Zero),
            Initializer::GlorotSigmoid => (normal(if is_last { 4.0 } else { 16.0 } * glorot), Draw::Zero),
            Initializer::HeNormal => (normal(he), Draw::Zero),
            Initializer::HeUniform => (uniform(he), Draw::Zero),
            Initializer::LecunNormal => (normal(lecun), Draw::Zero),
            Initializer::LecunUniform => (uniform(lecun), Draw::Zero),
            Initializer::Zeros => (Draw::Zero, Draw::Zero),
        }
    }
}

/// The bias that takes a neuron with these `weights` from inputs of ½ to 0.
pub(super) fn centring(weights: impl Iterator<Item = f32>) -> f32 {
    (-0.5 * weights.map(f64::from).sum::<f64>()) as f32 + 0.0
}

/// The origin of a network's first weights and biases. They can be drawn again from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The distribution.
    pub initializer: Initializer,
    /// The seed.
    pub seed: u64,
    /// Whether the output layer's are 0 instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zero_output_layer: bool,
}

/// The source of a number.
pub(super) enum Draw {
    /// 0, without a draw.
    Zero,
    /// N(0, σ²).
    Normal(f64),
    /// [−limit, limit).
    Uniform(f64),
}

impl Draw {
    pub(super) fn sample(&self, generator: &mut Xoshiro256PlusPlus) -> f32 {
        let x = match self {
            Draw::Zero => 0.0,
            Draw::Normal(deviation) => {
                let x: f64 = StandardNormal.sample(generator);
                deviation * x
            }
            Draw::Uniform(limit) => {
                // 53 bits: evenly spaced in [0, 1).
                let unit = (generator.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                limit * (2.0 * unit - 1.0)
            }
        };
        // Adding +0 turns −0 into +0. The promise of equal bits is about numbers.
        x as f32 + 0.0
    }
}
