//! The command for 64-bit Arm Linux: built by every CI run, and run by `cargo xtask arm`.
//!
//! The compiler is the workspace's own if it has the target's standard library (`rustup target add aarch64-unknown-linux-gnu`),
//! else Debian's, from packages unpacked under `target/arm`. So are linker and emulator, if the machine has none.

use std::env::consts;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask_tools::{CommandLine, Outcome};

use crate::compiler::{self, on_path};
use crate::debian::{Debian, Tool};

const TARGET: &str = "aarch64-unknown-linux-gnu";
/// The folder of the build and of Debian's unpacked packages, in the repository.
const FOLDER: &str = "target/arm";
/// Options for a program that is only built. It needs no optimisation.
const QUICK: &str = "--config profile.dev.opt-level=0 --config profile.dev.debug=0";

/// rustc, with the standard libraries of this machine (for programs that run while building) and of the target.
const COMPILER: Tool = Tool {
    name: "compiler",
    packages: &["rustc-web"],
    foreign: &["libstd-rust-web-dev:arm64"],
    program: "usr/bin/rustc",
    arguments: "",
};

/// gcc and the C library.
const LINKER: Tool = Tool {
    name: "linker",
    packages: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
    foreign: &[],
    program: "usr/bin/aarch64-linux-gnu-gcc",
    arguments: "--sysroot=\"$root\"",
};

/// qemu.
const EMULATOR: Tool = Tool {
    name: "emulator",
    packages: &["qemu-user"],
    foreign: &[],
    program: "usr/bin/qemu-aarch64",
    arguments: "",
};

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
        let compiler = match compiler::compiles(&compiler::own(), TARGET, &folder) {
            Ok(()) => None,
            Err(_) => {
                let compiler = debian.tool(&COMPILER)?;
                compiler::new_enough(&compiler)?;
                compiler::compiles(&compiler, TARGET, &folder).context("Debian's rustc")?;
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
    fn the_hash_is_in_the_last_line() {
        let output = "{\"event\":\"plan\"}\n{\"event\":\"end\",\"weight_hash\":\"0123\"}\n";
        assert_eq!(weight_hash(output).unwrap(), "0123");
        assert!(weight_hash("").is_err() && weight_hash("{}\n").is_err());
    }
}
