//! The failures of a command: their messages and exit codes.

use crate::signals::Signal;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// The reason why a command stopped, with its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for something that can't be: exit code 2.
    Usage(String),
    /// The run failed: exit code 1.
    Run(String),
    /// Standard output can't be written, for another reason than that its reader has gone: exit code 1.
    Output(String),
    /// The reader of standard output has gone: exit code 141, which a shell reports for programs ended by SIGPIPE. No message is
    /// printed, because nobody would read it.
    ClosedPipe,
    /// A signal stopped the run, and the run has reported it: exit code 129, 130 or 143.
    Stopped(Signal),
}

impl Failure {
    /// Wrong usage, in one line.
    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure::Usage(message.to_string())
    }

    /// The failure for an error of writing to standard output.
    pub(crate) fn output(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Output(format!("cannot write to standard output: {error}")),
        }
    }

    /// Prints the reason on standard error, in one line, and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (code, message) = match self {
            Failure::Usage(message) => (2, message),
            Failure::Run(message) | Failure::Output(message) => (1, message),
            Failure::ClosedPipe => return ExitCode::from(141),
            Failure::Stopped(signal) => return ExitCode::from(signal.exit_code()),
        };
        tell(&format!("error: {message}"));
        ExitCode::from(code)
    }

    /// True if only the output failed. The run itself is then sound.
    pub(crate) fn is_of_output(&self) -> bool {
        matches!(self, Failure::Output(_) | Failure::ClosedPipe)
    }
}

/// Writes a line to standard error. If standard error is closed, the line is lost.
pub(crate) fn tell(line: &str) {
    // The message stays one line even if a path of the user's has line feeds or colours in it.
    let line: String = line
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect();
    let _ = writeln!(io::stderr(), "{line}");
}

/// The errors of the libraries, each one line already, end a run.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Run(error.to_string())
    }
}
