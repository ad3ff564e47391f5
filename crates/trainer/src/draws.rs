//! Random draws of a step: a function of the run's seed, a purpose, the step and the example.

use minibatch_data::generator;
use minibatch_kernels::{Isa, philox, philox_words};
use rand::Rng;

/// A step of training, as random draws see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws<'a> {
    pub(crate) key: [u32; 2],
    /// The step's number in the run, counted from 0.
    pub(crate) number: u64,
    /// The examples of the minibatch.
    pub(crate) indices: &'a [u32],
}

impl<'a> Draws<'a> {
    /// No draws.
    pub(crate) const NONE: Draws<'static> = Draws { key: [0; 2], number: 0, indices: &[] };

    /// The draws for a purpose in the step of this number on these examples.
    pub(crate) fn new(seed: u64, purpose: [u8; 8], number: u64, indices: &'a [u32]) -> Draws<'a> {
        let key = generator(seed, purpose).next_u64();
        Draws { key: [key as u32, (key >> 32) as u32], number, indices }
    }

    /// The draw with the number `nth` for the example in `row`. `word` is the last of its counter.
    pub(crate) fn draw(&self, row: usize, nth: u32, word: u32) -> [u32; 4] {
        philox(self.counter(self.indices[row], nth, word), self.key)
    }

    /// Fills `numbers` with the [draws](Self::draw) `nth`, `nth` + 1, … for the example in `row`.
    pub(crate) fn draws(&self, isa: Isa, row: usize, nth: u32, word: u32, numbers: &mut [u32]) {
        philox_words(isa, self.counter(self.indices[row], nth, word), self.key, numbers);
    }

    /// The draw with the number `nth` for all examples of the minibatch. No example has the largest index.
    pub(crate) fn draw_for_all(&self, nth: u32, word: u32) -> [u32; 4] {
        philox(self.counter(u32::MAX, nth, word), self.key)
    }

    /// The counter of a draw for the example `index`.
    pub(crate) fn counter(&self, index: u32, nth: u32, word: u32) -> [u32; 4] {
        [nth, index, self.number as u32, word]
    }

    /// The last word of a counter for one of several layers, or one of several augmentations. The upper half of the step's number
    /// goes into it.
    pub(crate) fn word(&self, part: usize) -> u32 {
        (part as u32) ^ (((self.number >> 32) as u32) << 16)
    }
}
