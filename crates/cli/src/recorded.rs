//! Opening a checkpoint, and checking that the user's data go with it.

use crate::failure::Failure;
use crate::text::shape;
use crate::{memory, report};
use minibatch::checkpoint::{DataIdentity, Error, FormatError, Outline, load_networks};
use minibatch::{Checkpoint, Dataset, Network, footprint};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::path::Path;

const NAME_THE_DATA: &str = "name the data that it was trained on";

/// Reads the checkpoint that the user named, if its bytes and its network fit into memory.
pub(crate) fn load(path: &Path) -> Result<Checkpoint, Failure> {
    check_memory(path)?;
    Checkpoint::load(path).map_err(|error| described(error, path))
}

/// Refuses a file whose bytes and networks don't fit into memory.
fn check_memory(path: &Path) -> Result<(), Failure> {
    let outline = outline(path)?;
    // Sizes beyond a `usize` are refused when the file is read.
    let sizes: Vec<usize> = outline.sizes().iter().filter_map(|&size| usize::try_from(size).ok()).collect();
    let network = footprint::network(&sizes).saturating_mul((outline.networks() + outline.moments()) as u64);
    let what = format!("{}: its network {}", path.display(), report::sizes(&sizes));
    let bytes = network.saturating_add(outline.bytes());
    memory::check(what, bytes, "use a machine with more memory").map_err(Failure::Run)
}

/// The content of a file: a run, or a network without one.
pub(crate) enum Trained {
    Run(Box<Checkpoint>),
    Alone(Box<Network>),
}

impl Trained {
    /// The network that answers.
    pub(crate) fn network(&self) -> &Network {
        match self {
            Trained::Run(checkpoint) => checkpoint.result(),
            Trained::Alone(network) => network,
        }
    }

    /// The run, if there is one.
    pub(crate) fn run(&self) -> Option<&Checkpoint> {
        match self {
            Trained::Run(checkpoint) => Some(checkpoint),
            Trained::Alone(_) => None,
        }
    }
}

/// Reads the run or the network in the file that the user named.
pub(crate) fn trained(path: &Path) -> Result<Trained, Failure> {
    check_memory(path)?;
    match Checkpoint::load(path) {
        Ok(checkpoint) => Ok(Trained::Run(Box::new(checkpoint))),
        Err(Error::Format { source: FormatError::NoRun, .. }) => match Network::load(path) {
            Ok(network) => Ok(Trained::Alone(Box::new(network))),
            Err(error) => Err(described(error, path)),
        },
        Err(error) => Err(described(error, path)),
    }
}

/// Reads the network that a checkpoint's run answers with, or that of a file without a run.
pub(crate) fn network(path: &Path) -> Result<Network, Failure> {
    Ok(match trained(path)? {
        Trained::Run(checkpoint) => checkpoint.result().clone(),
        Trained::Alone(network) => *network,
    })
}

/// Reads all networks that answer together, by their names: the one of a run, or those of a file without a run.
pub(crate) fn networks(path: &Path) -> Result<BTreeMap<String, Network>, Failure> {
    match trained(path) {
        Ok(Trained::Run(checkpoint)) => {
            Ok(BTreeMap::from([("main".to_owned(), checkpoint.result().clone())]))
        }
        Ok(Trained::Alone(_)) => load_networks(path).map_err(|error| described(error, path)),
        // None of them need be called `main`.
        Err(failure) => match load_networks(path) {
            Ok(networks) if !networks.is_empty() && !networks.contains_key("main") => Ok(networks),
            _ => Err(failure),
        },
    }
}

/// Reads the outline of the checkpoint that the user named.
pub(crate) fn outline(path: &Path) -> Result<Outline, Failure> {
    Outline::read(path).map_err(|error| described(error, path))
}

/// The message for a file that can't be loaded: the reason, and what to do.
fn described(error: Error, path: &Path) -> Failure {
    const NAME_ANOTHER: &str = "name a file that `minibatch train --checkpoint` wrote";
    let shown = path.display();
    Failure::Run(match error {
        Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            format!(
                "{shown}: expected a checkpoint, found no such file; `minibatch train --checkpoint {shown}` makes one"
            )
        }
        Error::NotAFile { .. } => {
            let found = if path.is_dir() { "a folder" } else { "no regular file" };
            format!("{shown}: expected a checkpoint, found {found}; {NAME_ANOTHER}")
        }
        Error::Format { source: FormatError::Magic { .. }, .. } => format!("{error}; {NAME_ANOTHER}"),
        Error::Format { source: FormatError::Memory { .. }, .. } => {
            format!("{error}; use a machine with more memory")
        }
        Error::Format { source: FormatError::NoRun, .. } => {
            format!(
                "{shown}: expected a run, found a network without one; `minibatch train --from {shown}` trains it on"
            )
        }
        // Some errors already say what to do.
        Error::Format { ref source, .. } if !source.to_string().contains("; ") => {
            format!("{error}; restore an intact copy")
        }
        error => error.to_string(),
    })
}

/// The failure for data that aren't those of the run recorded in `checkpoint`.
pub(crate) fn other_data(
    checkpoint: &Path,
    folder: &Path,
    what: &str,
    recorded: impl Display,
    found: impl Display,
) -> Failure {
    let (checkpoint, folder) = (checkpoint.display(), folder.display());
    Failure::Run(format!(
        "{folder}: expected the {what} of {checkpoint} ({recorded}), found another ({found}); {NAME_THE_DATA}, split as they were"
    ))
}

/// The failure for an error of the library. If other data are the cause, it names the user's files.
pub(crate) fn explained(error: minibatch::Error, checkpoint: &Path, folder: &Path) -> Failure {
    match error {
        minibatch::Error::Resume { what, recorded, found } => {
            other_data(checkpoint, folder, what, recorded, found)
        }
        error => error.into(),
    }
}

/// Checks that `test` is the set on which the recorded accuracies were measured.
pub(crate) fn check_test_set(
    recorded: Option<DataIdentity>,
    checkpoint: &Path,
    test: Option<&Dataset>,
    folder: &Path,
) -> Result<(), Failure> {
    match (recorded, test.map(DataIdentity::of)) {
        (Some(recorded), Some(found)) if recorded != found => {
            Err(other_data(checkpoint, folder, "test set", recorded, found))
        }
        (Some(_), None) => {
            let checkpoint = checkpoint.display();
            Err(Failure::Run(format!(
                "{checkpoint}: expected its test set, found none; name it with --test FILE or --test-split F"
            )))
        }
        _ => Ok(()),
    }
}

/// Refuses a training set that is larger than the recorded one if no split is given. A missing split is the usual cause.
pub(crate) fn check_training_set(
    recorded: &Checkpoint,
    checkpoint: &Path,
    training: &Dataset,
    folder: &Path,
    split: Option<f64>,
) -> Result<(), Failure> {
    let (examples, found) = (recorded.data.examples, training.len());
    if split.is_some() || examples >= found as u64 {
        return Ok(());
    }
    let (checkpoint, folder) = (checkpoint.display(), folder.display());
    Err(Failure::Run(format!(
        "{folder}: expected the training set of {checkpoint} ({examples} examples), found {found}; a run that set some \
         aside with --validation-split needs that again"
    )))
}

/// Checks that the recorded network has the inputs and outputs that `data` call for.
pub(crate) fn check_shape(
    network: &Network,
    checkpoint: &Path,
    data: &Dataset,
    folder: &Path,
) -> Result<(), Failure> {
    let (checkpoint, folder) = (checkpoint.display(), folder.display());
    let (inputs, outputs) = (network.inputs(), network.outputs());
    if data.input_len() != inputs {
        let (found, shape) = (data.input_len(), shape(data.example_shape()));
        return Err(Failure::Run(format!(
            "{folder}: expected examples of {inputs} inputs, as the network of {checkpoint} takes, found {found} \
             ({shape}); {NAME_THE_DATA}"
        )));
    }
    let width = data.targets().width();
    if width != outputs && !(data.classes() == Some(2) && network.classes() == 2) {
        let s = |number: usize| if number == 1 { "" } else { "s" };
        let found = match data.classes() {
            Some(1) => "1 class".to_owned(),
            Some(classes) => format!("{classes} classes"),
            None => format!("{width} value{} of an example", s(width)),
        };
        return Err(Failure::Run(format!(
            "{folder}: expected targets for {outputs} output{}, as the network of {checkpoint} has, found {found}; \
             {NAME_THE_DATA}",
            s(outputs)
        )));
    }
    Ok(())
}
