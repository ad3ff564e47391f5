//! Matrices that own their numbers, all f32.
//!
//! [`Matrix`] has row-major storage whose rows start on 64-byte lines; [`Panels`] has storage in panels of 16 columns,
//! one after the other.

use super::line::{LINE, Line};
use super::storage::Storage;
use super::view::{Mat, MatMut};
use std::fmt;
use std::ops::Range;

/// A (rows × cols) matrix, row-major, rows padded to and starting on 64-byte lines. The padding is 0 and stays 0.
///
/// ```
/// use minibatch_kernels::Matrix;
///
/// let m = Matrix::from_fn(2, 3, |row, col| (10 * row + col) as f32);
/// assert_eq!(m.row(1), [10.0, 11.0, 12.0]);
/// assert_eq!(m.view().transposed().get(2, 1), 12.0);
/// ```
#[derive(Clone)]
pub struct Matrix {
    lines: Storage,
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl Matrix {
    /// A (`rows` × `cols`) matrix of zeros.
    ///
    /// # Panics
    ///
    /// If the size doesn't fit the address space.
    #[must_use]
    pub fn zeros(rows: usize, cols: usize) -> Matrix {
        let lines_per_row = cols.div_ceil(LINE);
        let row_stride = lines_per_row.checked_mul(LINE).expect("a matrix must fit in memory");
        let lines = rows.checked_mul(lines_per_row).expect("a matrix must fit in memory");
        Matrix { lines: Storage::zeros(lines), rows, cols, row_stride }
    }

    /// A matrix whose element (row, col) is `value(row, col)`, asked for row by row.
    pub fn from_fn(rows: usize, cols: usize, mut value: impl FnMut(usize, usize) -> f32) -> Matrix {
        let mut matrix = Self::zeros(rows, cols);
        for row in 0..rows {
            for (col, x) in matrix.row_mut(row).iter_mut().enumerate() {
                *x = value(row, col);
            }
        }
        matrix
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `row`, without its padding.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        assert!(row < self.rows, "row {row} of a matrix of {} rows", self.rows);
        &self.values()[row * self.row_stride..][..self.cols]
    }

    /// Row `row`, without its padding, to write.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "row {row} of a matrix of {} rows", self.rows);
        let (start, cols) = (row * self.row_stride, self.cols);
        &mut self.values_mut()[start..][..cols]
    }

    /// The whole matrix, to read.
    #[must_use]
    pub fn view(&self) -> Mat<'_> {
        self.top(self.rows)
    }

    /// The whole matrix, to write.
    pub fn view_mut(&mut self) -> MatMut<'_> {
        self.top_mut(self.rows)
    }

    /// The first `rows` rows, to read: a smaller minibatch in the buffers of a larger one.
    ///
    /// # Panics
    ///
    /// If the matrix has fewer rows.
    #[must_use]
    pub fn top(&self, rows: usize) -> Mat<'_> {
        assert!(rows <= self.rows, "the first {rows} rows of {}", self.rows);
        Mat::new(self.values().as_ptr(), rows, self.cols, self.row_stride, 1)
    }

    /// The first `rows` rows, to write.
    ///
    /// # Panics
    ///
    /// If the matrix has fewer rows.
    pub fn top_mut(&mut self, rows: usize) -> MatMut<'_> {
        assert!(rows <= self.rows, "the first {rows} rows of {}", self.rows);
        let (cols, row_stride) = (self.cols, self.row_stride);
        MatMut::new(self.values_mut().as_mut_ptr(), rows, cols, row_stride)
    }

    /// The rows' lines, one row after the other.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The rows' lines, to write. The padding must stay 0.
    pub(crate) fn lines_mut(&mut self) -> &mut [Line] {
        &mut self.lines
    }

    /// Lines of a row.
    pub(crate) fn line_stride(&self) -> usize {
        self.row_stride / LINE
    }

    /// Some of the rows, to write.
    ///
    /// # Panics
    ///
    /// If there are no such rows.
    pub fn rows_mut(&mut self, rows: Range<usize>) -> MatMut<'_> {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows {rows:?} of {}", self.rows);
        let (cols, row_stride) = (self.cols, self.row_stride);
        let from = &mut self.values_mut()[rows.start * row_stride..];
        MatMut::strided(from, rows.len(), cols, row_stride)
    }

    /// The matrix in chunks of `rows` rows, the last perhaps smaller, to write apart from one another.
    ///
    /// # Panics
    ///
    /// If `rows` is 0.
    pub fn row_chunks_mut(&mut self, rows: usize) -> impl Iterator<Item = MatMut<'_>> {
        let (cols, row_stride) = (self.cols, self.row_stride);
        // Without columns there are no values, and no chunks of them.
        let chunks = self.values_mut().chunks_mut(rows.saturating_mul(row_stride.max(1)));
        chunks.map(move |chunk| {
            let rows = chunk.len() / row_stride;
            MatMut::strided(chunk, rows, cols, row_stride)
        })
    }

    fn values(&self) -> &[f32] {
        // SAFETY: `Line` is `repr(C)` around `[f32; LINE]`, so n lines are n·LINE initialised, contiguous f32s.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * LINE) }
    }

    fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `values`; `&mut self` makes the borrow exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * LINE) }
    }
}

impl Mat<'_> {
    /// A matrix of its own with the same elements.
    #[must_use]
    pub fn to_matrix(self) -> Matrix {
        Matrix::from_fn(self.rows, self.cols, |row, col| self.get(row, col))
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matrix({} × {})", self.rows, self.cols)
    }
}

impl PartialEq for Matrix {
    /// Same shape and equal elements.
    fn eq(&self, other: &Matrix) -> bool {
        self.rows == other.rows
            && self.cols == other.cols
            && (0..self.rows).all(|row| self.row(row) == other.row(row))
    }
}

/// A (rows × cols) matrix in panels of 16 columns, each contiguous: where weights live.
///
/// A member of a team owns whole panels, so what it writes is apart from what others write. (Row-major, two members' lines
/// alternate, and a core that fetches the neighbour of each line takes it from the other: measured, a step on two
/// threads took twice as long as on one.) For the micro-kernel a panel is a packed operand, at constant distances.
///
/// ```
/// use minibatch_kernels::Panels;
///
/// let mut w = Panels::zeros(2, 20);
/// w.set(1, 17, 3.0);
/// assert_eq!(w.get(1, 17), 3.0);
/// assert_eq!(w.row_slices(1).map(<[f32]>::len).collect::<Vec<_>>(), [16, 4]);
/// ```
#[derive(Clone)]
pub struct Panels {
    /// Line `panel · rows + row`.
    lines: Storage,
    rows: usize,
    cols: usize,
}

impl Panels {
    /// A (`rows` × `cols`) matrix of zeros.
    ///
    /// # Panics
    ///
    /// If the size doesn't fit the address space.
    #[must_use]
    pub fn zeros(rows: usize, cols: usize) -> Panels {
        let lines = rows.checked_mul(cols.div_ceil(LINE)).expect("a matrix must fit in memory");
        Panels { lines: Storage::zeros(lines), rows, cols }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Element (row, col).
    ///
    /// # Panics
    ///
    /// If there is no such element.
    #[must_use]
    pub fn get(&self, row: usize, col: usize) -> f32 {
        self.lines[self.line(row, col)].0[col % LINE]
    }

    /// Sets element (row, col).
    ///
    /// # Panics
    ///
    /// If there is no such element.
    pub fn set(&mut self, row: usize, col: usize, value: f32) {
        let line = self.line(row, col);
        self.lines[line].0[col % LINE] = value;
    }

    fn line(&self, row: usize, col: usize) -> usize {
        let (rows, cols) = (self.rows, self.cols);
        assert!(row < rows && col < cols, "({row}, {col}) of a ({rows} × {cols}) matrix");
        col / LINE * rows + row
    }

    /// Row `row` in slices of up to 16 values.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row_slices(&self, row: usize) -> impl Iterator<Item = &[f32]> {
        assert!(row < self.rows, "row {row} of a matrix of {} rows", self.rows);
        let lines = self.lines.iter().skip(row).step_by(self.rows);
        lines.enumerate().map(|(panel, line)| &line.0[..LINE.min(self.cols - panel * LINE)])
    }

    /// Row `row` in slices of up to 16 values, to write.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row_slices_mut(&mut self, row: usize) -> impl Iterator<Item = &mut [f32]> {
        assert!(row < self.rows, "row {row} of a matrix of {} rows", self.rows);
        let cols = self.cols;
        let lines = self.lines.iter_mut().skip(row).step_by(self.rows);
        lines.enumerate().map(move |(panel, line)| &mut line.0[..LINE.min(cols - panel * LINE)])
    }

    /// Copies the columns of `from`, from its column `from_start` on, to all columns from `start` on that it has: as many
    /// as both have.
    ///
    /// # Panics
    ///
    /// If the numbers of rows differ, or the copy begins inside a panel, or ends in one that has more columns.
    pub fn copy_columns(&mut self, start: usize, from: &Panels, from_start: usize) {
        assert_eq!(self.rows, from.rows, "rows of a copy");
        assert!(start.is_multiple_of(LINE) && from_start.is_multiple_of(LINE), "a panel's start");
        let (to_cols, from_cols) = (self.cols.saturating_sub(start), from.cols.saturating_sub(from_start));
        let cols = to_cols.min(from_cols);
        assert!(cols.is_multiple_of(LINE) || to_cols == from_cols, "a copy of whole panels");
        let lines = cols.div_ceil(LINE) * self.rows;
        let (to_at, from_at) = (start / LINE * self.rows, from_start / LINE * self.rows);
        self.lines[to_at..][..lines].copy_from_slice(&from.lines[from_at..][..lines]);
    }

    /// The whole matrix, to read.
    #[must_use]
    pub fn view(&self) -> Mat<'_> {
        let data = self.lines.as_ptr().cast();
        if self.lines.is_empty() {
            return Mat::new(data, self.rows, self.cols, 0, 0);
        }
        let mut view = Mat::new(data, self.rows, self.cols, LINE, 1);
        view.col_panel = self.rows * LINE;
        view
    }

    /// The whole matrix, to write.
    pub fn view_mut(&mut self) -> MatMut<'_> {
        let (rows, cols) = (self.rows, self.cols);
        let data = self.lines.as_mut_ptr().cast();
        if self.lines.is_empty() {
            return MatMut::new(data, rows, cols, 0);
        }
        let mut view = MatMut::new(data, rows, cols, LINE);
        view.col_panel = rows * LINE;
        view
    }
}

impl fmt::Debug for Panels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Panels({} × {})", self.rows, self.cols)
    }
}
