//! The way of a file's bytes back to the state of a run. Nothing in the file is believed before it is checked.

use super::entries::{
    AVERAGE, AVERAGED, BEST, CHANGES, CONFIGURATION, CORRECT, COURSE, FACTOR_MOMENTS, FACTORS, MAIN, MOMENTS,
    RECIPE, SOURCE, TOTAL, UNSCALED, known_of_run, of_network,
};
use super::settings::invalid;
use super::state::{Annotations, Best, Checkpoint, DataIdentity, Progress, arithmetic, best_epoch};
use super::{changes, history, legacy, networks, settings};
use crate::average::Averaged;
use crate::epoch::Epoch;
use crate::error::Error;
use crate::footprint;
use crate::input_scaling::InputScaling;
use crate::network::Network;
use crate::optimizer::{Optimizer, OptimizerState};
use crate::registry::Registry;
use crate::schedule::Course;
use crate::settings::Settings;
use minibatch_checkpoint::{Entries, FormatError};
use minibatch_kernels::ArithmeticClass;

/// Reads and verifies the whole content of a file.
pub(super) fn read_checkpoint(bytes: &[u8], registry: &Registry) -> Result<Checkpoint, FormatError> {
    let entries = legacy::decode_any(bytes, registry)?;
    let carried = entries.check(known_of_run)?;
    if !entries.iter().any(|entry| entry.name.starts_with("run/")) {
        return Err(FormatError::NoRun);
    }
    let (network, origin) = networks::read(&entries, MAIN, registry)?;
    let settings = settings::read(&entries, registry)?;
    let data: DataIdentity = entries.value("run/data")?;
    let examples = usize::try_from(data.examples)
        .map_err(|_| invalid("run/data", format!("{} examples are too many", data.examples)))?;
    settings.check(examples, &network.sizes()).map_err(|error| match error {
        // A setting's entry has its name.
        Error::Setting { setting, .. } => {
            invalid(&format!("run/{}", setting.replace(' ', "-")), error.to_string())
        }
        error => invalid("run/data", error.to_string()),
    })?;
    settings::check_writing(&settings, &entries)?;
    let class: String = entries.value("run/arithmetic")?;
    let class = [ArithmeticClass::Fused, ArithmeticClass::Matrixmultiply]
        .into_iter()
        .find(|known| arithmetic(*known) == class)
        .ok_or_else(|| invalid("run/arithmetic", format!("unknown arithmetic class '{class}'")))?;
    let mut optimizer = read_state(&settings.optimizer, &network, &entries)?;
    optimizer.averaged = read_average(&settings, &entries, registry)?;
    optimizer.scaling = read_scaling(&settings, &network, &entries)?;
    let progress: Progress = entries.value("run/progress")?;
    let history::Recorded { history, tested_on, validated_on, elapsed } =
        history::read(&entries, settings.epoch_examples(examples))?;
    let best = read_best(&settings, &history, &entries, registry)?;
    // u128 holds the product of any numbers that the file may have.
    let (epochs, steps) = (history.len() as u128, settings.epoch_steps(examples) as u128);
    let steps = epochs * steps + u128::from(progress.position) / settings.batch_size as u128;
    if settings.optimizer.moments() > 0 && u128::from(optimizer.steps) != steps {
        let cause = format!("{} steps, but {steps} by history and position", optimizer.steps);
        return Err(FormatError::value(SCALARS, cause));
    }
    progress.check(&settings, examples, history.len())?;
    let correct: Option<u64> = entries.optional(CORRECT)?;
    if let Some(correct) = correct.filter(|correct| progress.position == 0 || *correct > progress.position) {
        let cause = format!("{correct} correct at position {}", progress.position);
        return Err(FormatError::value(CORRECT, cause));
    }
    let changes = changes::read(&entries, registry, &settings, steps, |before| {
        let checked = before.check(examples, &network.sizes());
        checked.map_err(|error| invalid(CHANGES, error.to_string()))
    })?;
    Ok(Checkpoint {
        network,
        origin,
        optimizer,
        class,
        data,
        tested_on,
        validated_on,
        best,
        progress,
        correct: correct.map(|correct| correct as usize),
        course: read_course(&settings, examples, &entries)?,
        settings,
        history,
        changes,
        elapsed,
        annotations: Annotations {
            recipe: entries.optional(RECIPE)?,
            configuration: entries.optional(CONFIGURATION)?,
            source: entries.optional(SOURCE)?,
        },
        carried,
    })
}

/// The network after the best epoch, which is there if, and only if, the run keeps it and the history has a best epoch.
fn read_best(
    settings: &Settings,
    history: &[Epoch],
    entries: &Entries<'_>,
    registry: &Registry,
) -> Result<Option<Best>, FormatError> {
    let Some(epoch) = best_epoch(settings, history) else {
        return match stray(entries, BEST) {
            None => Ok(None),
            Some(name) => Err(invalid(name, "the weights after a best epoch, of which there is none")),
        };
    };
    read_beside(entries, BEST, registry).map(|network| Some(Best { epoch, network }))
}

/// The network of this name beside `main`: with the same layers and cost, and trained weights.
fn read_beside(entries: &Entries<'_>, name: &str, registry: &Registry) -> Result<Network, FormatError> {
    for entry in ["layers", "cost", "inputs/table"] {
        let [beside, main] = [name, MAIN].map(|name| entries.get(&of_network(name, entry)));
        if let (Some(beside), Some(main)) = (beside, main)
            && beside.payload != main.payload
        {
            return Err(invalid(&beside.name, "not that of the run's network"));
        }
    }
    match networks::read(entries, name, registry)? {
        (network, None) => Ok(network),
        (_, Some(_)) => Err(invalid(&of_network(name, "origin"), "trained weights have no origin")),
    }
}

/// The first entry of the network of this name, which the file may not have.
fn stray<'e>(entries: &'e Entries<'_>, name: &str) -> Option<&'e str> {
    let prefix = of_network(name, "");
    entries.iter().find(|entry| entry.name.starts_with(&prefix)).map(|entry| &*entry.name)
}

/// How far the run has come in its schedule. A constant one needs no entries.
fn read_course(settings: &Settings, examples: usize, entries: &Entries<'_>) -> Result<Course, FormatError> {
    let start = settings.course(examples);
    let total = entries.optional(TOTAL)?;
    if total.is_some() == settings.schedule.is_constant() {
        return Err(invalid(TOTAL, format!("{total:?} planned steps of the schedule {}", settings.schedule)));
    }
    let state: Vec<f64> = entries.optional(COURSE)?.unwrap_or_default();
    let course = Course { total: total.unwrap_or(start.total), state };
    match course.fits(&settings.schedule) {
        true => Ok(course),
        false => {
            Err(invalid(COURSE, format!("a state {:?} of the schedule {}", course.state, settings.schedule)))
        }
    }
}

/// The average of the weights, where the run has one.
fn read_average(
    settings: &Settings,
    entries: &Entries<'_>,
    registry: &Registry,
) -> Result<Option<Averaged>, FormatError> {
    let count = entries.optional(AVERAGED)?;
    if count.is_some() != settings.average.is_some() {
        return Err(invalid(AVERAGED, format!("{count:?} averaged weights of {:?}", settings.average)));
    }
    match (count, stray(entries, AVERAGE)) {
        (Some(count), _) => {
            let network = read_beside(entries, AVERAGE, registry)?;
            Ok(Some(Averaged { network, count }))
        }
        (None, None) => Ok(None),
        (None, Some(name)) => Err(invalid(name, "an average without averaging")),
    }
}

/// The factors of the inputs, where the run learns them.
fn read_scaling(
    settings: &Settings,
    network: &Network,
    entries: &Entries<'_>,
) -> Result<Option<InputScaling>, FormatError> {
    let moments = settings.optimizer.moment_names();
    let names: Vec<_> = moments.iter().map(|moment| format!("{FACTOR_MOMENTS}{}", moment.name)).collect();
    let is_of_scaling = |name: &str| [FACTORS, UNSCALED].contains(&name) || name.starts_with(FACTOR_MOMENTS);
    let has_moment =
        |name: &str| !name.starts_with(FACTOR_MOMENTS) || names.iter().any(|known| known == name);
    let is_learned = settings.input_scaling.is_some();
    let is_stray = |name: &str| is_of_scaling(name) && !(is_learned && has_moment(name));
    if let Some(entry) = entries.iter().find(|entry| is_stray(&entry.name)) {
        return Err(invalid(&entry.name, "factors of inputs that the run doesn't learn"));
    }
    if !is_learned {
        return Ok(None);
    }
    let first = &network.layers()[0];
    let mut scaling = InputScaling::new(moments.len(), first);
    let read = |name: &str, values: &mut [f32]| {
        let mut from = entries.f32s(name, values.len() as u64)?;
        from.read_into(values)?;
        from.finish()
    };
    read(FACTORS, &mut scaling.factors)?;
    let mut from = entries.f32s(UNSCALED, (first.inputs() * first.outputs()) as u64)?;
    for k in 0..first.inputs() {
        scaling.weights.row_slices_mut(k).try_for_each(|row| from.read_into(row))?;
    }
    from.finish()?;
    for ((name, moment), values) in names.iter().zip(&moments).zip(&mut scaling.moments) {
        read(name, values)?;
        if let Some(negative) = values.iter().find(|v| moment.is_square && **v < 0.0) {
            return Err(invalid(name, format!("a mean or sum of squares of {negative}")));
        }
    }
    match scaling.is_of(first) {
        true => Ok(Some(scaling)),
        false => Err(invalid(UNSCALED, "times the factors they aren't the network's weights")),
    }
}

const SCALARS: &str = "run/scalars";

/// The optimiser's moments and scalars. Plain gradient descent has none.
fn read_state(
    optimizer: &Optimizer,
    network: &Network,
    entries: &Entries<'_>,
) -> Result<OptimizerState, FormatError> {
    let moments = optimizer.moment_names();
    let of_moments = entries.iter().filter_map(|entry| Some((entry, entry.name.strip_prefix(MOMENTS)?)));
    for (entry, name) in of_moments {
        if moments.iter().all(|moment| moment.name != name) {
            return Err(FormatError::value(&entry.name, format!("{optimizer} has no such moment")));
        }
    }
    if moments.is_empty() {
        return match entries.get(SCALARS) {
            None => Ok(OptimizerState::new(optimizer, network.layers())),
            Some(_) => Err(FormatError::value(SCALARS, format!("{optimizer} counts no steps"))),
        };
    }
    let names: Vec<_> = moments.iter().map(|moment| format!("{MOMENTS}{}", moment.name)).collect();
    let numbers = network.parameters() as u64;
    let numbers_of = names.iter().map(|name| entries.f32s(name, numbers)).collect::<Result<Vec<_>, _>>()?;
    let bytes = footprint::optimizer(optimizer, &network.sizes());
    if !footprint::is_available(bytes) {
        return Err(FormatError::Memory { bytes });
    }
    let mut state = OptimizerState::new(optimizer, network.layers());
    for (index, ((name, moment), mut from)) in names.iter().zip(&moments).zip(numbers_of).enumerate() {
        state.try_for_each_slice(index, |values| from.read_into(values))?;
        from.finish()?;
        if moment.is_square
            && let Some(negative) = state.slices(index).flatten().find(|v| **v < 0.0)
        {
            return Err(FormatError::value(name, format!("a mean or sum of squares of {negative}")));
        }
    }
    let (steps, scalars): (u64, Vec<f64>) = entries.value(SCALARS)?;
    if scalars.len() != state.scalars.len() || !scalars.iter().all(|x| (0.0..=1.0).contains(x)) {
        return Err(FormatError::value(SCALARS, format!("scalars {scalars:?} of {optimizer}")));
    }
    (state.steps, state.scalars) = (steps, scalars);
    Ok(state)
}
