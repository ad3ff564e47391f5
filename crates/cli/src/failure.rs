//! How a command ends when it doesn't succeed.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// Why a command stopped, and the exit code that says so.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for something that can't be: exit code 2.
    Usage(String),
    /// The run failed: exit code 1.
    Run(String),
    /// Whoever read the output has gone. Nothing is said, as there is nobody to say it to; the exit code is 141, which a
    /// shell reports for programs ended by SIGPIPE.
    ClosedPipe,
}

impl Failure {
    /// Wrong usage, in one line.
    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure::Usage(message.to_string())
    }

    /// What writing to standard output came to.
    pub(crate) fn output(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Run(format!("cannot write to standard output: {error}")),
        }
    }

    /// Says why on standard error, in one line, and gives the exit code.
    #[expect(clippy::print_stderr, reason = "the one place where a command says why it failed")]
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Failure::Usage(message) => {
                eprintln!("error: {message}");
                ExitCode::from(2)
            }
            Failure::Run(message) => {
                eprintln!("error: {message}");
                ExitCode::from(1)
            }
            Failure::ClosedPipe => ExitCode::from(141),
        }
    }
}

/// The errors of the libraries, each one line already, end a run.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Run(error.to_string())
    }
}
