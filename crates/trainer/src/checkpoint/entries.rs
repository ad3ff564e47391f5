//! The entries that a file may have, and those that are about to be written.

use super::settings::SETTINGS;
use crate::network::Network;
use crate::optimizer::OptimizerState;
use minibatch_checkpoint::{CARRIED, Entry, FormatError, NOT_COMPARED, OPTIONAL, encode_into, is_segment};
use minibatch_kernels::Panels;
use serde::Serialize;
use std::borrow::Cow;

/// The name of a run's network.
pub(super) const MAIN: &str = "main";
/// The name of the network with a run's averaged weights.
pub(super) const AVERAGE: &str = "average";
/// The weights that have gone into the average.
pub(super) const AVERAGED: &str = "run/average/state";
/// The name of a run's network with the weights after its best epoch.
pub(super) const BEST: &str = "best";
/// The steps of the whole run, as they were planned when it began.
pub(super) const TOTAL: &str = "run/schedule/total";
/// The state of a schedule that looks at results.
pub(super) const COURSE: &str = "run/schedule/state";
/// The examples of the current epoch that were classified correctly.
pub(super) const CORRECT: &str = "run/progress/correct";
/// The run's configuration as text.
pub(super) const CONFIGURATION: &str = "run/configuration";
/// The recipe that chose what was left unsaid.
pub(super) const RECIPE: &str = "run/recipe";
/// The place that the run's network came from.
pub(super) const SOURCE: &str = "run/source";
/// The settings that were changed in the course of the run.
pub(super) const CHANGES: &str = "run/history/changes";
/// The names of moments begin with it.
pub(super) const MOMENTS: &str = "run/moments/";
/// The factors of the inputs, where they are learned.
pub(super) const FACTORS: &str = "run/input-scaling/factors";
/// The first layer's weights without these factors.
pub(super) const UNSCALED: &str = "run/input-scaling/weights";
/// The names of the factors' moments begin with it.
pub(super) const FACTOR_MOMENTS: &str = "run/input-scaling/moments/";

/// The entries of each network after `network/NAME/`, with their flags.
const OF_NETWORK: [(&str, u32); 8] = [
    ("class-names", OPTIONAL | CARRIED),
    ("layers", 0),
    ("cost", 0),
    ("inputs/kind", OPTIONAL | NOT_COMPARED),
    ("inputs/table", 0),
    ("origin", 0),
    ("parameters", 0),
    ("zero-output-layer", 0),
];

/// The entries of a run besides its settings and moments, with their flags.
const OF_RUN: [(&str, u32); 22] = [
    (AVERAGED, 0),
    (FACTORS, 0),
    (UNSCALED, 0),
    ("run/arithmetic", 0),
    (CONFIGURATION, OPTIONAL | NOT_COMPARED),
    (RECIPE, OPTIONAL | NOT_COMPARED),
    (SOURCE, OPTIONAL | NOT_COMPARED),
    (TOTAL, 0),
    (COURSE, 0),
    ("run/data", 0),
    (CHANGES, 0),
    ("run/history/learning-rate", OPTIONAL | NOT_COMPARED),
    ("run/history/test", 0),
    ("run/history/training", 0),
    ("run/history/training-score", OPTIONAL | NOT_COMPARED),
    ("run/history/validation", OPTIONAL),
    ("run/progress", 0),
    (CORRECT, OPTIONAL | NOT_COMPARED),
    ("run/scalars", 0),
    ("run/test-data", 0),
    ("run/times", OPTIONAL | NOT_COMPARED),
    ("run/validation-data", OPTIONAL),
];

/// The flags of an entry that this version knows.
pub(super) fn known(name: &str) -> Option<u32> {
    if let Some(rest) = name.strip_prefix("network/") {
        let (_, entry) = rest.split_once('/')?;
        return OF_NETWORK.iter().find(|(known, _)| *known == entry).map(|(_, flags)| *flags);
    }
    if let Some(moment) = name.strip_prefix(MOMENTS).or_else(|| name.strip_prefix(FACTOR_MOMENTS)) {
        return is_segment(moment).then_some(0);
    }
    let settings = SETTINGS.iter().map(|setting| (setting.name, setting.flags));
    settings.chain(OF_RUN).find(|(known, _)| *known == name).map(|(_, flags)| flags)
}

/// The flags of an entry that this version knows in the file of a run, whose networks are `main`, `average` and `best`.
pub(super) fn known_of_run(name: &str) -> Option<u32> {
    let network = name.strip_prefix("network/").and_then(|rest| rest.split('/').next());
    known(name).filter(|_| network.is_none_or(|network| [MAIN, AVERAGE, BEST].contains(&network)))
}

/// An entry of a network.
pub(super) fn of_network(network: &str, entry: &str) -> String {
    format!("network/{network}/{entry}")
}

/// Entries that are about to be written, in any order.
#[derive(Default)]
pub(super) struct Drafts<'a>(Vec<Draft<'a>>);

struct Draft<'a> {
    name: Cow<'a, str>,
    flags: u32,
    content: Content<'a>,
}

/// The content of an entry. Numbers aren't copied.
pub(super) enum Content<'a> {
    Bytes(Cow<'a, [u8]>),
    /// Weights and biases.
    Parameters(&'a Network),
    /// The moment with this index.
    Moment(&'a OptimizerState, usize),
    /// A number for each input.
    OfInputs(&'a [f32]),
    /// Weights input by input.
    Weights(&'a Panels),
}

impl<'a> Drafts<'a> {
    /// Adds an entry with its payload.
    pub(super) fn push(&mut self, Entry { name, flags, payload }: Entry<'a>) {
        self.0.push(Draft { name, flags, content: Content::Bytes(payload) });
    }

    /// Adds a known entry that holds a value.
    pub(super) fn put<T: Serialize>(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        value: &T,
    ) -> Result<(), FormatError> {
        let name = name.into();
        let flags = known(&name).unwrap_or_default();
        Entry::of_value(name, flags, value).map(|entry| self.push(entry))
    }

    /// Adds a known entry that holds numbers.
    pub(super) fn put_numbers(&mut self, name: String, content: Content<'a>) {
        self.0.push(Draft { name: name.into(), flags: 0, content });
    }

    /// Writes the file of these entries into `out`, for which `bytes` are enough.
    pub(super) fn encode_into(mut self, bytes: u64, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.clear();
        // Memory is reserved at once: a buffer that grows exists twice each time.
        let room = usize::try_from(bytes).is_ok_and(|bytes| out.try_reserve_exact(bytes).is_ok());
        if !room {
            return Err(FormatError::Memory { bytes });
        }
        self.0.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<_> = self.0.iter().map(|draft| (&*draft.name, draft.flags)).collect();
        encode_into(out, &names, |index, payload| match &self.0[index].content {
            Content::Bytes(bytes) => {
                payload.put_bytes(bytes);
                Ok(())
            }
            Content::Parameters(network) => payload.put_f32s(network.parameter_slices()),
            Content::Moment(state, index) => payload.put_f32s(state.slices(*index)),
            Content::OfInputs(values) => payload.put_f32s(std::iter::once(*values)),
            Content::Weights(weights) => {
                payload.put_f32s((0..weights.rows()).flat_map(|k| weights.row_slices(k)))
            }
        })
    }
}
