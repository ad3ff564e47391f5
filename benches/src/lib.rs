//! Code that the benches share: operands, digits, and the machine's peak.
#![forbid(unsafe_code)]

pub mod pace;

use minibatch::Dataset;
use minibatch_data::{TrainTest, locate, synthetic};
use minibatch_kernels::{Isa, Matrix, Panels, Pool, multiply_adds};
use std::path::Path;
use std::time::Instant;

/// The README's examples are compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Thread counts that are compared.
pub const THREADS: [usize; 2] = [1, 2];

/// The instruction sets worth measuring: all fused ones but the scalar one, which is there for checking.
pub fn fused() -> Vec<Isa> {
    let all = Isa::fused();
    let fast: Vec<Isa> = all.iter().copied().filter(|&isa| isa != Isa::PORTABLE).collect();
    if fast.is_empty() { all } else { fast }
}

/// A pool for the benches.
///
/// # Panics
///
/// If the operating system refuses the threads.
pub fn pool(isa: Isa, threads: usize) -> Pool {
    Pool::new(isa, threads).expect("the threads of a pool")
}

/// `1 thread`, `2 threads`.
pub fn plural(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

/// A matrix of numbers in [−1, 1), none of them 0, the same for the same seed (SplitMix64).
pub fn random(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut state = seed;
    Matrix::from_fn(rows, cols, |_, _| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let odd = (z >> 40) | 1;
        odd as f32 / (1u64 << 23) as f32 - 1.0
    })
}

/// The same matrix in panels, as weights are kept.
pub fn panels(matrix: &Matrix) -> Panels {
    let mut panels = Panels::zeros(matrix.rows(), matrix.cols());
    for row in 0..matrix.rows() {
        matrix.row(row).iter().enumerate().for_each(|(col, &value)| panels.set(row, col, value));
    }
    panels
}

/// Digits to train on and to test with, and their name. They are MNIST if it has been fetched, else the same number of synthetic
/// ones.
///
/// # Panics
///
/// If MNIST's files are there and damaged.
pub fn digits() -> (TrainTest, &'static str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist");
    match locate(&folder) {
        Ok(files) => (files.map().expect("the files in data/mnist"), "MNIST"),
        Err(_) => (synthetic::generate(60_000, 10_000, 1).expect("counts in range"), "synthetic digits"),
    }
}

/// The inputs of `data` as a matrix (examples × n_0) of numbers in [0, 1].
///
/// # Panics
///
/// If the data aren't bytes.
pub fn matrix(data: &Dataset) -> Matrix {
    Matrix::from_fn(data.len(), data.input_len(), |example, pixel| match data.input(example) {
        minibatch_data::Row::Bytes(bytes) => f32::from(bytes[pixel]) / 255.0,
        minibatch_data::Row::Floats(_) => panic!("images of bytes"),
    })
}

/// The rate at which `isa` multiplies and adds on one thread if nothing holds it up, in GFLOP/s. It is the best of many turns of
/// chains that stay in registers.
pub fn fma_peak(isa: Isa) -> f64 {
    let turn = || {
        let started = Instant::now();
        let flop = multiply_adds(isa, 20_000);
        flop as f64 / started.elapsed().as_secs_f64() * 1e-9
    };
    (0..1000).map(|_| turn()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_never_zero() {
        let m = random(64, 65, 3);
        assert!((0..64).all(|row| m.row(row).iter().all(|x| *x != 0.0 && x.abs() <= 1.0)));
        assert!((0..64).any(|row| m.row(row).iter().any(|x| *x < 0.0)));
    }

    #[test]
    fn the_readme_shows_the_service_s_source() {
        let (source, readme) =
            (include_str!("../../crates/trainer/examples/service.rs"), include_str!("../../README.md"));
        let head = |line: &&str| line.starts_with("//!") || line.is_empty();
        let is_shown = |line: &&str| !line.contains("allow(clippy");
        let expected: Vec<&str> = source.lines().skip_while(head).filter(is_shown).collect();
        let fenced = readme.lines().skip_while(|line| *line != "```rust,no_run").skip(1);
        let shown: Vec<&str> = fenced.take_while(|line| *line != "```").collect();
        assert_eq!(shown, expected);
    }
}
