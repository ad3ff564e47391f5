//! The names of a network's outputs: of its classes, or of the columns that it learned.

use minibatch_data::Preparation;
use serde::Serialize;

/// The names of a network's outputs. Without a table they are numbers from 0.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Labels(Vec<String>);

impl Labels {
    /// The names that the table gave, if the network was trained on one.
    pub(crate) fn of(preparation: Option<&Preparation>) -> Labels {
        let names = preparation.map(|preparation| match preparation.classes() {
            Some(classes) => classes.to_vec(),
            None => preparation.target_names().into_iter().map(str::to_owned).collect(),
        });
        Labels(names.unwrap_or_default())
    }

    /// The name of the output with this index.
    pub(crate) fn name(&self, output: usize) -> String {
        self.0.get(output).cloned().unwrap_or_else(|| output.to_string())
    }

    /// The width of a column of names, at least `least`.
    pub(crate) fn width(&self, least: usize) -> usize {
        self.0.iter().map(|name| name.chars().count()).fold(least, usize::max).min(24)
    }
}
