//! The network and the settings of a run, as names and values.

use super::{InitialValues, cost, optimizer, sizes, techniques};
use crate::text::grouped;
use minibatch::Checkpoint;

/// The network and the settings of a recorded run, in words. Settings that a run may do without stand there only where they are used.
pub(crate) fn settings(checkpoint: &Checkpoint) -> Vec<(&'static str, String)> {
    let Checkpoint { network, origin, settings, class, data, annotations, .. } = checkpoint;
    let activations: Vec<String> = network.layers().iter().map(|layer| layer.activation().label()).collect();
    let mut rows = vec![
        ("network", format!("{}, {} parameters", sizes(&network.sizes()), grouped(network.parameters()))),
        ("activations", activations.join(", ")),
        ("cost", cost(&network.cost().label())),
        ("optimiser", optimizer(&settings.optimizer.to_string())),
        ("learning rate η", settings.learning_rate.to_string()),
        ("minibatch size B", settings.batch_size.to_string()),
        ("epochs", settings.epochs.to_string()),
        ("initial values", InitialValues::new(*origin, annotations).words()),
        ("seed", settings.seed.to_string()),
        ("arithmetic", class.name().to_owned()),
        (
            "training data",
            format!("{} examples, fingerprint {:016x}", grouped(data.examples as usize), data.fingerprint),
        ),
    ];
    if let Some(recipe) = &annotations.recipe {
        rows.push(("recipe", recipe.clone()));
    }
    rows.extend(techniques(settings));
    rows
}
