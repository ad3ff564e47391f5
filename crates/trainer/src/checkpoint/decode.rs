//! The way of a file's bytes back to the state of a run. Nothing in the file is believed before it is checked.

use super::state::{Checkpoint, DataIdentity};
use super::wire::{
    ClassSection, EpochSection, EvaluationSection, OptimizerSection, OriginSection, ProgressSection,
    ScoreSection, SettingsSection, StepsSection, TimeSection,
};
use crate::epoch::Epoch;
use crate::footprint;
use crate::infer::{Evaluation, Fit, Score};
use crate::label::LabelError;
use crate::network::{Initializer, Network, NetworkError, Origin};
use crate::optimizer::{Optimizer, OptimizerState};
use crate::registry::Registry;
use crate::settings::Settings;
use minibatch_checkpoint::{FormatError, Sections, Tag, decode};
use minibatch_kernels::ArithmeticClass;
use std::time::Duration;

/// Reads and verifies the whole content of a file.
pub(super) fn read_checkpoint(bytes: &[u8], registry: &Registry) -> Result<Checkpoint, FormatError> {
    let sections = decode(bytes)?;
    let settings: SettingsSection = sections.value(Tag::Settings)?;
    let network = read_network(&settings, &sections, registry)?;
    let size = |name: &str, value: u64| {
        usize::try_from(value).map_err(|_| invalid_setting(format!("{name} {value} is too large")))
    };
    let (learning_rate, optimizer) = read_optimizer(&settings.optimizer, registry)?;
    let read = Settings {
        optimizer: optimizer.clone(),
        learning_rate,
        batch_size: size("batch size", settings.batch_size)?,
        epochs: size("number of epochs", settings.epochs)?,
        seed: settings.seed,
        ..Settings::default()
    };
    let origin = |origin: &OriginSection| match Initializer::by_name(&origin.initializer) {
        Some(initializer) => Ok(Origin { initializer, seed: origin.seed }),
        None => Err(invalid_setting(format!("unknown initializer '{}'", origin.initializer))),
    };
    let origin = settings.origin.as_ref().map(origin).transpose()?;
    let examples = size("number of examples", settings.data.examples)?;
    read.check(examples, &network.sizes()).map_err(|error| invalid_setting(error.to_string()))?;
    let state = read_state(&optimizer, &network, &sections)?;
    let ProgressSection { progress, tested_on } = sections.value(Tag::Progress)?;
    let (history, elapsed) = read_history(&sections)?;
    if optimizer.moments() > 0 {
        // u128 holds the product of any numbers that the file may have.
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

/// The error for a setting. Names from the file may stand in it. Their control characters are escaped: an error is one line.
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

/// Checks that a name is written in the one way that is allowed.
fn check_label(what: &str, name: &str, label: &str) -> Result<(), FormatError> {
    if name == label { Ok(()) } else { Err(invalid_setting(format!("{what} '{name}' isn't written so"))) }
}

/// η and the optimiser.
fn read_optimizer(section: &OptimizerSection, registry: &Registry) -> Result<(f64, Optimizer), FormatError> {
    match section {
        OptimizerSection::Sgd { learning_rate } => Ok((*learning_rate, Optimizer::SGD)),
        OptimizerSection::Named { learning_rate, name } => {
            let optimizer = registry.optimizer(name).map_err(|error| match error {
                LabelError::Unknown { .. } => invalid_setting(unknown("optimiser", name)),
                error => invalid_setting(error.to_string()),
            })?;
            // Plain descent is the other variant.
            let label = if optimizer.moments() == 0 { String::new() } else { optimizer.to_string() };
            check_label("optimiser", name, &label)?;
            Ok((*learning_rate, optimizer))
        }
    }
}

/// The optimiser's moments and steps. Plain gradient descent has none.
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
            None => Ok(OptimizerState::new(optimizer, network.layers())),
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
    let mut state = OptimizerState::new(optimizer, network.layers());
    state.try_for_each_block(|block| blocks.read_into(block))?;
    blocks.finish()?;
    if let Some(negative) = state.negative_square(optimizer.squares()) {
        let cause = format!("a mean or sum of squares of {negative}");
        return Err(FormatError::Value { section: Tag::Optimizer.part(), cause });
    }
    let StepsSection { steps, powers } = sections.value(Tag::Steps)?;
    state.steps = steps;
    if powers.len() != state.scalars.len() || !powers.iter().all(|x| (0.0..=1.0).contains(x)) {
        let cause = format!("powers {powers:?} of {optimizer}");
        return Err(FormatError::Value { section: Tag::Steps.part(), cause });
    }
    state.scalars = powers;
    Ok(state)
}

/// The cause for a name that the registry lacks. It is of a later version, or the user's own.
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

/// Checks that a test set is recorded if, and only if, the history holds evaluations.
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
