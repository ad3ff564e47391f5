//! Pictures that have been decoded, kept as IDX files in the folder that `train --cache` names.
//!
//! | file | holds |
//! |---|---|
//! | `train-pictures.json` | the source: names, sizes and times of the pictures, the options, and the fingerprint of the two files below |
//! | `train-images-idx3-ubyte` | the bytes of all pictures; `idx4` with colours |
//! | `train-labels-idx1-int` | the class of each |
//! | `test-…` | the same three of the folder that `--test` names |
//! | `lock` | nothing; the run that makes the files holds a lock on it |
//!
//! ```text
//! read the list of sources; if it is that of these pictures, map the files; if their fingerprint is the recorded one: done
//! else, under the lock:
//!     look once more: another run may have made them meanwhile
//!     write the list without a fingerprint; decode each picture into a temporary file, and rename it; write the list
//! ```
//!
//! A run that is killed on the way leaves a list without a fingerprint, or files of another one, and the next run makes them anew.
//! A run that has mapped the files keeps its own, because a rename replaces a name and not its bytes.

use super::listing::{Listing, Shape};
use crate::failure::Failure;
use crate::whole_file::{cannot, written};
use minibatch_data::{Dataset, ElementType, open_regular, write_idx_header};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The version of the list's form.
const FORMAT: u32 = 1;

/// The most bytes of a list that are read.
const MOST_LISTED: u64 = 1 << 30;

/// The fate of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// The cache held these pictures.
    Used,
    /// There was no cache.
    Made,
    /// The cache was of other pictures.
    OtherPictures,
    /// The cache was made with other options, or by another version.
    OtherOptions,
    /// A file of the cache was damaged, or its maker was stopped.
    Damaged,
}

impl Outcome {
    fn words(self) -> &'static str {
        match self {
            Outcome::Used => "taken from the cache",
            Outcome::Made => "decoded, and kept",
            Outcome::OtherPictures => "decoded anew and kept, as the cache was of other pictures",
            Outcome::OtherOptions => "decoded anew and kept, as the cache was made with other options",
            Outcome::Damaged => "decoded anew and kept, as the cache was damaged",
        }
    }
}

/// A run's cache, as its plan tells it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) folder: String,
    pub(crate) training: Outcome,
    /// Null without `--test`.
    pub(crate) test: Option<Outcome>,
}

impl Report {
    /// The report in words.
    pub(crate) fn words(&self) -> String {
        let (folder, training) = (&self.folder, self.training.words());
        match self.test {
            Some(test) if test != self.training => {
                format!("{training} in {folder}; those to test on: {}", test.words())
            }
            _ => format!("{training} in {folder}"),
        }
    }
}

/// A set that a cache keeps.
#[derive(Clone, Copy, Debug)]
pub(super) enum Set {
    Train,
    Test,
}

/// The source of a set: all that its bytes follow from.
#[derive(Debug, Serialize, Deserialize)]
struct Source {
    format: u32,
    minibatch: String,
    classes: Vec<String>,
    /// The rows and columns that were asked for.
    size: Option<[usize; 2]>,
    example_shape: Vec<usize>,
    pictures: Vec<Picture>,
    /// The fingerprint of the dataset in hexadecimal digits. Empty until the files are there.
    fingerprint: String,
}

/// A picture, as a folder lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Picture {
    name: String,
    bytes: u64,
    /// Nanoseconds since 1970 at its last change.
    changed: i64,
    class: u32,
}

impl Picture {
    fn new(path: &Path, class: u32, classes: &[String]) -> io::Result<Picture> {
        let metadata = fs::metadata(path)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{}/{file}", classes[class as usize]);
        Ok(Picture { name, bytes: metadata.len(), changed: changed(&metadata), class })
    }
}

/// The time of a file's last change. 0 where the system has none.
fn changed(metadata: &Metadata) -> i64 {
    let Ok(time) = metadata.modified() else { return 0 };
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}

/// A set in a cache.
struct Kept<'a> {
    folder: &'a Path,
    set: Set,
    listing: &'a Listing,
    shape: Shape,
    pictures: Vec<Picture>,
}

/// The set of the pictures in `listing`: from the cache in `folder`, or decoded into it.
pub(super) fn open(
    folder: &Path,
    set: Set,
    listing: &Listing,
    shape: Shape,
) -> Result<(Dataset, Outcome), Failure> {
    let picture = |(path, class): &(PathBuf, u32)| {
        Picture::new(path, *class, &listing.classes).map_err(|error| cannot("read", path, &error))
    };
    let pictures = listing.files.iter().map(picture).collect::<Result<Vec<_>, _>>()?;
    let kept = Kept { folder, set, listing, shape, pictures };
    if let Ok(dataset) = kept.look() {
        return Ok((dataset, Outcome::Used));
    }
    kept.prepare_folder()?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"));
    let lock = lock.map_err(|error| cannot("write", &folder.join("lock"), &error))?;
    // Some file systems have no locks. Two runs that write at once are then told by the fingerprint.
    let _ = lock.lock();
    match kept.look() {
        Ok(dataset) => Ok((dataset, Outcome::Used)),
        Err(outcome) => Ok((kept.make()?, outcome)),
    }
}

impl Kept<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(match self.set {
            Set::Train => format!("train-{name}"),
            Set::Test => format!("test-{name}"),
        })
    }

    fn list(&self) -> PathBuf {
        self.path("pictures.json")
    }

    fn labels(&self) -> PathBuf {
        self.path("labels-idx1-int")
    }

    fn images(&self, channels: usize) -> PathBuf {
        self.path(if channels == 1 { "images-idx3-ubyte" } else { "images-idx4-ubyte" })
    }

    /// The dataset that the cache holds, if it is that of these pictures; else the reason why they are decoded.
    fn look(&self) -> Result<Dataset, Outcome> {
        if fs::metadata(self.list()).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Err(Outcome::Made);
        }
        let mut text = Vec::new();
        let list = open_regular(&self.list()).map_err(|_| Outcome::Damaged)?;
        list.take(MOST_LISTED).read_to_end(&mut text).map_err(|_| Outcome::Damaged)?;
        let source: Source = serde_json::from_slice(&text).map_err(|_| Outcome::Damaged)?;
        if source.fingerprint.is_empty() {
            return Err(Outcome::Damaged);
        }
        if source.pictures != self.pictures || source.classes != self.listing.classes {
            return Err(Outcome::OtherPictures);
        }
        let is_size = match self.shape.size {
            Some(size) => source.example_shape.get(..2) == Some(&size[..]),
            None => source.size.is_none(),
        };
        let is_channels = source.example_shape.get(2).copied().unwrap_or(1) == self.shape.channels;
        if (source.format, &*source.minibatch) != (FORMAT, env!("CARGO_PKG_VERSION"))
            || !is_size
            || !is_channels
        {
            return Err(Outcome::OtherOptions);
        }
        let dataset = self.map().map_err(|_| Outcome::Damaged)?;
        let is_whole =
            source.fingerprint == fingerprint(&dataset) && dataset.example_shape() == source.example_shape;
        is_whole.then_some(dataset).ok_or(Outcome::Damaged)
    }

    /// Maps the files.
    fn map(&self) -> Result<Dataset, minibatch_data::Error> {
        Dataset::map(&self.images(self.shape.channels), &self.labels())?
            .with_classes(self.listing.classes.len())
    }

    /// Makes sure that the folder is there, and that no files of others are written over.
    fn prepare_folder(&self) -> Result<(), Failure> {
        let refused = |path: &Path, found: &str| {
            let path = path.display();
            Err(Failure::Run(format!(
                "{path}: expected a folder to keep decoded pictures in, found {found}; name another with --cache"
            )))
        };
        if self.folder.exists() && !self.folder.is_dir() {
            return refused(self.folder, "a file");
        }
        if !self.list().exists()
            && let Some(other) =
                [self.images(1), self.images(3), self.labels()].iter().find(|path| path.exists())
        {
            return refused(self.folder, &format!("{} of another source", name(other)));
        }
        fs::create_dir_all(self.folder).map_err(|error| cannot("create", self.folder, &error))
    }

    /// Decodes the pictures into the cache.
    fn make(&self) -> Result<Dataset, Failure> {
        let (files, classes) = (&self.listing.files, &self.listing.classes);
        let example_shape = self.listing.example_shape(self.shape)?;
        let dims = [&[files.len()], &example_shape[..]].concat();
        let mut source = Source {
            format: FORMAT,
            minibatch: env!("CARGO_PKG_VERSION").to_owned(),
            classes: classes.clone(),
            size: self.shape.size,
            example_shape,
            pictures: Vec::new(),
            fingerprint: String::new(),
        };
        self.write_list(&source)?;
        let path = self.images(self.shape.channels);
        written(&path, |out| {
            let failed = |error: io::Error| cannot("write", &path, &error);
            write_idx_header(out, ElementType::U8, &dims).map_err(failed)?;
            self.listing
                .decode(self.shape, &source.example_shape, |pixels| out.write_all(pixels).map_err(failed))
        })?;
        let path = self.labels();
        written(&path, |out| {
            let labels: Vec<u8> = files.iter().flat_map(|(_, class)| class.to_be_bytes()).collect();
            let header = write_idx_header(out, ElementType::I32, &dims[..1]);
            header.and_then(|()| out.write_all(&labels)).map_err(|error| cannot("write", &path, &error))
        })?;
        // The pictures of other options. If they can't be removed, nothing reads them.
        let _ = fs::remove_file(self.images(if self.shape.channels == 1 { 3 } else { 1 }));
        let dataset = self.map()?;
        source.pictures.clone_from(&self.pictures);
        source.fingerprint = fingerprint(&dataset);
        self.write_list(&source)?;
        Ok(dataset)
    }

    fn write_list(&self, source: &Source) -> Result<(), Failure> {
        let path = self.list();
        let text = serde_json::to_vec(source)?;
        written(&path, |out| out.write_all(&text).map_err(|error| cannot("write", &path, &error)))
    }
}

fn fingerprint(dataset: &Dataset) -> String {
    format!("{:016x}", dataset.fingerprint())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Refuses a cache that lies among the pictures, where a later run would take it for a class.
pub(super) fn check_place(folder: &Path, pictures: &Path) -> Result<(), Failure> {
    let absolute = std::path::absolute(folder)?;
    let real = absolute.ancestors().find_map(|path| {
        let rest = absolute.strip_prefix(path).ok()?;
        Some(fs::canonicalize(path).ok()?.join(rest))
    });
    let Some((real, pictures)) = real.zip(fs::canonicalize(pictures).ok()) else { return Ok(()) };
    let Ok(inside) = real.strip_prefix(&pictures) else { return Ok(()) };
    // Hidden folders are passed over.
    if inside.iter().next().is_some_and(|first| first.as_encoded_bytes().starts_with(b".")) {
        return Ok(());
    }
    let folder = folder.display();
    Err(Failure::usage(format!(
        "--cache {folder}: expected a folder outside the pictures, found one among them"
    )))
}
