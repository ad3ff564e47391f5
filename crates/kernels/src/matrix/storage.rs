//! The memory of owned matrices: cache lines of zeros, in [huge pages](super::huge) where there are many.

use super::huge::HugePages;
use super::line::Line;
use std::ops::{Deref, DerefMut};

/// Lines, as many as were asked for.
pub(crate) enum Storage {
    Small(Vec<Line>),
    Large(HugePages),
}

impl Storage {
    /// `len` lines of zeros.
    pub(crate) fn zeros(len: usize) -> Storage {
        HugePages::zeros(len).map_or_else(|| Storage::Small(vec![Line::ZERO; len]), Storage::Large)
    }
}

impl Deref for Storage {
    type Target = [Line];

    #[inline]
    fn deref(&self) -> &[Line] {
        match self {
            Storage::Small(lines) => lines,
            Storage::Large(lines) => lines,
        }
    }
}

impl DerefMut for Storage {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Line] {
        match self {
            Storage::Small(lines) => lines,
            Storage::Large(lines) => lines,
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
    use super::super::huge::{HUGE, LARGE};
    use super::{Line, Storage};

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
        #[cfg(all(feature = "mmap", target_os = "linux"))]
        assert_eq!(Storage::zeros(large).as_ptr().align_offset(HUGE), 0, "a huge page's start");
    }
}
