//! The sets that a run trains on and is judged by.

use super::cache::Report;
use super::pictures::{self, Shape};
use super::table::{self, Columns, TableSets};
use super::tested::Parts;
use super::{Args, Looked, split};
use crate::failure::Failure;
use crate::recorded;
use crate::task::Task;
use minibatch::{Checkpoint, Dataset, Network};
use minibatch_data::{Preparation, TrainTest};
use std::path::Path;

/// The sets that a run trains on and is judged by.
#[derive(Debug)]
pub(crate) struct Sets {
    pub(crate) train: Dataset,
    /// The part of the training data that is set aside.
    pub(crate) validation: Option<Dataset>,
    /// Data of a table have none unless it is asked for.
    pub(crate) test: Option<Dataset>,
    /// How the rows of a table became these sets.
    pub(crate) preparation: Option<Preparation>,
    /// The names of the classes of pictures.
    pub(crate) class_names: Option<Vec<String>>,
    /// The fate of the cache of pictures, if there is one.
    pub(crate) cache: Option<Report>,
    /// Notes about the data, in words.
    pub(crate) notes: Vec<String>,
}

/// The facts about its data that a network keeps.
#[derive(Clone, Copy, Default)]
pub(crate) struct About<'a> {
    pub(crate) preparation: Option<&'a Preparation>,
    pub(crate) class_names: Option<&'a [String]>,
}

/// The options that a run chooses its sets by.
pub(crate) struct Asked<'a> {
    pub(crate) data: &'a Args,
    pub(crate) table: &'a table::Args,
    pub(crate) pictures: &'a pictures::Args,
    pub(crate) task: Option<Task>,
    pub(crate) validation_split: Option<f64>,
    /// The seed of a new run.
    pub(crate) seed: u64,
    /// The network that a new run begins with.
    pub(crate) from: Option<&'a Network>,
}

impl Sets {
    /// Opens the sets of a new run, or of the run in `recorded`, which has the checkpoint and its path.
    pub(crate) fn open(asked: &Asked<'_>, recorded: Option<(&Path, &Checkpoint)>) -> Result<Sets, Failure> {
        let seed = recorded.map_or(asked.seed, |(_, run)| run.settings.seed);
        let network = recorded.map(|(_, run)| &run.network).or(asked.from);
        match asked.data.look()? {
            Looked::Images(named) => {
                if let Some(option) = asked.table.first_given() {
                    return Err(Failure::usage(format!("{option} is for tables; name one as DATA")));
                }
                asked.pictures.check_unused()?;
                let TrainTest { train, test } = named.open()?;
                let folder = asked.data.place();
                let usual = if recorded.is_some() { Task::of(&train) } else { Task::Classification };
                asked.task.unwrap_or(usual).check(&train, &folder)?;
                if let Some((path, recorded)) = recorded {
                    recorded::check_training_set(recorded, path, &train, &folder, asked.validation_split)?;
                }
                let identity = recorded.map(|(_, run)| run.data);
                let (train, validation) = split(train, asked.validation_split, seed, identity)?;
                Ok(Sets {
                    train,
                    validation,
                    test: Some(test),
                    preparation: None,
                    class_names: None,
                    cache: None,
                    notes: Vec::new(),
                })
            }
            Looked::Table(path) => {
                asked.pictures.check_unused()?;
                let known = match recorded {
                    None => asked.from.and_then(Network::preparation),
                    Some((checkpoint, run)) => match run.network.preparation() {
                        None => return Err(no_preparation(checkpoint, path)),
                        known => known,
                    },
                };
                if let (Some(_), Some(option)) = (known, asked.table.first_of_preparation()) {
                    return Err(Failure::usage(format!(
                        "{option}: the network's file says how its table is prepared; leave it out"
                    )));
                }
                let sets = asked.table.open(
                    path,
                    &asked.data.keys,
                    known,
                    asked.task,
                    asked.validation_split,
                    seed,
                )?;
                let TableSets { train, validation, test, preparation, notes } = sets;
                let preparation = Some(preparation);
                Ok(Sets { train, validation, test, preparation, class_names: None, cache: None, notes })
            }
            Looked::Arrays(path) => {
                asked.pictures.check_unused()?;
                let tested = &asked.table.tested;
                if tested.file().is_some() {
                    let why =
                        "--test is for tables and folders of pictures; an archive has x_test and y_test";
                    return Err(Failure::usage(why));
                }
                let (all, test) = asked.data.keys.images(path)?;
                let usual = Task::of(&all);
                asked.task.unwrap_or(usual).check(&all, path)?;
                let parts = tested.parts(all, test, asked.validation_split, seed)?;
                Ok(Sets::of_parts(parts, None))
            }
            Looked::Pictures(path) => {
                if let Some(option) = asked.table.first_of_preparation() {
                    return Err(Failure::usage(format!("{option} is for tables; name one as DATA")));
                }
                // A network that has been trained says what its pictures are.
                let trained = network.and_then(Network::profile);
                let shape = trained.and_then(|profile| Shape::of_examples(&profile.example_shape));
                let shape = shape.unwrap_or_else(|| asked.pictures.shape());
                let (parts, classes, cache) = pictures::open(
                    path,
                    asked.pictures,
                    shape,
                    network.and_then(Network::class_names),
                    &asked.table.tested,
                    asked.validation_split,
                    seed,
                )?;
                Ok(Sets { cache, ..Sets::of_parts(parts, Some(classes)) })
            }
        }
    }

    /// The sets of images with these class names, if they have some.
    fn of_parts(Parts { train, validation, test }: Parts, class_names: Option<Vec<String>>) -> Sets {
        Sets { train, validation, test, preparation: None, class_names, cache: None, notes: Vec::new() }
    }

    /// The set that a run is judged by at the end: the test set, or without one the validation set.
    pub(crate) fn judging(&self) -> &Dataset {
        self.test.as_ref().or(self.validation.as_ref()).unwrap_or(&self.train)
    }

    /// The facts about these sets that a network keeps which is trained on them.
    pub(crate) fn about(&self) -> About<'_> {
        About { preparation: self.preparation.as_ref(), class_names: self.class_names.as_deref() }
    }

    /// The columns of the table, if the data are one.
    pub(crate) fn columns(&self) -> Option<Columns> {
        self.preparation.as_ref().map(Columns::of)
    }
}

/// The failure for a network that wasn't trained on a table, and data that are one.
pub(crate) fn no_preparation(checkpoint: &Path, table: &Path) -> Failure {
    let (checkpoint, table) = (checkpoint.display(), table.display());
    Failure::Run(format!(
        "{table}: expected data like those of {checkpoint}, whose network wasn't trained on a table, found a table"
    ))
}
