//! Networks in a file: the entries `network/NAME/…`.

use super::entries::{Content, Drafts, of_network};
use super::settings::{invalid, unknown};
use crate::network::{Initializer, Network, NetworkError, Origin};
use crate::registry::Registry;
use minibatch_checkpoint::{Entries, FormatError};
use minibatch_data::{InputProfile, Preparation};

/// Layers as they stand in a file: n_0, and for each layer n_l and its activation.
pub(super) type Layers = (u64, Vec<(u64, String)>);

/// Puts the entries of a network.
pub(super) fn put<'a>(
    drafts: &mut Drafts<'a>,
    name: &str,
    network: &'a Network,
    origin: Option<Origin>,
) -> Result<(), FormatError> {
    let layers = network.layers().iter().map(|layer| (layer.outputs() as u64, layer.activation().label()));
    let layers: Layers = (network.inputs() as u64, layers.collect());
    drafts.put(of_network(name, "layers"), &layers)?;
    drafts.put(of_network(name, "cost"), &network.cost().label())?;
    if let Some(Origin { initializer, seed, zero_output_layer }) = origin {
        drafts.put(of_network(name, "origin"), &(initializer.name(), seed))?;
        if zero_output_layer {
            drafts.put(of_network(name, "zero-output-layer"), &true)?;
        }
    }
    if let Some(preparation) = network.preparation() {
        drafts.put(of_network(name, "inputs/table"), preparation)?;
    }
    if let Some(names) = &network.class_names {
        drafts.put(of_network(name, "class-names"), &names.to_vec())?;
    }
    if let Some(profile) = network.profile() {
        drafts.put(of_network(name, "inputs/kind"), profile)?;
    }
    drafts.put_numbers(of_network(name, "parameters"), Content::Parameters(network));
    Ok(())
}

/// Reads the network of that name, and the origin of its first weights. The network itself has no origin. Nothing is allocated
/// before the file is known to hold exactly as many numbers as the layers need.
pub(super) fn read(
    entries: &Entries<'_>,
    name: &str,
    registry: &Registry,
) -> Result<(Network, Option<Origin>), FormatError> {
    let at = of_network(name, "layers");
    let (inputs, layers): Layers = entries.value(&at)?;
    let mut parameters = Some(0_u64);
    let mut rows = inputs;
    for &(outputs, _) in &layers {
        let more = rows.checked_add(1).and_then(|rows| rows.checked_mul(outputs));
        parameters = parameters.and_then(|sum| sum.checked_add(more?));
        rows = outputs;
    }
    let Some(parameters) = parameters else {
        return Err(invalid(&at, "the layers are too large"));
    };
    let numbers = of_network(name, "parameters");
    let mut from = entries.f32s(&numbers, parameters)?;
    let cost_at = of_network(name, "cost");
    let label: String = entries.value(&cost_at)?;
    let cost = registry.cost(&label).ok_or_else(|| invalid(&cost_at, unknown("cost", &label)))?;
    check_label(&cost_at, &label, &cost.label())?;
    // The parameters are proven to be in the file, so the sizes can be addressed.
    let mut builder = Network::builder(inputs as usize).cost_named(cost).initializer(Initializer::Zeros);
    for (outputs, label) in layers {
        let activation =
            registry.activation(&label).ok_or_else(|| invalid(&at, unknown("activation", &label)))?;
        check_label(&at, &label, &activation.label())?;
        builder = builder.layer_named(outputs as usize, activation);
    }
    let mut network = builder.build().map_err(|error| match error {
        NetworkError::Memory { bytes } => FormatError::Memory { bytes },
        error => invalid(&at, error.to_string()),
    })?;
    network.origin = None;
    for layer in &mut network.layers {
        layer.try_for_each_slice(|slice| from.read_into(slice))?;
    }
    from.finish()?;
    let at = of_network(name, "inputs/table");
    if let Some(preparation) = entries.optional::<Preparation>(&at)? {
        if let Some(defect) = preparation.defect(network.inputs(), network.outputs()) {
            return Err(invalid(&at, defect));
        }
        network.preparation = Some(preparation.into());
    }
    let at = of_network(name, "class-names");
    if let Some(names) = entries.optional::<Vec<String>>(&at)? {
        if names.len() != network.classes() {
            return Err(invalid(&at, format!("{} names of {} classes", names.len(), network.classes())));
        }
        network.class_names = Some(names.into());
    }
    let at = of_network(name, "inputs/kind");
    if let Some(profile) = entries.optional::<InputProfile>(&at)? {
        if let Some(defect) = profile.defect(network.inputs()) {
            return Err(invalid(&at, defect));
        }
        network.profile = Some(profile.into());
    }
    let at = of_network(name, "origin");
    let zero_at = of_network(name, "zero-output-layer");
    let zero: Option<bool> = entries.optional(&zero_at)?;
    let origin = |(initializer, seed): (String, u64)| match Initializer::by_name(&initializer) {
        Some(initializer) => Ok(Origin { initializer, seed, zero_output_layer: zero.is_some() }),
        None => Err(invalid(&at, format!("unknown initializer '{initializer}'"))),
    };
    let origin = entries.optional(&at)?.map(origin).transpose()?;
    if zero == Some(false) || (zero.is_some() && origin.is_none()) {
        return Err(invalid(&zero_at, "it isn't true, or there is no origin"));
    }
    Ok((network, origin))
}

/// Checks that a name is written in the one way that is allowed.
fn check_label(at: &str, name: &str, label: &str) -> Result<(), FormatError> {
    if name == label { Ok(()) } else { Err(invalid(at, format!("'{name}' isn't written so"))) }
}
