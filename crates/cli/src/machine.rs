//! The threads and the instruction set that a command uses.

use crate::failure::Failure;
use crate::numbers::count;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use minibatch::{ArithmeticClass, Isa, Pool, PoolError};
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// Threads and instruction set.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Threads; no more of them work than there are processors, and any number gives the same result [default: one for
    /// each processor]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    threads: Option<usize>,

    /// Instruction set; all but matrixmultiply give the same result [default: the fastest]
    #[arg(long, value_name = "SET", ignore_case = true, value_parser = isa_parser())]
    isa: Option<Isa>,
}

impl Args {
    /// Starts the threads.
    pub(crate) fn pool(&self) -> Result<Pool, Failure> {
        self.start(self.isa.unwrap_or_else(Isa::detect))
    }

    /// Starts the threads for a run that was recorded in arithmetic of this class.
    pub(crate) fn pool_for(&self, class: ArithmeticClass) -> Result<Pool, Failure> {
        let mut sets = Isa::available();
        sets.retain(|isa| isa.class() == class);
        match self.isa {
            Some(isa) if isa.class() != class => {
                let names = sets.into_iter().map(Isa::name).collect::<Vec<_>>().join(", ");
                Err(Failure::usage(format!(
                    "--isa {isa}: the recorded run's arithmetic is another, that of {names}"
                )))
            }
            Some(isa) => self.start(isa),
            None => self.start(sets.first().copied().unwrap_or_else(Isa::detect)),
        }
    }

    /// The options as they were given.
    pub(crate) fn given(&self) -> Vec<OsString> {
        let threads = self.threads.map(|threads| ["--threads".to_owned(), threads.to_string()]);
        let isa = self.isa.map(|isa| ["--isa".to_owned(), isa.to_string()]);
        threads.into_iter().chain(isa).flatten().map(OsString::from).collect()
    }

    fn start(&self, isa: Isa) -> Result<Pool, Failure> {
        let threads = self.threads.unwrap_or_else(|| available_parallelism().map_or(1, NonZeroUsize::get));
        Pool::new(isa, threads).map_err(|error| match error {
            PoolError::Threads { .. } => Failure::usage(error),
            // The system refused to start the threads. The command line isn't at fault.
            error => Failure::Run(format!("{error}; try --threads 1")),
        })
    }
}

/// The names of this machine's instruction sets.
fn isa_parser() -> impl TypedValueParser<Value = Isa> {
    PossibleValuesParser::new(Isa::available().into_iter().map(Isa::name))
        .try_map(|name| name.to_ascii_lowercase().parse::<Isa>())
}
