//! The beginning of a new or resumed run: its data and its trainer.

use super::options::Args;
use crate::dataset::{About, Sets};
use crate::failure::Failure;
use crate::task::check_targets;
use crate::{memory, recorded};
use minibatch::checkpoint::Annotations;
use minibatch::{Checkpoint, Dataset, Error, Network, Pool, Settings, Trainer, footprint};
use std::path::Path;

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

/// The network that `--from` names.
pub(super) fn from(args: &Args) -> Result<Option<Network>, Failure> {
    args.from.as_deref().map(recorded::network).transpose()
}

/// The trainer of a new run, whose network is `from` another one, or drawn. The network keeps what is known `about` its data.
pub(crate) fn new_trainer(
    args: &Args,
    pool: &Pool,
    train: &Dataset,
    about: About<'_>,
    from: Option<Network>,
    needs: Needs,
) -> Result<Trainer, Failure> {
    let sizes = from.as_ref().map(Network::sizes);
    let hidden = match &sizes {
        Some(sizes) => &sizes[1..sizes.len() - 1],
        None => args.network.hidden_layers(train)?,
    };
    let by_recipe = args.chosen(train, hidden, from.as_ref());
    let mut settings = args.settings(&by_recipe, train, hidden.len())?;
    let (recipe, chosen) = by_recipe;
    if args.batch_size.is_none() {
        settings.batch_size = settings.batch_size.min(train.len());
    }
    // If no option asked for a size, the machine is at fault, and not the command line.
    let asked = args.network.are_sizes_given() || args.batch_size.is_some();
    let too_large = if asked { Failure::Usage } else { Failure::Run };
    let mut network = match from {
        Some(network) => network,
        None => args.network.build(train, &settings, &chosen, too_large)?,
    };
    check_targets(&network, train, "training", &args.data.place())?;
    if let Some(preparation) = about.preparation {
        network.set_preparation(preparation.clone())?;
    }
    if let Some(names) = about.class_names {
        network.set_class_names(names.to_vec())?;
    }
    let moments = footprint::optimizer(&settings.optimizer, &network.sizes());
    needs.check(&network, &settings, pool, train, moments).map_err(too_large)?;
    let mut trainer = Trainer::new(pool, train, network, settings).map_err(|error| match error {
        Error::Setting { .. } => Failure::usage(error),
        error => error.into(),
    })?;
    *trainer.annotations_mut() = Annotations {
        recipe: Some(recipe.to_string()),
        configuration: Some(args.configuration.clone()).filter(|text| !text.is_empty()),
        source: args.from.as_ref().map(|path| path.display().to_string()),
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
    recorded::check_test_set(tested_on, path, sets.test.as_ref(), folder)?;
    Ok(trainer)
}
