//! The examples that a network answers worst: pictures in a grid, or rows of a table.

use crate::draw::{Grid, Raster, Terminal, Tile, color};
use crate::report::Labels;
use crate::show::{range, values};
use crate::text::{figure, grouped, percent};
use minibatch::activation::Range;
use minibatch::{Dataset, LargeError, Network, Pool, WrongAnswer};
use minibatch_data::Row;
use serde::Serialize;

/// The examples of a dataset that a network answers worst.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Worst {
    /// For targets that are classes.
    Classes(Vec<WrongAnswer>),
    /// For targets that are values or labels.
    Values(Vec<LargeError>),
}

impl Worst {
    /// The worst answers of `network` on `data`, at most so many.
    pub(crate) fn find(
        network: &Network,
        pool: &Pool,
        data: &Dataset,
        most: usize,
    ) -> Result<Worst, minibatch::Error> {
        match data.classes() {
            Some(_) => network.wrong_answers(pool, data, most).map(Worst::Classes),
            None => network.largest_errors(pool, data, most).map(Worst::Values),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.examples().is_empty()
    }

    fn examples(&self) -> Vec<usize> {
        match self {
            Worst::Classes(wrong) => wrong.iter().map(|it| it.example).collect(),
            Worst::Values(far) => far.iter().map(|it| it.example).collect(),
        }
    }

    /// The answers in words, each in two parts: `5, answered 3` and `99.81%`.
    pub(crate) fn words(&self, network: &Network, labels: &Labels) -> Vec<[String; 2]> {
        let range = network.layers().last().map(|layer| layer.activation().range());
        let are_probabilities = range >= Some(Range::Unit);
        let confidence = |x: f64| if are_probabilities { percent(x) } else { figure(x) };
        match self {
            Worst::Classes(wrong) => {
                let words = |it: &WrongAnswer| {
                    let [class, answer] = [it.class, it.answer].map(|class| labels.name(class));
                    [format!("{class}, answered {answer}"), confidence(it.confidence)]
                };
                wrong.iter().map(words).collect()
            }
            Worst::Values(far) => {
                let several = network.outputs() > 1;
                let words = |it: &LargeError| {
                    let name = if several { format!("{} ", labels.name(it.output)) } else { String::new() };
                    [format!("{name}{}, answered {}", figure(it.target), figure(it.answer)), String::new()]
                };
                far.iter().map(words).collect()
            }
        }
    }

    /// The examples as pictures with their answers. `None` if they are no pictures, or if there are none.
    pub(crate) fn grid(&self, network: &Network, data: &Dataset, labels: &Labels) -> Option<Grid> {
        let examples = self.examples();
        let all: Vec<Vec<f32>> = examples.iter().map(|&example| values(data.input(example))).collect();
        let range = range(data.input(0), &all);
        let tile = |((values, words), example): ((&Vec<f32>, [String; 2]), &usize)| {
            let picture = Raster::of_values(values, data.example_shape(), range)?;
            let [answer, confidence] = words;
            let place = format!("#{example}");
            let second = if confidence.is_empty() { place } else { format!("{confidence} {place}") };
            Some(Tile { picture, caption: vec![answer, second] })
        };
        let tiles: Vec<Tile> =
            all.iter().zip(self.words(network, labels)).zip(&examples).map(tile).collect::<Option<_>>()?;
        (!tiles.is_empty()).then(|| Grid { title: self.title(data), tiles, legend: None })
    }

    fn title(&self, data: &Dataset) -> String {
        let all = grouped(data.len());
        match self {
            Worst::Classes(wrong) => format!("the {} most confident mistakes of {all} examples", wrong.len()),
            Worst::Values(far) => format!("the {} largest errors on {all} examples", far.len()),
        }
    }

    /// The answers as text, with pictures or rows.
    pub(crate) fn text(
        &self,
        network: &Network,
        data: &Dataset,
        labels: &Labels,
        terminal: &Terminal,
    ) -> Vec<String> {
        let examples = self.examples();
        if examples.is_empty() {
            return vec!["no mistakes".to_owned()];
        }
        if let Some(grid) = self.grid(network, data, labels) {
            return grid.text(terminal);
        }
        let mut lines = vec![self.title(data)];
        for (example, [answer, confidence]) in examples.iter().zip(self.words(network, labels)) {
            let confidence = if confidence.is_empty() { confidence } else { format!("  {confidence}") };
            let answer = terminal.paint(&answer, color::WRONG);
            lines.push(format!("row {}: {answer}{confidence}", grouped(example + 1)));
            if let Some(cells) = cells(network, data, *example) {
                let cells = cells.into_iter().map(|[name, cell]| format!("{name} {cell}"));
                lines.push(format!("    {}", cells.collect::<Vec<_>>().join(", ")));
            }
        }
        lines
    }
}

/// The cells of the table's row that an example was made from, each with the name of its column. `None` if the network wasn't trained on
/// a table.
pub(crate) fn cells(network: &Network, data: &Dataset, example: usize) -> Option<Vec<[String; 2]>> {
    let preparation = network.preparation()?;
    let Row::Floats(inputs) = data.input(example) else { return None };
    let names = preparation.columns().iter().map(|column| column.name.clone());
    let cells = preparation.cells(inputs).into_iter().map(|cell| cell.unwrap_or_else(|| "–".to_owned()));
    Some(names.zip(cells).map(|(name, cell)| [name, cell]).collect())
}
