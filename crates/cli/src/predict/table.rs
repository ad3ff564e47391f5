//! Predictions for the rows of tables.

use super::{Args, Format};
use crate::dataset::arrays::Keys;
use crate::dataset::table::{Source, of_far, of_unknown, read, shown_path};
use crate::failure::{Failure, tell};
use crate::memory;
use crate::report::write_out;
use crate::text::grouped;
use minibatch::{Network, Pool, footprint};
use minibatch_data::preparation::Rows;
use minibatch_data::{Need, Preparation, Table};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

/// A class and the network's output for it.
#[derive(Serialize)]
struct Ranked<'a> {
    class: &'a str,
    output: f32,
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "prediction")]
struct ClassEvent<'a> {
    table: &'a str,
    /// The number of the row, from 1.
    row: usize,
    /// The class of the largest output.
    class: &'a str,
    output: f32,
    /// The largest outputs, largest first. Equal outputs are in the order of their classes.
    ranked: Vec<Ranked<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "prediction")]
struct ValueEvent<'a> {
    table: &'a str,
    /// The number of the row, from 1.
    row: usize,
    /// The values, in the units of the table that the network was trained on.
    values: BTreeMap<&'a str, f64>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "prediction")]
struct LabelEvent<'a> {
    table: &'a str,
    /// The number of the row, from 1.
    row: usize,
    /// Whether the row has each label: its output is above ½.
    labels: BTreeMap<&'a str, bool>,
    /// The network's output for each label.
    outputs: BTreeMap<&'a str, f32>,
}

/// Whether an output says that the row has the label.
fn says_yes(output: f32) -> bool {
    output > 0.5
}

/// Predicts the rows of each table: as CSV beside the table's own cells, or as JSON lines.
pub(super) fn run(
    args: &Args,
    network: &Network,
    preparation: &Preparation,
    pool: &Pool,
) -> Result<(), Failure> {
    let mut out = Vec::new();
    let mut notes = Vec::new();
    for path in &args.images {
        let one = Predicted::new(path, &args.keys, network, preparation, pool)?;
        notes.extend(one.rows.unknown.iter().map(of_unknown));
        let far = preparation.far(one.rows.inputs.chunks(preparation.inputs().max(1)));
        notes.extend(far.iter().map(of_far));
        let as_json = args.json || args.format == Some(Format::Jsonl);
        let written = match as_json {
            true => one.write_json(&mut out, preparation, args.top),
            false => one.write_csv(&mut out, preparation),
        };
        written.map_err(|error| Failure::output(&error))?;
    }
    write_out(&out)?;
    notes.iter().for_each(|note| tell(note));
    Ok(())
}

/// A table with the network's outputs.
struct Predicted {
    name: String,
    /// The text of the file, unpacked.
    text: Vec<u8>,
    table: Table,
    rows: Rows,
    /// (rows × outputs)
    outputs: Vec<f32>,
}

impl Predicted {
    fn new(
        path: &Path,
        keys: &Keys,
        network: &Network,
        preparation: &Preparation,
        pool: &Pool,
    ) -> Result<Predicted, Failure> {
        // The answer has the other columns, too.
        let need = |name: &str| match preparation.need(name, false) {
            Need::No => Need::IfPossible,
            need => need,
        };
        let (text, is_commas) = read(path, keys, &need, |name, source| {
            let mut text = Vec::new();
            let (mut reader, is_commas) = match source {
                Source::Text(reader) => (reader, false),
                Source::Commas(reader) => (reader, true),
            };
            reader.read_to_end(&mut text).map_err(|source| minibatch_data::Error::Io {
                path: name.to_owned(),
                action: "read",
                source,
            })?;
            Ok((minibatch_data::unpacked(name, text)?, is_commas))
        })?;
        let path = shown_path(path);
        let table = match is_commas {
            true => preparation.read_commas(path, &*text, false)?,
            false => preparation.read_inputs(path, &*text)?,
        };
        let shown = path.display();
        let bytes =
            (table.rows() as u64).saturating_mul(4 * (preparation.inputs() + 2 * network.outputs()) as u64);
        let bytes = bytes.saturating_add(footprint::prediction(network, table.rows(), pool));
        let what = format!("{shown}: predictions for its {} rows", grouped(table.rows()));
        memory::check(what, bytes, "predict a part of them at a time").map_err(Failure::Run)?;
        let rows = preparation.rows(&table);
        let outputs = network.predict_rows(pool, &*rows.inputs)?;
        if let Some(at) = outputs.iter().position(|output| !output.is_finite()) {
            let row = at / network.outputs() + 1;
            return Err(Failure::Run(format!(
                "{shown}: row {row}: the network's outputs for it are not finite"
            )));
        }
        // One output is the probability of the second of two classes.
        let is_one = preparation.classes().is_some() && network.outputs() == 1;
        let outputs = if is_one { outputs.into_iter().flat_map(|p| [1.0 - p, p]).collect() } else { outputs };
        Ok(Predicted { name: shown.to_string(), text, table, rows, outputs })
    }

    /// The outputs of each row.
    fn of_rows(&self, preparation: &Preparation) -> impl Iterator<Item = &[f32]> {
        self.outputs.chunks_exact(preparation.outputs())
    }

    /// Writes the table's own cells, the answer, and the outputs of the classes.
    fn write_csv(&self, out: &mut Vec<u8>, preparation: &Preparation) -> io::Result<()> {
        let delimiter = self.table.delimiter();
        let mut from = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(&*self.text);
        let mut records = from.byte_records();
        let mut to = csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
        let targets = preparation.target_names();
        let written = |number: f32| match preparation.has_decimal_comma() {
            true => number.to_string().replace('.', ","),
            false => number.to_string(),
        };
        if self.table.has_header() {
            let names = records.next().transpose()?.unwrap_or_default();
            names.iter().try_for_each(|name| to.write_field(name))?;
            targets.iter().try_for_each(|name| to.write_field(format!("predicted_{name}")))?;
            preparation
                .classes()
                .into_iter()
                .flatten()
                .try_for_each(|class| to.write_field(format!("output_{class}")))?;
            if preparation.has_labels() {
                targets.iter().try_for_each(|name| to.write_field(format!("output_{name}")))?;
            }
            to.write_record(None::<&[u8]>)?;
        }
        for (record, outputs) in records.zip(self.of_rows(preparation)) {
            record?.iter().try_for_each(|cell| to.write_field(cell))?;
            match (preparation.classes(), preparation.values()) {
                (Some(classes), _) => {
                    to.write_field(&classes[ranked(outputs)[0]])?;
                    outputs.iter().try_for_each(|output| to.write_field(written(*output)))?;
                }
                (None, Some(columns)) => {
                    let values = columns.iter().zip(outputs);
                    let values = values.map(|(column, &output)| column.value(output) as f32);
                    values.map(written).try_for_each(|value| to.write_field(value))?;
                }
                (None, None) => {
                    outputs
                        .iter()
                        .try_for_each(|&output| to.write_field(if says_yes(output) { "1" } else { "0" }))?;
                    outputs.iter().try_for_each(|&output| to.write_field(written(output)))?;
                }
            }
            to.write_record(None::<&[u8]>)?;
        }
        to.flush()
    }

    fn write_json(&self, out: &mut Vec<u8>, preparation: &Preparation, top: Option<usize>) -> io::Result<()> {
        let table = &*self.name;
        for (row, outputs) in self.of_rows(preparation).enumerate() {
            let row = row + 1;
            match (preparation.classes(), preparation.values()) {
                (Some(classes), _) => {
                    let mut ranked: Vec<Ranked<'_>> = ranked(outputs)
                        .into_iter()
                        .map(|index| Ranked { class: &classes[index], output: outputs[index] })
                        .collect();
                    let Ranked { class, output } = ranked[0];
                    ranked.truncate(top.unwrap_or(usize::MAX));
                    serde_json::to_writer(&mut *out, &ClassEvent { table, row, class, output, ranked })?;
                }
                (None, None) => {
                    let named = || preparation.target_names().into_iter().zip(outputs);
                    let labels = named().map(|(name, &output)| (name, says_yes(output))).collect();
                    let outputs = named().map(|(name, &output)| (name, output)).collect();
                    serde_json::to_writer(&mut *out, &LabelEvent { table, row, labels, outputs })?;
                }
                (None, columns) => {
                    let columns = columns.into_iter().flatten().zip(outputs);
                    let values =
                        columns.map(|(column, &output)| (&*column.name, column.value(output))).collect();
                    serde_json::to_writer(&mut *out, &ValueEvent { table, row, values })?;
                }
            }
            out.push(b'\n');
        }
        Ok(())
    }
}

/// The classes, largest output first. Equal outputs are in the order of their classes.
fn ranked(outputs: &[f32]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..outputs.len()).collect();
    classes.sort_by(|&a, &b| outputs[b].total_cmp(&outputs[a]));
    classes
}
