//! The shape of pictures, and the memory in which one is changed.

use crate::matrix::LINE;

/// The most channels of a picture. More would rather be another order of the dimensions.
const MOST_CHANNELS: usize = 4;

/// Rows and columns of zeros around a picture: one before, two after it.
pub(super) const MARGIN: usize = 3;

/// The shape of pictures whose pixels lie row after row, and the channels of a pixel side by side.
///
/// ```
/// use minibatch_kernels::PictureShape;
///
/// let digit = PictureShape::new(&[28, 28]).expect("a picture");
/// assert_eq!((digit.rows(), digit.columns(), digit.channels()), (28, 28, 1));
/// assert!(PictureShape::new(&[32, 32, 3]).is_some());
/// assert!(PictureShape::new(&[784]).is_none() && PictureShape::new(&[3, 32, 32]).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureShape {
    rows: usize,
    columns: usize,
    channels: usize,
}

impl PictureShape {
    /// The shape of examples that are pictures: `[rows, columns]`, or `[rows, columns, channels]` with up to 4 channels. `None` if
    /// they are none, or larger than 4,000 × 4,000.
    #[must_use]
    pub fn new(shape: &[usize]) -> Option<PictureShape> {
        let (rows, columns, channels) = match *shape {
            [rows, columns] => (rows, columns, 1),
            [rows, columns, channels @ 1..=MOST_CHANNELS] => (rows, columns, channels),
            _ => return None,
        };
        // The index of a pixel is an integer in f32: below 2²⁴, with the margin.
        let fits = (1..=4000).contains(&rows) && (1..=4000).contains(&columns);
        fits.then_some(PictureShape { rows, columns, channels })
    }

    /// Rows of a picture.
    #[must_use]
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Columns of a picture.
    #[must_use]
    pub fn columns(self) -> usize {
        self.columns
    }

    /// Channels of a pixel.
    #[must_use]
    pub fn channels(self) -> usize {
        self.channels
    }

    /// Values of a picture: rows · columns · channels.
    #[must_use]
    pub fn len(self) -> usize {
        self.pixels() * self.channels
    }

    /// Never: a picture has pixels.
    #[must_use]
    pub fn is_empty(self) -> bool {
        false
    }

    /// Pixels of a picture.
    pub(super) fn pixels(self) -> usize {
        self.rows * self.columns
    }

    /// Columns in whole lines.
    pub(super) fn stride(self) -> usize {
        self.columns.next_multiple_of(LINE)
    }

    /// Values from row to row of a picture in its margin.
    pub(super) fn padded_stride(self) -> usize {
        (self.columns + MARGIN).next_multiple_of(LINE)
    }

    /// Values of a picture in its margin. A register that is stored at a row's end may reach one value into the next row.
    pub(super) fn padded_len(self) -> usize {
        (self.rows + MARGIN) * self.padded_stride() + LINE
    }
}

/// The memory in which pictures of one shape are changed, one after the other.
///
/// It grows with the first picture that needs more. After that nothing is allocated.
#[derive(Clone, Debug)]
pub struct Canvas {
    pub(super) shape: PictureShape,
    /// A channel of the picture in its margin of zeros.
    pub(super) padded: Vec<f32>,
    /// x − (columns − 1)/2 for each column x, in whole lines.
    pub(super) offsets: Vec<f32>,
    /// A row of the result, in whole lines.
    pub(super) result: Vec<f32>,
    /// A random word for each pixel, in whole groups.
    pub(super) words: Vec<u32>,
    /// A row of both fields, each with as many zeros before and after it as the smoothing reaches.
    pub(super) row: Vec<f32>,
    /// Both fields, smoothed along rows: a row of the first, a row of the second, and so on, each in whole lines.
    pub(super) across: Vec<f32>,
    /// Both fields, smoothed, in the same order.
    pub(super) fields: Vec<f32>,
}

impl Canvas {
    /// Room for pictures of this shape.
    #[must_use]
    pub fn new(shape: PictureShape) -> Canvas {
        let middle = (shape.columns - 1) as f32 / 2.0;
        Canvas {
            shape,
            padded: vec![0.0; shape.padded_len()],
            offsets: (0..shape.stride()).map(|x| x as f32 - middle).collect(),
            result: vec![0.0; shape.stride()],
            words: Vec::new(),
            row: Vec::new(),
            across: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Bytes that it has asked for.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let Canvas { shape: _, padded, offsets, result, words, row, across, fields } = self;
        let floats = [padded, offsets, result, row, across, fields].map(Vec::len).iter().sum::<usize>();
        size_of::<f32>() * (floats + words.len())
    }
}
