//! The recipe of a run, read from the front of its checkpoint before the rest.

use super::wire::{OptimizerSection, SettingsSection};
use crate::optimizer::Optimizer;
use minibatch_checkpoint::{Error, Front, Tag};
use std::path::Path;

/// The recipe that a checkpoint records, all that decides the bits of its run: layers, cost, optimiser, data, seed.
///
/// It stands at the front of the file, so it is known before there is memory for the rest.
#[derive(Debug)]
pub struct Recipe {
    settings: SettingsSection,
    /// Length of the file.
    bytes: u64,
}

impl Recipe {
    /// Reads the recipe in the checkpoint at `path`. The numbers behind it are not looked at.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or its header, its layout or its recipe is damaged.
    pub fn read(path: &Path) -> Result<Recipe, Error> {
        let mut front = Front::open(path)?;
        Ok(Recipe { settings: front.value(Tag::Settings)?, bytes: front.bytes() })
    }

    /// n_0, n_1, …, n_L, as the file has them.
    pub fn sizes(&self) -> &[u64] {
        &self.settings.sizes
    }

    /// Moments of each parameter that the optimiser remembers.
    pub fn moments(&self) -> usize {
        match &self.settings.optimizer {
            OptimizerSection::Sgd { .. } => 0,
            OptimizerSection::Named { name, .. } => name.parse().map_or(0, |one: Optimizer| one.moments()),
        }
    }

    /// Length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True if two checkpoints are of one run. Their numbers of epochs may differ, since a run may be extended.
    pub fn is_of_run(&self, other: &Recipe) -> bool {
        let epochs = other.settings.epochs;
        SettingsSection { epochs, ..self.settings.clone() } == other.settings
    }
}
