//! Networks that are exported together.

use crate::error::Error;
use minibatch::Network;

/// Checks that networks can be written: that there is one, that all answer the same question, and that their numbers are finite.
pub(crate) fn check(networks: &[(&str, &Network)]) -> Result<(), Error> {
    let Some(((first_name, first), others)) = networks.split_first() else {
        return Err(Error::content("the networks", "at least one", "none", ""));
    };
    for (name, network) in others {
        let place = || format!("network '{name}'");
        let differs = |what: &str| {
            Error::content(
                place(),
                format!("the {what} of '{first_name}', as a member of one committee"),
                "others",
                "",
            )
        };
        let sizes = |network: &Network| (network.inputs(), network.outputs());
        if sizes(network) != sizes(first) {
            return Err(differs("inputs and outputs"));
        }
        if network.class_names() != first.class_names() {
            return Err(differs("classes"));
        }
        if network.preparation() != first.preparation() {
            return Err(differs("preparation"));
        }
    }
    for (name, network) in networks {
        for (l, layer) in (1..).zip(network.layers()) {
            let place = |what: &str| match networks.len() {
                1 => format!("layer {l}: {what}"),
                _ => format!("network '{name}', layer {l}: {what}"),
            };
            let weights = layer.weights();
            let wrong = (0..weights.rows())
                .flat_map(|j| weights.row(j))
                .chain(layer.biases())
                .find(|x| !x.is_finite());
            if let Some(wrong) = wrong {
                return Err(Error::content(
                    place("weights and biases"),
                    "finite numbers",
                    wrong,
                    "nothing can be predicted with it",
                ));
            }
        }
    }
    Ok(())
}

/// The beginning of the names of a network's tensors: nothing if it is alone.
pub(crate) fn prefix(networks: usize, name: &str) -> String {
    if networks == 1 { String::new() } else { format!("{name}.") }
}
