//! A folder of pictures as data: one sub-folder for each class.

use super::cache::{self, Report, Set};
use super::listing::Listing;
use super::tested::{Parts, Tested};
use crate::failure::Failure;
use crate::image::is_picture;
use crate::report::shown;
use minibatch_data::{Dataset, open_regular};
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

pub(crate) use super::listing::Shape;

/// How pictures become inputs.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Rows and columns that pictures are scaled to [default: their own, if all have the same]
    #[arg(long, value_name = "ROWSxCOLUMNS", value_parser = size)]
    size: Option<[usize; 2]>,

    /// Take the colours of pictures as three channels, and not their grey levels
    #[arg(long)]
    rgb: bool,

    /// Keep the decoded pictures in this folder, from which a later run takes them as long as they are the same
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let sides = text
        .split_once(['x', '×'])
        .and_then(|(rows, columns)| Some([rows.parse().ok()?, columns.parse().ok()?]));
    sides
        .filter(|sides| sides.iter().all(|side| (1..=4096).contains(side)))
        .ok_or_else(|| "expected two numbers from 1 to 4096, such as 28x28".to_owned())
}

impl Args {
    /// The first of the options that was given.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let cache = self.cache.as_ref().map(|_| "--cache");
        self.size.map(|_| "--size").or(self.rgb.then_some("--rgb")).or(cache)
    }

    /// Refuses these options for other data.
    pub(crate) fn check_unused(&self) -> Result<(), Failure> {
        let refused =
            |option| Err(Failure::usage(format!("{option} is for folders of pictures; name one as DATA")));
        self.first_given().map_or(Ok(()), refused)
    }

    /// The options as a resumed run needs them again.
    pub(crate) fn given(&self) -> Vec<OsString> {
        self.cache.iter().flat_map(|folder| ["--cache".into(), folder.into()]).collect()
    }

    /// The shape that pictures are asked to have.
    pub(crate) fn shape(&self) -> Shape {
        Shape { size: self.size, channels: if self.rgb { 3 } else { 1 } }
    }
}

/// Whether a folder has pictures in sub-folders, and none of an IDX set's files.
pub(crate) fn is_of_pictures(folder: &Path) -> bool {
    let names = |path: &Path| {
        fs::read_dir(path).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path())
    };
    let is_idx = |path: &PathBuf| path.is_file() && path.to_string_lossy().contains("idx");
    !names(folder).any(|path| is_idx(&path))
        && names(folder)
            .filter(|path| path.is_dir())
            .any(|path| names(&path).take(64).any(|file| starts_as_picture(&file)))
}

fn starts_as_picture(path: &Path) -> bool {
    let mut start = Vec::new();
    path.is_file()
        && open_regular(path).is_ok_and(|file| file.take(16).read_to_end(&mut start).is_ok())
        && is_picture(&start)
}

/// Reads the pictures of a folder. `known` are the classes of a network that has been trained, in the order of its outputs.
pub(crate) fn read(folder: &Path, shape: Shape, known: &[String]) -> Result<Dataset, Failure> {
    Listing::new(folder, Some(known))?.read(shape)
}

/// Some of the pictures in a folder.
pub(crate) struct Sample {
    /// The pictures that were chosen.
    pub(crate) pictures: Dataset,
    /// Their indices among all.
    pub(crate) indices: Vec<usize>,
    pub(crate) class_names: Vec<String>,
    /// The number of all.
    pub(crate) all: usize,
}

/// Reads the pictures of a folder that `choose` takes by the names and the classes of all.
pub(crate) fn sample(
    folder: &Path,
    args: &Args,
    choose: impl FnOnce(&[String], &[u32]) -> Result<Vec<usize>, Failure>,
) -> Result<Sample, Failure> {
    let listing = Listing::new(folder, None)?;
    let (class_names, all) = (listing.classes.clone(), listing.files.len());
    let classes: Vec<u32> = listing.files.iter().map(|(_, class)| *class).collect();
    let indices = choose(&class_names, &classes)?;
    let pictures = listing.chosen(&indices).read(args.shape())?;
    Ok(Sample { pictures, indices, class_names, all })
}

/// The sets of a run, the names of their classes, and what became of its cache.
pub(super) type Opened = (Parts, Vec<String>, Option<Report>);

/// Opens the pictures of a run, and splits them. `known` is as for [`read`].
pub(super) fn open(
    folder: &Path,
    args: &Args,
    shape: Shape,
    known: Option<&[String]>,
    tested: &Tested,
    validation_split: Option<f64>,
    seed: u64,
) -> Result<Opened, Failure> {
    let set = |folder: &Path, set: Set, shape: Shape, known: Option<&[String]>| {
        let listing = Listing::new(folder, known)?;
        let (dataset, outcome) = match &args.cache {
            None => (listing.read(shape)?, None),
            Some(cache) => {
                cache::check_place(cache, folder)?;
                let (dataset, outcome) = cache::open(cache, set, &listing, shape)?;
                (dataset, Some(outcome))
            }
        };
        Ok::<_, Failure>((dataset, listing.classes, outcome))
    };
    let (all, classes, training) = set(folder, Set::Train, shape, known)?;
    let (test, of_test) = match (tested.file(), Shape::of_examples(all.example_shape())) {
        (Some(folder), Some(shape)) => {
            let (test, _, outcome) = set(folder, Set::Test, shape, Some(&classes))?;
            (Some(test), outcome)
        }
        _ => (None, None),
    };
    let report = args.cache.as_ref().zip(training).map(|(cache, training)| Report {
        folder: shown(cache),
        training,
        test: of_test,
    });
    Ok((tested.parts(all, test, validation_split, seed)?, classes, report))
}
