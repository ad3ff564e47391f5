//! The wire format of the sections: the structures as they stand in the file, and the way to and from a run's state.
//!
//! A change of any structure here, or of their order, is a new format version (docs/checkpoint-format.md).

use super::state::{Checkpoint, DataIdentity, Progress, Snapshot};
use crate::evaluation::{Evaluation, Fit, Score};
use crate::footprint;
use crate::init::Initializer;
use crate::network::{Network, NetworkError, Origin};
use crate::optimizer::{Optimizer, OptimizerState};
use crate::registry::Registry;
use crate::trainer::{Epoch, Settings};
use minibatch_checkpoint::{FormatError, Payload, Sections, Tag, decode, encode_into};
use minibatch_kernels::ArithmeticClass;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The `SETT` section: all that decides the bits of the run.
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

/// What drew the first weights and biases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OriginSection {
    pub(super) initializer: String,
    pub(super) seed: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum OptimizerSection {
    Sgd {
        learning_rate: f64,
    },
    /// Another one, by name, with its parameters.
    Named {
        learning_rate: f64,
        name: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum ClassSection {
    Fused,
    Matrixmultiply,
}

/// The `STEP` section: of an optimiser with moments.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StepsSection {
    pub(super) steps: u64,
    /// β₁ᵗ and β₂ᵗ; of an optimiser without them, none.
    pub(super) powers: Vec<f64>,
}

/// The `PROG` section: where the run stands.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ProgressSection {
    pub(super) progress: Progress,
    /// What the last evaluation in the history was made on.
    pub(super) tested_on: Option<DataIdentity>,
}

/// A record of the `HIST` section.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct EpochSection {
    pub(super) cost: f64,
    pub(super) test: Option<EvaluationSection>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct EvaluationSection {
    pub(super) cost: f64,
    pub(super) examples: u64,
    pub(super) score: ScoreSection,
}

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
    /// Seconds of training in the current one.
    pub(super) elapsed: f64,
}

impl Snapshot<'_> {
    /// Writes the checkpoint's bytes into `out`.
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        const PLAIN: [Tag; 5] = [Tag::Settings, Tag::Parameters, Tag::Progress, Tag::History, Tag::Time];
        let tags = if self.settings.optimizer.moments() > 0 { &Tag::ALL[..] } else { &PLAIN };
        out.clear();
        // All at once: a buffer that grows is there twice each time.
        let bytes = footprint::checkpoint(self.network, self.settings, self.history.len());
        let room = usize::try_from(bytes).is_ok_and(|bytes| out.try_reserve_exact(bytes).is_ok());
        if !room {
            return Err(FormatError::Memory { bytes });
        }
        encode_into(out, tags, |tag, payload| match tag {
            Tag::Settings => payload.put_value(&self.settings_section()),
            Tag::Parameters => put_finite(payload, tag, self.network.parameter_blocks()),
            Tag::Optimizer => put_finite(payload, tag, self.optimizer.blocks()),
            Tag::Steps => payload.put_value(&StepsSection {
                steps: self.optimizer.steps,
                powers: self
                    .settings
                    .optimizer
                    .betas()
                    .map_or_else(Vec::new, |_| self.optimizer.powers.to_vec()),
            }),
            Tag::Progress => payload
                .put_value(&ProgressSection { progress: self.progress.clone(), tested_on: self.tested_on }),
            Tag::History => payload.put_value(&self.history.iter().map(epoch_section).collect::<Vec<_>>()),
            Tag::Time => payload.put_value(&TimeSection {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                seconds: self.history.iter().map(|epoch| epoch.seconds).collect(),
                elapsed: self.elapsed.as_secs_f64(),
            }),
        })
    }

    pub(super) fn settings_section(&self) -> SettingsSection {
        let Settings { optimizer, learning_rate, batch_size, epochs, seed } = *self.settings;
        let origin = |origin: Origin| OriginSection {
            initializer: origin.initializer.name().to_owned(),
            seed: origin.seed,
        };
        SettingsSection {
            sizes: self.network.sizes().into_iter().map(|n| n as u64).collect(),
            activations: self.network.layers().iter().map(|l| l.activation().label()).collect(),
            cost: self.network.cost().label(),
            origin: self.origin.map(origin),
            optimizer: match optimizer {
                Optimizer::Sgd => OptimizerSection::Sgd { learning_rate },
                named => OptimizerSection::Named { learning_rate, name: named.to_string() },
            },
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
}

/// Refuses what is not finite: a checkpoint is never worse than the one before it.
fn put_finite<'a>(
    payload: &mut Payload<'_>,
    tag: Tag,
    blocks: impl Iterator<Item = &'a [f32]>,
) -> Result<(), FormatError> {
    let mut index = 0;
    for block in blocks {
        // Without a way out of the loop, so that it is one pass of whole registers.
        if !block.iter().fold(true, |finite, x| finite & x.is_finite()) {
            let at = block.iter().position(|x| !x.is_finite()).unwrap_or_default();
            let found = block[at].to_string();
            let index = (index + at) as u64;
            return Err(FormatError::NotFinite { section: tag.part(), index, found });
        }
        payload.put_f32s(block);
        index += block.len();
    }
    Ok(())
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

/// Reads and verifies the whole content of a file.
pub(super) fn read_checkpoint(bytes: &[u8], registry: &Registry) -> Result<Checkpoint, FormatError> {
    let sections = decode(bytes)?;
    let settings: SettingsSection = sections.value(Tag::Settings)?;
    let network = read_network(&settings, &sections, registry)?;
    let size = |name: &str, value: u64| {
        usize::try_from(value).map_err(|_| invalid_setting(format!("{name} {value} is too large")))
    };
    let (learning_rate, optimizer) = read_optimizer(&settings.optimizer)?;
    let read = Settings {
        optimizer,
        learning_rate,
        batch_size: size("batch size", settings.batch_size)?,
        epochs: size("number of epochs", settings.epochs)?,
        seed: settings.seed,
    };
    let origin = |origin: &OriginSection| match Initializer::by_name(&origin.initializer) {
        Some(initializer) => Ok(Origin { initializer, seed: origin.seed }),
        None => Err(invalid_setting(format!("unknown initializer '{}'", origin.initializer))),
    };
    let origin = settings.origin.as_ref().map(origin).transpose()?;
    let examples = size("number of examples", settings.data.examples)?;
    read.check(examples, network.inputs()).map_err(|error| invalid_setting(error.to_string()))?;
    let state = read_state(&optimizer, &network, &sections)?;
    let ProgressSection { progress, tested_on } = sections.value(Tag::Progress)?;
    let (history, elapsed) = read_history(&sections)?;
    if optimizer.moments() > 0 {
        // In numbers that hold the product of whatever the file says.
        let (epochs, steps) = (history.len() as u128, examples.div_ceil(read.batch_size) as u128);
        let expected = epochs * steps + u128::from(progress.position) / read.batch_size as u128;
        if u128::from(state.steps) != expected {
            let cause = format!("{} steps, but {expected} by history and position", state.steps);
            return Err(FormatError::Value { section: Tag::Steps.part(), cause });
        }
    }
    progress.check(&read, examples, history.len())?;
    check_test_set(tested_on, &history)
        .map_err(|cause| FormatError::Value { section: Tag::Progress.part(), cause })?;
    Ok(Checkpoint {
        network,
        origin,
        settings: read,
        optimizer: state,
        class: match settings.class {
            ClassSection::Fused => ArithmeticClass::Fused,
            ClassSection::Matrixmultiply => ArithmeticClass::Matrixmultiply,
        },
        data: settings.data,
        tested_on,
        progress,
        history,
        elapsed,
    })
}

/// What is wrong with a setting. The file's own names may stand in it, whatever they hold: an error is one line.
fn invalid_setting(cause: impl AsRef<str>) -> FormatError {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { String::from(c) };
    let cause = cause.as_ref().chars().map(shown).collect();
    FormatError::Value { section: Tag::Settings.part(), cause }
}

/// The network that the settings describe, with the parameters of the file. Nothing is allocated before the section is
/// known to hold exactly as many numbers as the layers need.
fn read_network(
    settings: &SettingsSection,
    sections: &Sections<'_>,
    registry: &Registry,
) -> Result<Network, FormatError> {
    let invalid = |cause: String| invalid_setting(cause);
    let SettingsSection { sizes, activations, cost, .. } = settings;
    if sizes.len() != activations.len() + 1 {
        return Err(invalid(format!("{} layer sizes for {} activations", sizes.len(), activations.len())));
    }
    let parameters = sizes.windows(2).try_fold(0u64, |sum, pair| {
        pair[0].checked_add(1).and_then(|rows| rows.checked_mul(pair[1])).and_then(|n| sum.checked_add(n))
    });
    let parameters = parameters.ok_or_else(|| invalid(format!("layer sizes {sizes:?} are too large")))?;
    let mut blocks = sections.f32_blocks(Tag::Parameters, parameters)?;
    let name = cost;
    let cost = registry.cost(name).ok_or_else(|| invalid(unknown("cost", name)))?;
    check_label("cost", name, &cost.label())?;
    // The parameters are proven to be in the file, so the sizes can be addressed.
    let mut builder = Network::builder(sizes[0] as usize).cost_named(cost).initializer(Initializer::Zeros);
    for (&size, name) in sizes[1..].iter().zip(activations) {
        let activation = registry.activation(name).ok_or_else(|| invalid(unknown("activation", name)))?;
        check_label("activation", name, &activation.label())?;
        builder = builder.layer_named(size as usize, activation);
    }
    let mut network = builder.build().map_err(|error| match error {
        NetworkError::Memory { bytes } => FormatError::Memory { bytes },
        error => invalid(error.to_string()),
    })?;
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

/// There is one way to write each name.
fn check_label(what: &str, name: &str, label: &str) -> Result<(), FormatError> {
    if name == label { Ok(()) } else { Err(invalid_setting(format!("{what} '{name}' isn't written so"))) }
}

/// η and the optimiser.
fn read_optimizer(section: &OptimizerSection) -> Result<(f64, Optimizer), FormatError> {
    match section {
        OptimizerSection::Sgd { learning_rate } => Ok((*learning_rate, Optimizer::Sgd)),
        OptimizerSection::Named { learning_rate, name } => {
            let optimizer: Optimizer = name.parse().map_err(|error| invalid_setting(format!("{error}")))?;
            // Plain descent is the other variant.
            let label = if optimizer == Optimizer::Sgd { String::new() } else { optimizer.to_string() };
            check_label("optimiser", name, &label)?;
            Ok((*learning_rate, optimizer))
        }
    }
}

/// What the optimiser remembers, which is nothing for plain gradient descent.
fn read_state(
    optimizer: &Optimizer,
    network: &Network,
    sections: &Sections<'_>,
) -> Result<OptimizerState, FormatError> {
    if optimizer.moments() == 0 {
        if sections.get(Tag::Optimizer).is_some() {
            sections.f32_blocks(Tag::Optimizer, 0)?.finish()?;
        }
        return match sections.get(Tag::Steps) {
            None => Ok(OptimizerState::new(optimizer, network)),
            Some(_) => {
                let cause = format!("{optimizer} counts no steps");
                Err(FormatError::Value { section: Tag::Steps.part(), cause })
            }
        };
    }
    let numbers = (network.parameters() as u64).saturating_mul(optimizer.moments() as u64);
    let mut blocks = sections.f32_blocks(Tag::Optimizer, numbers)?;
    let bytes = footprint::optimizer(optimizer, &network.sizes());
    if !footprint::is_available(bytes) {
        return Err(FormatError::Memory { bytes });
    }
    let mut state = OptimizerState::new(optimizer, network);
    state.try_for_each_block(|block| blocks.read_into(block))?;
    blocks.finish()?;
    if let Some(negative) = state.negative_second_moment() {
        let cause = format!("a second moment of {negative}");
        return Err(FormatError::Value { section: Tag::Optimizer.part(), cause });
    }
    let StepsSection { steps, powers } = sections.value(Tag::Steps)?;
    state.steps = steps;
    match (optimizer.betas(), &powers[..]) {
        (None, []) => Ok(state),
        (Some(_), &[first, second]) if [first, second].iter().all(|x| (0.0..=1.0).contains(x)) => {
            state.powers = [first, second];
            Ok(state)
        }
        _ => {
            let cause = format!("powers {powers:?} of {optimizer}");
            Err(FormatError::Value { section: Tag::Steps.part(), cause })
        }
    }
}

/// A name that no registry entry has: of a later version, or of the user's own.
fn unknown(what: &str, name: &str) -> String {
    format!("unknown {what} '{name}': if it is one of your own, load with a Registry that has it")
}

fn read_history(sections: &Sections<'_>) -> Result<(Vec<Epoch>, Duration), FormatError> {
    let epochs: Vec<EpochSection> = sections.value(Tag::History)?;
    let time = sections.get(Tag::Time).map(|_| sections.value::<TimeSection>(Tag::Time)).transpose()?;
    let (seconds, elapsed) = time.map_or_else(Default::default, |time| (time.seconds, time.elapsed));
    if let Some(&wrong) = seconds.iter().chain([&elapsed]).find(|s| Duration::try_from_secs_f64(**s).is_err())
    {
        let cause = format!("a time of {wrong} seconds");
        return Err(FormatError::Value { section: Tag::Time.part(), cause });
    }
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
    let history = epochs.into_iter().enumerate().map(epoch).collect::<Result<_, _>>()?;
    Ok((history, Duration::from_secs_f64(elapsed)))
}

/// Evaluations are of something.
fn check_test_set(tested_on: Option<DataIdentity>, history: &[Epoch]) -> Result<(), String> {
    let tested = history.iter().rev().find_map(|epoch| epoch.test);
    match (tested, tested_on) {
        (None, None) => Ok(()),
        (Some(test), Some(data)) if test.examples as u64 == data.examples => Ok(()),
        (Some(test), Some(data)) => {
            Err(format!("a test set of {} examples, but {} evaluated", data.examples, test.examples))
        }
        (Some(_), None) => Err("evaluations without a test set".to_owned()),
        (None, Some(_)) => Err("a test set without evaluations".to_owned()),
    }
}
