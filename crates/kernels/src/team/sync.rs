//! Atomics, cells and threads for the protocols of the team and of the exchange: those of std, or in tests with
//! `--cfg loom` those of loom, which runs a program in every order that the memory model allows.
//!
//! Sequential consistency comes from fences alone, never from an access: loom knows only the former.

use super::clock::Instant;
use std::time::Duration;

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

/// How long a waiting thread looks before it stops to spin: longer than the driver's own work between two phases of a step, and
/// than one member lags behind another.
pub(crate) const PATIENCE: Duration = Duration::from_micros(50);

/// A thread that waits, and looks again and again for what it waits for.
///
/// It spins without the CPU's pause instruction: under a hypervisor a pause in a loop may leave the guest, which costs more than
/// a step. A look takes a quarter of a nanosecond or one, as the CPU goes; so the clock says how long that has been.
pub(crate) struct Wait {
    looks: u32,
    began: Option<Instant>,
    waited: Duration,
}

impl Wait {
    #[inline(always)]
    pub(crate) fn new() -> Wait {
        Wait { looks: 0, began: None, waited: Duration::ZERO }
    }

    /// Between two looks: how long it has waited by now. loom lets others come first, and thinks it was long.
    #[inline(always)]
    pub(crate) fn look_again(&mut self) -> Duration {
        /// Looks between two at the clock, which take as long as it does.
        const LOOKS: u32 = 256;
        #[cfg(all(test, loom))]
        {
            thread::yield_now();
            self.waited = Duration::MAX;
        }
        self.looks += 1;
        if self.looks == LOOKS {
            self.look_at_the_clock();
        }
        self.waited
    }

    #[cold]
    fn look_at_the_clock(&mut self) {
        let now = Instant::now();
        (self.looks, self.waited) = (0, now - *self.began.get_or_insert(now));
    }
}

/// Lets others have this core, and says for how long one had it. loom thinks it was long.
#[cold]
pub(crate) fn give_way() -> Duration {
    #[cfg(all(test, loom))]
    {
        thread::yield_now();
        Duration::from_secs(1)
    }
    #[cfg(not(all(test, loom)))]
    {
        let began = Instant::now();
        thread::yield_now();
        began.elapsed()
    }
}

/// The time since `began`. loom thinks it was long: a run that it repeats must take the same way again.
pub(crate) fn elapsed(began: Instant) -> Duration {
    if cfg!(all(test, loom)) { Duration::from_secs(1) } else { began.elapsed() }
}

/// Parks until this thread is woken, or a millisecond has passed.
#[cold]
pub(crate) fn doze() {
    #[cfg(all(test, loom))]
    thread::yield_now();
    #[cfg(not(all(test, loom)))]
    thread::park_timeout(Duration::from_millis(1));
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
