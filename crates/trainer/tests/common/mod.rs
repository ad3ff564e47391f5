//! Code that the tests share: seeded numbers, a network's bits.
#![allow(dead_code, reason = "every test uses a part of it")]

use minibatch::{Layer, Network};
use rand::Rng;
use rand::rngs::Xoshiro256PlusPlus;

/// Seeded numbers for a test.
pub(crate) struct Numbers(Xoshiro256PlusPlus);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Numbers {
        Numbers(minibatch_data::generator(seed, *b"tests\0\0\0"))
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    /// One of 2²⁰ evenly spaced f32 in [−1, 1).
    pub(crate) fn signed(&mut self) -> f32 {
        (self.0.next_u64() >> 44) as f32 / (1 << 19) as f32 - 1.0
    }

    pub(crate) fn signed_rows(&mut self, rows: usize, cols: usize) -> Vec<Vec<f32>> {
        (0..rows).map(|_| (0..cols).map(|_| self.signed()).collect()).collect()
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.0.next_u64() >> 56) as u8).collect()
    }
}

/// W_jk as rows j.
pub(crate) fn weights(layer: &Layer) -> Vec<Vec<f32>> {
    (0..layer.outputs()).map(|j| (0..layer.inputs()).map(|k| layer.weight(j, k)).collect()).collect()
}

/// The bits of every weight and bias, in order.
pub(crate) fn bits(network: &Network) -> Vec<u32> {
    let layer_bits = |layer: &Layer| -> Vec<u32> {
        weights(layer).iter().flatten().chain(layer.biases()).map(|x| x.to_bits()).collect()
    };
    network.layers().iter().flat_map(layer_bits).collect()
}
