//! The dependency tree, through cargo-deny and `deny.toml`.

use std::path::Path;

use anyhow::Result;
use xtask_tools::{CommandLine, Outcome};

/// The command that installs cargo-deny. It runs only if there is no cargo-deny at all. Without optimisation and debug
/// information cargo-deny builds several times as fast, and still checks the tree in a second.
const INSTALL: &str = "install cargo-deny --locked --version =0.20.2 --debug --config profile.dev.debug=0";

/// Checks bans, licences and sources.
pub(super) fn tree(root: &Path) -> Result<Outcome> {
    ensure_installed(root)?;
    CommandLine::cargo("deny check --hide-inclusion-graph bans licenses sources").run(root)
}

/// Checks security advisories, if their database can be had.
pub(super) fn advisories(root: &Path) -> Result<Outcome> {
    ensure_installed(root)?;
    let fetch = CommandLine::cargo("deny fetch db").env("GIT_TERMINAL_PROMPT", "0");
    if let Err(stderr) = fetch.probe(root) {
        return Ok(Outcome::Skipped(format!(
            "the advisory database cannot be had: {}",
            last_line(&stderr).unwrap_or("`cargo deny fetch db` failed")
        )));
    }
    CommandLine::cargo("deny check --disable-fetch advisories").run(root)
}

fn ensure_installed(root: &Path) -> Result<()> {
    if CommandLine::cargo("deny --version").probe(root).is_err() {
        CommandLine::cargo(INSTALL).run(root)?;
    }
    Ok(())
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).rfind(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_the_last_line_that_says_something() {
        assert_eq!(last_line("ERROR: a\nfatal: b\n\n"), Some("fatal: b"));
        assert_eq!(last_line("\n"), None);
    }
}
