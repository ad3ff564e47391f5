//! The memory of owned matrices: cache lines of zeros, in huge pages where there are many.
//!
//! A product of large matrices walks through more pages of 4 KiB than the CPU remembers the places of, and waits for each
//! place to be looked up. Linux gives out pages of 2 MiB for memory that asks for them; so what is large lies in a
//! mapping of its own, from a multiple of 2 MiB on.

use memmap2::MmapMut;
use std::ops::{Deref, DerefMut};

/// f32 values in a cache line: row strides of owned matrices are multiples of it.
pub(crate) const LINE: usize = 16;

/// One cache line of values: what makes storage start on a 64-byte boundary.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line(pub(crate) [f32; LINE]);

impl Line {
    /// Values in a line.
    pub(crate) const LEN: usize = LINE;
    pub(crate) const ZERO: Line = Line([0.0; LINE]);
}

/// Bytes of a huge page.
pub(crate) const HUGE: usize = 2 << 20;

/// From so many bytes on storage lies in huge pages.
pub(crate) const LARGE: usize = HUGE / 4;

/// Lines, as many as were asked for.
pub(crate) enum Storage {
    Small(Vec<Line>),
    Large {
        /// Page-aligned, and zeros at first.
        map: MmapMut,
        /// The byte at which the first huge page begins, and with it the lines.
        start: usize,
        /// Number of lines; they end inside the mapping.
        len: usize,
    },
}

impl Storage {
    /// `len` lines of zeros.
    pub(crate) fn zeros(len: usize) -> Storage {
        Storage::large(len).unwrap_or_else(|| Storage::Small(vec![Line::ZERO; len]))
    }

    /// The lines in huge pages, if they are worth it and the system has such.
    fn large(len: usize) -> Option<Storage> {
        let bytes = len.checked_mul(size_of::<Line>())?;
        if !cfg!(target_os = "linux") || bytes < LARGE {
            return None;
        }
        // Whole huge pages, and what may lie before the first one.
        let map = MmapMut::map_anon(bytes.checked_next_multiple_of(HUGE)?.checked_add(HUGE)?).ok()?;
        let start = map.as_ptr().align_offset(HUGE);
        // Advice only: without huge pages the memory is as good as any.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Some(Storage::Large { map, start, len })
    }
}

impl Deref for Storage {
    type Target = [Line];

    #[inline]
    fn deref(&self) -> &[Line] {
        match self {
            Storage::Small(lines) => lines,
            // SAFETY: `large` made the mapping at least `start` bytes and `len` lines long; `start` bytes in, it is aligned to more
            // than a line; any bytes are valid lines; and the mapping is anonymous, so nobody else writes to it.
            Storage::Large { map, start, len } => unsafe {
                std::slice::from_raw_parts(map.as_ptr().add(*start).cast(), *len)
            },
        }
    }
}

impl DerefMut for Storage {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Line] {
        match self {
            Storage::Small(lines) => lines,
            // SAFETY: as in `deref`; `&mut self` makes the borrow exclusive.
            Storage::Large { map, start, len } => unsafe {
                std::slice::from_raw_parts_mut(map.as_mut_ptr().add(*start).cast(), *len)
            },
        }
    }
}

impl Clone for Storage {
    fn clone(&self) -> Storage {
        let mut clone = Storage::zeros(self.len());
        clone.copy_from_slice(self);
        clone
    }
}

#[cfg(test)]
mod tests {
    use super::{HUGE, LARGE, Line, Storage};

    #[test]
    fn storage_is_zero_aligned_and_of_its_length() {
        let large = LARGE / size_of::<Line>();
        for len in [0, 1, large - 1, large, HUGE / size_of::<Line>() + 1] {
            let mut lines = Storage::zeros(len);
            assert_eq!(lines.len(), len);
            assert!(lines.as_ptr().is_aligned());
            assert!(lines.iter().all(|line| line.0 == [0.0; 16]));
            if let Some(last) = lines.last_mut() {
                last.0[15] = 1.0;
                let copy = lines.clone();
                lines[len - 1].0[15] = 2.0;
                assert_eq!((copy.len(), copy[len - 1].0[15]), (len, 1.0), "a copy of its own");
            }
        }
        #[cfg(target_os = "linux")]
        assert_eq!(Storage::zeros(large).as_ptr().align_offset(HUGE), 0, "a huge page's start");
    }
}
