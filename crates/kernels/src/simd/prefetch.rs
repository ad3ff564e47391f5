//! Hints to the memory: lines that will be read or written soon. A hint never changes a result.

/// Bytes in a cache line.
pub(crate) const CACHE_LINE: usize = 64;

/// Asks the memory for the line where `value` begins, to be read soon: a hint.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    prefetch_line(value);
}

/// Asks the memory for the line at `from`, to be read soon: a hint, whatever `from` is.
#[inline(always)]
pub(crate) fn prefetch_line<T>(from: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it reads nothing that the program can see, faults on no address, and every x86-64 CPU has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

/// Asks for the line at `to`, to be written soon, to be taken from other cores: a hint, whatever `to` is.
#[inline(always)]
pub(crate) fn prefetch_to_write(to: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        // SAFETY: as in `prefetch_line`; a CPU that doesn't know this form does nothing.
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(to.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = to;
}
