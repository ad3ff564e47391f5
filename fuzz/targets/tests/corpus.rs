//! The committed corpus through every target, on stable. Inputs that the fuzzers have found once stay checked.
#![allow(clippy::print_stderr, reason = "an input is named before it is run")]

use fuzz_targets::checkpoint_file::File;
use fuzz_targets::{TARGETS, Target};
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of all corpora together.
const MOST_BYTES: usize = 300 << 10;

fn fuzz_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder around the package")
}

/// The files of a target's corpus with their content, by name.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz_folder().join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(&path).expect("a file"))).collect()
}

/// Runs a corpus. At least `least` of its files must get all the way through.
fn replay(name: &str, least: usize) {
    let (_, target): (_, Target) = *TARGETS.iter().find(|(target, _)| *target == name).expect("a target");
    let files = corpus(name);
    let mut through = 0;
    for (path, bytes) in &files {
        // A panic of the target doesn't name its input.
        eprintln!("{}", path.display());
        through += usize::from(target(bytes));
    }
    assert!(through >= least, "{through} of {} get through, at least {least} should", files.len());
}

#[test]
fn idx() {
    replay("idx", 6);
}

#[test]
fn checkpoint() {
    replay("checkpoint", 45);
}

#[test]
fn picture() {
    replay("picture", 25);
}

#[test]
fn table() {
    replay("table", 8);
}

#[test]
fn safetensors() {
    replay("safetensors", 4);
}

#[test]
fn npz() {
    replay("npz", 4);
}

#[test]
fn json() {
    replay("json", 2);
}

#[test]
fn onnx() {
    replay("onnx", 11);
}

#[test]
fn numpy() {
    replay("numpy", 12);
}

#[test]
fn options() {
    replay("options", 15);
}

#[test]
fn kernels() {
    replay("kernels", 80);
}

/// Targets, fuzzers and corpora are the same, and the corpora are small.
#[test]
fn every_target_has_its_fuzzer_and_its_corpus() {
    let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).expect("a manifest");
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
    let bytes: usize = TARGETS.iter().flat_map(|(name, _)| corpus(name)).map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes <= MOST_BYTES, "the corpora have {bytes} bytes, at most {MOST_BYTES} are kept");
    assert_eq!(fs::read_dir(fuzz_folder().join("corpus")).expect("a folder").count(), TARGETS.len());
}

/// The mutator takes files of every version apart and puts them together again.
#[test]
fn an_intact_checkpoint_is_its_entries() {
    let mut versions = [0; 4];
    for (path, bytes) in corpus("checkpoint") {
        if minibatch_checkpoint::decode(&bytes).is_ok() {
            let file = File::parse(&bytes).unwrap_or_else(|| panic!("{}", path.display()));
            assert!(file.encode() == bytes, "{}", path.display());
            versions[file.version as usize] += 1;
        }
    }
    assert!(versions[1..].iter().all(|&files| files > 0), "files of each version: {versions:?}");
}
