//! Datasets from the crate ndarray's arrays, under the feature `ndarray`.

#![expect(clippy::needless_pass_by_value, reason = "views are small, and handed over by value")]

use crate::dataset::{Dataset, Inputs};
use crate::error::Error;
use ndarray::ArrayView2;

/// The numbers of `array` row after row, whatever their order in memory.
fn rows<T: Copy>(array: ArrayView2<'_, T>) -> Vec<T> {
    match array.to_slice() {
        Some(rows) => rows.to_vec(),
        None => array.iter().copied().collect(),
    }
}

impl From<ArrayView2<'_, u8>> for Inputs {
    fn from(array: ArrayView2<'_, u8>) -> Self {
        Self::Bytes(rows(array))
    }
}

impl From<ArrayView2<'_, f32>> for Inputs {
    fn from(array: ArrayView2<'_, f32>) -> Self {
        Self::Floats(rows(array))
    }
}

impl Dataset {
    /// A dataset for classification from an array (examples × inputs) of bytes or numbers, in any order in memory. `labels` are
    /// one class per example, from 0. The array is copied.
    ///
    /// ```
    /// use minibatch_data::{Dataset, Row};
    /// use ndarray::array;
    ///
    /// let x = array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    /// let xor = Dataset::from_class_array(x.view(), vec![0, 1, 1, 0])?;
    /// assert_eq!((xor.len(), xor.input(2)), (4, Row::Floats(&[1.0, 0.0])));
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::from_classes`].
    pub fn from_class_array<'a, T>(inputs: ArrayView2<'a, T>, labels: Vec<u32>) -> Result<Self, Error>
    where
        Inputs: From<ArrayView2<'a, T>>,
    {
        let shape = [inputs.ncols()];
        Self::from_classes(inputs, &shape, labels)
    }

    /// A dataset for regression from an array (examples × inputs) of bytes or numbers, and one of values (examples × width), both
    /// in any order in memory. The arrays are copied.
    ///
    /// # Errors
    /// As [`Dataset::from_values`].
    pub fn from_value_array<'a, T>(
        inputs: ArrayView2<'a, T>,
        values: ArrayView2<'_, f32>,
    ) -> Result<Self, Error>
    where
        Inputs: From<ArrayView2<'a, T>>,
    {
        let (shape, width) = ([inputs.ncols()], values.ncols());
        Self::from_values(inputs, &shape, rows(values), width)
    }
}
