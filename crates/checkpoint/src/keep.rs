//! The checkpoints that stay: the newest at the given path, older ones and the best beside it.

use crate::names::Names;
use std::num::NonZeroU16;
use std::path::PathBuf;

/// The checkpoints that stay.
///
/// The newest is always `run.ckpt` itself. The ones before it are `run.ckpt.1`, `run.ckpt.2` …, ascending with
/// age. The best is `run.best.ckpt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The number of newest checkpoints, `run.ckpt` included. Files that an earlier run kept beyond this number stay.
    pub last: NonZeroU16,
    /// True if the best is kept as well.
    pub best: bool,
}

impl Default for Keep {
    /// The newest only.
    fn default() -> Self {
        Keep { last: NonZeroU16::MIN, best: false }
    }
}

impl Keep {
    /// `run.ckpt.1` …, newest first.
    pub(crate) fn older(self, names: &Names) -> Vec<PathBuf> {
        (1..self.last.get()).map(|age| names.with_suffix(&format!(".{age}"))).collect()
    }

    /// `run.best.ckpt`, if it is to be kept.
    pub(crate) fn best(self, names: &Names) -> Option<PathBuf> {
        self.best.then(|| names.best())
    }
}
