//! The task of a network: to learn classes or values.

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
}

impl Task {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Task::Classification => "classification",
            Task::Regression => "regression",
        }
    }

    /// The task that the targets of `data` are for.
    pub(crate) fn of(data: &Dataset) -> Task {
        if data.classes().is_some() { Task::Classification } else { Task::Regression }
    }

    /// Checks that `data`, from `folder`, are for this task.
    pub(crate) fn check(self, data: &Dataset, folder: &Path) -> Result<(), Failure> {
        let folder = folder.display();
        match (self, Task::of(data)) {
            (Task::Classification, Task::Regression) => Err(Failure::Run(format!(
                "{folder}: expected labels that are classes, found values; `--task regression` trains on them"
            ))),
            (Task::Regression, Task::Classification) => Err(Failure::Run(format!(
                "{folder}: expected labels that are values, of an IDX file of floats, found classes; leave out \
                 --task regression"
            ))),
            _ => Ok(()),
        }
    }
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
