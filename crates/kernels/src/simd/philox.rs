//! Random numbers by counter: Philox4x32-10 of Salmon, Moraes, Dror and Shaw ("Parallel random numbers: as easy as 1, 2, 3", 2011).

use super::{Isa, Kernel, Vector};

const MULTIPLIERS: [u64; 2] = [0xd251_1f53, 0xcd9e_8d57];
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];

/// Four random numbers that are a function of `counter` and `key` alone. So no order and no number of threads enters.
///
/// ```
/// use minibatch_kernels::philox;
///
/// let numbers = philox([0, 0, 0, 1], [7, 0]);
/// assert_eq!(numbers, philox([0, 0, 0, 1], [7, 0]));
/// assert_ne!(numbers, philox([0, 0, 0, 2], [7, 0]));
/// ```
#[inline]
#[must_use]
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut a, mut b, mut c, mut d], mut key) = (counter, key);
    for _ in 0..10 {
        let (p, q) = (MULTIPLIERS[0] * u64::from(a), MULTIPLIERS[1] * u64::from(c));
        let high = |x: u64| (x >> 32) as u32;
        (a, b, c, d) = (high(q) ^ b ^ key[0], q as u32, high(p) ^ d ^ key[1], p as u32);
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    [a, b, c, d]
}

/// Fills `words` with [`philox`] of `counter` and of those that follow it, whose first word is larger by 1, 2, …: four words each.
///
/// ```
/// use minibatch_kernels::{Isa, philox, philox_words};
///
/// let mut words = [0; 6];
/// philox_words(Isa::detect(), [8, 0, 0, 1], [7, 0], &mut words);
/// assert_eq!(words[..4], philox([8, 0, 0, 1], [7, 0]));
/// assert_eq!(words[4..], philox([9, 0, 0, 1], [7, 0])[..2]);
/// ```
pub fn philox_words(isa: Isa, counter: [u32; 4], key: [u32; 2], words: &mut [u32]) {
    isa.run(Words { counter, key, words });
}

struct Words<'a> {
    counter: [u32; 4],
    key: [u32; 2],
    words: &'a mut [u32],
}

impl Kernel for Words<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let [mut first, rest @ ..] = self.counter;
        for words in self.words.chunks_mut(64) {
            let mut blocks = [0; 64];
            philox_blocks(first, rest, self.key, &mut blocks);
            let block = |i: usize| [0, 16, 32, 48].map(|word| blocks[word + i]);
            for (i, words) in words.chunks_mut(4).enumerate() {
                words.copy_from_slice(&block(i)[..words.len()]);
            }
            first = first.wrapping_add(16);
        }
    }
}

/// Fills `words` with 16 blocks: word w of [`philox`] for the counter [first + i, rest…] is words[16w + i].
///
/// The loops over i become vector instructions of the set that the caller is compiled for.
#[inline(always)]
pub(crate) fn philox_blocks(first: u32, rest: [u32; 3], mut key: [u32; 2], words: &mut [u32; 64]) {
    let mut a: [u32; 16] = std::array::from_fn(|i| first.wrapping_add(i as u32));
    let [mut b, mut c, mut d] = rest.map(|word| [word; 16]);
    for _ in 0..10 {
        for i in 0..16 {
            let (p, q) = (MULTIPLIERS[0] * u64::from(a[i]), MULTIPLIERS[1] * u64::from(c[i]));
            a[i] = (q >> 32) as u32 ^ b[i] ^ key[0];
            b[i] = q as u32;
            c[i] = (p >> 32) as u32 ^ d[i] ^ key[1];
            d[i] = p as u32;
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    for (to, from) in words.as_chunks_mut::<16>().0.iter_mut().zip([a, b, c, d]) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    use super::{philox, philox_blocks, philox_words};
    use crate::Isa;

    #[test]
    fn blocks_are_those_of_single_counters() {
        let mut words = [0; 64];
        // The first counter passes the largest.
        let (first, rest, key) = (u32::MAX - 7, [5, u32::MAX, 9], [0xa409_3822, 0x299f_31d0]);
        philox_blocks(first, rest, key, &mut words);
        for i in 0..16 {
            let [b, c, d] = rest;
            let expected = philox([first.wrapping_add(i as u32), b, c, d], key);
            assert_eq!([0, 16, 32, 48].map(|w| words[w + i]), expected, "block {i}");
        }
    }

    #[test]
    fn words_are_those_of_single_counters_on_every_instruction_set() {
        let (counter, key) = ([u32::MAX - 5, 5, u32::MAX, 9], [0xa409_3822, 0x299f_31d0]);
        let [first, rest @ ..] = counter;
        let block = |i: u32| philox([first.wrapping_add(i), rest[0], rest[1], rest[2]], key);
        let expected: Vec<u32> = (0..70).flat_map(block).collect();
        for isa in Isa::available() {
            for len in [0, 1, 4, 7, 63, 64, 65, 128, 280] {
                let mut words = vec![0; len];
                philox_words(isa, counter, key, &mut words);
                assert_eq!(words, expected[..len], "{isa}, {len} words");
            }
        }
    }

    /// The vectors that the authors publish with Random123 (`kat_vectors`).
    #[test]
    fn published_vectors() {
        let ones = u32::MAX;
        for (counter, key, expected) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([ones; 4], [ones; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox(counter, key), expected);
        }
    }
}
