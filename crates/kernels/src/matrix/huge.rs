//! Memory in huge pages: a mapping of its own, on Linux with the feature `mmap`. Elsewhere there is none.
//!
//! A product of large matrices walks through more pages of 4 KiB than the CPU remembers the places of, and waits for each
//! place to be looked up. Linux gives out pages of 2 MiB for memory that asks for them; so what is large lies in a
//! mapping of its own, from a multiple of 2 MiB on.

#[cfg(all(feature = "mmap", target_os = "linux"))]
pub(crate) use mapped::HugePages;

#[cfg(not(all(feature = "mmap", target_os = "linux")))]
pub(crate) use absent::HugePages;

/// Bytes of a huge page.
pub(crate) const HUGE: usize = 2 << 20;

/// From so many bytes on storage lies in huge pages.
pub(crate) const LARGE: usize = HUGE / 4;

#[cfg(all(feature = "mmap", target_os = "linux"))]
mod mapped {
    use super::super::line::Line;
    use super::{HUGE, LARGE};
    use memmap2::{Advice, MmapMut};
    use std::ops::{Deref, DerefMut};

    /// Lines that begin with a huge page.
    pub(crate) struct HugePages {
        /// Page-aligned, and zeros at first.
        map: MmapMut,
        /// The byte at which the first huge page begins, and with it the lines.
        start: usize,
        /// Number of lines; they end inside the mapping.
        len: usize,
    }

    impl HugePages {
        /// `len` lines of zeros, if they are worth huge pages and the system gives the memory.
        pub(crate) fn zeros(len: usize) -> Option<HugePages> {
            let bytes = len.checked_mul(size_of::<Line>())?;
            if bytes < LARGE {
                return None;
            }
            // Whole huge pages, and what may lie before the first one.
            let map = MmapMut::map_anon(bytes.checked_next_multiple_of(HUGE)?.checked_add(HUGE)?).ok()?;
            let start = map.as_ptr().align_offset(HUGE);
            // Advice only: without huge pages the memory is as good as any.
            let _ = map.advise(Advice::HugePage);
            Some(HugePages { map, start, len })
        }
    }

    impl Deref for HugePages {
        type Target = [Line];

        #[inline]
        fn deref(&self) -> &[Line] {
            // SAFETY: `zeros` made the mapping at least `start` bytes and `len` lines long; `start` bytes in, it is aligned to
            // more than a line; any bytes are valid lines; and the mapping is anonymous, so nobody else writes to it.
            unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(self.start).cast(), self.len) }
        }
    }

    impl DerefMut for HugePages {
        #[inline]
        fn deref_mut(&mut self) -> &mut [Line] {
            // SAFETY: as in `deref`; `&mut self` makes the borrow exclusive.
            unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().add(self.start).cast(), self.len) }
        }
    }
}

#[cfg(not(all(feature = "mmap", target_os = "linux")))]
mod absent {
    use super::super::line::Line;
    use std::ops::{Deref, DerefMut};

    /// There is no value of this type.
    pub(crate) enum HugePages {}

    impl HugePages {
        pub(crate) fn zeros(_: usize) -> Option<HugePages> {
            None
        }
    }

    impl Deref for HugePages {
        type Target = [Line];

        fn deref(&self) -> &[Line] {
            match *self {}
        }
    }

    impl DerefMut for HugePages {
        fn deref_mut(&mut self) -> &mut [Line] {
            match *self {}
        }
    }
}
