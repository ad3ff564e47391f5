//! The outline of a run, read from the front of its checkpoint before the rest.

use super::changes;
use super::entries::{CHANGES, MOMENTS};
use super::legacy;
use super::networks::Layers;
use super::settings::EPOCHS;
use minibatch_checkpoint::{Entry, Error, FormatError, Front, NOT_COMPARED, Record};
use std::path::Path;

/// The outline that a checkpoint records, all that decides the bits of its run: layers, cost, optimiser, data, seed.
///
/// It is known before there is memory for the rest of the file.
#[derive(Debug)]
pub struct Outline {
    sizes: Vec<u64>,
    moments: usize,
    networks: usize,
    /// The lines of the directory that decide the bits of the run.
    records: Vec<Record>,
    /// Length of the file.
    bytes: u64,
}

impl Outline {
    /// Reads the outline in the checkpoint at `path`. The numbers behind it are not looked at.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or its header, its layout or its outline is damaged.
    pub fn read(path: &Path) -> Result<Outline, Error> {
        let invalid = |source: FormatError| Error::Format { path: path.to_owned(), source };
        let mut front = Front::open(path)?;
        let bytes = front.bytes();
        let mut networks = 1;
        let (moments, layers, records) = if front.version() < 3 {
            let settings = front.value::<legacy::OldSettings>("SETT")?.entries().map_err(invalid)?;
            let layers = settings.iter().find(|entry| entry.name == LAYERS).map(Entry::value::<Layers>);
            let layers = layers.transpose().map_err(invalid)?.unwrap_or_default();
            let length = |tag| front.records().iter().find(|one| one.name == tag).map_or(0, |one| one.length);
            let moments = length("OPTM").checked_div(length("PARM")).unwrap_or_default();
            (moments, layers, settings.iter().map(Entry::record).collect())
        } else {
            let layers = front.value::<Layers>(LAYERS)?;
            let mut records = front.records().to_vec();
            let moments = records.iter().filter(|record| record.name.starts_with(MOMENTS)).count();
            networks = records.iter().filter(|record| record.name.ends_with("/parameters")).count();
            if records.iter().any(|record| record.name == CHANGES) {
                let changes = front.value::<changes::Value>(CHANGES)?;
                changes::undo(&changes, &mut records).map_err(invalid)?;
            }
            (moments, layers, records)
        };
        let (inputs, layers) = layers;
        let sizes = [inputs].into_iter().chain(layers.into_iter().map(|(outputs, _)| outputs)).collect();
        let records = records.into_iter().filter(decides).collect();
        Ok(Outline { sizes, moments, networks, records, bytes })
    }

    /// n_0, n_1, …, n_L, as the file has them.
    #[must_use]
    pub fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// Moments of each parameter that the optimiser remembers.
    #[must_use]
    pub fn moments(&self) -> usize {
        self.moments
    }

    /// Networks in the file: the run's own, and that after its best epoch, if it is kept.
    #[must_use]
    pub fn networks(&self) -> usize {
        self.networks
    }

    /// Length of the file in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True if two checkpoints are of one run. Their numbers of epochs may differ, since a run may be extended. So may settings that
    /// were changed in its course: those from before the first change are compared.
    #[must_use]
    pub fn is_of_run(&self, other: &Outline) -> bool {
        let bare = |record: &Record| (record.name.clone(), record.flags, record.length, record.checksum);
        let sorted = |records: &[Record]| {
            let mut bare: Vec<_> = records.iter().map(bare).collect();
            bare.sort();
            bare
        };
        sorted(&self.records) == sorted(&other.records)
    }
}

const LAYERS: &str = "network/main/layers";

/// A run changes some entries as it goes on: these, those whose names go on with a `/`, and whatever ends with `/state`.
const STATE: [&str; 8] = [
    EPOCHS,
    "run/history",
    "run/moments",
    "run/progress",
    "run/scalars",
    "run/test-data",
    "run/validation-data",
    "network/main/parameters",
];

/// True for an entry that decides the bits of a run: a compared one of the run or of its network that isn't its state.
fn decides(record: &Record) -> bool {
    let name = &*record.name;
    let is_state =
        |state: &&str| name.strip_prefix(*state).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_own = name.starts_with("run/") || name.starts_with("network/main/");
    let is_state = name.ends_with("/state") || STATE.iter().any(is_state);
    is_own && !is_state && record.flags & NOT_COMPARED == 0
}
