//! The command for 64-bit Arm Linux: built by every CI run, and run by `cargo xtask arm`.
//!
//! The compiler is the workspace's own if it has the target's standard library (`rustup target add aarch64-unknown-linux-gnu`),
//! else Debian's, from packages unpacked under `target/arm`. So are linker and emulator, if the machine has none.

mod debian;

use std::env::{self, consts};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;
use xtask_tools::{CommandLine, Outcome};

use debian::{COMPILER, Debian, EMULATOR, LINKER};

const TARGET: &str = "aarch64-unknown-linux-gnu";
/// The folder of the build and of Debian's unpacked packages, in the repository.
const FOLDER: &str = "target/arm";
/// Options for a program that is only built. It needs no optimisation.
const QUICK: &str = "--config profile.dev.opt-level=0 --config profile.dev.debug=0";

/// The runs that train under emulation: sparse and dense inputs, small and blocked products, plain descent and moments.
const RUNS: [&str; 4] = [
    "--synthetic-size 10000,1000 --epochs 1",
    "--synthetic-size 2000,500 --epochs 3 --threads 1 --optimizer adam --learning-rate 0.005 --activation tanh --init glorot-normal",
    "--synthetic-size 2000,500 --epochs 3 --hidden 150,70 --batch-size 100 --activation relu --init he-normal --learning-rate 0.1",
    "--synthetic-size 1000,500 --epochs 3 --batch-size 7 --output-activation softmax --cost categorical-cross-entropy",
];

/// Build the command for 64-bit Arm Linux, train with it under emulation, and compare the bits with this machine's
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Builds, trains and compares.
pub(crate) fn run(_: &Args) -> Result<()> {
    ensure!(!is_native(), "this machine is one: its `cargo xtask ci` says whether the bits are the same");
    let root = xtask_tools::workspace_root();
    let mut debian = Debian::new(&root.join(FOLDER));
    let tools = Tools::find(&root, &mut debian)?;
    ensure!(tools.linker.is_some(), "there is no linker for {TARGET}");
    let emulator = match on_path("qemu-aarch64") {
        Some(emulator) => emulator,
        None => debian.tool(&EMULATOR).context("there is no emulator of 64-bit Arm")?,
    };
    // With the C library in it, the program needs none on the machine that runs it.
    tools.cargo("build", "-C target-feature=+crt-static").run(&root)?;
    let built = root.join(FOLDER).join(TARGET).join("debug/minibatch");
    for settings in RUNS {
        let arguments = format!("train --dataset synthetic {settings} --json");
        let here = CommandLine::cargo(&format!("run --release --package minibatch-cli -- {arguments}"))
            .run_and_read(&root)?;
        let here = weight_hash(&here)?;
        let there = weight_hash(&emulate(&emulator, &built, &arguments)?)?;
        ensure!(
            there == here,
            "`minibatch {arguments}`: weight hash {there} on 64-bit Arm, {here} on this machine"
        );
        println!("weight hash {here} on both");
    }
    Ok(())
}

/// The step of CI, which builds the command.
pub(crate) fn build(root: &Path) -> Result<Outcome> {
    if is_native() {
        return Ok(Outcome::Skipped("this machine is one: the other steps build for it".to_owned()));
    }
    let tools = match Tools::find(root, &mut Debian::new(&root.join(FOLDER))) {
        Ok(tools) => tools,
        Err(why) => return Ok(Outcome::Skipped(format!("no compiler for {TARGET}: {why:#}"))),
    };
    // Without a linker, the compiler can still check.
    let task = if tools.linker.is_some() { "build" } else { "check" };
    // Debian's compiler is of another version, which may have lints of its own. A new lint mustn't end a run of CI.
    let lints = if tools.compiler.is_none() { "-D warnings" } else { "" };
    tools.cargo(&format!("{task} {QUICK}"), lints).run(root)
}

fn is_native() -> bool {
    (consts::ARCH, consts::OS) == ("aarch64", "linux")
}

/// The tools that build for the target.
struct Tools {
    /// `None` for the workspace's own compiler.
    compiler: Option<PathBuf>,
    linker: Option<PathBuf>,
}

impl Tools {
    /// The machine's tools, else Debian's. The error says why there is no compiler.
    fn find(root: &Path, debian: &mut Debian) -> Result<Tools> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let own = env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from);
        let compiler = match compiles(&own, &folder) {
            Ok(()) => None,
            Err(_) => {
                let compiler = debian.tool(&COMPILER)?;
                new_enough(&compiler)?;
                compiles(&compiler, &folder).context("Debian's rustc")?;
                Some(compiler)
            }
        };
        let linker = match on_path("aarch64-linux-gnu-gcc") {
            Some(linker) => Some(linker),
            None => debian.tool(&LINKER).inspect_err(|why| println!("no linker: {why:#}")).ok(),
        };
        Ok(Tools { compiler, linker })
    }

    /// `cargo TASK` of the command for the target.
    fn cargo(&self, task: &str, flags: &str) -> CommandLine {
        let task = format!("{task} --package minibatch-cli --target {TARGET} --target-dir {FOLDER}");
        let mut command = CommandLine::cargo(&task).env("RUSTFLAGS", flags);
        if let Some(compiler) = &self.compiler {
            command = command.env("RUSTC", compiler.display().to_string());
        }
        if let Some(linker) = &self.linker {
            command =
                command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", linker.display().to_string());
        }
        command
    }
}

/// Whether the compiler builds an empty program for the target, which takes a standard library.
fn compiles(compiler: &Path, folder: &Path) -> Result<()> {
    let mut child = Command::new(compiler)
        .args(["--target", TARGET, "--emit=metadata", "--crate-name=empty", "--out-dir"])
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
fn new_enough(compiler: &Path) -> Result<()> {
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
fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Runs the built command under the emulator, and returns its output.
fn emulate(emulator: &Path, built: &Path, arguments: &str) -> Result<String> {
    println!("$ {} {} {arguments}", emulator.display(), built.display());
    let mut command = Command::new(emulator);
    command.arg(built).args(arguments.split(' ')).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| emulator.display().to_string())?;
    let printed = String::from_utf8(output.stdout).context("what the command prints")?;
    print!("{printed}");
    ensure!(output.status.success(), "`minibatch {arguments}` under emulation: {}", output.status);
    Ok(printed)
}

/// The hash in the last of the JSON lines.
fn weight_hash(output: &str) -> Result<String> {
    let end: Value = serde_json::from_str(output.lines().next_back().unwrap_or_default())?;
    let hash = end["weight_hash"].as_str().context("no weight hash in the last line")?;
    Ok(hash.to_owned())
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
        let error = compiles(Path::new("no-such-compiler"), folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("no-such-compiler"), "{error}");
        let error = compiles(Path::new("false"), folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "it failed without a word");
        compiles(Path::new("true"), folder.path()).unwrap();
    }

    #[test]
    fn the_hash_is_in_the_last_line() {
        let output = "{\"event\":\"plan\"}\n{\"event\":\"end\",\"weight_hash\":\"0123\"}\n";
        assert_eq!(weight_hash(output).unwrap(), "0123");
        assert!(weight_hash("").is_err() && weight_hash("{}\n").is_err());
    }
}
