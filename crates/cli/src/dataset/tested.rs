//! The set to test on, where the data have none of their own.

use crate::failure::Failure;
use crate::numbers::fraction;
use minibatch_data::Dataset;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The part of the data that is set aside to validate on, where neither a test set nor another part is asked for.
const VALIDATION_SPLIT: f64 = 0.2;

/// The options that choose the set to test on, of a table or a folder of pictures.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Tested {
    /// Table, or folder of pictures, to test on
    #[arg(long, value_name = "FILE", conflicts_with = "test_split")]
    test: Option<PathBuf>,

    /// Fraction of a table, or of the pictures, to set aside to test on, of each class its share
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = fraction)]
    test_split: Option<f64>,
}

/// The parts of a run's data.
pub(super) struct Parts {
    pub(super) train: Dataset,
    pub(super) validation: Option<Dataset>,
    pub(super) test: Option<Dataset>,
}

impl Tested {
    /// The first of the options that was given.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let test = self.test.as_ref().map(|_| "--test");
        test.or(self.test_split.map(|_| "--test-split"))
    }

    /// The options as they were given.
    pub(crate) fn given(&self) -> Vec<OsString> {
        let mut given: Vec<OsString> = Vec::new();
        if let Some(test) = &self.test {
            given.extend(["--test".into(), test.into()]);
        }
        if let Some(fraction) = self.test_split {
            given.extend(["--test-split".into(), fraction.to_string().into()]);
        }
        given
    }

    /// The file or folder to test on.
    pub(super) fn file(&self) -> Option<&Path> {
        self.test.as_deref()
    }

    /// The part to set aside to test on.
    pub(super) fn split(&self) -> Option<f64> {
        self.test_split
    }

    /// The part of the data that is set aside to validate on, if `asked` isn't given.
    pub(crate) fn validation_split(&self, asked: Option<f64>) -> Option<f64> {
        asked.or(self.first_given().is_none().then_some(VALIDATION_SPLIT))
    }

    /// Splits `all` into what is trained on, what is validated on and what is tested on, which is `test` if there is one.
    pub(super) fn parts(
        &self,
        all: Dataset,
        test: Option<Dataset>,
        validation_split: Option<f64>,
        seed: u64,
    ) -> Result<Parts, Failure> {
        let (rest, test) = match self.test_split {
            Some(fraction) => {
                let (rest, test) =
                    all.split_test(fraction, seed).map_err(refused("--test-split", fraction))?;
                (rest, Some(test))
            }
            None => (all, test),
        };
        let fraction =
            if test.is_some() { validation_split } else { self.validation_split(validation_split) };
        let Some(fraction) = fraction else { return Ok(Parts { train: rest, validation: None, test }) };
        let parts = rest.split_stratified(fraction, seed).map_err(refused("--validation-split", fraction))?;
        Ok(Parts { train: parts.0, validation: Some(parts.1), test })
    }
}

/// Makes the failure for an option that asks for a part that can't be.
pub(super) fn refused(option: &str, fraction: f64) -> impl FnOnce(minibatch_data::Error) -> Failure + use<> {
    let option = option.to_owned();
    move |error| Failure::usage(format!("{option} {fraction}: {error}"))
}
