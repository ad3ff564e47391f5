//! The log of a run: a row for each epoch, as JSON lines or CSV.

use crate::failure::Failure;
use minibatch::{Epoch, Evaluation, Trainer};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A row. docs/log-format.md describes the columns.
#[derive(Debug, Serialize)]
struct Row {
    /// Seconds since 1970-01-01 00:00 UTC, when the epoch had been evaluated.
    time: f64,
    /// Seconds since the start of the process.
    elapsed: f64,
    epoch: usize,
    /// Steps of the run so far.
    step: u64,
    learning_rate: Option<f64>,
    training_seconds: f64,
    cost: f64,
    accuracy: Option<f64>,
    validation_cost: Option<f64>,
    validation_accuracy: Option<f64>,
    validation_rmse: Option<f64>,
    test_cost: Option<f64>,
    test_accuracy: Option<f64>,
    test_rmse: Option<f64>,
}

/// A log file. Rows are added at its end.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    is_csv: bool,
    /// Whether the file has no header yet.
    is_new: bool,
    started: Instant,
}

impl Log {
    /// Opens the log at `path`, whose ending says what it is. `goes_on` is true for a resumed run, which adds to its log. A new run
    /// leaves the log of another alone.
    pub(super) fn open(path: &Path, goes_on: bool, started: Instant) -> Result<Log, Failure> {
        let shown = path.display();
        let is_csv = match path.extension().and_then(|ending| ending.to_str()) {
            Some("csv") => true,
            Some("jsonl" | "ndjson") => false,
            _ => {
                return Err(Failure::usage(format!(
                    "--log {shown}: expected a name that ends with .jsonl or .csv"
                )));
            }
        };
        let cannot =
            |error: std::io::Error| Failure::Run(format!("{shown}: the log can't be written: {error}"));
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(cannot)?;
        let is_new = file.metadata().map_err(cannot)?.len() == 0;
        if !is_new && !goes_on {
            return Err(Failure::usage(format!(
                "--log {shown}: there is a log already; name another file, or remove it"
            )));
        }
        Ok(Log { path: path.to_owned(), file, is_csv, is_new, started })
    }

    /// Adds the row of `epoch`, which has just ended.
    pub(super) fn add(&mut self, trainer: &Trainer, epoch: &Epoch) -> Result<(), Failure> {
        let cost = |evaluation: Option<Evaluation>| Some(evaluation?.cost);
        let accuracy = |evaluation: Option<Evaluation>| evaluation?.accuracy();
        let rmse = |evaluation: Option<Evaluation>| Some(evaluation?.fit()?.rmse);
        let row = Row {
            time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            elapsed: self.started.elapsed().as_secs_f64(),
            epoch: epoch.number,
            step: epoch.number as u64 * trainer.steps_per_epoch() as u64,
            learning_rate: epoch.learning_rate,
            training_seconds: epoch.seconds,
            cost: epoch.cost,
            accuracy: epoch.accuracy(trainer.examples()),
            validation_cost: cost(epoch.validation),
            validation_accuracy: accuracy(epoch.validation),
            validation_rmse: rmse(epoch.validation),
            test_cost: cost(epoch.test),
            test_accuracy: accuracy(epoch.test),
            test_rmse: rmse(epoch.test),
        };
        let cannot = |error: String| {
            Failure::Run(format!("{}: the log can't be written: {error}", self.path.display()))
        };
        let mut bytes = Vec::new();
        if self.is_csv {
            let mut csv = csv::WriterBuilder::new().has_headers(self.is_new).from_writer(&mut bytes);
            csv.serialize(row).and_then(|()| Ok(csv.flush()?)).map_err(|error| cannot(error.to_string()))?;
            drop(csv);
        } else {
            serde_json::to_writer(&mut bytes, &row).map_err(|error| cannot(error.to_string()))?;
            bytes.push(b'\n');
        }
        // One write: a row is there whole or not at all, as far as the system allows.
        self.file.write_all(&bytes).map_err(|error| cannot(error.to_string()))?;
        self.is_new = false;
        Ok(())
    }
}
