//! The order in which an epoch visits the examples: [`Shuffle`].

use rand::Rng;
use rand::rngs::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::random::generator;

/// The order in which an epoch visits the examples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// A new permutation each epoch.
    #[default]
    Shuffled,
    /// The order in which the data have them, each epoch.
    InOrder,
    /// As many draws as there are examples, each of any example: some come twice, others not at all.
    WithReplacement,
}

/// The order of the indices 0 … len − 1 in each epoch: a seeded Fisher–Yates shuffle, drawn anew for every epoch, or another
/// [`Order`].
///
/// Each shuffle starts from the identity, so an epoch's order depends only on the generator's state when the
/// epoch began. That state ([`Shuffle::state`]) and a position are enough to go on in the middle of an
/// epoch ([`Shuffle::restore`]). Nothing is allocated after construction.
///
/// The algorithm is fixed, and the same on every platform. The generator is xoshiro256++, seeded by
/// [`generator`]`(seed, *b"shuffle\0")`. For i = len − 1 down to 1, it swaps i with
/// j = ⌊r·(i + 1) / 2⁶⁴⌋, where r is the next 64 bits drawn. (Some j are likelier than others
/// by at most one part in 2⁶⁴/(i + 1), far below anything a run could show.) Draws with replacement are
/// ⌊r·len / 2⁶⁴⌋, one after the other.
///
/// ```
/// use minibatch_data::Shuffle;
///
/// let mut shuffle = Shuffle::new(5, 42)?;
/// shuffle.begin_epoch();
/// assert_eq!(shuffle.minibatch(0, 2).len(), 2);
/// assert_eq!(shuffle.minibatch(4, 2).len(), 1); // the last minibatch is what remains
/// assert_eq!(shuffle.minibatch(5, 2), &[]);
///
/// let mut resumed = Shuffle::new(5, 0)?;
/// resumed.restore(&shuffle.state())?;
/// assert_eq!(resumed.minibatch(2, 2), shuffle.minibatch(2, 2));
/// # Ok::<(), minibatch_data::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Shuffle {
    /// State of the generator when the current epoch began.
    epoch_start: Xoshiro256PlusPlus,
    /// State of the generator after the current epoch's draws.
    rng: Xoshiro256PlusPlus,
    epoch: u64,
    kind: Order,
    order: Vec<u32>,
}

/// The part of a [`Shuffle`] that a checkpoint stores. [`Shuffle::restore`] draws the current epoch's
/// order again from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShuffleState {
    epoch_start: Xoshiro256PlusPlus,
    epoch: u64,
}

impl ShuffleState {
    /// Epochs begun so far, 0 before the first.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl Shuffle {
    /// A shuffle of `len` indices, in ascending order until the first epoch begins.
    ///
    /// # Errors
    /// If `len` is more than 2³² − 1: indices are u32.
    pub fn new(len: usize, seed: u64) -> Result<Self, Error> {
        Self::with_order(len, seed, Order::Shuffled)
    }

    /// As [`new`](Self::new), with epochs in this order.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_order(len: usize, seed: u64, kind: Order) -> Result<Self, Error> {
        let len = u32::try_from(len)
            .map_err(|_| Error::argument("examples to shuffle", "at most 4294967295", len))?;
        let rng = generator(seed, *b"shuffle\0");
        Ok(Self { epoch_start: rng.clone(), rng, epoch: 0, kind, order: (0..len).collect() })
    }

    /// Number of indices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True if there is nothing to shuffle.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Epochs begun so far, 0 before the first.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Draws the next epoch's order.
    pub fn begin_epoch(&mut self) {
        self.epoch_start.clone_from(&self.rng);
        self.epoch += 1;
        self.draw_order();
    }

    /// The whole of the current epoch's order: a permutation of 0 … len − 1, unless it is drawn with replacement.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The indices of the minibatch that starts at `position` in the current epoch's order. There are
    /// `batch_size` of them, fewer at the end, none past it.
    #[inline]
    #[must_use]
    pub fn minibatch(&self, position: usize, batch_size: usize) -> &[u32] {
        let start = position.min(self.order.len());
        let end = position.saturating_add(batch_size).min(self.order.len());
        &self.order[start..end]
    }

    /// The state that a checkpoint stores.
    #[must_use]
    pub fn state(&self) -> ShuffleState {
        ShuffleState { epoch_start: self.epoch_start.clone(), epoch: self.epoch }
    }

    /// Goes back to the epoch in which `state` was taken. Its order and all later ones follow.
    ///
    /// # Errors
    /// If the generator's state is all zeros. No seed leads to it, so the checkpoint is damaged.
    pub fn restore(&mut self, state: &ShuffleState) -> Result<(), Error> {
        // The state of zeros is the only one that a step leaves unchanged, because a xoshiro's step is
        // linear and runs through all others in one cycle.
        let mut stepped = state.epoch_start.clone();
        stepped.next_u64();
        if stepped == state.epoch_start {
            return Err(Error::argument("state of the shuffle", "a generator state with a bit set", "zeros"));
        }
        self.epoch_start.clone_from(&state.epoch_start);
        self.rng.clone_from(&state.epoch_start);
        self.epoch = state.epoch;
        if self.epoch == 0 {
            self.reset_order();
        } else {
            self.draw_order();
        }
        Ok(())
    }

    fn reset_order(&mut self) {
        for (index, slot) in (0..).zip(&mut self.order) {
            *slot = index;
        }
    }

    fn draw_order(&mut self) {
        let len = self.order.len();
        match self.kind {
            Order::Shuffled => {
                self.reset_order();
                for i in (1..len).rev() {
                    let j = self.below(i + 1);
                    self.order.swap(i, j);
                }
            }
            Order::InOrder => self.reset_order(),
            // An index is below `len`, which is a u32.
            Order::WithReplacement => (0..len).for_each(|i| self.order[i] = self.below(len) as u32),
        }
    }

    /// The next draw from 0 … n − 1.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.rng.next_u64()) * n as u128) >> 64) as usize
    }
}
