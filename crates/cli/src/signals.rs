//! Signals. The first SIGINT or SIGTERM asks the run to stop where nothing is lost. So does SIGHUP, which a closed terminal sends.
//! A second SIGINT or SIGTERM ends the process at once.

#[cfg(unix)]
use signal_hook::consts::{SIGABRT, SIGHUP, SIGXFSZ};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    HangUp,
    Interrupt,
    Terminate,
}

impl Signal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::HangUp => "SIGHUP",
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
        }
    }

    /// The exit code that a shell reports for a process ended by this signal.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Signal::HangUp => 129,
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        }
    }
}

/// Turns two signals that would kill the process into errors.
///
/// - The system sends SIGXFSZ when a file reaches its limit (`ulimit -f`). With a handler, the write fails instead.
/// - The process sends SIGABRT to itself when an allocation fails in spite of all checks, after a line that says so. With this
///   handler the exit code is 1.
#[cfg(unix)]
pub(crate) fn make_errors() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::default())?;
    flag::register_conditional_shutdown(SIGABRT, 1, Arc::new(AtomicBool::new(true)))?;
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn make_errors() -> io::Result<()> {
    Ok(())
}

/// Watches for signals.
#[derive(Debug)]
pub(crate) struct Signals {
    /// The number of the last signal, 0 before the first.
    caught: Arc<AtomicUsize>,
    /// Whether [`interrupt`](Self::interrupt) was called.
    asked: Arc<AtomicBool>,
}

impl Signals {
    /// From now on, the first signal only sets a flag.
    pub(crate) fn catch() -> io::Result<Signals> {
        let (caught, second) = (Arc::default(), Arc::default());
        // Actions run in the order of their registration. So a signal ends the process only if another came before it.
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&second))?;
        }
        Signals::watch(caught, &second)
    }

    /// As [`catch`](Self::catch), but `restore` is called before a second signal ends the process: the terminal isn't as it was.
    #[cfg(all(unix, feature = "dashboard"))]
    pub(crate) fn catch_and_restore(restore: fn()) -> io::Result<Signals> {
        let signals = Signals::watch(Arc::default(), &Arc::default())?;
        let first = AtomicBool::new(true);
        let asked = Arc::clone(&signals.asked);
        let mut coming = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in coming.forever() {
                // A key that was pressed before counts as the first signal.
                if !first.swap(false, Ordering::SeqCst) || asked.load(Ordering::SeqCst) {
                    restore();
                    std::process::exit(128 + signal);
                }
            }
        })?;
        Ok(signals)
    }

    /// Notes each signal that comes. `second` is true once SIGINT or SIGTERM has come.
    fn watch(caught: Arc<AtomicUsize>, second: &Arc<AtomicBool>) -> io::Result<Signals> {
        for signal in [SIGINT, SIGTERM] {
            flag::register_usize(signal, Arc::clone(&caught), signal as usize)?;
            flag::register(signal, Arc::clone(second))?;
        }
        // A closed terminal may send SIGHUP twice, and a session that ends sends SIGTERM as well. So SIGHUP is never a second
        // signal, and doesn't make the next one a second signal. Under `nohup` it stays ignored.
        #[cfg(unix)]
        if !is_ignored(SIGHUP) {
            flag::register_usize(SIGHUP, Arc::clone(&caught), SIGHUP as usize)?;
        }
        Ok(Signals { caught, asked: Arc::default() })
    }

    /// Stops the run as SIGINT does: a key asks for it.
    pub(crate) fn interrupt(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.caught.store(SIGINT as usize, Ordering::SeqCst);
    }

    /// The signal that has come, if any.
    pub(crate) fn caught(&self) -> Option<Signal> {
        match self.caught.load(Ordering::SeqCst) as i32 {
            0 => None,
            SIGINT => Some(Signal::Interrupt),
            SIGTERM => Some(Signal::Terminate),
            _ => Some(Signal::HangUp),
        }
    }
}

/// True if the process was started with the signal ignored, or if the system doesn't tell.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is signal 1's.
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use signal_hook::low_level::raise;

    /// A signal that is taken for a second one would end this process.
    #[test]
    fn hanging_up_makes_no_signal_a_second_one() {
        let signals = Signals::catch().unwrap();
        for signal in [SIGHUP, SIGHUP, SIGTERM, SIGHUP] {
            raise(signal).unwrap();
        }
        assert!(signals.caught().is_some());
    }
}
