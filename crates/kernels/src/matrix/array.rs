//! Conversions of the crate ndarray's two-dimensional arrays, under the feature `ndarray`. Views share memory where they can.

use super::owned::Matrix;
use super::view::Mat;
use ndarray::{Array2, ArrayView2, ErrorKind, ShapeBuilder, ShapeError};

/// A view of the same numbers, whatever their order in memory: row-major, column-major (Fortran's), or every other column.
///
/// ```
/// use minibatch_kernels::Mat;
/// use ndarray::{array, s};
///
/// let x = array![[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
/// let columns = Mat::try_from(x.slice(s![.., ..;2]))?;
/// assert_eq!((columns.get(1, 0), columns.get(1, 1)), (4.0, 6.0));
/// # Ok::<(), ndarray::ShapeError>(())
/// ```
///
/// An axis that is walked backwards is an error. [`Matrix::from`] copies such an array.
impl<'a> TryFrom<ArrayView2<'a, f32>> for Mat<'a> {
    type Error = ShapeError;

    fn try_from(array: ArrayView2<'a, f32>) -> Result<Mat<'a>, ShapeError> {
        let (rows, cols) = array.dim();
        if rows == 0 || cols == 0 {
            return Ok(Mat::new(array.as_ptr(), rows, cols, 0, 0));
        }
        // The stride of a single row or column leads nowhere.
        let stride = |count: usize, stride: isize| match count {
            1 => Ok(0),
            _ => usize::try_from(stride).map_err(|_| ShapeError::from_kind(ErrorKind::IncompatibleLayout)),
        };
        let (down, across) = (stride(rows, array.strides()[0])?, stride(cols, array.strides()[1])?);
        // Repeated numbers may be more than memory has.
        if rows > isize::MAX as usize / size_of::<f32>() / cols {
            return Err(ShapeError::from_kind(ErrorKind::Overflow));
        }
        // The array's own invariant: every element (i, j) lies at these strides inside memory that is borrowed for 'a.
        Ok(Mat::new(array.as_ptr(), rows, cols, down, across))
    }
}

/// A copy, whatever the order of the numbers in memory.
impl From<ArrayView2<'_, f32>> for Matrix {
    fn from(array: ArrayView2<'_, f32>) -> Matrix {
        let (rows, cols) = array.dim();
        Matrix::from_fn(rows, cols, |row, col| array[[row, col]])
    }
}

/// A view of the matrix, without its padding.
impl<'a> From<&'a Matrix> for ArrayView2<'a, f32> {
    fn from(matrix: &'a Matrix) -> ArrayView2<'a, f32> {
        ArrayView2::try_from(matrix.view()).expect("a matrix has plain strides")
    }
}

/// A view of the same numbers. A matrix in panels is an error: [`Array2::from`] copies it.
impl<'a> TryFrom<Mat<'a>> for ArrayView2<'a, f32> {
    type Error = ShapeError;

    fn try_from(mat: Mat<'a>) -> Result<ArrayView2<'a, f32>, ShapeError> {
        if mat.rows == 0 || mat.cols == 0 {
            return ArrayView2::from_shape((mat.rows, mat.cols), &[]);
        }
        if !mat.is_strided() {
            return Err(ShapeError::from_kind(ErrorKind::IncompatibleLayout));
        }
        let shape = (mat.rows, mat.cols).strides((mat.row_stride, mat.col_stride));
        // SAFETY: the constructors of `Mat` proved that every element (i, j) lies at these strides inside storage that is
        // borrowed for 'a, and that the elements, repeated ones included, can be counted in an `isize` of bytes. Plain strides
        // are not in panels, so no other offset enters.
        Ok(unsafe { ArrayView2::from_shape_ptr(shape, mat.data) })
    }
}

/// A copy, row-major.
impl From<Mat<'_>> for Array2<f32> {
    fn from(mat: Mat<'_>) -> Array2<f32> {
        Array2::from_shape_fn((mat.rows, mat.cols), |(row, col)| mat.get(row, col))
    }
}
