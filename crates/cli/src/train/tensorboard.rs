//! Event files, which TensorBoard reads: the figures of each epoch as scalars at the run's step.
//!
//! ```text
//! file    = record of { wall_time, file_version }
//!           record of { wall_time, step, session_log }    in a resumed run
//!           record of { wall_time, step, summary } …      one for each epoch
//! record  = length of the payload      u64, little-endian
//!           checksum of the length     u32, little-endian
//!           payload                    an `Event`
//!           checksum of the payload    u32, little-endian
//! ```
//!
//! 1. The records are TFRecords, the events are protocol buffers: `event.proto` and `summary.proto` of TensorBoard. A field is its
//!    number and kind in one byte, then its content.
//! 2. The session log says that a process has started. TensorBoard then drops the scalars from that step on, which a killed run
//!    had written, and which the resumed run writes again.
//! 3. TensorBoard reads the files of a folder in the order of their names, so a resumed run's file has a later time in its name
//!    than those that are there.

use crate::failure::Failure;
use crate::report::EpochLine;
use crc::{CRC_32_ISCSI, Crc};
use minibatch::{Evaluation, LayerInspection, Trainer};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The beginning of the name of an event file, before its time in seconds.
const NAME: &str = "events.out.tfevents.";

/// The version of the events.
const VERSION: &str = "brain.Event:2";

/// An event file. It has no records before the first epoch ends.
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
    /// Whether the file has no records yet.
    is_new: bool,
    /// Whether the run is a resumed one.
    goes_on: bool,
}

impl EventFile {
    /// Makes an event file in `folder`, which is made too if it isn't there. `goes_on` is true for a resumed run. A new run leaves
    /// the folder of another alone, because TensorBoard takes the files of a folder for one run.
    pub(super) fn create(folder: &Path, goes_on: bool) -> Result<EventFile, Failure> {
        let shown = folder.display();
        fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
        let mut latest = None;
        for entry in fs::read_dir(folder).map_err(|error| cannot(folder, &error))? {
            let entry = entry.map_err(|error| cannot(folder, &error))?;
            let name = entry.file_name();
            let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(NAME)) else { continue };
            if !goes_on && entry.metadata().map_err(|error| cannot(folder, &error))?.len() > 0 {
                return Err(Failure::usage(format!(
                    "--tensorboard {shown}: there are events of a run already; name another folder, or remove them"
                )));
            }
            let seconds = rest.split('.').next().and_then(|seconds| seconds.parse::<u64>().ok());
            latest = latest.max(seconds);
        }
        let seconds = (wall_time() as u64).max(latest.map_or(0, |latest| latest.saturating_add(1)));
        let path = folder.join(format!("{NAME}{seconds:010}.minibatch.{}", std::process::id()));
        let file = OpenOptions::new().create_new(true).append(true).open(&path);
        let file = file.map_err(|error| cannot(&path, &error))?;
        Ok(EventFile { path, file, is_new: true, goes_on })
    }

    /// Adds the scalars of an epoch, which has just ended.
    pub(super) fn add(&mut self, trainer: &Trainer, line: &EpochLine) -> Result<(), Failure> {
        let steps_per_epoch = trainer.steps_per_epoch() as u64;
        let step = line.epoch.number as u64 * steps_per_epoch;
        let mut bytes = Vec::new();
        if self.is_new {
            record(&mut bytes, &event(0, |event| field(event, 3, VERSION.as_bytes())));
        }
        if self.is_new && self.goes_on {
            // Scalars of the epochs before stand at steps before this one.
            let first = step.saturating_sub(steps_per_epoch).saturating_add(1);
            record(&mut bytes, &event(first, |event| field(event, 7, &STARTED)));
        }
        let mut summary = Vec::new();
        scalars(line).into_iter().for_each(|(tag, value)| field(&mut summary, 1, &scalar(&tag, value)));
        record(&mut bytes, &event(step, |event| field(event, 5, &summary)));
        // One write: an epoch is there whole or not at all, as far as the system allows.
        self.file.write_all(&bytes).map_err(|error| cannot(&self.path, &error))?;
        self.is_new = false;
        Ok(())
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::Run(format!("{}: the event file can't be written: {error}", path.display()))
}

/// The scalars of an epoch, each with its tag. docs/log-format.md describes them.
fn scalars(line: &EpochLine) -> Vec<(String, f64)> {
    let epoch = &line.epoch;
    let mut scalars = vec![("cost/training".to_owned(), epoch.cost)];
    scalars.extend(line.accuracy.map(|accuracy| ("accuracy/training".to_owned(), accuracy)));
    let sets = [("validation", epoch.validation), ("test", epoch.test)];
    for (set, evaluation) in sets.into_iter().filter_map(|(set, evaluation)| Some((set, evaluation?))) {
        let rmse = evaluation.fit().map(|fit| fit.rmse);
        let Evaluation { cost, .. } = evaluation;
        let figures = [("cost", Some(cost)), ("accuracy", evaluation.accuracy()), ("rmse", rmse)];
        let figures = figures.into_iter().filter_map(|(name, figure)| Some((name, figure?)));
        scalars.extend(figures.map(|(name, figure)| (format!("{name}/{set}"), figure)));
    }
    scalars.extend(epoch.learning_rate.map(|rate| ("run/learning_rate".to_owned(), rate)));
    scalars.push(("run/samples_per_second".to_owned(), line.samples_per_second));
    for LayerInspection { activity, error, update, .. } in line.layers.iter().flatten() {
        let figures = [
            ("flat", activity.flat),
            ("dead", activity.dead as f64),
            ("saturated", activity.saturated as f64),
            ("error", *error),
            ("update", *update),
        ];
        let layer = activity.layer;
        scalars.extend(figures.map(|(name, figure)| (format!("{name}/layer_{layer}"), figure)));
    }
    scalars
}

/// The `SessionLog` of a process that has started: its field 1, the status, is 1.
const STARTED: [u8; 2] = [1 << 3, 1];

/// An `Event` at a step, to which `add` adds its content.
fn event(step: u64, add: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut event = vec![(1 << 3) | FIXED64];
    event.extend(wall_time().to_le_bytes());
    event.push(2 << 3);
    varint(&mut event, step);
    add(&mut event);
    event
}

/// A value of a `Summary`.
fn scalar(tag: &str, value: f64) -> Vec<u8> {
    let mut scalar = Vec::new();
    field(&mut scalar, 1, tag.as_bytes());
    scalar.push((2 << 3) | FIXED32);
    scalar.extend((value as f32).to_le_bytes());
    scalar
}

/// Kinds of fields: a number of 8 bytes, text or a message with its length before it, a number of 4 bytes.
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

/// Adds a field that is text or a message.
fn field(message: &mut Vec<u8>, number: u8, content: &[u8]) {
    message.push((number << 3) | LENGTH);
    varint(message, content.len() as u64);
    message.extend(content);
}

/// Adds a whole number, seven bits a byte, the lowest first. The highest bit of a byte says that another follows.
fn varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

/// Adds a record.
fn record(file: &mut Vec<u8>, payload: &[u8]) {
    let length = (payload.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(checksum(&length).to_le_bytes());
    file.extend(payload);
    file.extend(checksum(payload).to_le_bytes());
}

/// The masked CRC-32C of TFRecords: turned right by 15 bits, plus a constant, so that a checksum of checksums isn't weak.
fn checksum(bytes: &[u8]) -> u32 {
    static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
    CRC.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Seconds since 1970-01-01 00:00 UTC.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
