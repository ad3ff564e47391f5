//! The fuzzers' targets: a function for each kind of input that comes from outside, and one for the kernels beneath.
//!
//! A target takes any bytes, and panics if a promise is broken: that is a finding. It returns whether the bytes got all the way
//! through. So the test which runs the committed corpus (`tests/corpus.rs`, on stable) sees that the corpus still reaches its
//! code. The fuzzers are in the workspace around this package, and `cargo xtask fuzz` runs them.
#![forbid(unsafe_code)]

mod checkpoint;
pub mod checkpoint_file;
mod exchange;
mod idx;
mod kernels;
mod numpy;
mod options;
mod picture;
mod table;

pub use checkpoint::checkpoint;
pub use exchange::{json, npz, onnx, safetensors};
pub use idx::idx;
pub use kernels::kernels;
pub use numpy::numpy;
pub use options::options;
pub use picture::picture;
pub use table::table;

use std::io;
use std::path::Path;
use tempfile::TempDir;

/// A target. It returns whether the bytes got all the way through it.
pub type Target = fn(&[u8]) -> bool;

/// All targets, each with the name of its fuzzer and of its corpus.
pub const TARGETS: [(&str, Target); 11] = [
    ("idx", idx),
    ("checkpoint", checkpoint),
    ("picture", picture),
    ("table", table),
    ("numpy", numpy),
    ("options", options),
    ("safetensors", safetensors),
    ("npz", npz),
    ("json", json),
    ("onnx", onnx),
    ("kernels", kernels),
];

/// A number from a seed, and the next seed in its place (SplitMix64).
pub(crate) fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A folder that goes when it is no longer used. It is in memory, if the system has a folder there.
pub(crate) fn folder() -> io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}
