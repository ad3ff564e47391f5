//! The description of a file's networks, as JSON: all but their numbers.

use crate::error::Error;
use crate::options::Options;
use minibatch::data::{InputProfile, Preparation};
use minibatch::{Activation, Cost, Network};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The version of the schema.
const VERSION: u32 = 1;

/// The most characters of a network's name.
const MOST_NAME: usize = 64;

/// The description of a file. `docs/exchange.md` has the schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Description {
    version: u32,
    /// The program that wrote it.
    producer: String,
    pub(crate) networks: Vec<Described>,
}

/// The description of a network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) name: String,
    /// n_0, n_1, …, n_L.
    pub(crate) sizes: Vec<usize>,
    /// σ_1, …, σ_L, by their labels.
    pub(crate) activations: Vec<String>,
    /// The cost's label.
    pub(crate) cost: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class_names: Option<Vec<String>>,
    /// How the rows of a table become inputs and targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preparation: Option<Preparation>,
    /// The inputs of the training set in a few figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<InputProfile>,
    /// The weights of each layer, a row for each output. In the format JSON alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) weights: Vec<Vec<Vec<f32>>>,
    /// The biases of each layer. In the format JSON alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) biases: Vec<Vec<f32>>,
}

impl Description {
    /// The description of networks, without their numbers.
    pub(crate) fn of(networks: &[(&str, &Network)]) -> Description {
        let described = |(name, network): &(&str, &Network)| Described {
            name: (*name).to_owned(),
            sizes: network.sizes(),
            activations: network.layers().iter().map(|layer| layer.activation().label()).collect(),
            cost: network.cost().label(),
            class_names: network
                .class_names()
                .filter(|_| network.preparation().is_none())
                .map(<[String]>::to_vec),
            preparation: network.preparation().cloned(),
            inputs: network.profile().cloned(),
            weights: Vec::new(),
            biases: Vec::new(),
        };
        Description {
            version: VERSION,
            producer: concat!("minibatch ", env!("CARGO_PKG_VERSION")).to_owned(),
            networks: networks.iter().map(described).collect(),
        }
    }

    /// The description as JSON.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::content("the description", "JSON", error, ""))
    }

    /// Reads and checks a description. Errors call it `place`.
    pub(crate) fn parse(place: &str, json: &[u8]) -> Result<Description, Error> {
        const EXPECTED: &str = "a description of networks as docs/exchange.md has it";
        let description: Description =
            serde_json::from_slice(json).map_err(|error| Error::content(place, EXPECTED, error, ""))?;
        if description.version != VERSION {
            let (expected, found) = (format!("version {VERSION}"), description.version);
            return Err(Error::content(place, expected, found, "use a newer Minibatch"));
        }
        let mut names: Vec<&str> = description.networks.iter().map(|network| &*network.name).collect();
        names.sort_unstable();
        if names.is_empty() || names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::content(place, "networks, each with a name of its own", "others", ""));
        }
        for Described { name, sizes, activations, .. } in &description.networks {
            // As a checkpoint has them.
            let is_fit = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
            if name.is_empty() || name.len() > MOST_NAME || !name.bytes().all(is_fit) {
                let expected = format!("names of a–z, 0–9 and -, at most {MOST_NAME} characters");
                return Err(Error::content(place, expected, format!("'{name}'"), ""));
            }
            if sizes.len() < 2 || activations.len() + 1 != sizes.len() {
                let expected = "an activation for each layer after the inputs";
                let found = format!("{} sizes and {} activations", sizes.len(), activations.len());
                return Err(Error::content(format!("{place}: network '{name}'"), expected, found, ""));
            }
        }
        Ok(description)
    }
}

impl Described {
    /// The activations of the layers.
    pub(crate) fn activations(&self, options: &Options) -> Result<Vec<Arc<dyn Activation>>, Error> {
        let count = self.activations.len();
        let activation = |(l, label): (usize, &String)| {
            let found = options.registry.activation(label).ok_or_else(|| {
                Error::content(format!("layer {l}"), "an activation of the library", format!("'{label}'"), "")
            })?;
            options.agreed(l, l == count, found)
        };
        (1..).zip(&self.activations).map(activation).collect()
    }

    /// The cost that is told, or else the one that the description names.
    pub(crate) fn cost(&self, options: &Options) -> Result<Arc<dyn Cost>, Error> {
        options.cost.clone().or_else(|| options.registry.cost(&self.cost)).ok_or_else(|| {
            Error::content(
                format!("network '{}'", self.name),
                "a cost of the library",
                format!("'{}'", self.cost),
                "",
            )
        })
    }

    /// Gives `network` what is known of its inputs and outputs.
    pub(crate) fn complete(&self, network: &mut Network) -> Result<(), Error> {
        if let Some(preparation) = &self.preparation {
            if let Some(defect) = preparation.defect(network.inputs(), network.outputs()) {
                let place = format!("network '{}': preparation", self.name);
                return Err(Error::content(place, "one that fits the network", defect, ""));
            }
            network.set_preparation(preparation.clone())?;
        }
        if let Some(names) = &self.class_names {
            network.set_class_names(names.clone())?;
        }
        if let Some(profile) = &self.inputs {
            network.set_profile(profile.clone())?;
        }
        Ok(())
    }
}
