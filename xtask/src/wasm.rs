//! The library for `wasm32-unknown-unknown`: checked by every CI run; `cargo xtask wasm` lets node train with it, to the bits that
//! it has everywhere.
//!
//! The compiler is the workspace's own if it has the target's standard library (`rustup target add wasm32-unknown-unknown`), else
//! Debian's, from packages unpacked under `target/wasm`. Debian has the library as source: cargo builds it first, once. All that
//! takes minutes, so CI only checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use xtask_tools::{CommandLine, Outcome};

use crate::compiler::{self, on_path};
use crate::debian::{Debian, Tool};

const TARGET: &str = "wasm32-unknown-unknown";
/// The folder of the build and of Debian's unpacked packages, in the repository.
const FOLDER: &str = "target/wasm";
/// The program that trains, and its arguments for cargo.
const PROGRAM: &str =
    "--package minibatch-wasm --config profile.dev.opt-level=1 --config profile.dev.debug=0";

/// rustc, and the source of the standard library.
const COMPILER: Tool = Tool {
    name: "compiler",
    packages: &["rustc-web", "rust-web-src"],
    foreign: &[],
    program: "usr/bin/rustc",
    arguments: "",
};

/// LLVM's.
const LINKER: Tool =
    Tool { name: "linker", packages: &["lld"], foreign: &[], program: "usr/bin/wasm-ld", arguments: "" };

/// Calls the program's `main`. Without a system below it, the program needs no imports.
const CALL: &str = "WebAssembly.instantiate(require('fs').readFileSync(process.argv[1]))
.then(program => process.exit(program.instance.exports.main(0, 0)), error => { throw error })";

/// Train in WebAssembly, on one thread and without files, and compare the bits with this machine's
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Trains here and in WebAssembly.
pub(crate) fn run(_: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let node = on_path("node").context("there is no node to run the program")?;
    let mut compiler = Compiler::find(&root)?;
    let mut build = compiler.cargo("build");
    if let Compiler::Debian { debian, .. } = &mut compiler {
        let linker = on_path("wasm-ld").map_or_else(|| debian.tool(&LINKER), Ok)?;
        build = build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.display().to_string());
    }
    build.run(&root)?;
    CommandLine::cargo("run --package minibatch-wasm").run(&root)?;
    train(&node, &root.join(FOLDER).join(TARGET).join("debug/minibatch-wasm.wasm"))?;
    println!("the weights have the same bits in WebAssembly and on this machine");
    Ok(())
}

/// The step of CI, which checks that the program compiles.
pub(crate) fn check(root: &Path) -> Result<Outcome> {
    match Compiler::find(root) {
        Ok(compiler) => compiler.cargo("check").run(root),
        Err(why) => Ok(Outcome::Skipped(format!("no standard library for {TARGET}: {why:#}"))),
    }
}

/// A compiler that has the target's standard library, or its source.
enum Compiler {
    /// The workspace's own, with a linker of its own.
    Own,
    Debian {
        debian: Debian,
        rustc: PathBuf,
    },
}

impl Compiler {
    fn find(root: &Path) -> Result<Compiler> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        if compiler::compiles(&compiler::own(), TARGET, &folder).is_ok() {
            return Ok(Compiler::Own);
        }
        let mut debian = Debian::new(&folder);
        let rustc = debian.tool(&COMPILER)?;
        compiler::new_enough(&rustc)?;
        Ok(Compiler::Debian { debian, rustc })
    }

    /// `cargo TASK` of the program for the target.
    fn cargo(&self, task: &str) -> CommandLine {
        let task = format!("{task} {PROGRAM} --target {TARGET} --target-dir {FOLDER}");
        let command = CommandLine::cargo(&task);
        match self {
            Compiler::Own => command.env("RUSTFLAGS", "-D warnings"),
            // A compiler of another version may have lints of its own. A new lint mustn't end a run of CI.
            Compiler::Debian { rustc, .. } => command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTFLAGS", "")
                .env("RUSTC", rustc.display().to_string()),
        }
    }
}

/// Runs the program, whose exit status says whether its weights are as recorded.
fn train(node: &Path, program: &Path) -> Result<()> {
    println!("$ {} -e CALL {}", node.display(), program.display());
    let mut command = Command::new(node);
    let output = command.arg("-e").arg(CALL).arg(program).stdin(Stdio::null()).output();
    let output = output.with_context(|| node.display().to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(()),
        Some(1) if said.is_empty() => bail!("in WebAssembly the weights have other bits than elsewhere"),
        _ => bail!("in WebAssembly training ends with {}: {}", output.status, said.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_tells_the_end_of_the_program() {
        // `main` of two modules, which return 0 and 1.
        let module = |status: u8| {
            [
                b"\0asm\x01\0\0\0\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\x03\x02\x01\0\x07\x08\x01\x04main\0\0",
                &b"\x0a\x06\x01\x04\0\x41"[..],
                &[status, 0x0b],
            ]
            .concat()
        };
        let Some(node) = on_path("node") else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program.wasm");
        fs::write(&path, module(0)).unwrap();
        train(&node, &path).unwrap();
        fs::write(&path, module(1)).unwrap();
        assert!(train(&node, &path).unwrap_err().to_string().contains("other bits"));
        fs::write(&path, "no program").unwrap();
        let error = train(&node, &path).unwrap_err().to_string();
        assert!(error.contains("CompileError"), "{error}");
    }
}
