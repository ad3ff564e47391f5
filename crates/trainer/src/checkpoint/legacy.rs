//! Files of versions 1 and 2 as entries of version 3. docs/checkpoint-format-2.md describes them.

use super::entries::MOMENTS;
use super::history::EvaluationValue;
use super::networks::Layers;
use super::state::{DataIdentity, Progress};
use crate::registry::Registry;
use minibatch_checkpoint::{Entries, Entry, FormatError, NOT_COMPARED, OPTIONAL, Part, decode};
use serde::Deserialize;
use std::borrow::Cow;

/// The section `SETT`.
#[derive(Deserialize)]
pub(super) struct OldSettings {
    sizes: Vec<u64>,
    activations: Vec<String>,
    cost: String,
    origin: Option<(String, u64)>,
    optimizer: OldOptimizer,
    batch_size: u64,
    epochs: u64,
    seed: u64,
    class: Class,
    data: DataIdentity,
}

#[derive(Deserialize)]
enum OldOptimizer {
    Sgd { learning_rate: f64 },
    Named { learning_rate: f64, name: String },
}

#[derive(Deserialize)]
enum Class {
    Fused,
    Matrixmultiply,
}

impl OldSettings {
    fn optimizer(&self) -> (f64, &str) {
        match &self.optimizer {
            OldOptimizer::Sgd { learning_rate } => (*learning_rate, "sgd"),
            OldOptimizer::Named { learning_rate, name } => (*learning_rate, name),
        }
    }

    /// The entries that say the same.
    pub(super) fn entries(&self) -> Result<Vec<Entry<'static>>, FormatError> {
        let OldSettings { sizes, activations, .. } = self;
        if sizes.len() != activations.len() + 1 {
            let cause = format!("{} layer sizes for {} activations", sizes.len(), activations.len());
            return Err(FormatError::value("SETT", cause));
        }
        let layers = sizes[1..].iter().copied().zip(activations.iter().cloned());
        let layers: Layers = (sizes[0], layers.collect());
        let (learning_rate, optimizer) = self.optimizer();
        let arithmetic = match self.class {
            Class::Fused => "fused",
            Class::Matrixmultiply => "matrixmultiply",
        };
        let origin = self.origin.as_ref().map(|origin| Entry::of_value("network/main/origin", 0, origin));
        let others = [
            Entry::of_value("network/main/layers", 0, &layers),
            Entry::of_value("network/main/cost", 0, &self.cost),
            Entry::of_value("run/optimizer", 0, &optimizer),
            Entry::of_value("run/learning-rate", 0, &learning_rate),
            Entry::of_value("run/batch-size", 0, &self.batch_size),
            Entry::of_value("run/epochs", 0, &self.epochs),
            Entry::of_value("run/seed", 0, &self.seed),
            Entry::of_value("run/arithmetic", 0, &arithmetic),
            Entry::of_value("run/data", 0, &self.data),
        ];
        others.into_iter().chain(origin).collect()
    }
}

/// The entries of a file of any version, as version 3 has them.
pub(super) fn decode_any<'a>(bytes: &'a [u8], registry: &Registry) -> Result<Entries<'a>, FormatError> {
    let entries = decode(bytes)?;
    if entries.version() < 3 { convert(&entries, registry) } else { Ok(entries) }
}

fn convert<'a>(old: &Entries<'a>, registry: &Registry) -> Result<Entries<'a>, FormatError> {
    let settings: OldSettings = old.value("SETT")?;
    let mut entries = settings.entries()?;
    let renamed = |section: &str, name: &'static str, flags| {
        old.get(section).map(|old| Entry { name: name.into(), flags, payload: old.payload.clone() })
    };
    let parameters = renamed("PARM", "network/main/parameters", 0);
    entries.push(parameters.ok_or_else(|| FormatError::Missing { part: Part::entry("PARM") })?);
    entries.extend(renamed("STEP", "run/scalars", 0));
    entries.extend(renamed("TIME", "run/times", OPTIONAL | NOT_COMPARED));
    if let Some(Entry { payload, .. }) = old.get("OPTM") {
        // An unknown optimiser is told when the entries are read.
        let names = registry.optimizer(settings.optimizer().1).map_or(vec![], |found| found.moment_names());
        let size = payload.len().checked_div(names.len()).unwrap_or_default();
        if size * names.len() != payload.len() {
            let (part, found) = (Part::entry("OPTM"), payload.len() as u64);
            return Err(FormatError::NumberCount { part, expected: (size * names.len()) as u64, found });
        }
        for (i, moment) in names.iter().enumerate() {
            let payload = slice(payload, i * size, size);
            entries.push(Entry { name: format!("{MOMENTS}{}", moment.name).into(), flags: 0, payload });
        }
    }
    let (progress, tested_on): (Progress, Option<DataIdentity>) = old.value("PROG")?;
    entries.push(Entry::of_value("run/progress", 0, &progress)?);
    if let Some(data) = tested_on {
        entries.push(Entry::of_value("run/test-data", 0, &data)?);
    }
    let history: Vec<(f64, Option<EvaluationValue>)> = old.value("HIST")?;
    let (costs, tests): (Vec<_>, Vec<_>) = history.into_iter().unzip();
    entries.push(Entry::of_value("run/history/training", 0, &costs)?);
    if tests.iter().any(Option::is_some) {
        entries.push(Entry::of_value("run/history/test", 0, &tests)?);
    }
    Ok(Entries::new(entries))
}

fn slice<'a>(payload: &Cow<'a, [u8]>, start: usize, length: usize) -> Cow<'a, [u8]> {
    match payload {
        Cow::Borrowed(bytes) => bytes[start..start + length].into(),
        Cow::Owned(bytes) => bytes[start..start + length].to_vec().into(),
    }
}
