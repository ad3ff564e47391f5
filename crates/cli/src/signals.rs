//! SIGINT and SIGTERM: the first asks the run to stop where nothing is lost, a second one ends it at once.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
}

impl Signal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
        }
    }

    /// What a shell reports for a process that the signal ended.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        }
    }
}

/// Watches for signals.
#[derive(Debug)]
pub(crate) struct Signals {
    /// The number of the first one, 0 before.
    caught: Arc<AtomicUsize>,
}

impl Signals {
    /// From now on, the first signal only sets a flag.
    pub(crate) fn catch() -> io::Result<Signals> {
        let caught = Arc::new(AtomicUsize::new(0));
        let second = Arc::new(AtomicBool::new(false));
        // What is registered first is done first: a signal ends the process only if one came before it.
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&second))?;
            flag::register_usize(signal, Arc::clone(&caught), signal as usize)?;
            flag::register(signal, Arc::clone(&second))?;
        }
        Ok(Signals { caught })
    }

    /// The signal that has come, if any.
    pub(crate) fn caught(&self) -> Option<Signal> {
        match self.caught.load(Ordering::SeqCst) as i32 {
            0 => None,
            SIGINT => Some(Signal::Interrupt),
            _ => Some(Signal::Terminate),
        }
    }
}
