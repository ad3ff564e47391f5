//! Initial weights and biases.

use crate::network::Layer;
use minibatch_data::generator;
use rand::distr::Distribution;
use rand_distr::StandardNormal;

/// How weights and biases start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Initializer {
    /// Weights and biases from the standard normal distribution N(0, 1): the article's choice.
    #[default]
    StandardNormal,
    /// All zero. The hidden units of a layer then stay identical: a lesson, not a way to train.
    Zeros,
}

impl Initializer {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Initializer::StandardNormal => "standard-normal",
            Initializer::Zeros => "zeros",
        }
    }

    /// The initialiser of that name.
    pub fn by_name(name: &str) -> Option<Initializer> {
        [Initializer::StandardNormal, Initializer::Zeros].into_iter().find(|init| init.name() == name)
    }

    /// Draws `layers` from `seed`: layer by layer, the weights W_jk with j (output) before k (input), then the biases.
    pub(crate) fn fill(self, layers: &mut [Layer], seed: u64) {
        let mut generator = generator(seed, *b"weights\0");
        let mut draw = || match self {
            // Adding +0 turns −0 into +0: the bits promise is about numbers.
            Initializer::StandardNormal => {
                let x: f64 = StandardNormal.sample(&mut generator);
                x as f32 + 0.0
            }
            Initializer::Zeros => 0.0,
        };
        for layer in layers {
            for j in 0..layer.outputs() {
                for k in 0..layer.inputs() {
                    layer.set_weight(j, k, draw());
                }
            }
            layer.biases_mut().fill_with(&mut draw);
        }
    }
}
