//! The task of a network: to learn classes, labels or values.

use crate::failure::Failure;
use clap::ValueEnum;
use minibatch::{Dataset, Network};
use minibatch_data::Targets;
use std::path::Path;

/// What the targets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    /// Labels that are classes
    Classification,
    /// Any numbers, from a file of floats
    Regression,
    /// Several labels for each row of a table, each yes or no
    #[value(name = "multi-label")]
    MultiLabel,
}

impl Task {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Task::Classification => "classification",
            Task::Regression => "regression",
            Task::MultiLabel => "multi-label",
        }
    }

    /// The task that the targets of `data` are for.
    pub(crate) fn of(data: &Dataset) -> Task {
        match data.targets() {
            Targets::Classes { .. } => Task::Classification,
            Targets::Labels { .. } => Task::MultiLabel,
            _ => Task::Regression,
        }
    }

    /// Checks that `data`, from `folder`, are for this task.
    pub(crate) fn check(self, data: &Dataset, folder: &Path) -> Result<(), Failure> {
        let folder = folder.display();
        match (self, Task::of(data)) {
            (Task::Classification, Task::Regression) => Err(Failure::Run(match whole_numbers(data) {
                None => {
                    format!(
                        "{folder}: expected labels that are classes, found values; `--task regression` trains on them"
                    )
                }
                Some((least, most)) => format!(
                    "{folder}: expected labels that are classes, found floats that are whole numbers from {least} to {most}; save \
                     them as integers, or train on them as values with `--task regression`"
                ),
            })),
            (Task::Regression, Task::Classification) => Err(Failure::Run(format!(
                "{folder}: expected labels that are values, of an IDX file of floats, found classes; leave out \
                 --task regression"
            ))),
            (Task::MultiLabel, Task::Classification | Task::Regression) => Err(Failure::Usage(format!(
                "--task multi-label: {folder}: expected a table with several --target columns of 0 and 1; leave out --task"
            ))),
            _ => Ok(()),
        }
    }
}

/// The labels of an example, if the targets are labels.
pub(crate) fn labels_of(data: &Dataset) -> Option<usize> {
    match data.targets() {
        Targets::Labels { width, .. } => Some(*width),
        _ => None,
    }
}

/// The least and the largest target, if all are whole numbers, as classes are.
fn whole_numbers(data: &Dataset) -> Option<(f32, f32)> {
    let Targets::Values { data: values, width: 1 } = data.targets() else { return None };
    let is_class = |value: &f32| value.fract() == 0.0 && (0.0..1e6).contains(value);
    /// As many whole numbers may be classes.
    const MOST: usize = 20;
    let mut different: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
    different.sort_unstable();
    different.dedup();
    let range =
        values.iter().fold((f32::MAX, 0.0_f32), |(least, most), &value| (least.min(value), most.max(value)));
    (different.len() <= MOST && values.iter().all(is_class)).then_some(range)
}

/// The note on targets that may be meant otherwise: classes that don't occur, or that are saved as floats.
pub(crate) fn note_on_targets(data: &Dataset) -> Option<String> {
    let Targets::Classes { labels, classes } = data.targets() else {
        let (least, most) = whole_numbers(data)?;
        return Some(format!(
            "note: the values to learn are whole numbers from {least} to {most}; if they are classes, save them as integers"
        ));
    };
    let mut occurs = vec![false; *classes];
    labels.iter().for_each(|&label| occurs[label as usize] = true);
    let (found, first) =
        (occurs.iter().filter(|occurs| **occurs).count(), occurs.iter().position(|occurs| *occurs)?);
    (found < *classes).then(|| {
        let last = classes - 1;
        format!(
            "note: {classes} outputs, one for each class from 0 to {last}, of which the training set has {found}; the first is \
             class {first}; number classes from 0, without gaps, for no more outputs than they need"
        )
    })
}

/// Checks that the network's cost is defined for every target of `data`, the `set` of `folder`.
pub(crate) fn check_targets(
    network: &Network,
    data: &Dataset,
    set: &str,
    folder: &Path,
) -> Result<(), Failure> {
    // Classes become rows of 0 and 1, which every cost takes.
    let Targets::Values { data: values, width } = data.targets() else { return Ok(()) };
    let defect = |y: &[f32]| network.cost().target_defect(y);
    match values.chunks_exact(*width).enumerate().find_map(|(example, y)| Some((example, defect(y)?))) {
        None => Ok(()),
        Some((example, expected)) => {
            let found: Vec<String> = values[example * width..][..*width].iter().map(f32::to_string).collect();
            Err(Failure::Run(format!(
                "{}: {set} set, example {example}: cost {} expects {expected}, found {}; choose another with --cost",
                folder.display(),
                network.cost().name(),
                found.join(", "),
            )))
        }
    }
}
