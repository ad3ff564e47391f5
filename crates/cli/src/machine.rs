//! What of the machine a command uses.

use crate::failure::Failure;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use minibatch::{Isa, Pool};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// Threads and instruction set.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Threads; any number gives the same result [default: one for each processor]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    threads: Option<usize>,

    /// Instruction set; all but matrixmultiply give the same result [default: the fastest]
    #[arg(long, value_name = "SET", value_parser = isa_parser())]
    isa: Option<Isa>,
}

impl Args {
    /// Starts the threads.
    pub(crate) fn pool(&self) -> Result<Pool, Failure> {
        let isa = self.isa.unwrap_or_else(Isa::detect);
        let threads = self.threads.unwrap_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get));
        Pool::new(isa, threads).map_err(Failure::usage)
    }
}

/// A whole number from 1.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "expected a whole number from 1".to_owned())
}

/// The names of this machine's instruction sets.
fn isa_parser() -> impl TypedValueParser<Value = Isa> {
    PossibleValuesParser::new(Isa::available().into_iter().map(Isa::name)).try_map(|name| name.parse::<Isa>())
}
