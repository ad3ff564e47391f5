//! Where random numbers come from: one portable generator, seeded apart for each purpose.
//!
//! Xoshiro256++ gives the same numbers on every platform, and its state can be saved.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// What a generator is for. Different purposes draw unrelated numbers from one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Initial weights and biases.
    Initialisation,
    /// The order of the training examples.
    Shuffle,
}

/// The 64 bits that seed a purpose's generator.
pub(crate) fn purpose_seed(seed: u64, purpose: Purpose) -> u64 {
    // Any constant apart from 0 keeps purposes apart; seeding then mixes every bit (SplitMix64).
    let offset = match purpose {
        Purpose::Initialisation => 0,
        Purpose::Shuffle => 0x5851_f42d_4c95_7f2d,
    };
    seed ^ offset
}

/// The generator of a purpose, from the run's seed.
pub(crate) fn generator(seed: u64, purpose: Purpose) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(purpose_seed(seed, purpose))
}
