//! The commands that the README promises.

use anyhow::{Context, Result};

/// The arguments of the first `cargo test …` in a fenced block. A newcomer types it to run the tests.
pub(super) fn test_arguments(readme: &str) -> Result<&str> {
    let mut fenced = false;
    for line in readme.lines() {
        let line = line.trim();
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced && line.starts_with("cargo test") {
            let command = line.split(" #").next().unwrap_or(line).trim();
            return Ok(command.trim_start_matches("cargo "));
        }
    }
    None.context("README.md has no line `cargo test …` in a fenced block")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_taken_from_a_fenced_block() {
        let readme = "cargo test --wrong\n```sh\ncargo run\ncargo test --workspace   # seconds\n```\n";
        assert_eq!(test_arguments(readme).unwrap(), "test --workspace");
        assert!(test_arguments("```\ncargo run\n```\ncargo test\n").is_err());
    }
}
