//! `cargo xtask ci`: one command that says whether the work is good.
//!
//! The steps run in order, each with its time, and the first failure ends the run with the command that repeats it.

mod circles;
mod deny;
mod gate;
mod package;
mod readme;
mod tidy;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use xtask_tools::{CommandLine, Outcome};

/// Run every check that a change must pass, from formatting to a trained network
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run this step alone
    #[arg(long, value_name = "STEP", value_parser = clap::builder::PossibleValuesParser::new(STEPS.map(|step| step.name)))]
    only: Option<String>,
}

struct Step {
    name: &'static str,
    run: fn(root: &Path) -> Result<Outcome>,
}

/// The steps. Quick ones come first, and a step comes before those that build on it.
const STEPS: [Step; 18] = [
    Step { name: "fmt", run: fmt },
    Step { name: "tidy", run: tidy::run },
    Step { name: "clippy", run: clippy },
    Step { name: "docs", run: docs },
    Step { name: "test", run: test },
    Step { name: "pages", run: crate::chromium::check },
    Step { name: "features", run: features },
    Step { name: "loom", run: loom },
    Step { name: "arm", run: crate::arm::build },
    Step { name: "wasm", run: crate::wasm::check },
    Step { name: "package", run: package::run },
    Step { name: "deny", run: deny::tree },
    Step { name: "advisories", run: deny::advisories },
    Step { name: "fetch", run: fetch },
    Step { name: "train", run: gate::train },
    Step { name: "hash", run: crate::hash::check },
    Step { name: "recipes", run: crate::recipes::short },
    Step { name: "floor", run: crate::floor::short },
];

/// Runs the steps. The error is that of the first step that failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let start = Instant::now();
    let mut done = Vec::new();
    for step in STEPS.iter().filter(|step| args.only.as_deref().is_none_or(|only| only == step.name)) {
        println!("── {}", step.name);
        let begun = Instant::now();
        let outcome = (step.run)(&root);
        let seconds = begun.elapsed().as_secs_f32();
        let line = match outcome {
            Ok(Outcome::Passed) => format!("{:10} ok       {seconds:6.1} s", step.name),
            Ok(Outcome::Skipped(why)) => format!("{:10} SKIPPED  {seconds:6.1} s  {why}", step.name),
            Err(error) => {
                println!("── {} FAILED after {seconds:.1} s", step.name);
                let again = format!("the step alone: cargo xtask ci --only {}", step.name);
                bail!("{}: {error:#}\n{again}", step.name);
            }
        };
        println!("── {line}");
        done.push(line);
    }
    println!("\n{}\nall good after {:.1} s", done.join("\n"), start.elapsed().as_secs_f32());
    Ok(())
}

fn fmt(root: &Path) -> Result<Outcome> {
    CommandLine::cargo("fmt --all --check").run(root)?;
    CommandLine::cargo("fmt --manifest-path fuzz/Cargo.toml --check").run(root)
}

fn clippy(root: &Path) -> Result<Outcome> {
    CommandLine::cargo("clippy --workspace --all-targets -- -D warnings").run(root)
}

fn docs(root: &Path) -> Result<Outcome> {
    CommandLine::cargo("doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings").run(root)
}

/// Runs the tests with the command that the README tells a newcomer to type.
fn test(root: &Path) -> Result<Outcome> {
    let text = std::fs::read_to_string(root.join("README.md")).context("README.md")?;
    CommandLine::cargo(readme::test_arguments(&text)?).run(root)
}

/// Checks that the library does without each of its features, and what the features `parquet` and `dashboard` add. (The workspace's
/// tests have the others.)
fn features(root: &Path) -> Result<Outcome> {
    for features in ["", "--features mmap", "--features threads"] {
        let clippy = format!("clippy -p minibatch --no-default-features {features} -- -D warnings");
        CommandLine::cargo(&clippy).run(root)?;
    }
    // The tests of the workspace do without Parquet and the dashboard, whose crates take long to build.
    let all = "-p minibatch-data -p minibatch-cli \
               --features minibatch-data/parquet,minibatch-cli/parquet,minibatch-cli/dashboard";
    CommandLine::cargo(&format!("clippy {all} --all-targets -- -D warnings")).run(root)?;
    CommandLine::cargo("test -p minibatch-data --features parquet --test parquet").run(root)?;
    let test = "test -p minibatch-cli --features parquet,dashboard --lib --test cli -- parquet dashboard";
    CommandLine::cargo(test).run(root)
}

/// Checks the thread team's protocols in every order. Its build has a target folder of its own, or it would replace the rest.
fn loom(root: &Path) -> Result<Outcome> {
    let test = CommandLine::cargo("test -p minibatch-kernels --lib model --target-dir target/loom");
    test.env("RUSTFLAGS", "--cfg loom").run(root)
}

fn fetch(root: &Path) -> Result<Outcome> {
    CommandLine::cargo("xtask fetch-mnist").run(root)
}
