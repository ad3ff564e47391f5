//! What the protocols of the team and of the exchange are made of: std's atomics, cells and threads, or in tests with
//! `--cfg loom` those of loom, which runs a program in every order that the memory model allows.
//!
//! Sequential consistency comes from fences alone, never from an access: loom knows only the former.

#[cfg(all(test, loom))]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::Mutex,
    sync::atomic::{AtomicBool, AtomicU64, Ordering, fence},
    thread::{self, Thread},
};
#[cfg(not(all(test, loom)))]
pub(crate) use std::{
    sync::Mutex,
    sync::atomic::{AtomicBool, AtomicU64, Ordering, fence},
    thread::{self, Thread},
};

/// How often a waiting thread looks before it stops to spin: about 50 µs, longer than the driver's own work between two
/// phases of a step, and than one member lags behind another. One look is about a nanosecond.
///
/// The waits spin without the CPU's pause instruction: under a hypervisor a pause in a loop may leave the guest, which
/// costs more than a step.
pub(crate) const SPINS: u32 = if cfg!(all(test, loom)) { 1 } else { 50_000 };

/// Between two looks of a spinning thread: nothing, but loom lets others come first.
#[inline(always)]
pub(crate) fn look_again() {
    #[cfg(all(test, loom))]
    thread::yield_now();
}

/// Lets others have this core, and says whether one took it that isn't of the team, for a slice of the scheduler's.
#[cold]
pub(crate) fn give_way() -> bool {
    #[cfg(all(test, loom))]
    {
        thread::yield_now();
        true
    }
    #[cfg(not(all(test, loom)))]
    {
        let began = std::time::Instant::now();
        thread::yield_now();
        // A member that waits in its turn yields within a twentieth of that.
        began.elapsed() > std::time::Duration::from_millis(1)
    }
}

/// Parks until this thread is woken, or a millisecond has passed.
#[cold]
pub(crate) fn doze() {
    #[cfg(all(test, loom))]
    thread::yield_now();
    #[cfg(not(all(test, loom)))]
    thread::park_timeout(std::time::Duration::from_millis(1));
}

/// std's cell, with loom's methods.
#[cfg(not(all(test, loom)))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(all(test, loom)))]
impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> UnsafeCell<T> {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    /// Reads through the pointer; nobody may write meanwhile.
    #[inline(always)]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    /// Writes through the pointer; nobody else may read or write meanwhile.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}
