//! The examples that are answered worst: pictures, or rows with their inputs.

use super::{Judged, RunPage};
use crate::failure::Failure;
use crate::page::{Cell, Table, paragraph};
use crate::report::Labels;
use crate::text::{figure, percent};
use minibatch::data::preparation::{InputColumn, InputKind};
use minibatch::{Measures, Network, Row};

/// Examples that are shown.
const SHOWN: usize = 24;
/// Columns of inputs that are shown of a row.
const COLUMNS: usize = 8;

/// The heading and the section.
pub(super) fn html(page: &RunPage<'_>, labels: &Labels) -> Result<(&'static str, String), Failure> {
    let are_classes = page.network.preparation().map_or(true, |preparation| preparation.classes().is_some());
    let heading = if are_classes { "The most confident mistakes" } else { "The largest errors" };
    let judged = match &page.judged {
        Ok(judged) => judged,
        Err(why) => return Ok((heading, paragraph(why))),
    };
    match judged.measures {
        Measures::Classes(_) => Ok(("The most confident mistakes", mistakes(page.network, judged, labels)?)),
        _ => Ok(("The largest errors", errors(page.network, judged, labels)?)),
    }
}

fn mistakes(network: &Network, judged: &Judged<'_>, labels: &Labels) -> Result<String, Failure> {
    let wrong = network.wrong_answers(judged.pool, judged.data, SHOWN)?;
    if wrong.is_empty() {
        return Ok(paragraph(&format!("No example of the {} is answered wrongly.", judged.set.words())));
    }
    let heads = ["example", "class", "answer", "confidence"].map(str::to_owned);
    let title = format!("Wrong answers on the {}, the most confident first", judged.set.words());
    let mut table = Table::new(title, heads.into_iter().chain(input_names(network)));
    for one in wrong {
        let confidence = Cell::new(percent(one.confidence));
        let cells = [Cell::new(labels.name(one.class)), Cell::new(labels.name(one.answer)), confidence];
        table.row(one.example.to_string(), cells.into_iter().chain(inputs(network, judged, one.example)));
    }
    Ok(table.html())
}

fn errors(network: &Network, judged: &Judged<'_>, labels: &Labels) -> Result<String, Failure> {
    let far = network.largest_errors(judged.pool, judged.data, SHOWN)?;
    let heads = ["example", "value", "target", "answer", "error"].map(str::to_owned);
    let title = format!("The largest errors on the {}", judged.set.words());
    let mut table = Table::new(title, heads.into_iter().chain(input_names(network)));
    for one in far {
        let numbers = [one.target, one.answer, one.answer - one.target].map(|x| Cell::new(figure(x)));
        let cells = std::iter::once(Cell::new(labels.name(one.output))).chain(numbers);
        table.row(one.example.to_string(), cells.chain(inputs(network, judged, one.example)));
    }
    Ok(table.html())
}

/// The columns of a table that are shown of a row.
fn columns(network: &Network) -> &[InputColumn] {
    let all = network.preparation().map_or(&[][..], |preparation| preparation.columns());
    &all[..all.len().min(COLUMNS)]
}

fn input_names(network: &Network) -> Vec<String> {
    columns(network).iter().map(|column| column.name.clone()).collect()
}

/// The cells of a table's row, made of the network's inputs.
fn inputs(network: &Network, judged: &Judged<'_>, example: usize) -> Vec<Cell> {
    let Row::Floats(row) = judged.data.input(example) else { return Vec::new() };
    let mut rest = row;
    let mut cells = Vec::new();
    for column in columns(network) {
        let (own, others) = rest.split_at(column.kind.inputs().min(rest.len()));
        cells.push(Cell::new(cell(&column.kind, own)));
        rest = others;
    }
    cells
}

/// A cell's text, made of the inputs that it became.
fn cell(kind: &InputKind, inputs: &[f32]) -> String {
    match (kind, inputs) {
        (InputKind::Numbers { .. }, [_, missing]) if *missing > 0.5 => "–".to_owned(),
        (InputKind::Numbers { scaler, .. }, [x, ..]) => {
            let x = f64::from(*x);
            let x = if scaler.draws_in { x / (1.0 - (x / 3.0) * (x / 3.0)).max(1e-12).sqrt() } else { x };
            if scaler.factor == 0.0 {
                figure(scaler.offset)
            } else {
                figure(x / scaler.factor + scaler.offset)
            }
        }
        (InputKind::Categories { categories, .. }, [x]) if *x != 0.0 => {
            categories.get(usize::from(*x > 0.0)).cloned().unwrap_or_default()
        }
        (InputKind::Categories { categories, .. }, inputs) => {
            let place = inputs.iter().position(|&x| x == 1.0);
            place.and_then(|place| categories.get(place)).cloned().unwrap_or_else(|| "–".to_owned())
        }
        _ => "–".to_owned(),
    }
}
