//! The beginning of a new or resumed run: its data and its trainer.

use super::options::Args;
use crate::failure::Failure;
use crate::task::{Task, check_targets};
use crate::{dataset, memory, recorded};
use minibatch::checkpoint::Annotations;
use minibatch::{Checkpoint, Dataset, Error, Network, Pool, Settings, Trainer, footprint};
use minibatch_data::TrainTest;
use std::path::Path;

/// The sets that a run trains on and is evaluated on.
pub(super) struct Sets {
    pub(super) train: Dataset,
    /// The part of the training set that `--validation-split` sets aside.
    pub(super) validation: Option<Dataset>,
    pub(super) test: Dataset,
}

impl Sets {
    /// Opens the sets of a new run, or of the run in `recorded`, which has the checkpoint and its path.
    pub(super) fn open(args: &Args, recorded: Option<(&Path, &Checkpoint)>) -> Result<Sets, Failure> {
        let TrainTest { train, test } = args.data.open()?;
        let folder = args.data.folder();
        let usual = if recorded.is_some() { Task::of(&train) } else { Task::Classification };
        args.task.unwrap_or(usual).check(&train, &folder)?;
        if let Some((path, recorded)) = recorded {
            recorded::check_training_set(recorded, path, &train, &folder, args.validation_split)?;
        }
        let seed = recorded.map_or(args.seed(), |(_, run)| run.settings.seed);
        let identity = recorded.map(|(_, run)| run.data);
        let (train, validation) = dataset::split(train, args.validation_split, seed, identity)?;
        Ok(Sets { train, validation, test })
    }
}

/// The memory that a run needs besides its steps.
#[derive(Clone, Copy, Default)]
pub(crate) struct Needs {
    /// Examples of the largest set that is evaluated.
    pub(super) evaluated: usize,
    /// Buffers as large as a checkpoint.
    pub(super) buffers: u64,
    /// Whether the layers are inspected.
    pub(super) inspects: bool,
}

impl Needs {
    /// Refuses a run that takes more memory than is left. The network is in memory already. `besides` isn't, and is added.
    fn check(
        self,
        network: &Network,
        settings: &Settings,
        pool: &Pool,
        train: &Dataset,
        besides: u64,
    ) -> Result<(), String> {
        let examples = memory::SetSizes { trained: train.len(), evaluated: self.evaluated };
        let checkpoint = footprint::checkpoint(network, settings, settings.epochs.min(1 << 16));
        let besides = besides.saturating_add(checkpoint.saturating_mul(self.buffers));
        let inspection = if self.inspects { footprint::inspection(network, settings, pool) } else { 0 };
        let besides = besides.saturating_add(inspection);
        memory::check_run(network, settings, pool, examples, besides)
    }
}

/// The trainer of a new run.
pub(crate) fn new_trainer(
    args: &Args,
    pool: &Pool,
    train: &Dataset,
    needs: Needs,
) -> Result<Trainer, Failure> {
    let from = match args.from.as_deref() {
        Some(path) => Some((path, recorded::network(path)?)),
        None => None,
    };
    let sizes = from.as_ref().map(|(_, network)| network.sizes());
    let hidden = match &sizes {
        Some(sizes) => &sizes[1..sizes.len() - 1],
        None => args.network.hidden_layers(train)?,
    };
    let (recipe, chosen) = args.chosen(train, hidden, from.as_ref().map(|(_, network)| network));
    let settings = args.settings(&chosen, hidden.len())?;
    // If no option asked for a size, the machine is at fault, and not the command line.
    let asked = args.network.are_sizes_given() || args.batch_size.is_some();
    let too_large = if asked { Failure::Usage } else { Failure::Run };
    let (source, network) = match from {
        Some((path, network)) => (Some(path), network),
        None => (None, args.network.build(train, &settings, &chosen, too_large)?),
    };
    check_targets(&network, train, "training", &args.data.folder())?;
    let moments = footprint::optimizer(&settings.optimizer, &network.sizes());
    needs.check(&network, &settings, pool, train, moments).map_err(too_large)?;
    let mut trainer = Trainer::new(pool, train, network, settings).map_err(|error| match error {
        Error::Setting { .. } => Failure::usage(error),
        error => error.into(),
    })?;
    *trainer.annotations_mut() = Annotations {
        recipe: Some(recipe.to_string()),
        configuration: Some(args.configuration.clone()).filter(|text| !text.is_empty()),
        source: source.map(|path| path.display().to_string()),
    };
    Ok(trainer)
}

/// Gives `trainer` its validation set. `resumed` is the checkpoint that it goes on from.
pub(super) fn set_validation(
    trainer: &mut Trainer,
    validation: &Dataset,
    resumed: Option<&Path>,
    folder: &Path,
) -> Result<(), Failure> {
    trainer.set_validation(validation).map_err(|error| match (error, resumed) {
        (error @ Error::Setting { .. }, _) => Failure::usage(error),
        (error, Some(path)) => recorded::explained(error, path, folder),
        (error, None) => error.into(),
    })
}

/// The trainer of the run that `path` holds. `folder` is where the sets come from.
pub(super) fn resumed_trainer(
    recorded: Checkpoint,
    path: &Path,
    folder: &Path,
    pool: &Pool,
    sets: &Sets,
    needs: Needs,
) -> Result<Trainer, Failure> {
    needs.check(&recorded.network, &recorded.settings, pool, &sets.train, 0).map_err(Failure::Run)?;
    let tested_on = recorded.tested_on;
    let trainer = Trainer::resume(pool, &sets.train, recorded)
        .map_err(|error| recorded::explained(error, path, folder))?;
    recorded::check_test_set(tested_on, path, &sets.test, folder)?;
    Ok(trainer)
}
