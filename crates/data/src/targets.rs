//! The targets of a network: classes or values.

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
}

impl Targets {
    /// Number of examples.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { labels, .. } => labels.len(),
            Self::Values { data, width } => data.len() / width,
        }
    }

    /// True if there are no targets. A [`Dataset`](crate::Dataset) always has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Outputs a network needs for these targets: the classes, or the values per example.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Classes { classes, .. } => *classes,
            Self::Values { width, .. } => *width,
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

    /// The labels of a file. Integers are classes, floating-point numbers are values.
    ///
    /// Integer files of rank 1 hold a class per example. Rank 2 is taken only for 32-bit integers,
    /// as in QMNIST, where the first column is the class and the others tell the origin of the digit.
    /// A rank-2 file of other integers may well be one-hot, and is refused.
    pub(crate) fn from_file(file: &IdxFile) -> Result<Self, Error> {
        let header = file.header();
        let dims = header.dims();
        let stride = match (dims, header.element()) {
            ([_], _) => 1,
            ([_, columns], element) if element == ElementType::I32 || element.is_float() => *columns,
            _ => {
                return Err(Defect {
                    offset: 3,
                    expected: "labels: a rank 1 array, or rank 2 of i32 (class first, as QMNIST), f32 or f64"
                        .to_owned(),
                    found: format!("{dims:?} elements of type {:?}", header.element()),
                    help: "are the files of images and labels swapped?",
                }
                .in_file(file.path()));
            }
        };
        let Some(integers) = file.to_integers()? else {
            return Ok(Self::Values { data: file.to_f32()?, width: stride });
        };
        let mut labels = room(integers.len() / stride, file.path())?;
        for (example, label) in integers.into_iter().step_by(stride).enumerate() {
            match u32::try_from(label) {
                Ok(label) if (label as usize) < MAX_CLASSES => labels.push(label),
                _ => return Err(label_defect(file, example * stride, label)),
            }
        }
        Self::classes(labels)
    }

    /// The targets of the examples `indices`, all of them below [`Targets::len`].
    pub(crate) fn select(&self, indices: &[u32]) -> Self {
        match self {
            Self::Classes { labels, classes } => Self::Classes {
                labels: indices.iter().map(|&index| labels[index as usize]).collect(),
                classes: *classes,
            },
            Self::Values { data, width } => Self::Values {
                data: indices
                    .iter()
                    .flat_map(|&index| &data[index as usize * width..][..*width])
                    .copied()
                    .collect(),
                width: *width,
            },
        }
    }
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
