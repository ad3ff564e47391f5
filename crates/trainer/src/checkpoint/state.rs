//! The state of a training run, as a checkpoint holds it.

use crate::change::Change;
use crate::epoch::Epoch;
use crate::network::{Network, Origin};
use crate::optimizer::OptimizerState;
use crate::schedule::Course;
use crate::settings::Settings;
use minibatch_checkpoint::{Entry, FormatError};
use minibatch_data::{Dataset, Shuffle, ShuffleState};
use minibatch_kernels::ArithmeticClass;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The state of a training run: all that a resumed run needs to end with the bits of an uninterrupted one.
///
/// ```
/// use minibatch::{Checkpoint, Dataset, Isa, Network, Pool, Settings, Trainer};
///
/// let data = Dataset::from_classes(vec![0.0f32, 1.0, 1.0, 0.0], &[2], vec![0, 1])?;
/// let pool = Pool::new(Isa::detect(), 1)?;
/// let network = Network::builder(2).layer(3).layer(2).build()?;
/// let settings = Settings { batch_size: 2, ..Settings::default() };
/// let mut trainer = Trainer::new(&pool, &data, network, settings)?;
/// trainer.epoch()?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("run.ckpt");
/// trainer.save(&path)?;
///
/// let mut resumed = Trainer::resume(&pool, &data, Checkpoint::load(&path)?)?;
/// assert_eq!(resumed.epoch()?.cost, trainer.epoch()?.cost);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The network, with its weights and biases.
    pub network: Network,
    /// The origin of the first weights and biases, if it is known.
    pub origin: Option<Origin>,
    /// The settings of the run.
    pub settings: Settings,
    /// The optimiser's memory.
    pub optimizer: OptimizerState,
    /// The class of the arithmetic that made it.
    pub class: ArithmeticClass,
    /// The training data.
    pub data: DataIdentity,
    /// The data of the last evaluation in the history.
    pub tested_on: Option<DataIdentity>,
    /// The validation set of the history.
    pub validated_on: Option<DataIdentity>,
    /// The network after the best epoch so far, if the run keeps it.
    pub best: Option<Best>,
    /// The place in the current epoch at which the run stands.
    pub progress: Progress,
    /// Examples of the current epoch that were classified correctly, if it has begun and they are counted.
    pub correct: Option<usize>,
    /// How far it has come in its schedule.
    pub course: Course,
    /// The epochs so far.
    pub history: Vec<Epoch>,
    /// The settings that were changed in the course of the run.
    pub changes: Vec<Change>,
    /// Wall-clock time spent training in the current epoch.
    pub elapsed: Duration,
    /// Words about the run, which decide nothing.
    pub annotations: Annotations,
    /// Entries of the file that this version doesn't know, and that whoever goes on from it writes again.
    pub(crate) carried: Carried,
}

/// A network after its run's best epoch so far.
#[derive(Clone, Debug)]
pub struct Best {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The network.
    pub network: Network,
}

/// The epoch after which a run with this history has kept its best network, if it keeps one.
pub(crate) fn best_epoch(settings: &Settings, history: &[Epoch]) -> Option<usize> {
    let stopping = settings.early_stopping.filter(|stopping| stopping.restore_best)?;
    stopping.judge(history).map(|verdict| verdict.best)
}

/// Words about a run, which decide nothing. A checkpoint keeps them, and doesn't compare them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// The recipe that chose what was left unsaid.
    pub recipe: Option<String>,
    /// The configuration that the run was begun with, as text.
    pub configuration: Option<String>,
    /// The place that the run's network came from, if it was neither drawn nor set.
    pub source: Option<String>,
}

/// Entries that are carried over from file to file.
pub(crate) type Carried = Vec<Entry<'static>>;

/// The identity of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataIdentity {
    /// Number of examples.
    pub examples: u64,
    /// A hash of shape, inputs and targets ([`Dataset::fingerprint`]).
    pub fingerprint: u64,
}

impl DataIdentity {
    /// The identity of `data`. Reads all of it.
    #[must_use]
    pub fn of(data: &Dataset) -> DataIdentity {
        DataIdentity { examples: data.len() as u64, fingerprint: data.fingerprint() }
    }
}

impl fmt::Display for DataIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} examples, fingerprint {:016x}", self.examples, self.fingerprint)
    }
}

/// The place at which a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The generator when the current epoch began, and the epochs begun.
    pub shuffle: ShuffleState,
    /// Examples of the current epoch that have been trained on; 0 between epochs.
    pub position: u64,
    /// The summed cost of these examples.
    pub cost_sum: f64,
}

impl Progress {
    /// Checks that a run with these settings can stand there, after so many finished epochs.
    pub(crate) fn check(
        &self,
        settings: &Settings,
        examples: usize,
        epochs: usize,
    ) -> Result<(), FormatError> {
        let Progress { shuffle, position, cost_sum } = self;
        let impossible = |cause: String| Err(FormatError::value("run/progress", cause));
        if *position >= settings.epoch_examples(examples) as u64
            || !position.is_multiple_of(settings.batch_size as u64)
        {
            let (of, step) = (examples, settings.batch_size);
            return impossible(format!(
                "position {position} in an epoch of {of} examples in steps of {step}"
            ));
        }
        // Compares the bits, since the sum starts from +0.
        if !cost_sum.is_finite() || (*position == 0 && cost_sum.to_bits() != 0) {
            return impossible(format!("a summed cost of {cost_sum} at position {position}"));
        }
        if let Err(error) = Shuffle::new(1, 0).and_then(|mut one| one.restore(shuffle)) {
            return impossible(error.to_string());
        }
        let begun = epochs as u64 + u64::from(*position > 0);
        if shuffle.epoch() != begun {
            let found = shuffle.epoch();
            return impossible(format!("{found} epochs begun, but {begun} by history and position"));
        }
        Ok(())
    }
}

/// A run's state, borrowed. It is written without a copy of the network.
pub(crate) struct Snapshot<'a> {
    pub(crate) network: &'a Network,
    pub(crate) origin: Option<Origin>,
    pub(crate) settings: &'a Settings,
    pub(crate) optimizer: &'a OptimizerState,
    pub(crate) class: ArithmeticClass,
    pub(crate) data: DataIdentity,
    pub(crate) tested_on: Option<DataIdentity>,
    pub(crate) validated_on: Option<DataIdentity>,
    pub(crate) best: Option<&'a Best>,
    pub(crate) progress: Progress,
    pub(crate) correct: Option<usize>,
    pub(crate) course: &'a Course,
    pub(crate) history: &'a [Epoch],
    pub(crate) changes: &'a [Change],
    pub(crate) elapsed: Duration,
    pub(crate) annotations: &'a Annotations,
    pub(crate) carried: &'a [Entry<'static>],
}

/// The name of an arithmetic class in a file.
pub(super) fn arithmetic(class: ArithmeticClass) -> &'static str {
    match class {
        ArithmeticClass::Fused => "fused",
        ArithmeticClass::Matrixmultiply => "matrixmultiply",
    }
}

impl Checkpoint {
    /// The network that the run answers with: that after the best epoch where early stopping restores it, else the average of the
    /// weights where there is one, else the network as it was trained so far.
    #[must_use]
    pub fn result(&self) -> &Network {
        let best = self.best.as_ref().map(|best| &best.network);
        best.or_else(|| self.optimizer.average()).unwrap_or(&self.network)
    }

    /// The state, not copied.
    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            network: &self.network,
            origin: self.origin,
            settings: &self.settings,
            optimizer: &self.optimizer,
            class: self.class,
            data: self.data,
            tested_on: self.tested_on,
            validated_on: self.validated_on,
            best: self.best.as_ref(),
            progress: self.progress.clone(),
            correct: self.correct,
            course: &self.course,
            history: &self.history,
            changes: &self.changes,
            elapsed: self.elapsed,
            annotations: &self.annotations,
            carried: &self.carried,
        }
    }
}

impl Snapshot<'_> {
    /// The state, copied.
    pub(crate) fn to_checkpoint(&self) -> Checkpoint {
        Checkpoint {
            network: self.network.clone(),
            origin: self.origin,
            settings: self.settings.clone(),
            optimizer: self.optimizer.clone(),
            class: self.class,
            data: self.data,
            tested_on: self.tested_on,
            validated_on: self.validated_on,
            best: self.best.cloned(),
            progress: self.progress.clone(),
            correct: self.correct,
            course: self.course.clone(),
            history: self.history.to_vec(),
            changes: self.changes.to_vec(),
            elapsed: self.elapsed,
            annotations: self.annotations.clone(),
            carried: self.carried.to_vec(),
        }
    }
}
