//! Compilers of Rust: the workspace's own, and those that may stand in for it.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};

/// The workspace's own compiler.
pub(crate) fn own() -> PathBuf {
    env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from)
}

/// Whether the compiler builds an empty program for the target, which takes a standard library.
pub(crate) fn compiles(compiler: &Path, target: &str, folder: &Path) -> Result<()> {
    let mut child = Command::new(compiler)
        .args(["--target", target, "--emit=metadata", "--crate-name=empty", "--out-dir"])
        .arg(folder)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| compiler.display().to_string())?;
    // A compiler that can't be started by its loader reads nothing. Its error is what counts.
    child.stdin.take().context("no pipe")?.write_all(b"fn main() {}").ok();
    let output = child.wait_with_output().with_context(|| compiler.display().to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("it failed without a word");
    if output.status.success() { Ok(()) } else { Err(anyhow!("{first}")) }
}

/// Whether the compiler can build the workspace.
pub(crate) fn new_enough(compiler: &Path) -> Result<()> {
    let output = Command::new(compiler).arg("--version").output().context("Debian's rustc")?;
    let (text, needed) = (String::from_utf8_lossy(&output.stdout), env!("CARGO_PKG_RUST_VERSION"));
    let Some(found) = version(&text) else {
        bail!("Debian's rustc: {}", String::from_utf8_lossy(&output.stderr).trim());
    };
    let needed = version(&format!("rustc {needed}")).context("rust-version in Cargo.toml")?;
    ensure!(
        found >= needed,
        "Debian's rustc is {}.{}, the workspace needs {}.{}",
        found.0,
        found.1,
        needed.0,
        needed.1
    );
    Ok(())
}

/// The first two numbers of `rustc 1.96.0 (…)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.strip_prefix("rustc ")?.split_once('.')?;
    let minor = minor.split(['.', ' ', '-', '\n']).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The program that a shell would find by this name.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_as_numbers() {
        assert_eq!(version("rustc 1.96.0 (ac68faa20 2026-05-25)\n"), Some((1, 96)));
        assert_eq!(version("rustc 1.95"), Some((1, 95)));
        assert_eq!(version("rustc 1.100.0-nightly"), Some((1, 100)));
        assert!(version("rustc 1.100.0") > version("rustc 1.95.1"));
        assert_eq!([version(""), version("gcc 12.2"), version("rustc x.y")], [None; 3]);
    }

    #[test]
    fn a_compiler_without_the_library_or_at_all_is_told_from_one_that_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = compiles(Path::new("no-such-compiler"), "target", folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("no-such-compiler"), "{error}");
        let error = compiles(Path::new("false"), "target", folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "it failed without a word");
        compiles(Path::new("true"), "target", folder.path()).unwrap();
    }
}
