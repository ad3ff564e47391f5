//! `cargo xtask asan`: the tests of the kernels, of checkpoints and of the trainer under AddressSanitizer.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use xtask_tools::CommandLine;

/// Run the kernels', the checkpoints' and the trainer's tests under AddressSanitizer
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Builds with the sanitizer are kept apart, or they would replace the others. Doctests are left out, because they link without the
/// sanitizer.
const TESTS: &str = "test -p minibatch-kernels -p minibatch-checkpoint -p minibatch --lib --tests --target-dir target/asan --target";

/// The trainer's examples, which one of its tests runs.
const EXAMPLES: &str = "build -p minibatch --examples --target-dir target/asan --target";

/// Runs the tests.
pub(crate) fn run(_: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let target = host(&root)?;
    let sanitized = |arguments: &str| {
        let line =
            CommandLine::nightly(arguments).arg(target.clone()).env("RUSTFLAGS", "-Zsanitizer=address");
        // A test asks for more memory than there is, and wants to be told so. Another leaks on purpose: what the destructor of a
        // panic's payload throws is never dropped.
        line.env("ASAN_OPTIONS", "allocator_may_return_null=1:detect_leaks=0").run(&root)
    };
    sanitized(EXAMPLES)?;
    sanitized(TESTS).map(|_| ())
}

/// The target that nightly builds for by default. The command names it, or build scripts would be built with the sanitizer, too.
pub(crate) fn host(root: &Path) -> Result<String> {
    ensure!(
        CommandLine::nightly("--version").probe(root).is_ok(),
        "AddressSanitizer needs Rust nightly: install it with `rustup toolchain install nightly`"
    );
    let output = std::process::Command::new("rustc").args(["+nightly", "-vV"]).output().context("rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(String::from).context("`rustc +nightly -vV` names no host")
}
