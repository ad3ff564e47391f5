//! The first weights and biases of a run: where they came from.

use minibatch::Origin;
use minibatch::checkpoint::Annotations;
use serde::Serialize;

/// The origin of a run's first weights and biases.
#[derive(Debug, Serialize)]
pub(crate) struct InitialValues {
    /// Null if they weren't drawn.
    initializer: Option<&'static str>,
    /// The output layer started at 0.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    zero_output_layer: bool,
    /// The checkpoint whose network they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl InitialValues {
    pub(crate) fn new(origin: Option<Origin>, annotations: &Annotations) -> InitialValues {
        InitialValues {
            initializer: origin.map(|origin| origin.initializer.name()),
            zero_output_layer: origin.is_some_and(|origin| origin.zero_output_layer),
            source: annotations.source.clone(),
        }
    }

    /// The origin in words.
    pub(crate) fn words(&self) -> String {
        let drawn = match (self.initializer, &self.source) {
            (Some(name), _) => initializer(name),
            (None, Some(source)) => format!("the network of {source}"),
            (None, None) => "from elsewhere".to_owned(),
        };
        if self.zero_output_layer { format!("{drawn}; 0 in the output layer") } else { drawn }
    }
}

/// An initialiser in words. n_in and n_out are a layer's inputs and outputs.
fn initializer(name: &str) -> String {
    let drawn = match name {
        "standard-normal" => return "weights and biases from N(0, 1)".to_owned(),
        "fan-in-normal" => "weights from N(0, 1/n_in), biases from N(0, 1)",
        "glorot-normal" => "weights from N(0, 2/(n_in + n_out)), biases 0",
        "glorot-uniform" => "weights within ±√(6/(n_in + n_out)), biases 0",
        "glorot-sigmoid" => {
            "weights from N(0, 32/(n_in + n_out)), in the last layer N(0, 8/(n_in + n_out)), biases that centre"
        }
        "he-normal" => "weights from N(0, 2/n_in), biases 0",
        "he-uniform" => "weights within ±√(6/n_in), biases 0",
        "lecun-normal" => "weights from N(0, 1/n_in), biases 0",
        "lecun-uniform" => "weights within ±√(3/n_in), biases 0",
        "zeros" => "weights and biases 0",
        other => return other.to_owned(),
    };
    format!("{name}: {drawn}")
}
