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
/// `train-labels-idx2-float`. It may end with `.gz`. If a name is there with `-` and with `.`, the former is taken, and a file that
/// isn't packed goes before its packed twin.
///
/// Names may begin with a prefix, as those of QMNIST do (`qmnist-train-images-idx3-ubyte`). Those without a prefix are taken, or else
/// those with the only prefix that is there. [`locate_with_prefix`] takes one of several.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be listed. [`Error::NotInFolder`] if a file is missing,
/// [`Error::UnclearInFolder`] if it is there more than once, or under several prefixes. Both name the files that
/// were looked for and the content of the folder.
pub fn locate(folder: &Path) -> Result<SetFiles, Error> {
    locate_with_prefix(folder, None)
}

/// As [`locate`], where the names begin with `prefix`: `emnist-letters` for `emnist-letters-train-images-idx3-ubyte`.
///
/// # Errors
/// As [`locate`].
pub fn locate_with_prefix(folder: &Path, prefix: Option<&str>) -> Result<SetFiles, Error> {
    let entries = Entries::list(folder)?;
    let (train_images, train_labels) = entries.pair(&TRAIN, prefix)?;
    let (test_images, test_labels) = entries.pair(&TEST, prefix)?;
    Ok(SetFiles { train_images, train_labels, test_images, test_labels })
}

/// Finds the images and the labels of the test set in `folder`, as [`locate`] does.
///
/// # Errors
/// As [`locate`].
pub fn locate_test(folder: &Path, prefix: Option<&str>) -> Result<(PathBuf, PathBuf), Error> {
    Entries::list(folder)?.pair(&TEST, prefix)
}

/// The names of the training set.
const TRAIN: [&str; 1] = ["train"];
/// The names of the test set.
const TEST: [&str; 2] = ["t10k", "test"];

/// The entries of a folder that aren't folders, and the names of those that are.
struct Entries<'f> {
    folder: &'f Path,
    /// Sorted. So the dashed one of two twins comes before the dotted one, and the packed one last.
    files: Vec<String>,
    folders: Vec<String>,
}

impl<'f> Entries<'f> {
    fn list(folder: &'f Path) -> Result<Self, Error> {
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(Error::io(folder, "list the folder"))? {
            let entry = entry.map_err(Error::io(folder, "list the folder"))?;
            // A name that is not Unicode is not one of the set's.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let names = if entry.path().is_dir() { &mut folders } else { &mut files };
            names.push(name);
        }
        files.sort_unstable();
        folders.sort_unstable();
        Ok(Self { folder, files, folders })
    }

    /// The images and the labels of a set.
    fn pair(&self, sets: &[&str], prefix: Option<&str>) -> Result<(PathBuf, PathBuf), Error> {
        Ok((self.find(sets, "images", prefix)?, self.find(sets, "labels", prefix)?))
    }

    fn find(&self, sets: &[&str], kind: &str, prefix: Option<&str>) -> Result<PathBuf, Error> {
        let start = prefix.map_or_else(String::new, |prefix| format!("{prefix}-"));
        let expected = format!("{start}{0}-{kind}-idxN-TYPE or {start}{0}-{kind}.idxN-TYPE", sets[0]);
        let unclear = |found: String, help: String| Error::UnclearInFolder {
            folder: self.folder.to_owned(),
            expected: expected.clone(),
            found,
            help,
        };
        let named = |prefix: &str| {
            let of_set = |name: &&String| prefix_of(name, sets, kind) == Some(prefix);
            let mut found: Vec<&String> = self.files.iter().filter(of_set).collect();
            let twin = |name: &str| name.strip_suffix(".gz").unwrap_or(name).replace('.', "-");
            found.dedup_by(|name, earlier| twin(name) == twin(earlier));
            found
        };
        let mut found = named(prefix.unwrap_or_default());
        if found.is_empty() && prefix.is_none() {
            let mut prefixes: Vec<&str> =
                self.files.iter().filter_map(|name| prefix_of(name, sets, kind)).collect();
            prefixes.dedup();
            match *prefixes {
                [] => {}
                [one] => found = named(one),
                [first, ..] => {
                    let found = format!("the sets {}", prefixes.join(", "));
                    return Err(unclear(found, format!("take one with --prefix {first}")));
                }
            }
        }
        match *found {
            [name] => Ok(self.folder.join(name)),
            [first, second, ..] => Err(unclear(
                format!("both {first} and {second}"),
                "keep one of them in the folder".to_owned(),
            )),
            [] => {
                let mut names = [&self.files[..], &self.folders].concat();
                names.sort_unstable();
                Err(Error::NotInFolder { folder: self.folder.to_owned(), expected, found: describe(&names) })
            }
        }
    }
}

/// The prefix of a file's name, empty if it has none, if the file is one of these sets and of this kind: `PREFIX-SET-KIND`, `-` or
/// `.`, `idx`, digits, `-`, a type, and perhaps `.gz`.
fn prefix_of<'n>(name: &'n str, sets: &[&str], kind: &str) -> Option<&'n str> {
    let unpacked = name.strip_suffix(".gz").unwrap_or(name);
    let at = unpacked.rfind(&format!("-{kind}"))?;
    let (start, rest) = (&unpacked[..at], &unpacked[at + 1 + kind.len()..]);
    let (rank, element) = rest.strip_prefix(['-', '.'])?.strip_prefix("idx")?.split_once('-')?;
    let is_idx = !rank.is_empty()
        && rank.bytes().all(|byte| byte.is_ascii_digit())
        && ["ubyte", "byte", "short", "int", "float", "double"].contains(&element);
    let prefix = sets.iter().find_map(|set| start.strip_suffix(set))?;
    let prefix =
        if prefix.is_empty() { prefix } else { prefix.strip_suffix('-').filter(|rest| !rest.is_empty())? };
    is_idx.then_some(prefix)
}

/// The content of a folder, in a line.
fn describe(names: &[String]) -> String {
    match names.len() {
        0 => "an empty folder".to_owned(),
        _ => listed(names.iter().cloned()),
    }
}
