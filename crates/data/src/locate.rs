//! The four files of an MNIST-style set, wherever they are and however they are spelt.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dataset::Dataset;
use crate::error::{Error, listed};

/// Paths of a training and a test set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetFiles {
    /// Inputs of the training set.
    pub train_images: PathBuf,
    /// Targets of the training set.
    pub train_labels: PathBuf,
    /// Inputs of the test set.
    pub test_images: PathBuf,
    /// Targets of the test set.
    pub test_labels: PathBuf,
}

/// A training and a test set of the same example shape and the same number of classes or values.
#[derive(Debug, Clone)]
pub struct TrainTest {
    /// The examples that a network learns from.
    pub train: Dataset,
    /// The examples that a network is judged by.
    pub test: Dataset,
}

impl SetFiles {
    /// Opens both sets with [`Dataset::map`].
    ///
    /// # Errors
    /// The errors of [`Dataset::map`], and [`Error::SetMismatch`] if the two sets differ in example shape
    /// or in the kind or width of their targets. A different number of classes is no error: both sets
    /// get the larger number.
    pub fn map(&self) -> Result<TrainTest, Error> {
        self.open(Dataset::map)
    }

    /// Opens both sets with [`Dataset::read`].
    ///
    /// # Errors
    /// As [`SetFiles::map`].
    pub fn read(&self) -> Result<TrainTest, Error> {
        self.open(Dataset::read)
    }

    fn open(&self, open: impl Fn(&Path, &Path) -> Result<Dataset, Error>) -> Result<TrainTest, Error> {
        let train = open(&self.train_images, &self.train_labels)?;
        let test = open(&self.test_images, &self.test_labels)?;
        if train.example_shape() != test.example_shape() {
            return Err(Error::SetMismatch {
                path: self.test_images.clone(),
                reference: self.train_images.clone(),
                expected: format!("examples of shape {:?}", train.example_shape()),
                found: format!("{:?}", test.example_shape()),
            });
        }
        match (train.classes(), test.classes()) {
            (Some(a), Some(b)) => {
                let classes = a.max(b);
                Ok(TrainTest { train: train.with_classes(classes)?, test: test.with_classes(classes)? })
            }
            (None, None) if train.targets().width() == test.targets().width() => {
                Ok(TrainTest { train, test })
            }
            _ => {
                let describe = |set: &Dataset| match set.classes() {
                    Some(_) => "classes".to_owned(),
                    None => match set.targets().width() {
                        1 => "1 value per example".to_owned(),
                        width => format!("{width} values per example"),
                    },
                };
                Err(Error::SetMismatch {
                    path: self.test_labels.clone(),
                    reference: self.train_labels.clone(),
                    expected: describe(&train),
                    found: describe(&test),
                })
            }
        }
    }
}

/// Finds the four files of a set in `folder`.
///
/// A name is `train` or `t10k` (also `test`), `-images` or `-labels`, then `-` or `.`, `idx` with any
/// rank and an element type: `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte`,
/// `train-labels-idx2-float`. If a name is there with `-` and with `.`, the former is taken.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be listed. [`Error::NotInFolder`] if a file is missing,
/// [`Error::UnclearInFolder`] if it is only there as `.gz` or more than once. Both name the files that
/// were looked for and the content of the folder.
pub fn locate(folder: &Path) -> Result<SetFiles, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder, "list the folder"))? {
        let entry = entry.map_err(Error::io(folder, "list the folder"))?;
        // A name that is not Unicode is not one of the set's.
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    let find = |sets: &[&str], kind: &str| find(folder, &names, sets, kind);
    Ok(SetFiles {
        train_images: find(&["train"], "images")?,
        train_labels: find(&["train"], "labels")?,
        test_images: find(&["t10k", "test"], "images")?,
        test_labels: find(&["t10k", "test"], "labels")?,
    })
}

fn find(folder: &Path, names: &[String], sets: &[&str], kind: &str) -> Result<PathBuf, Error> {
    let is_match = |name: &str| sets.iter().any(|set| names_file(name, set, kind));
    // The names are sorted, so the dashed one of two twins comes before the dotted one.
    let mut found: Vec<&str> = names.iter().map(String::as_str).filter(|name| is_match(name)).collect();
    found.dedup_by(|name, earlier| name.replace('.', "-") == earlier.replace('.', "-"));
    let expected = format!("{0}-{kind}-idxN-TYPE or {0}-{kind}.idxN-TYPE", sets[0]);
    let unclear = |found: String, help: String| Error::UnclearInFolder {
        folder: folder.to_owned(),
        expected: expected.clone(),
        found,
        help,
    };
    match *found {
        [name] => Ok(folder.join(name)),
        [first, second, ..] => {
            Err(unclear(format!("both {first} and {second}"), "keep one of them in the folder".to_owned()))
        }
        [] => {
            let packed = names.iter().find(|name| name.strip_suffix(".gz").is_some_and(is_match));
            Err(match packed {
                Some(name) => unclear(
                    format!("only {name}"),
                    format!("unpack it with `gunzip -k {}`", folder.join(name).display()),
                ),
                None => Error::NotInFolder { folder: folder.to_owned(), expected, found: describe(names) },
            })
        }
    }
}

/// True if `name` is `SET-KIND`, `-` or `.`, `idx`, digits, `-` and a type.
fn names_file(name: &str, set: &str, kind: &str) -> bool {
    let rank_and_type = || {
        let rest = name.strip_prefix(set)?.strip_prefix('-')?.strip_prefix(kind)?;
        rest.strip_prefix(['-', '.'])?.strip_prefix("idx")?.split_once('-')
    };
    rank_and_type().is_some_and(|(rank, element)| {
        !rank.is_empty()
            && rank.bytes().all(|byte| byte.is_ascii_digit())
            && ["ubyte", "byte", "short", "int", "float", "double"].contains(&element)
    })
}

/// The content of a folder, in a line.
fn describe(names: &[String]) -> String {
    match names.len() {
        0 => "an empty folder".to_owned(),
        _ => listed(names.iter().cloned()),
    }
}
