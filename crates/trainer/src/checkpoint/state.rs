//! What a checkpoint of a training run holds, and how it is laid out in sections.
//!
//! The structures here are the wire format of the value sections: a change of any of them is a new format version
//! (docs/checkpoint-format.md).

use super::{Error, FormatError, Payload, Sections, Tag, decode, encode_into, read_file, save};
use crate::evaluation::{Evaluation, Fit, Score};
use crate::init::Initializer;
use crate::network::{Network, Origin};
use crate::registry::Registry;
use crate::trainer::{Epoch, Settings};
use minibatch_data::{Dataset, ShuffleState};
use minibatch_kernels::ArithmeticClass;
use serde::{Deserialize, Serialize};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3Default;

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
    /// What made the first weights and biases, where that is known.
    pub origin: Option<Origin>,
    /// How it is trained.
    pub settings: Settings,
    /// Which arithmetic made it.
    pub class: ArithmeticClass,
    /// What it is trained on.
    pub data: DataIdentity,
    /// Where in the current epoch the run stands.
    pub progress: Progress,
    /// The epochs so far.
    pub history: Vec<Epoch>,
}

/// What identifies training data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataIdentity {
    /// Number of examples.
    pub examples: u64,
    /// A hash of shape, inputs and targets ([`Dataset::fingerprint`]).
    pub fingerprint: u64,
}

impl DataIdentity {
    /// The identity of `data`. Reads all of it.
    pub fn of(data: &Dataset) -> DataIdentity {
        DataIdentity { examples: data.len() as u64, fingerprint: data.fingerprint() }
    }
}

/// The `PROG` section: where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The generator when the current epoch began, and the epochs begun.
    pub shuffle: ShuffleState,
    /// Examples of the current epoch that have been trained on; 0 between epochs.
    pub position: u64,
    /// Their summed cost.
    pub cost_sum: f64,
}

/// The `SETT` section: all that decides the bits of the run.
#[derive(Serialize, Deserialize)]
struct SettingsSection {
    /// n_0, …, n_L
    sizes: Vec<u64>,
    /// σ_1, …, σ_L by name
    activations: Vec<String>,
    cost: String,
    origin: Option<OriginSection>,
    optimiser: OptimiserSection,
    batch_size: u64,
    epochs: u64,
    seed: u64,
    class: ClassSection,
    data: DataIdentity,
}

#[derive(Serialize, Deserialize)]
struct OriginSection {
    initializer: String,
    seed: u64,
}

#[derive(Serialize, Deserialize)]
enum OptimiserSection {
    Sgd { learning_rate: f64 },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum ClassSection {
    Fused,
    Matrixmultiply,
}

/// A record of the `HIST` section.
#[derive(Serialize, Deserialize)]
struct EpochSection {
    cost: f64,
    test: Option<EvaluationSection>,
}

#[derive(Serialize, Deserialize)]
struct EvaluationSection {
    cost: f64,
    examples: u64,
    score: ScoreSection,
}

#[derive(Serialize, Deserialize)]
enum ScoreSection {
    Classes { correct: u64 },
    Values { rmse: f64, mae: f64, r_squared: f64 },
}

/// The `TIME` section.
#[derive(Serialize, Deserialize)]
struct TimeSection {
    /// Version of the program that wrote the file.
    version: String,
    /// Seconds of training in each finished epoch.
    seconds: Vec<f64>,
}

/// A run's state where it lies: what is written without a copy of the network.
pub(crate) struct Snapshot<'a> {
    pub(crate) network: &'a Network,
    pub(crate) origin: Option<Origin>,
    pub(crate) settings: &'a Settings,
    pub(crate) class: ArithmeticClass,
    pub(crate) data: DataIdentity,
    pub(crate) progress: Progress,
    pub(crate) history: &'a [Epoch],
}

impl Snapshot<'_> {
    /// Writes the checkpoint's bytes into `out`.
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        const TAGS: [Tag; 5] = [Tag::Settings, Tag::Parameters, Tag::Progress, Tag::History, Tag::Time];
        encode_into(out, &TAGS, |tag, payload| match tag {
            Tag::Settings => payload.put_value(&self.settings_section()),
            Tag::Parameters => {
                self.put_parameters(payload);
                Ok(())
            }
            Tag::Progress => payload.put_value(&self.progress),
            Tag::History => payload.put_value(&self.history.iter().map(epoch_section).collect::<Vec<_>>()),
            Tag::Time => payload.put_value(&TimeSection {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                seconds: self.history.iter().map(|epoch| epoch.seconds).collect(),
            }),
            Tag::Optimizer => Ok(()),
        })
    }

    fn settings_section(&self) -> SettingsSection {
        let Settings { learning_rate, batch_size, epochs, seed } = *self.settings;
        let origin = |origin: Origin| OriginSection {
            initializer: origin.initializer.name().to_owned(),
            seed: origin.seed,
        };
        SettingsSection {
            sizes: self.network.sizes().into_iter().map(|n| n as u64).collect(),
            activations: self.network.layers().iter().map(|l| l.activation().label()).collect(),
            cost: self.network.cost().label(),
            origin: self.origin.map(origin),
            optimiser: OptimiserSection::Sgd { learning_rate },
            batch_size: batch_size as u64,
            epochs: epochs as u64,
            seed,
            class: match self.class {
                ArithmeticClass::Fused => ClassSection::Fused,
                ArithmeticClass::Matrixmultiply => ClassSection::Matrixmultiply,
            },
            data: self.data,
        }
    }

    fn put_parameters(&self, payload: &mut Payload<'_>) {
        for block in self.network.parameter_blocks() {
            payload.put_f32s(block);
        }
    }
}

impl Network {
    /// Weights and biases in the order of the `PARM` section: layer by layer, the weights input-major (row k holds
    /// W_jk for all j), then the biases.
    fn parameter_blocks(&self) -> impl Iterator<Item = &[f32]> {
        self.layers.iter().flat_map(|layer| {
            let rows = (0..layer.inputs()).flat_map(|k| layer.weights.row_slices(k));
            rows.chain(std::iter::once(&*layer.biases))
        })
    }

    /// xxh3-64 of all weights and biases: equal hashes, equal bits. The same as the checksum of a checkpoint's `PARM`
    /// section.
    pub fn weight_hash(&self) -> u64 {
        let mut hash = Xxh3Default::new();
        let mut bytes = Vec::new();
        for block in self.parameter_blocks() {
            bytes.clear();
            bytes.extend(block.iter().flat_map(|x| x.to_le_bytes()));
            hash.update(&bytes);
        }
        hash.digest()
    }
}

fn epoch_section(epoch: &Epoch) -> EpochSection {
    let evaluation = |test: Evaluation| EvaluationSection {
        cost: test.cost,
        examples: test.examples as u64,
        score: match test.score {
            Score::Classes { correct } => ScoreSection::Classes { correct: correct as u64 },
            Score::Values(Fit { rmse, mae, r_squared }) => ScoreSection::Values { rmse, mae, r_squared },
        },
    };
    EpochSection { cost: epoch.cost, test: epoch.test.map(evaluation) }
}

impl Checkpoint {
    /// Reads and verifies the checkpoint at `path`.
    ///
    /// # Errors
    ///
    /// If the file can't be read, is damaged, or holds what no run can have written.
    pub fn load(path: &Path) -> Result<Checkpoint, Error> {
        Self::load_with(path, &Registry::default())
    }

    /// As [`load`](Self::load), where activations or costs of one's own are in `registry`.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn load_with(path: &Path, registry: &Registry) -> Result<Checkpoint, Error> {
        let bytes = read_file(path)?;
        Self::decode_with(&bytes, registry).map_err(|source| Error::Format { path: path.to_owned(), source })
    }

    /// Writes the checkpoint to `path`: whole or not at all.
    ///
    /// # Errors
    ///
    /// If it can't be written, or another run writes there.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        self.snapshot().save(path)
    }

    /// Reads a checkpoint from its bytes.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn decode(bytes: &[u8]) -> Result<Checkpoint, FormatError> {
        Self::decode_with(bytes, &Registry::default())
    }

    /// As [`decode`](Self::decode), where activations or costs of one's own are in `registry`.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn decode_with(bytes: &[u8], registry: &Registry) -> Result<Checkpoint, FormatError> {
        let sections = decode(bytes)?;
        let settings: SettingsSection = sections.value(Tag::Settings)?;
        let invalid = |cause: String| FormatError::Value { section: Tag::Settings.part(), cause };
        let network = read_network(&settings, &sections, registry, invalid)?;
        let size = |name: &str, value: u64| {
            usize::try_from(value).map_err(|_| invalid(format!("{name} {value} is too large")))
        };
        let OptimiserSection::Sgd { learning_rate } = settings.optimiser;
        let read = Settings {
            learning_rate,
            batch_size: size("batch size", settings.batch_size)?,
            epochs: size("number of epochs", settings.epochs)?,
            seed: settings.seed,
        };
        let origin = |origin: &OriginSection| match Initializer::by_name(&origin.initializer) {
            Some(initializer) => Ok(Origin { initializer, seed: origin.seed }),
            None => Err(invalid(format!("unknown initializer '{}'", origin.initializer))),
        };
        let origin = settings.origin.as_ref().map(origin).transpose()?;
        let examples = size("number of examples", settings.data.examples)?;
        read.check(examples).map_err(|error| invalid(error.to_string()))?;
        let progress: Progress = sections.value(Tag::Progress)?;
        let history = read_history(&sections)?;
        check_progress(&progress, &read, examples, history.len())
            .map_err(|cause| FormatError::Value { section: Tag::Progress.part(), cause })?;
        Ok(Checkpoint {
            network,
            origin,
            settings: read,
            class: match settings.class {
                ClassSection::Fused => ArithmeticClass::Fused,
                ClassSection::Matrixmultiply => ArithmeticClass::Matrixmultiply,
            },
            data: settings.data,
            progress,
            history,
        })
    }

    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            network: &self.network,
            origin: self.origin,
            settings: &self.settings,
            class: self.class,
            data: self.data,
            progress: self.progress.clone(),
            history: &self.history,
        }
    }
}

impl Snapshot<'_> {
    pub(crate) fn save(&self, path: &Path) -> Result<(), Error> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes).map_err(|source| Error::Format { path: path.to_owned(), source })?;
        save(path, &bytes)
    }
}

/// The network that the settings describe, with the parameters of the file. Nothing is allocated before the section is
/// known to hold exactly as many numbers as the layers need.
fn read_network(
    settings: &SettingsSection,
    sections: &Sections<'_>,
    registry: &Registry,
    invalid: impl Fn(String) -> FormatError,
) -> Result<Network, FormatError> {
    let SettingsSection { sizes, activations, cost, .. } = settings;
    if sizes.len() != activations.len() + 1 {
        return Err(invalid(format!("{} layer sizes for {} activations", sizes.len(), activations.len())));
    }
    let parameters = sizes.windows(2).try_fold(0u64, |sum, pair| {
        pair[0].checked_add(1).and_then(|rows| rows.checked_mul(pair[1])).and_then(|n| sum.checked_add(n))
    });
    let parameters = parameters.ok_or_else(|| invalid(format!("layer sizes {sizes:?} are too large")))?;
    let mut blocks = sections.f32_blocks(Tag::Parameters, parameters)?;
    let cost = registry.cost(cost).ok_or_else(|| invalid(unknown("cost", cost)))?;
    // The parameters are proven to be in the file, so the sizes fit in memory.
    let mut builder = Network::builder(sizes[0] as usize).cost_named(cost).initializer(Initializer::Zeros);
    for (&size, name) in sizes[1..].iter().zip(activations) {
        let activation = registry.activation(name).ok_or_else(|| invalid(unknown("activation", name)))?;
        builder = builder.layer_named(size as usize, activation);
    }
    let mut network = builder.build().map_err(|error| invalid(error.to_string()))?;
    network.origin = None;
    for layer in &mut network.layers {
        for k in 0..layer.inputs() {
            for slice in layer.weights.row_slices_mut(k) {
                blocks.read_into(slice)?;
            }
        }
        blocks.read_into(&mut layer.biases)?;
    }
    blocks.finish()?;
    Ok(network)
}

/// A name that no registry entry has: of this version, or of the user's own.
fn unknown(what: &str, name: &str) -> String {
    format!("unknown {what} '{name}': if it is one of your own, load with a Registry that has it")
}

fn read_history(sections: &Sections<'_>) -> Result<Vec<Epoch>, FormatError> {
    let epochs: Vec<EpochSection> = sections.value(Tag::History)?;
    let seconds = match sections.get(Tag::Time) {
        Some(_) => sections.value::<TimeSection>(Tag::Time)?.seconds,
        None => Vec::new(),
    };
    let invalid = |cause: String| FormatError::Value { section: Tag::History.part(), cause };
    let evaluation = |test: EvaluationSection| {
        let EvaluationSection { cost, examples, score } = test;
        let (score, valid) = match score {
            ScoreSection::Classes { correct } => {
                (Score::Classes { correct: correct as usize }, correct <= examples)
            }
            ScoreSection::Values { rmse, mae, r_squared } => {
                let finite = rmse.is_finite() && mae.is_finite() && r_squared.is_finite();
                (Score::Values(Fit { rmse, mae, r_squared }), finite && rmse >= 0.0 && mae >= 0.0)
            }
        };
        if !valid || !cost.is_finite() {
            return Err(invalid(format!(
                "an evaluation of cost {cost} with {score:?} of {examples} examples"
            )));
        }
        Ok(Evaluation { cost, examples: examples as usize, score })
    };
    let epoch = |(i, epoch): (usize, EpochSection)| {
        if !epoch.cost.is_finite() {
            return Err(invalid(format!("epoch {} has cost {}", i + 1, epoch.cost)));
        }
        let seconds = seconds.get(i).copied().unwrap_or(0.0);
        Ok(Epoch { number: i + 1, cost: epoch.cost, test: epoch.test.map(evaluation).transpose()?, seconds })
    };
    epochs.into_iter().enumerate().map(epoch).collect()
}

/// Whether a run with these settings can stand there.
fn check_progress(
    progress: &Progress,
    settings: &Settings,
    examples: usize,
    epochs: usize,
) -> Result<(), String> {
    let Progress { shuffle, position, cost_sum } = progress;
    if *position >= examples as u64 || !position.is_multiple_of(settings.batch_size as u64) {
        let (of, step) = (examples, settings.batch_size);
        return Err(format!("position {position} in an epoch of {of} examples in steps of {step}"));
    }
    if !cost_sum.is_finite() {
        return Err(format!("a summed cost of {cost_sum}"));
    }
    let begun = epochs as u64 + u64::from(*position > 0);
    if shuffle.epoch() != begun {
        return Err(format!("{} epochs begun, but {begun} by history and position", shuffle.epoch()));
    }
    Ok(())
}
