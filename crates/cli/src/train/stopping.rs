//! The options of early stopping.

use super::network::contradiction;
use crate::failure::Failure;
use crate::numbers::{count, not_negative};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use minibatch::{EarlyStopping, Monitor, Settings};

/// The options of early stopping. A resumed run has the checkpoint's.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// End the run after N epochs in a row without a gain on the validation set, and keep the weights after the best epoch; a
    /// resumed run may have another N
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    pub(crate) early_stopping: Option<usize>,

    /// Least gain that --early-stopping counts [default: 0]
    #[arg(long, value_name = "G", allow_negative_numbers = true, value_parser = not_negative)]
    pub(crate) least_gain: Option<f64>,

    /// Figure that --early-stopping looks at [default: cost]
    #[arg(long, value_name = "FIGURE", ignore_case = true, value_parser = monitor())]
    pub(crate) monitor: Option<Monitor>,
}

fn monitor() -> impl TypedValueParser<Value = Monitor> {
    let named = |name: String| match &*name.to_ascii_lowercase() {
        "accuracy" => Monitor::Accuracy,
        _ => Monitor::Cost,
    };
    PossibleValuesParser::new([Monitor::Cost, Monitor::Accuracy].map(Monitor::name)).map(named)
}

impl Args {
    /// Refuses options that lack another one.
    pub(super) fn check(&self, is_split: bool, resumes: bool) -> Result<(), Failure> {
        let refined = [("--least-gain", self.least_gain.is_some()), ("--monitor", self.monitor.is_some())];
        match refined.into_iter().find(|(_, given)| *given) {
            _ if self.early_stopping.is_some() && !is_split => {
                Err(Failure::usage("--early-stopping needs --validation-split F, the set that it looks at"))
            }
            Some((option, _)) if self.early_stopping.is_none() && !resumes => {
                Err(Failure::usage(format!("{option} needs --early-stopping N")))
            }
            _ => Ok(()),
        }
    }

    /// The early stopping of a new run of so many epochs, whose recipe has its `own`.
    pub(super) fn settings(&self, own: Option<EarlyStopping>, epochs: usize) -> Option<EarlyStopping> {
        let usual = own.unwrap_or_default();
        Some(EarlyStopping {
            patience: self.early_stopping.or(own.map(|_| epochs))?,
            least_gain: self.least_gain.unwrap_or(usual.least_gain),
            monitor: self.monitor.unwrap_or(usual.monitor),
            ..usual
        })
    }

    /// Sets the patience of a resumed run, which may change. Returns the contradictions of the other options.
    pub(super) fn apply(&self, settings: &mut Settings) -> Vec<String> {
        let Some(recorded) = &mut settings.early_stopping else {
            let asked = [
                ("--early-stopping", self.early_stopping.map(|patience| patience.to_string())),
                ("--least-gain", self.least_gain.map(|gain| gain.to_string())),
                ("--monitor", self.monitor.map(|monitor| monitor.name().to_owned())),
            ];
            let none = "none".to_owned();
            return asked
                .into_iter()
                .filter_map(|(option, asked)| contradiction(option, asked, &none))
                .collect();
        };
        recorded.patience = self.early_stopping.unwrap_or(recorded.patience);
        [
            contradiction("--least-gain", self.least_gain, &recorded.least_gain),
            contradiction("--monitor", self.monitor.map(Monitor::name), &recorded.monitor.name()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The words that ask for `early_stopping`.
pub(crate) fn words(early_stopping: &EarlyStopping) -> Vec<[String; 2]> {
    let EarlyStopping { patience, least_gain, monitor, .. } = early_stopping;
    vec![
        ["--early-stopping".to_owned(), patience.to_string()],
        ["--least-gain".to_owned(), least_gain.to_string()],
        ["--monitor".to_owned(), monitor.name().to_owned()],
    ]
}
