//! Datasets from arrays.

use super::{Number, NumpyArray};
use crate::dataset::Dataset;
use crate::error::{Error, TableFault};
use crate::targets::hot;

impl Dataset {
    /// The examples `x` with the targets `y`, in one or two dimensions. The first dimension of both counts the examples. Whole numbers
    /// are classes, one for each example or as one-hot rows; others are values. Errors call `x`'s file.
    ///
    /// # Errors
    /// [`Error::Table`] if they don't number the same, or the targets are neither, or can't be those of [`Dataset::from_classes`] and [`Dataset::from_values`].
    pub fn from_numpy(x: &NumpyArray, y: &NumpyArray) -> Result<Self, Error> {
        Self::paired(x, y).map_err(|error| match error {
            // An argument of a constructor is an array of the file.
            Error::Argument { what, expected, found } => {
                TableFault::new(format!("{expected} as {what}"), found, "").in_file(&x.path)
            }
            error => error,
        })
    }

    fn paired(x: &NumpyArray, y: &NumpyArray) -> Result<Self, Error> {
        let refused = |expected: String, found: String, help: &str| {
            TableFault::new(expected, found, help).in_file(&x.path)
        };
        let [examples, example_shape @ ..] = x.shape() else { unreachable!("an array has a dimension") };
        let (rows, columns) = match *y.shape() {
            [rows] => (rows, 1),
            [rows, columns] => (rows, columns),
            ref shape => {
                return Err(refused("targets in one or two dimensions".to_owned(), format!("{shape:?}"), ""));
            }
        };
        if rows != *examples {
            let expected = format!("{examples} targets, one for each example");
            return Err(refused(expected, rows.to_string(), ""));
        }
        let numbers: Vec<Number> = (0..rows * columns).map(|index| y.number(index)).collect();
        let integer = |number: &Number| match number {
            Number::Integer(x) => Some(*x),
            _ => None,
        };
        let integers: Option<Vec<i128>> = numbers.iter().map(integer).collect();
        let Some(integers) = integers else {
            let values = numbers.iter().map(|number| number.to_f32()).collect();
            return Dataset::from_values(x.to_inputs()?, example_shape, values, columns);
        };
        let label = |row: &[i128]| match row {
            [label] => u32::try_from(*label).ok(),
            row => hot(row.iter().copied()),
        };
        let labels: Option<Vec<u32>> = integers.chunks(columns).map(label).collect();
        let labels = labels.ok_or_else(|| {
            let expected = "classes as whole numbers from 0, or one-hot rows".to_owned();
            refused(expected, "others".to_owned(), "values to learn are floats")
        })?;
        let data = Dataset::from_classes(x.to_inputs()?, example_shape, labels)?;
        if columns > 1 { data.with_classes(columns) } else { Ok(data) }
    }
}
