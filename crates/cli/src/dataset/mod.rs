//! Naming and opening datasets.

pub(crate) mod arrays;
mod cache;
mod columns;
mod listing;
pub(crate) mod pictures;
mod sets;
pub(crate) mod table;
pub(crate) mod tested;

pub(crate) use cache::Report as CacheReport;
pub(crate) use sets::{About, Asked, Sets, no_preparation};

use crate::failure::Failure;
use crate::memory;
use arrays::{Keys, Kind};
use clap::ValueEnum;
use minibatch::Network;
use minibatch::checkpoint::DataIdentity;
use minibatch_data::{
    Dataset, ElementType, Error, IdxFile, InputProfile, SetFiles, TrainTest, locate_test, locate_with_prefix,
    synthetic,
};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The datasets known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    Mnist,
    FashionMnist,
    Kmnist,
    Synthetic,
}

impl Name {
    fn as_str(self) -> &'static str {
        match self {
            Name::Mnist => "mnist",
            Name::FashionMnist => "fashion-mnist",
            Name::Kmnist => "kmnist",
            Name::Synthetic => "synthetic",
        }
    }
}

/// Images of the synthetic training and test set, as many as MNIST has.
const SYNTHETIC_SIZE: [usize; 2] = [60_000, 10_000];

/// The seed of the synthetic images. It is fixed, so the images are always the same.
const SYNTHETIC_SEED: u64 = 0;

/// Which data a command works on.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// The data: a folder of four IDX files, or of pictures in a sub-folder for each class; or a table as CSV or TSV (packed by gzip
    /// or not, - for standard input); or a .npy or .npz file
    #[arg(value_name = "DATA", conflicts_with_all = ["dataset", "data"])]
    source: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) keys: Keys,

    #[command(flatten)]
    pub(crate) named: Named,
}

/// Which data a command works on, as one of its options says.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Named {
    /// Dataset, in the folder data/NAME; synthetic is drawn in memory and needs no files [default: mnist]
    #[arg(long, value_name = "NAME", ignore_case = true)]
    pub dataset: Option<Name>,

    /// Folder of the four IDX files, instead of data/NAME
    #[arg(long, value_name = "DIR", conflicts_with = "dataset")]
    pub data: Option<PathBuf>,

    /// Start of the names of the IDX files, emnist-letters for emnist-letters-train-images-idx3-ubyte [default: none, or the only one]
    #[arg(long, value_name = "NAME")]
    pub prefix: Option<String>,

    /// Exchange rows and columns of the images, which EMNIST has the other way round
    #[arg(long)]
    pub transpose: bool,

    /// Images that --dataset synthetic draws to train on and to test on [default: 60000,10000]
    #[arg(long, value_name = "N,N", value_parser = synthetic_size)]
    pub synthetic_size: Option<[usize; 2]>,
}

/// The kind of the data, found by looking.
pub(crate) enum Looked<'a> {
    /// IDX files.
    Images(Named),
    Table(&'a Path),
    /// A folder of pictures.
    Pictures(&'a Path),
    /// A NumPy archive of images.
    Arrays(&'a Path),
}

impl Args {
    /// Looks of which kind the data are.
    pub(crate) fn look(&self) -> Result<Looked<'_>, Failure> {
        match &self.source {
            None => Ok(Looked::Images(self.named.clone())),
            Some(path) if table::is_table(path, &self.keys) => Ok(Looked::Table(path)),
            Some(path) if self.keys.kind(path) == Some(Kind::Images) => Ok(Looked::Arrays(path)),
            Some(path) if pictures::is_of_pictures(path) => Ok(Looked::Pictures(path)),
            Some(path) if path.is_dir() => {
                Ok(Looked::Images(Named { data: Some(path.clone()), ..self.named.clone() }))
            }
            Some(path) => {
                let found = match path.exists() {
                    false => "no such file; check its name",
                    true => "another file; name the folder of IDX files, or save a table as CSV",
                };
                let path = path.display();
                Err(Failure::Run(format!(
                    "{path}: expected a folder of IDX files or of pictures, or a table, found {found}"
                )))
            }
        }
    }

    /// Whether the data are a table.
    pub(crate) fn is_table(&self) -> bool {
        self.source.as_deref().is_some_and(|path| table::is_table(path, &self.keys))
    }

    /// Whether the data come without a part to test on.
    pub(crate) fn is_whole(&self) -> bool {
        let is_whole = |path: &Path| pictures::is_of_pictures(path) || self.keys.lacks_test(path);
        self.is_table() || self.source.as_deref().is_some_and(is_whole)
    }

    /// The folder or file that the data come from. For the synthetic set, its name.
    pub(crate) fn place(&self) -> PathBuf {
        self.source.clone().unwrap_or_else(|| self.named.folder())
    }

    /// The data that are named without an option.
    pub(crate) fn source(&self) -> Option<&Path> {
        self.source.as_deref()
    }

    /// Whether data are named.
    pub(crate) fn is_given(&self) -> bool {
        self.source.is_some() || self.named.first_given().is_some()
    }

    /// The words that name the data.
    pub(crate) fn given(&self) -> Vec<OsString> {
        let Some(path) = &self.source else { return self.named.given() };
        let mut given = vec![path.into()];
        given.extend(self.keys.given());
        given.extend(self.named.refinements());
        given
    }
}

impl Named {
    fn name(&self) -> Name {
        self.dataset.unwrap_or(Name::Mnist)
    }

    /// The first of these options that was given.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--dataset", self.dataset.is_some()),
            ("--data", self.data.is_some()),
            ("--prefix", self.prefix.is_some()),
            ("--transpose", self.transpose),
            ("--synthetic-size", self.synthetic_size.is_some()),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }

    /// The folder that should hold the files. For the synthetic set, its name.
    pub(crate) fn folder(&self) -> PathBuf {
        match (&self.data, self.name()) {
            (Some(folder), _) => folder.clone(),
            (None, Name::Synthetic) => PathBuf::from(Name::Synthetic.as_str()),
            (None, name) => Path::new("data").join(name.as_str()),
        }
    }

    /// The options as they were given.
    pub(crate) fn given(&self) -> Vec<OsString> {
        let mut given: Vec<OsString> = match &self.data {
            Some(folder) => vec!["--data".into(), folder.into()],
            None => vec!["--dataset".into(), self.name().as_str().into()],
        };
        given.extend(self.refinements());
        if let Some([train, test]) = self.synthetic_size {
            given.extend(["--synthetic-size".into(), format!("{train},{test}").into()]);
        }
        given
    }

    /// Opens the training and the test set, the images memory-mapped, or draws them.
    pub(crate) fn open(&self) -> Result<TrainTest, Failure> {
        match self.dataset {
            Some(Name::Synthetic) => {
                let [train, test] = self.synthetic_size.unwrap_or(SYNTHETIC_SIZE);
                // Bytes of an image: its pixels, its class as it is drawn, and its class as it is kept.
                let image = synthetic::SIDE * synthetic::SIDE + 1 + size_of::<u32>();
                let bytes = (train as u64 + test as u64).saturating_mul(image as u64);
                let what = format!("--synthetic-size {train},{test}");
                let failure = if self.synthetic_size.is_some() { Failure::Usage } else { Failure::Run };
                memory::check(what, bytes, "ask for fewer images").map_err(failure)?;
                synthetic::generate(train, test, SYNTHETIC_SEED).map_err(Failure::usage)
            }
            _ if self.synthetic_size.is_some() => {
                Err(Failure::usage("--synthetic-size needs --dataset synthetic"))
            }
            _ => {
                let files = locate_with_prefix(&self.folder(), self.prefix.as_deref());
                let files = files.map_err(|error| self.not_found(error))?;
                let what = self.folder().display().to_string();
                memory::check(
                    what,
                    converted(&files),
                    "set pixels as bytes, which stay in the file, or take fewer examples",
                )
                .map_err(Failure::Run)?;
                let TrainTest { train, test } = files.map()?;
                Ok(TrainTest { train: self.turned(train)?, test: self.turned(test)? })
            }
        }
    }

    /// Opens the test set alone, and turns its pictures as those were that `network` was trained on.
    pub(crate) fn open_test(&self, network: &Network) -> Result<Dataset, Failure> {
        if self.dataset == Some(Name::Synthetic) || self.synthetic_size.is_some() {
            return Ok(self.open()?.test);
        }
        let (images, labels) =
            locate_test(&self.folder(), self.prefix.as_deref()).map_err(|error| self.not_found(error))?;
        judged(Dataset::map(&images, &labels)?, self.transpose, network)
    }

    /// The pictures of `data` as they are asked for.
    fn turned(&self, data: Dataset) -> Result<Dataset, Failure> {
        if self.transpose { Ok(data.transposed()?) } else { Ok(data) }
    }

    /// The options that say more about the files, as they were given.
    fn refinements(&self) -> Vec<OsString> {
        let prefix = self.prefix.iter().flat_map(|prefix| ["--prefix".into(), prefix.into()]);
        prefix.chain(self.transpose.then(|| "--transpose".into())).collect()
    }

    /// The failure for a missing set. It names the ways out.
    fn not_found(&self, error: Error) -> Failure {
        const FOLDER: &str = "a folder with train-images-idx3-ubyte";
        let fetch = |folder: &Path| {
            let dir = self.data.as_ref().map_or_else(String::new, |_| format!(" --dir {}", folder.display()));
            let name = self.name().as_str();
            format!(
                "`cargo xtask fetch-mnist --dataset {name}{dir}` fetches the set, and `--dataset synthetic` needs no files"
            )
        };
        let (folder, expected, found, help) = match error {
            Error::Io { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
                let help = fetch(&path);
                (path, FOLDER.to_owned(), "no such folder".to_owned(), help)
            }
            Error::Io { path, source, .. } if source.kind() == io::ErrorKind::NotADirectory => (
                path,
                FOLDER.to_owned(),
                "a file".to_owned(),
                "name the folder that holds all four".to_owned(),
            ),
            Error::NotInFolder { folder, expected, found } => {
                // A folder that the user named holds a set of the user's own, unless it is empty.
                let is_own =
                    self.data.is_some() && fs::read_dir(&folder).is_ok_and(|mut all| all.next().is_some());
                let own = "add it, or rename one; TYPE is ubyte, byte, short, int, float or double";
                let help = if is_own { own.to_owned() } else { fetch(&folder) };
                (folder, expected, found, help)
            }
            other => return other.into(),
        };
        Failure::Run(format!("{}: expected {expected}, found {found}; {help}", folder.display()))
    }
}

/// A test set as `network` takes it: turned as its training set was, or as it is asked for. It may lack the examples of a class.
pub(crate) fn judged(test: Dataset, transpose: bool, network: &Network) -> Result<Dataset, Failure> {
    let turns = transpose || network.profile().is_some_and(|profile| profile.is_transposed);
    let test = if turns { test.transposed()? } else { test };
    match test.classes() {
        Some(classes) if classes < network.outputs() => Ok(test.with_classes(network.outputs())?),
        _ => Ok(test),
    }
}

/// The note that inputs are far from those that a network was trained on.
pub(crate) fn note_if_far(
    trained: Option<&InputProfile>,
    found: &InputProfile,
    place: &Path,
) -> Option<String> {
    let trained = trained.filter(|trained| trained.is_far(found))?;
    let polarity = match (trained.is_inverted(found), trained.mean < 0.5) {
        (false, _) => "; prepare them as those were",
        (true, true) => ": they are dark on light, and those were light on dark; invert them",
        (true, false) => ": they are light on dark, and those were dark on light; invert them",
    };
    let [was, is] = [trained, found].map(|it| format!("mean {:.3}, deviation {:.3}", it.mean, it.deviation));
    Some(format!(
        "note: {}: inputs far from those that the network was trained on ({is}; those had {was}){polarity}",
        place.display()
    ))
}

/// Bytes of the labels, of inputs that aren't bytes, and of files that are packed. They are converted or unpacked, and don't stay in
/// the mapped file. A file that can't be read counts as 0 here. The error comes when it is opened.
fn converted(files: &SetFiles) -> u64 {
    let file = |path: &Path| IdxFile::map(path).ok();
    let inputs = |file: IdxFile| {
        let (element, bytes) = (file.header().element(), file.header().payload_len());
        let unpacked = if file.is_in_memory() { bytes as u64 } else { 0 };
        let numbers = if element == ElementType::U8 { 0 } else { 4 * (bytes / element.size()) as u64 };
        unpacked + numbers
    };
    // The file itself, its numbers, and the classes made of them.
    let labels = |file: IdxFile| {
        let (element, bytes) = (file.header().element(), file.header().payload_len());
        (bytes + 8 * (bytes / element.size())) as u64
    };
    let images = [&files.train_images, &files.test_images].map(|path| file(path).map_or(0, inputs));
    let labels = [&files.train_labels, &files.test_labels].map(|path| file(path).map_or(0, labels));
    images.into_iter().chain(labels).sum()
}

/// The training set and, if `--validation-split` sets some of it aside, the validation set.
///
/// Each class has its share of both. Runs of earlier versions had a plain split. `recorded` is the training set that a checkpoint
/// records: the split that gives it is taken.
pub(crate) fn split(
    train: Dataset,
    fraction: Option<f64>,
    seed: u64,
    recorded: Option<DataIdentity>,
) -> Result<(Dataset, Option<Dataset>), Failure> {
    let Some(fraction) = fraction else { return Ok((train, None)) };
    let refused = |error| Failure::usage(format!("--validation-split {fraction}: {error}"));
    let mut parts = train.split_stratified(fraction, seed).map_err(refused)?;
    if let Some(recorded) = recorded
        && DataIdentity::of(&parts.0) != recorded
    {
        let plain = train.split(fraction, seed).map_err(refused)?;
        if DataIdentity::of(&plain.0) == recorded {
            parts = plain;
        }
    }
    Ok((parts.0, Some(parts.1)))
}

/// The numbers of training and test images.
fn synthetic_size(text: &str) -> Result<[usize; 2], String> {
    let numbers =
        text.split_once(',').and_then(|(train, test)| Some([train.parse().ok()?, test.parse().ok()?]));
    let drawable = |sizes: &[usize; 2]| sizes.iter().all(|size| (1..=synthetic::MAX_IMAGES).contains(size));
    numbers.filter(drawable).ok_or_else(|| {
        format!("expected two numbers from 1 to {}, such as 60000,10000", synthetic::MAX_IMAGES)
    })
}
