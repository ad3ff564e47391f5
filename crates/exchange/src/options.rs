//! The options of an importer, and its outcome.

use crate::error::Error;
use minibatch::{Activation, Cost, Network, Registry};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The order of a matrix of weights in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// A row for each output, as PyTorch has it.
    OutIn,
    /// A row for each input, as Keras and scikit-learn have it.
    InOut,
}

/// The options of an importer, for all that a file doesn't say itself. A file that says otherwise is refused.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// n_0, n_1, …, n_L. A file of another network is refused.
    pub layers: Option<Vec<usize>>,
    /// The activation of the hidden layers.
    pub activation: Option<Arc<dyn Activation>>,
    /// The activation of the output layer.
    pub output_activation: Option<Arc<dyn Activation>>,
    /// The cost, in place of the file's. If neither this nor the file says one, it is the one whose output error is A − Y, or else the quadratic cost.
    pub cost: Option<Arc<dyn Cost>>,
    /// The order of the weights. The shapes tell it, unless all layers are square.
    pub orientation: Option<Orientation>,
    /// The activations and costs that a file may name.
    pub registry: Registry,
}

impl Options {
    /// The cost for a network with this output activation, where no file says one, and whether it was told.
    pub(crate) fn cost_after(&self, output: &dyn Activation) -> (Arc<dyn Cost>, bool) {
        if let Some(cost) = &self.cost {
            return (Arc::clone(cost), true);
        }
        let matching = minibatch::cost::built_in().into_iter().find(|cost| cost.matches(output));
        (matching.unwrap_or_else(|| Arc::new(minibatch::cost::Quadratic)), false)
    }

    /// The activation of layer `l`, counted from 1, for which the file says `found`. What is told must be the same; but
    /// a classifier is often saved without its softmax, so outputs without activation get the one that is told.
    pub(crate) fn agreed(
        &self,
        l: usize,
        is_last: bool,
        found: Arc<dyn Activation>,
    ) -> Result<Arc<dyn Activation>, Error> {
        let (told, option) = match is_last {
            true => (&self.output_activation, "--output-activation"),
            false => (&self.activation, "--activation"),
        };
        match told {
            Some(told) if told.label() == found.label() => Ok(found),
            Some(told) if is_last && found.name() == "identity" => Ok(Arc::clone(told)),
            Some(told) => {
                let expected = format!("{}, as {option} says", told.label());
                Err(Error::content(format!("layer {l}"), expected, found.label(), ""))
            }
            None => Ok(found),
        }
    }
}

/// The content of a file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The networks by their names. A single one is called `main`, unless the file has a name for it.
    pub networks: BTreeMap<String, Network>,
    /// The assumptions that were made, and the parts that were left out, a sentence each.
    pub notes: Vec<String>,
}

impl Imported {
    /// A single network.
    pub(crate) fn one(network: Network, notes: Vec<String>) -> Imported {
        Imported { networks: BTreeMap::from([(MAIN.to_owned(), network)]), notes }
    }
}

/// The name of a network that is alone.
pub(crate) const MAIN: &str = "main";
