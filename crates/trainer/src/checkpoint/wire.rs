//! The structures as they stand in the sections of a file.
//!
//! A change of any structure here, or of the order of its fields, is a new format version (docs/checkpoint-format.md).

use super::state::{DataIdentity, Progress};
use serde::{Deserialize, Serialize};

/// The `SETT` section. It decides all bits of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SettingsSection {
    /// n_0, …, n_L
    pub(super) sizes: Vec<u64>,
    /// σ_1, …, σ_L by name
    pub(super) activations: Vec<String>,
    pub(super) cost: String,
    pub(super) origin: Option<OriginSection>,
    pub(super) optimizer: OptimizerSection,
    pub(super) batch_size: u64,
    pub(super) epochs: u64,
    pub(super) seed: u64,
    pub(super) class: ClassSection,
    pub(super) data: DataIdentity,
}

/// The origin of the first weights and biases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OriginSection {
    pub(super) initializer: String,
    pub(super) seed: u64,
}

/// The optimiser and its learning rate η.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum OptimizerSection {
    /// Plain gradient descent.
    Sgd { learning_rate: f64 },
    /// Another optimiser, by its name with its parameters.
    Named { learning_rate: f64, name: String },
}

/// The arithmetic class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum ClassSection {
    Fused,
    Matrixmultiply,
}

/// The `STEP` section. Only optimisers with moments have one.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StepsSection {
    pub(super) steps: u64,
    /// β₁ᵗ and β₂ᵗ; empty for an optimiser that has no β.
    pub(super) powers: Vec<f64>,
}

/// The `PROG` section: the place at which the run stands.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ProgressSection {
    pub(super) progress: Progress,
    /// The data of the last evaluation in the history.
    pub(super) tested_on: Option<DataIdentity>,
}

/// One record of the `HIST` section.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct EpochSection {
    pub(super) cost: f64,
    pub(super) test: Option<EvaluationSection>,
}

/// The result of an evaluation.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct EvaluationSection {
    pub(super) cost: f64,
    pub(super) examples: u64,
    pub(super) score: ScoreSection,
}

/// The score of an evaluation.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum ScoreSection {
    Classes { correct: u64 },
    Values { rmse: f64, mae: f64, r_squared: f64 },
}

/// The `TIME` section.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct TimeSection {
    /// Version of the program that wrote the file.
    pub(super) version: String,
    /// Seconds of training in each finished epoch.
    pub(super) seconds: Vec<f64>,
    /// Seconds of training in the current epoch.
    pub(super) elapsed: f64,
}
