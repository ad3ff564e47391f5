//! The tasks of this repository: `cargo xtask fetch-mnist`, `cargo xtask ci`, the long tests and the measurements.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

mod arm;
mod asan;
mod busy;
mod chromium;
mod ci;
mod compiler;
mod curves;
mod debian;
mod determinism;
mod exchange;
mod fetch;
mod floor;
mod fuzz;
mod hash;
mod kill;
mod manual;
mod onnx_proto;
mod peers;
mod pictures;
mod python;
mod recipes;
mod recording;
mod soak;
mod speedrun;
mod tables;
mod tensorboard;
mod time_limit;
mod torch;
mod trained;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetch a dataset, check it against its published SHA-256 and put it under data/
    FetchMnist(fetch::Args),
    /// Run every check that a change must pass, from formatting to a trained network
    Ci(ci::Args),
    /// Train on every instruction set, on 1 to 8 threads, interrupted and resumed, and compare the bits
    Determinism(determinism::Args),
    /// Kill training runs at random moments, resume them, and compare the bits with an uninterrupted run's
    Kill(kill::Args),
    /// Train beside busy processes, and in very short jobs: is the default ever much slower than one thread?
    Busy(busy::Args),
    /// Fuzz what comes from outside, and the kernels, each target for so many minutes (needs nightly and cargo-fuzz)
    Fuzz(fuzz::Args),
    /// Run the kernels', the checkpoints' and the trainer's tests under AddressSanitizer (needs nightly)
    Asan(asan::Args),
    /// Train while checkpoints are written constantly, and watch memory, descriptors and threads
    Soak(soak::Args),
    /// Train the default job and record its weight hash, which `cargo xtask ci` then demands
    RecordHash(hash::Args),
    /// Build the command for 64-bit Arm Linux, train with it under emulation, and compare the bits with this machine's
    Arm(arm::Args),
    /// Train in WebAssembly, on one thread and without files, and compare the bits with this machine's
    Wasm(wasm::Args),
    /// Take the golden runs of every technique in PyTorch, and compare (the first time it makes an environment of 1.4 GB)
    Torch(torch::Args),
    /// Train with `--tensorboard`, and compare what TensorBoard reads with what the run printed
    Tensorboard(tensorboard::Args),
    /// Export networks, and compare what rten, onnxruntime, PyTorch and scikit-learn make of them with the library's outputs
    Exchange(exchange::Args),
    /// Make the code of ONNX's messages anew
    OnnxProto(onnx_proto::Args),
    /// Write the command's completions for shells and the pages of its manual
    Manual(manual::Args),
    /// Measure Minibatch and other trainers side by side, and write the table to benches/record
    #[command(disable_help_flag = true)]
    Peers(peers::Args),
    /// Measure samples a second against width, depth and minibatch; draw them beside the roofline into docs/pictures
    Curves(curves::Args),
    /// Make the README's pictures anew, by the commands that it names
    Pictures(pictures::Args),
    /// Record the dashboard of a run on MNIST as an animated picture, docs/pictures/dashboard.svg
    Recording(recording::Args),
    /// Measure every product of C1 to C4, and squares, as a share of the register peak, and name what fell below its floor
    Floor(floor::Args),
    /// Train the presets of benches/presets with several seeds, and hold accuracy and seconds against their goals
    Speedrun(speedrun::Args),
    /// Train every two choices together on MNIST, the rest left to the recipe, and hold accuracies against their floors
    Recipes(recipes::Args),
    /// Learn tables by the preset `realmlp`, its authors' implementation and scikit-learn, and compare errors and seconds
    Tables(tables::Args),
}

fn main() -> ExitCode {
    // clap itself ends the process with 2 when the command line is wrong.
    let outcome = match Cli::parse().task {
        Task::FetchMnist(args) => fetch::run(&args),
        Task::Ci(args) => ci::run(&args),
        Task::Determinism(args) => determinism::run(&args),
        Task::Kill(args) => kill::run(&args),
        Task::Busy(args) => busy::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Asan(args) => asan::run(&args),
        Task::Soak(args) => soak::run(&args),
        Task::RecordHash(args) => hash::record(&args),
        Task::Arm(args) => arm::run(&args),
        Task::Wasm(args) => wasm::run(&args),
        Task::Torch(args) => torch::run(&args),
        Task::Tensorboard(args) => tensorboard::run(&args),
        Task::Exchange(args) => exchange::run(&args),
        Task::OnnxProto(args) => onnx_proto::run(&args),
        Task::Manual(args) => manual::run(&args),
        Task::Peers(args) => peers::run(&args),
        Task::Curves(args) => curves::run(&args),
        Task::Pictures(args) => pictures::run(&args),
        Task::Recording(args) => recording::run(&args),
        Task::Floor(args) => floor::run(&args),
        Task::Speedrun(args) => speedrun::run(&args),
        Task::Recipes(args) => recipes::run(&args),
        Task::Tables(args) => tables::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
