//! The names of a network's outputs: of its classes, or of the columns that it learned.

use minibatch::Network;
use serde::Serialize;

/// The names of a network's outputs. Where the data have none they are numbers from 0.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Labels(Vec<String>);

impl Labels {
    /// The names that the data gave.
    pub(crate) fn of(network: &Network) -> Labels {
        let of_values = || {
            let names = network.preparation()?.target_names();
            Some(names.into_iter().map(str::to_owned).collect())
        };
        let names = network.class_names().map(<[String]>::to_vec);
        Labels(names.or_else(of_values).unwrap_or_default())
    }

    /// Whether the data gave no names.
    pub(crate) fn are_numbers(&self) -> bool {
        self.0.is_empty()
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
