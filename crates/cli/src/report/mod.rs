//! The output of a command: text for people, or JSON lines for programs.

mod findings;
mod initial_values;
mod labels;
mod metrics;
mod run;
mod settings;
mod terminal_line;

pub(crate) use findings::notes;
pub(crate) use initial_values::InitialValues;
pub(crate) use labels::Labels;
pub(crate) use metrics::{metric_rows, write_tables};
pub(crate) use run::{
    Chosen, EpochLine, Inspected, Plan, Resumed, Stopped, Summary, changes, measure, place, score, techniques,
};
pub(crate) use settings::settings;
pub(crate) use terminal_line::{COSTS, OnTerminal};

use crate::draw::{Grid, Target, Terminal};
use crate::failure::Failure;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// An event that a command reports: one JSON object, or some lines of text.
pub(crate) trait Event: Serialize {
    /// Writes the text.
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()>;
}

/// Prints events to standard output, each as it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
    /// Nothing.
    Quiet,
}

impl Report {
    /// The format that `--json` asks for.
    pub(crate) fn new(json: bool) -> Report {
        if json { Report::Json } else { Report::Text }
    }

    /// Prints the whole of `event`.
    pub(crate) fn print(self, event: &impl Event) -> Result<(), Failure> {
        let mut text = Vec::new();
        let formatted = match self {
            Report::Text => event.write(&mut text),
            Report::Json => serde_json::to_writer(&mut text, event).map_err(io::Error::from),
            Report::Quiet => return Ok(()),
        };
        if self == Report::Json {
            text.push(b'\n');
        }
        formatted.map_err(|error| Failure::output(&error))?;
        write_out(&text)
    }
}

/// Writes the whole of `text` to standard output.
pub(crate) fn write_out(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

/// Draws a grid into the file that an option names, or else on standard output.
pub(crate) fn show(grid: &Grid, output: Option<&Target>) -> Result<(), Failure> {
    let text = match output {
        Some(target) => grid.write(target)?,
        None => grid.text(&Terminal::of_output()).join("\n"),
    };
    write_out((text + "\n").as_bytes())
}

/// A path as text, for JSON as well. Bytes that aren't UTF-8 are shown as U+FFFD.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Writes names and values in two columns.
pub(crate) fn write_rows(out: &mut Vec<u8>, rows: &[(impl AsRef<str>, String)]) -> io::Result<()> {
    rows.iter().try_for_each(|(name, value)| writeln!(out, "{:<16}  {value}", name.as_ref()))
}

/// A cost's name and formula.
pub(crate) fn cost(name: &str) -> String {
    match name {
        "quadratic" => "quadratic, ½‖a − y‖² averaged over the minibatch".to_owned(),
        name => name.to_owned(),
    }
}

/// An optimiser in words.
pub(crate) fn optimizer(name: &str) -> String {
    match name {
        "sgd" => "plain stochastic gradient descent".to_owned(),
        name => name.to_owned(),
    }
}

/// A layer's sizes: `784-32-10`.
pub(crate) fn sizes(layers: &[usize]) -> String {
    layers.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}
