//! NumPy's files as data: `.npy` and `.npz`.

use crate::failure::Failure;
use minibatch_data::{Dataset, Inputs, NUMPY_MAGIC, NumpyArchive, NumpyArray, NumpyText, open_regular};
use std::ffi::OsString;
use std::io::{BufReader, Read};
use std::path::Path;

/// Names of arrays of inputs, and of targets, in the order in which they are looked for.
const X: [&str; 7] = ["x", "X", "x_train", "X_train", "data", "images", "features"];
const Y: [&str; 7] = ["y", "Y", "y_train", "Y_train", "labels", "target", "targets"];
/// Names of arrays to test on.
const X_TEST: [&str; 2] = ["x_test", "X_test"];
const Y_TEST: [&str; 3] = ["y_test", "Y_test", "labels_test"];

/// Names of the arrays in an archive.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Keys {
    /// Array of an .npz archive that has the inputs [default: the first of x, x_train, data, images, features]
    #[arg(long, value_name = "NAME")]
    pub(crate) x_key: Option<String>,

    /// Array of an .npz archive that has the targets [default: the first of y, y_train, labels, target, targets]
    #[arg(long, value_name = "NAME")]
    pub(crate) y_key: Option<String>,
}

/// The kinds of NumPy's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A `.npy` file of numbers in rows: a table.
    Array,
    /// A `.npz` archive whose inputs are rows of numbers: a table.
    Rows,
    /// A `.npz` archive of images.
    Images,
}

impl Keys {
    /// The options as they were given.
    pub(super) fn given(&self) -> Vec<OsString> {
        let option = |name: &str, key: &Option<String>| key.clone().map(|key| [name.into(), key.into()]);
        [option("--x-key", &self.x_key), option("--y-key", &self.y_key)]
            .into_iter()
            .flatten()
            .flatten()
            .collect()
    }

    /// Whether the file at `path` is an archive of images without any to test on.
    pub(super) fn lacks_test(&self, path: &Path) -> bool {
        let names = || NumpyArchive::open(path).map(|archive| archive.names()).unwrap_or_default();
        self.kind(path) == Some(Kind::Images) && first(&X_TEST, &names()).is_none()
    }

    /// The kind of the file at `path`, if it is one of NumPy's.
    pub(crate) fn kind(&self, path: &Path) -> Option<Kind> {
        let mut start = Vec::new();
        open_regular(path).ok()?.take(NUMPY_MAGIC.len() as u64).read_to_end(&mut start).ok()?;
        if start == NUMPY_MAGIC {
            return Some(Kind::Array);
        }
        if !(start.starts_with(b"PK") && path.extension().is_some_and(|end| end.eq_ignore_ascii_case("npz")))
        {
            return None;
        }
        let shape = NumpyArchive::open(path).and_then(|mut archive| {
            let name = chosen(self.x_key.as_deref(), &archive.names(), &X);
            archive.shape(&name)
        });
        let are_images =
            shape.is_ok_and(|(shape, are_bytes)| shape.len() > 2 || (are_bytes && shape.len() == 2));
        Some(if are_images { Kind::Images } else { Kind::Rows })
    }

    fn x(&self, archive: &mut NumpyArchive) -> Result<NumpyArray, minibatch_data::Error> {
        archive.array(&chosen(self.x_key.as_deref(), &archive.names(), &X))
    }

    fn y(&self, archive: &mut NumpyArchive) -> Result<NumpyArray, minibatch_data::Error> {
        archive.array(&chosen(self.y_key.as_deref(), &archive.names(), &Y))
    }

    /// The text of the table in the file at `path`, which is no archive of images. An archive's inputs are the columns x1, x2, …, and
    /// its targets, if it has some, y.
    pub(crate) fn text(&self, path: &Path, kind: Kind) -> Result<NumpyText, minibatch_data::Error> {
        if kind == Kind::Array {
            return NumpyText::new(path, vec![("", read(path)?)]);
        }
        let mut archive = NumpyArchive::open(path)?;
        let mut arrays = vec![("x", self.x(&mut archive)?)];
        // New rows to predict have no targets.
        let has_targets = self.y_key.is_some() || first(&Y, &archive.names()).is_some();
        if has_targets {
            arrays.push(("y", self.y(&mut archive)?));
        }
        NumpyText::new(path, arrays)
    }

    /// The columns of an archive's targets. The array is read, since a header alone may claim any number of columns.
    pub(crate) fn targets(&self, path: &Path) -> Result<Vec<String>, minibatch_data::Error> {
        let mut archive = NumpyArchive::open(path)?;
        Ok(match *self.y(&mut archive)?.shape() {
            [_, columns] if columns > 1 => (1..=columns).map(|column| format!("y{column}")).collect(),
            _ => vec!["y".to_owned()],
        })
    }

    /// The images of an archive to train on, and those to test on if it has some.
    pub(crate) fn images(&self, path: &Path) -> Result<(Dataset, Option<Dataset>), Failure> {
        let mut archive = NumpyArchive::open(path)?;
        let train = Dataset::from_numpy(&self.x(&mut archive)?, &self.y(&mut archive)?)?;
        let names = archive.names();
        let test = match (first(&X_TEST, &names), first(&Y_TEST, &names)) {
            (Some(x), Some(y)) => Some(Dataset::from_numpy(&archive.array(x)?, &archive.array(y)?)?),
            _ => None,
        };
        match (train.classes(), test) {
            (Some(classes), Some(test)) if test.classes().is_some_and(|found| found < classes) => {
                Ok((train, Some(test.with_classes(classes)?)))
            }
            (_, test) => Ok((train, test)),
        }
    }

    /// The images of an archive to judge a network by: those to test on, or else all.
    pub(crate) fn judged(&self, path: &Path) -> Result<Dataset, Failure> {
        let (all, test) = self.images(path)?;
        Ok(test.unwrap_or(all))
    }

    /// The inputs of new images: a `.npy` file, or the inputs of an archive.
    pub(crate) fn inputs(&self, path: &Path, kind: Kind) -> Result<(Inputs, Vec<usize>), Failure> {
        let x = match kind {
            Kind::Array => read(path)?,
            _ => self.x(&mut NumpyArchive::open(path)?)?,
        };
        Ok((x.to_inputs()?, x.shape().to_vec()))
    }
}

fn read(path: &Path) -> Result<NumpyArray, minibatch_data::Error> {
    NumpyArray::read(path, BufReader::new(open_regular(path)?))
}

/// The array that is asked for, or the first of those that are known. If there is none, the first name goes into the message.
fn chosen(asked: Option<&str>, names: &[String], known: &[&str]) -> String {
    asked.or_else(|| first(known, names)).unwrap_or(known[0]).to_owned()
}

/// The first of the known names that is among those of an archive.
fn first<'n>(known: &[&'n str], names: &[String]) -> Option<&'n str> {
    known.iter().find(|name| names.iter().any(|found| found == *name)).copied()
}
