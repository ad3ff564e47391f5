//! The examples that are answered worst: pictures, or rows of a table.

use super::{Judged, RunPage};
use crate::draw::Grid;
use crate::failure::Failure;
use crate::mistakes::{Worst, cells};
use crate::page::{Cell, Table, paragraph, pictures};
use crate::report::Labels;
use crate::text::figure;
use minibatch::{LargeError, Network, WrongAnswer};
use minibatch_data::Preparation;

/// Examples that are shown.
const SHOWN: usize = 24;
/// Columns of a table that are shown of a row.
const COLUMNS: usize = 8;

/// The heading and the section.
pub(super) fn html(page: &RunPage<'_>, labels: &Labels) -> Result<(&'static str, String), Failure> {
    let judged = match &page.judged {
        Ok(judged) => judged,
        Err(why) => return Ok(("Mistakes", paragraph(why))),
    };
    let worst = Worst::find(page.network, judged.pool, judged.data, SHOWN)?;
    let (heading, what) = match worst {
        Worst::Classes(_) => ("Mistakes", "The most confident wrong answers"),
        Worst::Values(_) => ("Errors", "The largest errors"),
    };
    if worst.is_empty() {
        return Ok((
            heading,
            paragraph(&format!("No example of the {} is answered wrongly.", judged.set.words())),
        ));
    }
    let html = match worst.grid(page.network, judged.data, labels) {
        Some(grid) => {
            let title = format!("{what} on the {}, the worst first", judged.set.words());
            pictures(&Grid { title, ..grid })?
        }
        None => rows(&worst, what, page.network, judged, labels),
    };
    Ok((heading, html))
}

/// The rows, each with its answer and its first cells.
fn rows(worst: &Worst, what: &str, network: &Network, judged: &Judged<'_>, labels: &Labels) -> String {
    let several = network.outputs() > 1;
    let (heads, rows): (&[&str], Vec<(usize, Vec<String>)>) = match worst {
        Worst::Classes(wrong) => {
            let words = worst.words(network, labels).into_iter().map(|[_, confidence]| confidence);
            let row = |(it, confidence): (&WrongAnswer, String)| {
                (it.example, vec![labels.name(it.class), labels.name(it.answer), confidence])
            };
            (&["class", "answer", "confidence"], wrong.iter().zip(words).map(row).collect())
        }
        Worst::Values(far) => {
            let row = |it: &LargeError| {
                let name = several.then(|| labels.name(it.output));
                let numbers = [it.target, it.answer, it.answer - it.target].map(figure);
                (it.example, name.into_iter().chain(numbers).collect())
            };
            let heads: &[&str] = &["value", "target", "answer", "error"];
            (if several { heads } else { &heads[1..] }, far.iter().map(row).collect())
        }
    };
    let names = network.preparation().map_or(&[][..], Preparation::columns);
    let names = names.iter().take(COLUMNS).map(|column| column.name.clone());
    let heads = std::iter::once(&"row").chain(heads).map(|head| (*head).to_owned()).chain(names);
    let title = format!("{what} on the {}, the worst first", judged.set.words());
    let mut table = Table::new(title, heads);
    for (example, of_answer) in rows {
        let own = cells(network, judged.data, example).unwrap_or_default();
        let own = own.into_iter().take(COLUMNS).map(|[_, cell]| cell);
        table.row((example + 1).to_string(), of_answer.into_iter().chain(own).map(Cell::new));
    }
    table.html()
}
