//! Examples and their targets.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use crate::error::{Defect, Error};
use crate::idx::{ElementType, IdxFile};
use crate::targets::{MAX_CLASSES, Targets, check_counts, check_finite};

/// Examples and their targets: at least one example, at most 2³² − 1, all of one shape.
///
/// The inputs of u8 files stay the file's bytes, mapped or read, until a minibatch is gathered. Inputs of all
/// other types become f32 when opened.
///
/// A dataset is a handle: a clone is cheap and shares everything. A [subset](Dataset::subset) shares the inputs.
#[derive(Clone)]
pub struct Dataset {
    source: Arc<Source>,
    /// The rows of the source that are the examples of a subset. None if all rows are.
    rows: Option<Arc<[u32]>>,
    /// Product of `example_shape`.
    input_len: usize,
    example_shape: Arc<[usize]>,
    targets: Arc<Targets>,
    /// The weight of each example, if they differ.
    sample_weights: Option<Arc<[f32]>>,
    is_transposed: bool,
}

/// The inputs, row-major (examples × input_len).
enum Source {
    File(IdxFile),
    Memory(Inputs),
}

/// Inputs made in memory, row-major (examples × input_len): see [`Dataset::from_classes`]. A slice is copied.
#[derive(Debug, Clone, PartialEq)]
pub enum Inputs {
    /// Pixels, 0 to 255, that a trainer scales to 0 … 1.
    Bytes(Vec<u8>),
    /// Numbers taken as they are.
    Floats(Vec<f32>),
}

impl From<Vec<u8>> for Inputs {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<f32>> for Inputs {
    fn from(floats: Vec<f32>) -> Self {
        Self::Floats(floats)
    }
}

impl From<&[u8]> for Inputs {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<&[f32]> for Inputs {
    fn from(floats: &[f32]) -> Self {
        Self::Floats(floats.to_vec())
    }
}

/// One example's input, [`Dataset::input_len`] long. All rows of a dataset are of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Row<'a> {
    /// Pixels, 0 to 255, that a trainer scales to 0 … 1.
    Bytes(&'a [u8]),
    /// Numbers taken as they are.
    Floats(&'a [f32]),
}

impl<'a> From<&'a [u8]> for Row<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a [f32]> for Row<'a> {
    fn from(floats: &'a [f32]) -> Self {
        Self::Floats(floats)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Row<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [f32; N]> for Row<'a> {
    fn from(floats: &'a [f32; N]) -> Self {
        Self::Floats(floats)
    }
}

impl Dataset {
    /// Opens a pair of IDX files, the images memory-mapped.
    ///
    /// The images' first dimension counts the examples. The others are an example's shape. Labels of
    /// an integer type are classes, one for each example or as one-hot rows; of the eight columns of i32 that QMNIST has, the first
    /// is the class. Labels of a floating-point type are values, one or (rank 2) several for each example.
    ///
    /// Another process may change a mapped file: see [`IdxFile::map`]. [`Dataset::read`] is not concerned.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Malformed`] and, if the files do not belong together,
    /// [`Error::CountMismatch`].
    pub fn map(images: &Path, labels: &Path) -> Result<Self, Error> {
        Self::open(IdxFile::map(images)?, labels)
    }

    /// Opens a pair of IDX files, both read into memory: the safe twin of [`Dataset::map`].
    ///
    /// # Errors
    /// As [`Dataset::map`].
    pub fn read(images: &Path, labels: &Path) -> Result<Self, Error> {
        Self::open(IdxFile::read(images)?, labels)
    }

    fn open(images: IdxFile, labels: &Path) -> Result<Self, Error> {
        let [len, ref example_shape @ ..] = *images.header().dims() else {
            unreachable!("a checked header has a rank of at least 1");
        };
        let example_shape = example_shape.to_vec();
        if example_shape.is_empty() {
            return Err(Defect {
                offset: 3,
                expected: "images: a rank of at least 2 (examples, then their shape)".to_owned(),
                found: "rank 1".to_owned(),
                help: "are the files of images and labels swapped?",
            }
            .in_file(images.path()));
        }
        let file = IdxFile::read(labels)?;
        let targets = Targets::from_file(&file)?;
        check_counts((images.path(), len), (labels, targets.len()))?;
        let source = match images.header().element() {
            ElementType::U8 => Source::File(images),
            _ => Source::Memory(Inputs::Floats(images.to_f32()?)),
        };
        Ok(Self {
            source: Arc::new(source),
            rows: None,
            input_len: example_shape.iter().product(),
            example_shape: example_shape.into(),
            targets: Arc::new(targets),
            sample_weights: None,
            is_transposed: false,
        })
    }

    /// A dataset for classification from memory. `inputs` are row-major (examples × input_len), where
    /// input_len is the product of `example_shape`. `labels` are one class per example, from 0.
    ///
    /// ```
    /// use minibatch_data::{Dataset, Row};
    ///
    /// let xor = Dataset::from_classes(vec![0_f32, 0., 0., 1., 1., 0., 1., 1.], &[2], vec![0, 1, 1, 0])?;
    /// assert_eq!((xor.len(), xor.classes()), (4, Some(2)));
    /// assert_eq!(xor.input(2), Row::Floats(&[1., 0.]));
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if the lengths do not fit, a set or shape is empty, a number is not finite
    /// or a label is not below [`MAX_CLASSES`].
    pub fn from_classes(
        inputs: impl Into<Inputs>,
        example_shape: &[usize],
        labels: Vec<u32>,
    ) -> Result<Self, Error> {
        Self::from_memory(inputs.into(), example_shape, Targets::classes(labels)?)
    }

    /// A dataset for regression from memory. `inputs` are as in [`Dataset::from_classes`], `values` are
    /// row-major (examples × width).
    ///
    /// ```
    /// use minibatch_data::{Dataset, Row};
    ///
    /// // Three rows of somebody's matrix: two inputs, a target each.
    /// let matrix: &[f32] = &[0., 1., 2., 3., 4., 5.];
    /// let data = Dataset::from_values(matrix, &[2], vec![0.5, 0.25, 0.125], 1)?;
    /// assert_eq!((data.len(), data.input(1)), (3, Row::Floats(&[2., 3.])));
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::from_classes`].
    pub fn from_values(
        inputs: impl Into<Inputs>,
        example_shape: &[usize],
        values: Vec<f32>,
        width: usize,
    ) -> Result<Self, Error> {
        Self::from_memory(inputs.into(), example_shape, Targets::values(values, width)?)
    }

    /// A dataset for multi-label classification from memory. `inputs` are as in [`Dataset::from_classes`], `labels` are row-major
    /// (examples × width): each says whether the example has the label.
    ///
    /// ```
    /// use minibatch_data::{Dataset, Targets};
    ///
    /// // Two songs: is it loud, is it fast?
    /// let songs = Dataset::from_labels(vec![0.5_f32, 0.25], &[1], &[true, true, false, true], 2)?;
    /// assert_eq!(songs.targets(), &Targets::Labels { data: vec![1.0, 1.0, 0.0, 1.0], width: 2 });
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::from_classes`].
    pub fn from_labels(
        inputs: impl Into<Inputs>,
        example_shape: &[usize],
        labels: &[bool],
        width: usize,
    ) -> Result<Self, Error> {
        Self::from_memory(inputs.into(), example_shape, Targets::labels(labels, width)?)
    }

    fn from_memory(inputs: Inputs, example_shape: &[usize], targets: Targets) -> Result<Self, Error> {
        let found = match &inputs {
            Inputs::Bytes(bytes) => bytes.len(),
            Inputs::Floats(floats) => {
                check_finite("inputs", floats)?;
                floats.len()
            }
        };
        if u32::try_from(targets.len()).is_err() {
            return Err(Error::argument("examples", "at most 4294967295", targets.len()));
        }
        let input_len = example_shape.iter().try_fold(1_usize, |len, &dim| len.checked_mul(dim));
        let expected = input_len.and_then(|len| len.checked_mul(targets.len()));
        match (input_len, expected) {
            (Some(input_len @ 1..), Some(expected)) if !example_shape.is_empty() && expected == found => {
                Ok(Self {
                    source: Arc::new(Source::Memory(inputs)),
                    rows: None,
                    input_len,
                    example_shape: example_shape.into(),
                    targets: Arc::new(targets),
                    sample_weights: None,
                    is_transposed: false,
                })
            }
            _ => Err(Error::argument(
                "inputs",
                format!("{} examples of shape {example_shape:?}, none of its dimensions 0", targets.len()),
                format!("{found} values"),
            )),
        }
    }

    /// The pictures with rows and columns exchanged, copied into memory. EMNIST's files have them so.
    ///
    /// ```
    /// use minibatch_data::{Dataset, Row};
    ///
    /// let pictures = Dataset::from_classes(vec![0_u8, 1, 2, 3, 4, 5], &[2, 3], vec![0])?.transposed()?;
    /// assert_eq!((pictures.example_shape(), pictures.input(0)), (&[3, 2][..], Row::Bytes(&[0, 3, 1, 4, 2, 5])));
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if the examples are no pictures of rows and columns, or rows, columns and channels.
    pub fn transposed(&self) -> Result<Self, Error> {
        let (rows, columns, channels) = match *self.example_shape {
            [rows, columns] => (rows, columns, 1),
            [rows, columns, channels] => (rows, columns, channels),
            ref shape => {
                return Err(Error::argument(
                    "pictures to transpose",
                    "rows and columns",
                    format!("{shape:?}"),
                ));
            }
        };
        fn push<T: Copy>(from: &[T], to: &mut Vec<T>, [rows, columns, channels]: [usize; 3]) {
            for (column, row) in (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row))) {
                to.extend_from_slice(&from[(row * columns + column) * channels..][..channels]);
            }
        }
        let (mut bytes, mut floats) = (Vec::new(), Vec::new());
        for index in 0..self.len() {
            match self.input(index) {
                Row::Bytes(row) => push(row, &mut bytes, [rows, columns, channels]),
                Row::Floats(row) => push(row, &mut floats, [rows, columns, channels]),
            }
        }
        let inputs = if floats.is_empty() { Inputs::Bytes(bytes) } else { Inputs::Floats(floats) };
        let mut example_shape = self.example_shape.to_vec();
        example_shape.swap(0, 1);
        Ok(Self {
            source: Arc::new(Source::Memory(inputs)),
            rows: None,
            example_shape: example_shape.into(),
            is_transposed: !self.is_transposed,
            ..self.clone()
        })
    }

    /// Whether rows and columns were exchanged.
    pub(crate) fn is_transposed(&self) -> bool {
        self.is_transposed
    }

    /// The same dataset with `count` classes. A small test set needs this if its labels do not reach
    /// the highest of its training set.
    ///
    /// # Errors
    /// [`Error::Argument`] if a label does not fit, or the targets are values.
    pub fn with_classes(mut self, count: usize) -> Result<Self, Error> {
        match Arc::make_mut(&mut self.targets) {
            Targets::Classes { classes, .. } if (*classes..=MAX_CLASSES).contains(&count) => *classes = count,
            Targets::Classes { classes, .. } => {
                return Err(Error::argument("classes", format!("{classes} to {MAX_CLASSES}"), count));
            }
            Targets::Values { .. } => return Err(Error::argument("targets", "classes", "values")),
            Targets::Labels { .. } => return Err(Error::argument("targets", "classes", "labels")),
        }
        Ok(self)
    }

    /// The same examples, each with a weight in training: its part in the cost and in the gradient. Evaluations count every
    /// example once.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there is a weight for each example, each is 0 or from 10⁻⁶ to 10⁶, and one isn't 0.
    pub fn with_sample_weights(mut self, weights: Vec<f32>) -> Result<Self, Error> {
        if weights.len() != self.len() {
            return Err(Error::argument("sample weights", self.len().to_string(), weights.len()));
        }
        if let Some(wrong) = weights.iter().find(|weight| **weight != 0.0 && !(1e-6..=1e6).contains(*weight))
        {
            return Err(Error::argument("sample weights", "numbers from 1e-6 to 1e6, or 0", wrong));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(Error::argument("sample weights", "one that isn't 0", "zeros"));
        }
        self.sample_weights = Some(weights.into());
        Ok(self)
    }

    /// The weights of the examples in training, if they differ.
    #[inline]
    #[must_use]
    pub fn sample_weights(&self) -> Option<&[f32]> {
        self.sample_weights.as_deref()
    }

    /// Number of examples.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "a dataset is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Numbers per example: the product of [`Dataset::example_shape`].
    #[inline]
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.input_len
    }

    /// Shape of one example, `[28, 28]` for MNIST.
    #[must_use]
    pub fn example_shape(&self) -> &[usize] {
        &self.example_shape
    }

    /// The targets, one per example.
    #[inline]
    #[must_use]
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Number of classes, or `None` if the targets are values.
    #[must_use]
    pub fn classes(&self) -> Option<usize> {
        match &*self.targets {
            Targets::Classes { classes, .. } => Some(*classes),
            Targets::Values { .. } | Targets::Labels { .. } => None,
        }
    }

    /// The input of example `index`. Cheap: a slice, no copy.
    ///
    /// # Panics
    /// If `index` is not below [`Dataset::len`].
    #[inline]
    #[must_use]
    pub fn input(&self, index: usize) -> Row<'_> {
        let row = match &self.rows {
            None => index,
            Some(rows) => rows[index] as usize,
        };
        let range = row * self.input_len..(row + 1) * self.input_len;
        match &*self.source {
            Source::File(file) => Row::Bytes(&file.payload()[range]),
            Source::Memory(Inputs::Bytes(bytes)) => Row::Bytes(&bytes[range]),
            Source::Memory(Inputs::Floats(floats)) => Row::Floats(&floats[range]),
        }
    }

    /// The examples `indices`, in that order, as a dataset that shares these inputs. It stores an
    /// index and a target per example and copies no input. The number of classes stays.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are none or one is not below [`Dataset::len`].
    pub fn subset(&self, indices: &[u32]) -> Result<Self, Error> {
        if indices.is_empty() || u32::try_from(indices.len()).is_err() {
            return Err(Error::argument("indices of a subset", "1 to 4294967295", indices.len()));
        }
        if let Some(index) = indices.iter().find(|&&index| index as usize >= self.len()) {
            return Err(Error::argument("indices of a subset", format!("below {}", self.len()), index));
        }
        let rows = match &self.rows {
            None => indices.into(),
            Some(rows) => indices.iter().map(|&index| rows[index as usize]).collect(),
        };
        Ok(Self {
            source: Arc::clone(&self.source),
            rows: Some(rows),
            input_len: self.input_len,
            example_shape: Arc::clone(&self.example_shape),
            targets: Arc::new(self.targets.select(indices)),
            sample_weights: self
                .sample_weights
                .as_ref()
                .map(|weights| indices.iter().map(|&index| weights[index as usize]).collect()),
            is_transposed: self.is_transposed,
        })
    }

    /// Whether `other` is a clone of this dataset, or this one of it. It costs nothing, as no example is read. Datasets that were
    /// opened or made twice aren't the same, though their content may be: [`fingerprint`](Dataset::fingerprint) tells that.
    ///
    /// ```
    /// # use minibatch_data::Dataset;
    /// let xor = Dataset::from_classes(vec![0_f32, 0., 0., 1., 1., 0., 1., 1.], &[2], vec![0, 1, 1, 0])?;
    /// assert!(xor.is_same(&xor.clone()));
    /// assert!(!xor.is_same(&xor.subset(&[0, 1, 2, 3])?));
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    #[must_use]
    pub fn is_same(&self, other: &Dataset) -> bool {
        fn same<T>(here: &Option<Arc<[T]>>, there: &Option<Arc<[T]>>) -> bool {
            match (here, there) {
                (None, None) => true,
                (Some(here), Some(there)) => Arc::ptr_eq(here, there),
                _ => false,
            }
        }
        same(&self.rows, &other.rows)
            && same(&self.sample_weights, &other.sample_weights)
            && Arc::ptr_eq(&self.source, &other.source)
            && Arc::ptr_eq(&self.targets, &other.targets)
    }

    /// A 64-bit hash (XXH3) of the example shape, the inputs, the targets and the sample weights, in order. A resumed run
    /// that finds another hash has other data. The hash is the same for mapped, read and in-memory data of
    /// equal content, and on every platform. Each call reads every input once.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Xxh3Default::new();
        let word = |hash: &mut Xxh3Default, value: usize| hash.update(&(value as u64).to_le_bytes());
        word(&mut hash, self.len());
        word(&mut hash, self.example_shape.len());
        for &dim in &*self.example_shape {
            word(&mut hash, dim);
        }
        hash.update(match self.input(0) {
            Row::Bytes(_) => b"u8",
            Row::Floats(_) => b"f4",
        });
        for index in 0..self.len() {
            match self.input(index) {
                Row::Bytes(bytes) => hash.update(bytes),
                Row::Floats(floats) => floats.iter().for_each(|value| hash.update(&value.to_le_bytes())),
            }
        }
        word(&mut hash, self.targets.width());
        match &*self.targets {
            Targets::Classes { labels, .. } => {
                hash.update(b"classes");
                labels.iter().for_each(|label| hash.update(&label.to_le_bytes()));
            }
            targets @ (Targets::Values { data, .. } | Targets::Labels { data, .. }) => {
                hash.update(if targets.are_values() { &b"values"[..] } else { b"labels" });
                data.iter().for_each(|value| hash.update(&value.to_le_bytes()));
            }
        }
        if let Some(weights) = self.sample_weights() {
            hash.update(b"weights");
            weights.iter().for_each(|weight| hash.update(&weight.to_le_bytes()));
        }
        hash.digest()
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("len", &self.len())
            .field("example_shape", &self.example_shape)
            .field("classes", &self.classes())
            .finish_non_exhaustive()
    }
}
