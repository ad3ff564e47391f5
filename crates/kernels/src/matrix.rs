//! Matrices and views of them, all f32.
//!
//! [`Matrix`] owns row-major storage whose rows start on 64-byte lines; [`Panels`] owns storage in panels of 16 columns,
//! one after the other. The kernels work on views: [`Mat`] reads with any row and column stride (so a transpose is
//! free), [`MatMut`] writes.
//!
//! Element (i, j) of a view lies `along(i, row_stride, row_panel) + along(j, col_stride, col_panel)` values in, where
//! `along` counts whole panels of 16 and what is left of them. For strided storage a panel is just 16 strides.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// f32 values in a cache line: row strides of owned matrices are multiples of it.
const LINE: usize = 16;

/// How far index `i` is along a dimension whose neighbours are `stride` apart, and whose panels of 16 `panel` apart.
#[inline(always)]
pub(crate) fn along(i: usize, stride: usize, panel: usize) -> usize {
    i / LINE * panel + i % LINE * stride
}

/// One cache line of values: what makes a `Vec` start on a 64-byte boundary.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(crate) struct Line(pub(crate) [f32; LINE]);

impl Line {
    /// Values in a line.
    pub(crate) const LEN: usize = LINE;
    pub(crate) const ZERO: Line = Line([0.0; LINE]);
}

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
    lines: Vec<Line>,
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
    pub fn zeros(rows: usize, cols: usize) -> Matrix {
        let lines_per_row = cols.div_ceil(LINE);
        let lines = rows.checked_mul(lines_per_row).expect("a matrix must fit in memory");
        Matrix { lines: vec![Line([0.0; LINE]); lines], rows, cols, row_stride: lines_per_row * LINE }
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
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `row`, without its padding.
    ///
    /// # Panics
    ///
    /// If there is no such row.
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

    fn values(&self) -> &[f32] {
        // SAFETY: `Line` is `repr(C)` around `[f32; LINE]`, so n lines are n·LINE initialised, contiguous f32s.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * LINE) }
    }

    fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `values`; `&mut self` makes the borrow exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * LINE) }
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
    lines: Vec<Line>,
    rows: usize,
    cols: usize,
}

impl Panels {
    /// A (`rows` × `cols`) matrix of zeros.
    ///
    /// # Panics
    ///
    /// If the size doesn't fit the address space.
    pub fn zeros(rows: usize, cols: usize) -> Panels {
        let lines = rows.checked_mul(cols.div_ceil(LINE)).expect("a matrix must fit in memory");
        Panels { lines: vec![Line([0.0; LINE]); lines], rows, cols }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Element (row, col).
    ///
    /// # Panics
    ///
    /// If there is no such element.
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
        let lines = self.lines[row..].iter().step_by(self.rows);
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
        let lines = self.lines[row..].iter_mut().step_by(self.rows);
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
    pub fn view(&self) -> Mat<'_> {
        let plain = Mat::new(self.lines.as_ptr().cast(), self.rows, self.cols, LINE, 1);
        Mat { col_panel: self.rows * LINE, ..plain }
    }

    /// The whole matrix, to write.
    pub fn view_mut(&mut self) -> MatMut<'_> {
        let (rows, cols) = (self.rows, self.cols);
        let plain = MatMut::new(self.lines.as_mut_ptr().cast(), rows, cols, LINE);
        MatMut { col_panel: rows * LINE, ..plain }
    }
}

impl fmt::Debug for Panels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Panels({} × {})", self.rows, self.cols)
    }
}

/// A (rows × cols) view to read, with any strides, or in panels.
#[derive(Clone, Copy)]
pub struct Mat<'a> {
    pub(crate) data: *const f32,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) row_stride: usize,
    pub(crate) row_panel: usize,
    pub(crate) col_stride: usize,
    pub(crate) col_panel: usize,
    borrow: PhantomData<&'a f32>,
}

// SAFETY: a `Mat` is a shared borrow of f32s, as `&[f32]` is.
unsafe impl Send for Mat<'_> {}
// SAFETY: as above.
unsafe impl Sync for Mat<'_> {}

impl<'a> Mat<'a> {
    /// Views `data` as a (`rows` × `cols`) matrix with the given strides.
    ///
    /// # Panics
    ///
    /// If the last element lies outside `data`.
    pub fn strided(
        data: &'a [f32],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Mat<'a> {
        assert_inside(data.len(), rows, cols, row_stride, col_stride);
        Mat::new(data.as_ptr(), rows, cols, row_stride, col_stride)
    }

    fn new(data: *const f32, rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> Mat<'a> {
        let (row_panel, col_panel) = (LINE * row_stride, LINE * col_stride);
        Mat { data, rows, cols, row_stride, row_panel, col_stride, col_panel, borrow: PhantomData }
    }

    /// How far element (row, col) is from the first.
    #[inline(always)]
    pub(crate) fn offset(&self, row: usize, col: usize) -> usize {
        along(row, self.row_stride, self.row_panel) + along(col, self.col_stride, self.col_panel)
    }

    /// Whether each row is a slice.
    pub(crate) fn has_row_slices(&self) -> bool {
        self.cols <= 1 || self.col_stride == 1 && (self.cols <= LINE || self.col_panel == LINE)
    }

    /// Views `data` as a (`rows` × `cols`) row-major matrix without padding.
    ///
    /// # Panics
    ///
    /// If `data` has fewer than `rows · cols` values.
    pub fn row_major(data: &'a [f32], rows: usize, cols: usize) -> Mat<'a> {
        Self::strided(data, rows, cols, cols, 1)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The transpose: the same elements, strides exchanged.
    pub fn transposed(self) -> Mat<'a> {
        Mat {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            row_panel: self.col_panel,
            col_stride: self.row_stride,
            col_panel: self.row_panel,
            ..self
        }
    }

    /// Element (row, col).
    ///
    /// # Panics
    ///
    /// If there is no such element.
    pub fn get(&self, row: usize, col: usize) -> f32 {
        assert!(
            row < self.rows && col < self.cols,
            "({row}, {col}) of a ({} × {}) matrix",
            self.rows,
            self.cols
        );
        // SAFETY: the constructors proved that every element (i, j) in range lies inside the borrowed storage.
        unsafe { *self.data.add(self.offset(row, col)) }
    }

    /// Row `row` as a slice.
    ///
    /// # Panics
    ///
    /// If there is no such row, or its elements aren't contiguous.
    pub fn row(&self, row: usize) -> &'a [f32] {
        assert!(row < self.rows, "row {row} of a view of {} rows", self.rows);
        assert!(self.has_row_slices(), "a row of this view isn't a slice");
        // SAFETY: the constructors proved that the row's `cols` contiguous elements lie inside the storage, which
        // stays borrowed for 'a.
        unsafe { std::slice::from_raw_parts(self.data.wrapping_add(self.offset(row, 0)), self.cols) }
    }

    /// The part in `rows` and `cols`.
    ///
    /// # Panics
    ///
    /// If the part reaches outside, or begins inside a panel.
    pub fn part(self, rows: Range<usize>, cols: Range<usize>) -> Mat<'a> {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows {rows:?} of {}", self.rows);
        assert!(cols.start <= cols.end && cols.end <= self.cols, "columns {cols:?} of {}", self.cols);
        let whole =
            |start: usize, stride: usize, panel: usize| start.is_multiple_of(LINE) || panel == LINE * stride;
        assert!(whole(rows.start, self.row_stride, self.row_panel), "row {} is inside a panel", rows.start);
        assert!(
            whole(cols.start, self.col_stride, self.col_panel),
            "column {} is inside a panel",
            cols.start
        );
        let offset = self.offset(rows.start, cols.start);
        // `wrapping_add`: an empty part may begin one past the end, where nothing is read.
        Mat { data: self.data.wrapping_add(offset), rows: rows.len(), cols: cols.len(), ..self }
    }

    /// A matrix of its own with the same elements.
    pub fn to_matrix(self) -> Matrix {
        Matrix::from_fn(self.rows, self.cols, |row, col| self.get(row, col))
    }
}

/// A (rows × cols) view to write, row-major or in panels.
///
/// Several `MatMut` may interleave in memory (column blocks of one matrix) as long as they share no element.
pub struct MatMut<'a> {
    pub(crate) data: *mut f32,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) row_stride: usize,
    pub(crate) col_panel: usize,
    borrow: PhantomData<&'a mut f32>,
}

// SAFETY: a `MatMut` is an exclusive borrow of its elements, as `&mut [f32]` is.
unsafe impl Send for MatMut<'_> {}
// SAFETY: as above; through `&MatMut` elements can only be read.
unsafe impl Sync for MatMut<'_> {}

impl<'a> MatMut<'a> {
    /// Views `data` as a (`rows` × `cols`) row-major matrix whose rows are `row_stride` values apart.
    ///
    /// # Panics
    ///
    /// If the last element lies outside `data`, or rows overlap.
    pub fn strided(data: &'a mut [f32], rows: usize, cols: usize, row_stride: usize) -> MatMut<'a> {
        assert_inside(data.len(), rows, cols, row_stride, 1);
        assert!(rows <= 1 || row_stride >= cols, "rows of {cols} values overlap at a stride of {row_stride}");
        MatMut::new(data.as_mut_ptr(), rows, cols, row_stride)
    }

    /// Views `data` as a (`rows` × `cols`) row-major matrix without padding.
    ///
    /// # Panics
    ///
    /// If `data` has fewer than `rows · cols` values.
    pub fn row_major(data: &'a mut [f32], rows: usize, cols: usize) -> MatMut<'a> {
        Self::strided(data, rows, cols, cols)
    }

    /// The view at `data`, without a check.
    ///
    /// # Safety
    ///
    /// For 'a, all elements must be valid to read and write, and reachable through this view only.
    pub(crate) unsafe fn from_raw(
        data: *mut f32,
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_panel: usize,
    ) -> MatMut<'a> {
        MatMut { data, rows, cols, row_stride, col_panel, borrow: PhantomData }
    }

    fn new(data: *mut f32, rows: usize, cols: usize, row_stride: usize) -> MatMut<'a> {
        MatMut { data, rows, cols, row_stride, col_panel: LINE, borrow: PhantomData }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The columns `cols`.
    ///
    /// # Panics
    ///
    /// If they reach outside, or begin inside a panel.
    pub fn columns(self, cols: Range<usize>) -> MatMut<'a> {
        let data = self.as_mat().part(0..self.rows, cols.clone()).data.cast_mut();
        MatMut { data, cols: cols.len(), ..self }
    }

    /// The same view for a shorter time.
    pub fn reborrow(&mut self) -> MatMut<'_> {
        MatMut { borrow: PhantomData, ..*self }
    }

    /// The elements, to read.
    pub fn as_mat(&self) -> Mat<'_> {
        let plain = Mat::new(self.data, self.rows, self.cols, self.row_stride, 1);
        Mat { col_panel: self.col_panel, ..plain }
    }

    /// Copies the elements of `from`.
    ///
    /// # Panics
    ///
    /// If the shapes differ, or the rows of `from` aren't contiguous.
    pub fn copy_from(&mut self, from: Mat<'_>) {
        assert_eq!((self.rows, self.cols), (from.rows, from.cols), "shapes of a copy");
        for row in 0..self.rows {
            self.row_mut(row).copy_from_slice(from.row(row));
        }
    }

    /// Row `row` as a slice.
    ///
    /// # Panics
    ///
    /// If there is no such row, or its elements aren't contiguous.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        assert!(self.as_mat().has_row_slices(), "a row of this view isn't a slice");
        assert!(row < self.rows, "row {row} of a view of {} rows", self.rows);
        // SAFETY: the view's elements are valid and exclusively ours; a row is `cols` contiguous ones.
        unsafe { std::slice::from_raw_parts_mut(self.data.wrapping_add(row * self.row_stride), self.cols) }
    }
}

fn assert_inside(len: usize, rows: usize, cols: usize, row_stride: usize, col_stride: usize) {
    if rows == 0 || cols == 0 {
        return;
    }
    let last = (rows - 1)
        .checked_mul(row_stride)
        .zip((cols - 1).checked_mul(col_stride))
        .and_then(|(down, across)| down.checked_add(across));
    assert!(
        last.is_some_and(|last| last < len),
        "a ({rows} × {cols}) view with strides {row_stride} and {col_stride} reaches outside {len} values"
    );
}
