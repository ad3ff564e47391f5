//! The page of a run: all that is known of it, as one file of HTML. docs/report.md describes it.
//!
//! [`RunPage`] is made by `train --report`, which has seen the run, and by `minibatch report`, which has its checkpoint and perhaps its
//! data. Each file of this folder writes a section or two:
//!
//! 1. [`headline`]: the result.
//! 2. [`curves`]: costs, scores and η by epoch, and the speed.
//! 3. [`layers`]: the state of the layers by epoch.
//! 4. [`scores`]: the confusion matrix, and tables of classes, labels or values.
//! 5. [`worst`]: the examples that are answered worst.

mod curves;
mod headline;
mod layers;
mod scores;
mod worst;

use crate::draw::{Grid, escaped};
use crate::failure::Failure;
use crate::page::{self, Section};
use crate::report::{Inspected, Labels, sizes};
use crate::weights;
use minibatch::{Dataset, Epoch, Evaluation, Measures, Network, Pool, Settings};

/// All that the page of a run tells.
pub(crate) struct RunPage<'a> {
    /// The place of the data, if it is known.
    pub(crate) data: Option<String>,
    /// The network that the run answers with.
    pub(crate) network: &'a Network,
    /// The settings, as names and values.
    pub(crate) rows: Vec<(String, String)>,
    pub(crate) settings: &'a Settings,
    /// Training examples of an epoch.
    pub(crate) examples: usize,
    pub(crate) history: &'a [Epoch],
    /// The end of the run, in sentences.
    pub(crate) ending: String,
    /// The number of the best epoch.
    pub(crate) best: Option<usize>,
    /// The epoch whose weights early stopping restored.
    pub(crate) restored: Option<usize>,
    /// The state of the layers after some epochs, or the sentence that says why it isn't known.
    pub(crate) layers: Result<&'a [Inspected], String>,
    /// The set that the network is judged on, or the sentence that says why there is none.
    pub(crate) judged: Result<Judged<'a>, String>,
    /// Signs that the run has learned badly, in sentences.
    pub(crate) notes: Vec<String>,
    /// Seconds of the process that trained.
    pub(crate) seconds: Option<f64>,
    pub(crate) again: Again,
}

/// A set that a network is judged on, with what is measured on it.
pub(crate) struct Judged<'a> {
    pub(crate) set: Set,
    pub(crate) data: &'a Dataset,
    pub(crate) pool: &'a Pool,
    pub(crate) evaluation: Evaluation,
    pub(crate) measures: &'a Measures,
}

/// A kind of set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    Test,
    Validation,
    /// Data that the user named afterwards.
    Named,
}

/// The way to repeat the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Again {
    /// The command, as a shell takes it.
    pub(crate) command: Option<String>,
    /// Remarks on it, in sentences.
    pub(crate) notes: Vec<String>,
}

impl Set {
    /// The word that names of figures begin with.
    fn word(self) -> &'static str {
        match self {
            Set::Test => "test",
            Set::Validation => "validation",
            Set::Named => "named",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Set::Test => "test set",
            Set::Validation => "validation set",
            Set::Named => "named data",
        }
    }
}

impl RunPage<'_> {
    /// The page.
    pub(crate) fn html(&self) -> Result<String, Failure> {
        let network = sizes(&self.network.sizes());
        let title = match &self.data {
            Some(data) => format!("{network} on {data}"),
            None => network,
        };
        let labels = Labels::of(self.network);
        let (scores_heading, scores_html) = scores::html(self, &labels);
        let (worst_heading, worst_html) = worst::html(self, &labels)?;
        let sections = [
            ("curves", "Learning curves", curves::html(self)),
            ("layers", "Inside the layers", layers::html(self)),
            ("scores", scores_heading, scores_html),
            ("worst", worst_heading, worst_html),
            ("weights", "First layer", self.weights()?),
            ("speed", "Speed", curves::speed(self)),
            ("settings", "Settings", self.settings()),
            ("again", "Repeat", self.again()),
        ];
        let sections = sections.map(|(id, heading, html)| Section { id, heading: heading.to_owned(), html });
        Ok(page::document(&title, &headline::html(self), &sections))
    }

    /// A picture of each of the first units, or one of all units and inputs.
    fn weights(&self) -> Result<String, Failure> {
        /// Units that are shown.
        const MOST: usize = 64;
        let grid = weights::grid(self.network, 1, MOST);
        let title = format!("W{}", grid.title.trim_start_matches('w'));
        Ok(page::pictures(&Grid { title, ..grid })?)
    }

    fn settings(&self) -> String {
        let rows = self.rows.iter().map(|(name, value)| (name.trim(), escaped(value)));
        page::facts("rows", rows)
    }

    fn again(&self) -> String {
        let hash = format!("{:016x}", self.network.weight_hash());
        let hash = page::facts("rows", [("weight hash", page::figure("weight-hash", &hash, &hash))]);
        let command = match &self.again.command {
            Some(command) => {
                let sentence = "This command trains the network again, to the same weight hash if the data, the version of minibatch and \
                                the kind of arithmetic are the same.";
                page::paragraph(sentence) + &page::code("The command", command)
            }
            None => String::new(),
        };
        let notes: String = self.again.notes.iter().map(|note| page::paragraph(note)).collect();
        format!("{hash}{command}{notes}")
    }

    /// The best evaluation that is known of the network without looking at data: the one after its epoch.
    fn recorded(&self) -> Option<(Set, Evaluation)> {
        let epoch = match self.restored {
            Some(number) => self.history.iter().find(|epoch| epoch.number == number),
            None => self.history.last(),
        }?;
        let test = epoch.test.map(|test| (Set::Test, test));
        test.or(epoch.validation.map(|validation| (Set::Validation, validation)))
    }

    /// Seconds within the steps of the whole history, and the samples of a second.
    fn training(&self) -> (f64, f64) {
        let seconds: f64 = self.history.iter().map(|epoch| epoch.seconds).sum();
        (seconds, (self.examples * self.history.len()) as f64 / seconds)
    }
}
