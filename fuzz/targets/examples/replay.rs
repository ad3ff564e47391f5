//! Runs files through a target on stable Rust, without a fuzzer: `cargo run -p fuzz-targets --example replay checkpoint FILE…`
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command talks to its terminal")]

use fuzz_targets::TARGETS;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().unwrap_or_default();
    let known = TARGETS.iter().find(|(known, _)| name == *known);
    let (_, target) = known.ok_or_else(|| format!("expected one of {:?}", TARGETS.map(|(name, _)| name)))?;
    for path in arguments.map(PathBuf::from) {
        println!("{}", path.display());
        let got = if target(&std::fs::read(path)?) { "gets through" } else { "is refused on the way" };
        println!("  {got}");
    }
    Ok(())
}
