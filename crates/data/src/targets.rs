//! The targets of a network: classes, labels or values.

use std::path::Path;

use crate::error::{Defect, Error};
use crate::idx::{ElementType, IdxFile, room};

/// The bound that labels must stay below. A network has one output per class, so a larger label
/// rather means a file of something else than a million classes.
pub const MAX_CLASSES: usize = 1 << 20;

/// The targets of a dataset, one per example.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Targets {
    /// Classification.
    Classes {
        /// The class of each example, below `classes`.
        labels: Vec<u32>,
        /// Number of classes. It is the highest label + 1, unless raised by
        /// [`Dataset::with_classes`](crate::Dataset::with_classes).
        classes: usize,
    },
    /// Regression.
    Values {
        /// Row-major (examples × width), all finite.
        data: Vec<f32>,
        /// Values per example.
        width: usize,
    },
    /// Multi-label classification: several questions of yes or no for each example.
    Labels {
        /// Row-major (examples × width), each 0 or 1.
        data: Vec<f32>,
        /// Labels per example.
        width: usize,
    },
}

impl Targets {
    /// Number of examples.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { labels, .. } => labels.len(),
            Self::Values { data, width } | Self::Labels { data, width } => data.len() / width,
        }
    }

    /// True if there are no targets. A [`Dataset`](crate::Dataset) always has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Outputs a network needs for these targets: the classes, or the labels or values per example. For two classes one output is
    /// enough.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Classes { classes, .. } => *classes,
            Self::Values { width, .. } | Self::Labels { width, .. } => *width,
        }
    }

    /// Checks labels made in memory.
    pub(crate) fn classes(labels: Vec<u32>) -> Result<Self, Error> {
        match labels.iter().copied().max() {
            None => Err(Error::argument("labels", "at least one", 0)),
            Some(max) if max as usize >= MAX_CLASSES => {
                Err(Error::argument("labels", format!("labels below {MAX_CLASSES}"), max))
            }
            Some(max) => Ok(Self::Classes { labels, classes: max as usize + 1 }),
        }
    }

    /// Checks values made in memory.
    pub(crate) fn values(data: Vec<f32>, width: usize) -> Result<Self, Error> {
        if width == 0 {
            return Err(Error::argument("target values per example", "at least 1", 0));
        }
        if data.is_empty() || !data.len().is_multiple_of(width) {
            let expected = format!("a multiple of {width} values per example, at least one of each");
            return Err(Error::argument("target values", expected, data.len()));
        }
        check_finite("target values", &data)?;
        Ok(Self::Values { data, width })
    }

    /// Whether they are values, which have no right and wrong answers.
    #[must_use]
    pub fn are_values(&self) -> bool {
        matches!(self, Self::Values { .. })
    }

    /// Checks labels made in memory, each yes or no.
    pub(crate) fn labels(labels: &[bool], width: usize) -> Result<Self, Error> {
        match Self::values(labels.iter().map(|&is| f32::from(u8::from(is))).collect(), width)? {
            Self::Values { data, width } => Ok(Self::Labels { data, width }),
            other => Ok(other),
        }
    }

    /// The labels of a file. Integers are classes, floating-point numbers are values.
    ///
    /// Integer files of rank 1, or of rank 2 with one column, hold a class for each example. In those of rank 2 with eight columns
    /// of 32 bits, as QMNIST has them, the first column is the class, and the others tell the origin of the digit. In those whose
    /// rows have a single 1 and else 0, one-hot, the place of the 1 is the class. All other ones are refused.
    pub(crate) fn from_file(file: &IdxFile) -> Result<Self, Error> {
        /// Columns of QMNIST's labels.
        const QMNIST: usize = 8;
        let header = file.header();
        let columns = match *header.dims() {
            [_] => 1,
            [_, columns] => columns,
            ref dims => {
                let found = format!("{dims:?} elements of type {:?}", header.element());
                return Err(refused(file, found, "are the files of images and labels swapped?"));
            }
        };
        let Some(integers) = file.to_integers()? else {
            return Ok(Self::Values { data: file.to_f32()?, width: columns });
        };
        if columns > 1 && !(columns == QMNIST && header.element() == ElementType::I32) {
            return Self::from_columns(file, &integers, columns);
        }
        let mut labels = room(integers.len() / columns, file.path())?;
        for (example, label) in integers.into_iter().step_by(columns).enumerate() {
            match u32::try_from(label) {
                Ok(label) if (label as usize) < MAX_CLASSES => labels.push(label),
                _ => return Err(label_defect(file, example * columns, label)),
            }
        }
        Self::classes(labels)
    }

    /// The classes of one-hot rows. Other rows of integers are refused, in words for what they seem to be.
    fn from_columns(file: &IdxFile, integers: &[i32], columns: usize) -> Result<Self, Error> {
        let rows = || integers.chunks_exact(columns);
        let shape = format!("{:?}", file.header().dims());
        if integers.iter().all(|&x| x == 0 || x == 1) {
            let labels = rows().map(|row| hot(row.iter().map(|&x| i128::from(x))));
            return match labels.collect::<Option<Vec<u32>>>() {
                Some(labels) if columns <= MAX_CLASSES => Ok(Self::Classes { labels, classes: columns }),
                _ => {
                    let found = format!(
                        "{shape} of 0 and 1, several or none of them 1 for an example: several labels"
                    );
                    Err(refused(file, found, "saved as floats, they are values to learn"))
                }
            };
        }
        let mut firsts = rows().map(|row| row[0]);
        let start = firsts.next().unwrap_or_default();
        if columns == 2 && firsts.zip(1_i64..).all(|(id, i)| i64::from(id) == i64::from(start) + i) {
            let found = format!("{shape}, whose first column numbers the examples");
            return Err(refused(file, found, "save the column of the classes alone"));
        }
        let found = format!("{shape} integers of type {:?}", file.header().element());
        Err(refused(file, found, "save the column of the classes alone; values to learn are floats"))
    }

    /// The targets of the examples `indices`, all of them below [`Targets::len`].
    pub(crate) fn select(&self, indices: &[u32]) -> Self {
        match self {
            Self::Classes { labels, classes } => Self::Classes {
                labels: indices.iter().map(|&index| labels[index as usize]).collect(),
                classes: *classes,
            },
            Self::Values { data, width } => {
                Self::Values { data: rows_of(data, *width, indices), width: *width }
            }
            Self::Labels { data, width } => {
                Self::Labels { data: rows_of(data, *width, indices), width: *width }
            }
        }
    }
}

/// The rows `indices` of `data`, which has rows of `width`.
fn rows_of(data: &[f32], width: usize, indices: &[u32]) -> Vec<f32> {
    indices.iter().flat_map(|&index| &data[index as usize * width..][..width]).copied().collect()
}

/// The place of the one 1 in a row that is else 0.
pub(crate) fn hot(row: impl Iterator<Item = i128>) -> Option<u32> {
    let mut place = None;
    for (at, x) in row.enumerate() {
        match (x, place) {
            (0, _) => {}
            (1, None) => place = Some(at as u32),
            _ => return None,
        }
    }
    place
}

/// The error for a file that holds no labels of a kind that is known.
fn refused(file: &IdxFile, found: String, help: &'static str) -> Error {
    Defect {
        offset: 3,
        expected: "labels: a class for each example, one-hot rows, QMNIST's 8 columns of i32, or floats"
            .to_owned(),
        found,
        help,
    }
    .in_file(file.path())
}

fn label_defect(file: &IdxFile, index: usize, label: i32) -> Error {
    Defect {
        offset: file.header().element_offset(index),
        expected: format!("a label from 0 to {}", MAX_CLASSES - 1),
        found: label.to_string(),
        help: "classes are counted from 0, and values to learn are floats",
    }
    .in_file(file.path())
}

/// Refuses NaN and infinities in values made in memory.
pub(crate) fn check_finite(what: &'static str, data: &[f32]) -> Result<(), Error> {
    match data.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::argument(what, "finite numbers", format!("{} at index {at}", data[at]))),
    }
}

/// Refuses images and labels that do not number the same.
pub(crate) fn check_counts(images: (&Path, usize), labels: (&Path, usize)) -> Result<(), Error> {
    if images.1 == labels.1 {
        return Ok(());
    }
    Err(Error::CountMismatch {
        images: images.0.to_owned(),
        expected: images.1,
        labels: labels.0.to_owned(),
        found: labels.1,
    })
}
