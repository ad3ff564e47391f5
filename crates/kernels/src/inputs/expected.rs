//! The rows of bytes that the next gather will read. The update asks the memory for them on its way. That never changes a result.

use crate::simd::{CACHE_LINE, prefetch_line};

/// The rows of bytes that the next gather will read.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// The first `count` are the rows' first bytes.
    rows: Vec<*const u8>,
    count: usize,
    /// Bytes of a row.
    len: usize,
}

// SAFETY: nothing is read through the addresses, they are only hints to the memory.
unsafe impl Send for Expected {}
// SAFETY: as above.
unsafe impl Sync for Expected {}

impl Expected {
    /// Up to `capacity` rows of `len` bytes; none yet.
    pub(crate) fn new(len: usize, capacity: usize) -> Expected {
        Expected { rows: vec![std::ptr::null(); capacity], count: 0, len }
    }

    /// These are the rows. Their first lines are asked for at once, and the last ones: so the pages are looked up together, not
    /// one after the other when it is their turn.
    pub(crate) fn take<'r>(&mut self, rows: impl Iterator<Item = &'r [u8]>) {
        self.count = 0;
        for (first, row) in self.rows.iter_mut().zip(rows) {
            *first = row.as_ptr();
            prefetch_line(*first);
            prefetch_line(first.wrapping_add(self.len.saturating_sub(1)));
            self.count += 1;
        }
    }

    /// The rows, to be asked for evenly over `steps` steps of the update.
    pub(crate) fn upcoming(&self, steps: usize) -> Upcoming<'_> {
        let rows = &self.rows[..self.count];
        let lines = rows.len() * self.len.div_ceil(CACHE_LINE);
        Upcoming { rows, row: 0, offset: CACHE_LINE, len: self.len, per_step: lines.div_ceil(steps.max(1)) }
    }
}

/// The lines that the next gather will read and that nobody has asked for yet.
///
/// Asked for all at once, the rows of a minibatch would fill the core's few buffers for lines under way, and the core
/// would stand still until the memory has answered.
pub(crate) struct Upcoming<'a> {
    rows: &'a [*const u8],
    row: usize,
    /// The place of the lines that are due, in their rows. Past a row's end there is nothing left to ask for.
    offset: usize,
    len: usize,
    per_step: usize,
}

impl Upcoming<'_> {
    /// Asks for the lines that are due in this step.
    #[inline(always)]
    pub(crate) fn prefetch(&mut self) {
        for _ in 0..self.per_step {
            if self.row == self.rows.len() {
                if self.offset + CACHE_LINE >= self.len {
                    return;
                }
                (self.row, self.offset) = (0, self.offset + CACHE_LINE);
            }
            prefetch_line(self.rows[self.row].wrapping_add(self.offset));
            self.row += 1;
        }
    }
}
