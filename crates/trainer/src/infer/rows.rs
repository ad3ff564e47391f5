//! Inputs to predict from, in every form that a caller may have them in.

use crate::error::Error;
use minibatch_data::Dataset;
use minibatch_kernels::Mat;

/// Inputs of examples, n_0 to a row.
///
/// Rows are made from slices of bytes or numbers, from a matrix, or from a dataset. The targets of a dataset don't matter.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Row after row of bytes, taken as numbers in [0, 1]: the correctly rounded x/255.
    Bytes(&'a [u8]),
    /// Row after row of numbers, taken as they are.
    Floats(&'a [f32]),
    /// A matrix (B × n_0) of numbers, taken as they are.
    Matrix(Mat<'a>),
    /// A dataset's examples.
    Dataset(&'a Dataset),
}

/// Defines `From` for the types that can be taken as rows.
macro_rules! rows_from {
    ($([$($generics:tt)*] $from:ty => $variant:ident,)*) => {
        $(impl<$($generics)*> From<$from> for Rows<'a> {
            fn from(inputs: $from) -> Rows<'a> {
                Rows::$variant(inputs)
            }
        })*
    };
}

rows_from! {
    ['a] &'a [u8] => Bytes,
    ['a] &'a Vec<u8> => Bytes,
    ['a, const N: usize] &'a [u8; N] => Bytes,
    ['a] &'a [f32] => Floats,
    ['a] &'a Vec<f32> => Floats,
    ['a, const N: usize] &'a [f32; N] => Floats,
    ['a] Mat<'a> => Matrix,
    ['a] &'a Dataset => Dataset,
}

impl Rows<'_> {
    /// The number of rows, if they are whole rows of `inputs`.
    pub(super) fn count(&self, inputs: usize) -> Result<usize, Error> {
        let whole = |len: usize| match len % inputs {
            0 => Ok(len / inputs),
            found => Err(Error::Shape { what: "inputs in the last row", expected: inputs, found }),
        };
        let (found, rows) = match *self {
            Rows::Bytes(bytes) => return whole(bytes.len()),
            Rows::Floats(floats) => return whole(floats.len()),
            Rows::Matrix(x) => (x.cols(), x.rows()),
            Rows::Dataset(data) => (data.input_len(), data.len()),
        };
        if found != inputs {
            return Err(Error::Shape { what: "inputs", expected: inputs, found });
        }
        Ok(rows)
    }

    /// The error for the first input that is NaN, if there is one.
    pub(super) fn refuse_nan(&self, inputs: usize) -> Result<(), Error> {
        let refused = |example: usize, input: usize| {
            let what = format!("input {input} of example {example}");
            Err(Error::NotFinite { what, found: f32::NAN.to_string() })
        };
        match *self {
            Rows::Floats(floats) => match floats.iter().position(|x| x.is_nan()) {
                Some(at) => refused(at / inputs, at % inputs),
                None => Ok(()),
            },
            Rows::Matrix(x) => {
                let place =
                    |row: usize| (0..x.cols()).find(|&col| x.get(row, col).is_nan()).map(|col| (row, col));
                match (0..x.rows()).find_map(place) {
                    Some((row, col)) => refused(row, col),
                    None => Ok(()),
                }
            }
            // A dataset has none.
            Rows::Bytes(_) | Rows::Dataset(_) => Ok(()),
        }
    }
}
