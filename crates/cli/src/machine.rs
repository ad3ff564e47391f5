//! What of the machine a command uses.

use crate::failure::Failure;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use minibatch::{ArithmeticClass, Isa, Pool, PoolError};
use std::ffi::OsString;
use std::num::{IntErrorKind, NonZeroUsize};
use std::thread::available_parallelism;

/// Threads and instruction set.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Threads, of which no more work than there are processors; any number gives the same result [default: one for each
    /// processor]
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
            // The system refuses them, whatever was asked for.
            PoolError::Start { .. } => Failure::Run(format!("{error}; try --threads 1")),
        })
    }
}

/// A whole number from 1 in a list of them.
pub(crate) fn count_of_list(text: &str) -> Result<usize, String> {
    match count(text.trim()) {
        Err(_) => Err("expected whole numbers from 1, such as 128 or 128,64".to_owned()),
        count => count,
    }
}

/// A whole number from 1.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
            Err(format!("expected a whole number up to {}", usize::MAX))
        }
        _ => Err("expected a whole number from 1".to_owned()),
    }
}

/// The names of this machine's instruction sets.
fn isa_parser() -> impl TypedValueParser<Value = Isa> {
    PossibleValuesParser::new(Isa::available().into_iter().map(Isa::name))
        .try_map(|name| name.to_ascii_lowercase().parse::<Isa>())
}
