//! The `minibatch` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    minibatch_cli::main()
}
