//! Settings that change in the course of a run.

use crate::schedule::Schedule;
use crate::settings::Settings;
use serde::Serialize;
use std::fmt;

/// The record of a setting that was changed in the course of a run.
///
/// In serde's formats it has the fields `step`, `setting` (`learning-rate` or `schedule`), `old` and `new`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The steps of the run before the change.
    pub step: u64,
    /// The setting, with its old and new value.
    #[serde(flatten)]
    pub setting: Changed,
}

/// A setting that was changed, with its old and new value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "setting", rename_all = "kebab-case")]
pub enum Changed {
    /// η.
    LearningRate {
        /// Before the change.
        old: f64,
        /// From the change on.
        new: f64,
    },
    /// The schedule of η.
    Schedule {
        /// Before the change.
        old: Planned,
        /// From the change on.
        new: Planned,
    },
}

/// A schedule, and the steps that it is planned for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// The schedule.
    pub schedule: Schedule,
    /// T, the planned steps of the whole run. `None` if the schedule is constant.
    pub total: Option<u64>,
}

impl Planned {
    /// `schedule`, planned for `total` steps unless it is constant.
    pub(crate) fn new(schedule: Schedule, total: u64) -> Planned {
        let total = (!schedule.is_constant()).then_some(total);
        Planned { schedule, total }
    }
}

impl Changed {
    /// Gives the setting its old value.
    pub(crate) fn undo(&self, settings: &mut Settings) {
        match self {
            Changed::LearningRate { old, .. } => settings.learning_rate = *old,
            Changed::Schedule { old, .. } => settings.schedule = old.schedule.clone(),
        }
    }

    /// Gives the setting its new value.
    pub(crate) fn apply(&self, settings: &mut Settings) {
        match self {
            Changed::LearningRate { new, .. } => settings.learning_rate = *new,
            Changed::Schedule { new, .. } => settings.schedule = new.schedule.clone(),
        }
    }
}

/// Writes the change in words: `learning rate 3 → 1`.
impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Changed::LearningRate { old, new } => write!(f, "learning rate {old} → {new}"),
            Changed::Schedule { old, new } => write!(f, "schedule {old} → {new}"),
        }
    }
}

/// Writes the schedule with its planned steps: `cosine(0.0) over 1200 steps`.
impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total {
            None => self.schedule.fmt(f),
            Some(total) => write!(f, "{} over {total} steps", self.schedule),
        }
    }
}
