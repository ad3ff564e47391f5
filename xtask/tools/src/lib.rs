//! Code that the tasks share with the programs that they start: Cargo's command lines, and the tools of measurements.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command line shows itself before it runs")]

mod command;
mod machine;
pub mod networks;
mod peer_folder;
mod peer_process;
mod record;
mod statistics;

pub use command::{CommandLine, Outcome, built_command};
pub use machine::Machine;
pub use peer_folder::PeerFolder;
pub use peer_process::{PeerProcess, shorten};
pub use record::{Table, free_name, head, invocation, plural, write_whole};
pub use statistics::{Summary, three_digits};

use std::path::PathBuf;

/// The repository's root.
pub fn workspace_root() -> PathBuf {
    // Cargo sets the variable when it runs a binary, wherever the checkout has been moved to since the build.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    // Members of the workspace have no lock file of their own.
    let root = package.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    root.map_or_else(|| package.clone(), PathBuf::from)
}
