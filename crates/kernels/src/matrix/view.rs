//! Views of matrices, all f32: the kernels work on them. [`Mat`] reads with any row and column stride (so a transpose is
//! free), [`MatMut`] writes.
//!
//! Element (i, j) of a view lies `along(i, row_stride, row_panel) + along(j, col_stride, col_panel)` values in, where
//! `along` counts whole panels of 16 and what is left of them. For strided storage a panel is just 16 strides.

use super::line::LINE;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// How far index `i` is along a dimension whose neighbours are `stride` apart, and whose panels of 16 `panel` apart.
#[inline(always)]
pub(crate) fn along(i: usize, stride: usize, panel: usize) -> usize {
    i / LINE * panel + i % LINE * stride
}

/// How far panels of 16 are apart in a dimension whose neighbours are `stride` apart. (It may wrap where there are no 16.)
#[inline(always)]
const fn plain_panel(stride: usize) -> usize {
    stride.wrapping_mul(LINE)
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
    /// Views `data` as a (`rows` × `cols`) matrix with the given strides. With a stride of 0 it has a value several times.
    ///
    /// # Panics
    ///
    /// If the last element lies outside `data`, or a matrix of that shape wouldn't fit the address space.
    #[must_use]
    pub fn strided(
        data: &'a [f32],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Mat<'a> {
        let (row_stride, col_stride) = strides_inside(data.len(), rows, cols, row_stride, col_stride);
        Mat::new(data.as_ptr(), rows, cols, row_stride, col_stride)
    }

    pub(crate) fn new(
        data: *const f32,
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Mat<'a> {
        let (row_panel, col_panel) = (plain_panel(row_stride), plain_panel(col_stride));
        Mat { data, rows, cols, row_stride, row_panel, col_stride, col_panel, borrow: PhantomData }
    }

    /// How far element (row, col) is from the first.
    #[inline(always)]
    pub(crate) fn offset(&self, row: usize, col: usize) -> usize {
        along(row, self.row_stride, self.row_panel) + along(col, self.col_stride, self.col_panel)
    }

    /// Whether each row is a slice, and row i begins `i · row_stride` values in: what kernels that walk from row to row ask.
    pub(crate) fn has_row_slices(&self) -> bool {
        self.has_panel_slices() && (self.cols <= LINE || self.rows == 0 || self.col_panel == LINE)
    }

    /// Whether columns are contiguous in panels of 16, and row i begins `i · row_stride` values in: as weights lie, or a
    /// gradient in chunks.
    pub(crate) fn has_panel_slices(&self) -> bool {
        let evenly = self.rows <= LINE || self.row_panel == plain_panel(self.row_stride);
        evenly && (self.cols <= 1 || self.rows == 0 || self.col_stride == 1)
    }

    /// Views `data` as a (`rows` × `cols`) row-major matrix without padding.
    ///
    /// # Panics
    ///
    /// If `data` has fewer than `rows · cols` values.
    #[must_use]
    pub fn row_major(data: &'a [f32], rows: usize, cols: usize) -> Mat<'a> {
        Self::strided(data, rows, cols, cols, 1)
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

    /// Whether it has plain strides: isn't in panels, or of one panel only. What a product can take as its left operand.
    #[must_use]
    pub fn is_strided(&self) -> bool {
        self.row_panel == plain_panel(self.row_stride) && self.col_panel == plain_panel(self.col_stride)
    }

    /// Whether a product can take it as its right operand: plain strides, or panels along one dimension, which the other's
    /// neighbours are a line apart in.
    pub(crate) fn is_strided_or_panels(&self) -> bool {
        let in_panels = |x: &Mat<'_>| {
            x.col_stride == 1 && x.row_stride == LINE && x.row_panel == plain_panel(x.row_stride)
        };
        self.is_strided() || in_panels(self) || in_panels(&self.transposed())
    }

    /// The transpose: the same elements, strides exchanged.
    #[must_use]
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
    #[must_use]
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
    #[must_use]
    pub fn row(&self, row: usize) -> &'a [f32] {
        assert!(row < self.rows, "row {row} of a view of {} rows", self.rows);
        assert!(self.has_row_slices(), "a row of this view isn't a slice");
        // SAFETY: the constructors proved that the row's `cols` contiguous elements lie inside the storage, which
        // stays borrowed for 'a. (A row without elements begins where the view does: its strides are 0.)
        unsafe { std::slice::from_raw_parts(self.data.wrapping_add(self.offset(row, 0)), self.cols) }
    }

    /// The part in `rows` and `cols`.
    ///
    /// # Panics
    ///
    /// If the part reaches outside, or begins inside a panel.
    #[must_use]
    pub fn part(self, rows: Range<usize>, cols: Range<usize>) -> Mat<'a> {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows {rows:?} of {}", self.rows);
        assert!(cols.start <= cols.end && cols.end <= self.cols, "columns {cols:?} of {}", self.cols);
        let whole = |start: usize, stride: usize, panel: usize| {
            start.is_multiple_of(LINE) || panel == plain_panel(stride)
        };
        assert!(whole(rows.start, self.row_stride, self.row_panel), "row {} is inside a panel", rows.start);
        assert!(
            whole(cols.start, self.col_stride, self.col_panel),
            "column {} is inside a panel",
            cols.start
        );
        if rows.is_empty() || cols.is_empty() {
            return Mat::new(self.data, rows.len(), cols.len(), 0, 0);
        }
        let offset = self.offset(rows.start, cols.start);
        Mat { data: self.data.wrapping_add(offset), rows: rows.len(), cols: cols.len(), ..self }
    }
}

impl fmt::Debug for Mat<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mat({} × {})", self.rows, self.cols)
    }
}

/// A (rows × cols) view to write, row-major or in panels.
///
/// Several `MatMut` may interleave in memory (columns of one matrix) as long as they share no element.
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
        let (row_stride, _) = strides_inside(data.len(), rows, cols, row_stride, 1);
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

    pub(crate) fn new(data: *mut f32, rows: usize, cols: usize, row_stride: usize) -> MatMut<'a> {
        MatMut { data, rows, cols, row_stride, col_panel: LINE, borrow: PhantomData }
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

    /// The columns `cols`.
    ///
    /// # Panics
    ///
    /// If they reach outside, or begin inside a panel.
    #[must_use]
    pub fn columns(self, cols: Range<usize>) -> MatMut<'a> {
        let rows = 0..self.rows;
        self.part(rows, cols)
    }

    /// The rows `rows`.
    ///
    /// # Panics
    ///
    /// If they reach outside.
    #[must_use]
    pub fn rows_part(self, rows: Range<usize>) -> MatMut<'a> {
        let cols = 0..self.cols;
        self.part(rows, cols)
    }

    fn part(self, rows: Range<usize>, cols: Range<usize>) -> MatMut<'a> {
        let Mat { data, rows, cols, row_stride, .. } = self.as_mat().part(rows, cols);
        MatMut { data: data.cast_mut(), rows, cols, row_stride, ..self }
    }

    /// The same view for a shorter time.
    pub fn reborrow(&mut self) -> MatMut<'_> {
        MatMut { borrow: PhantomData, ..*self }
    }

    /// The elements, to read.
    pub(crate) fn as_mat(&self) -> Mat<'_> {
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

impl fmt::Debug for MatMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MatMut({} × {})", self.rows, self.cols)
    }
}

/// Checks that the elements of such a view lie inside `len` values. Returns its strides, those that nobody follows made small.
fn strides_inside(
    len: usize,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
) -> (usize, usize) {
    if rows == 0 || cols == 0 {
        return (0, 0);
    }
    let last = (rows - 1)
        .checked_mul(row_stride)
        .zip((cols - 1).checked_mul(col_stride))
        .and_then(|(down, across)| down.checked_add(across));
    assert!(
        last.is_some_and(|last| last < len),
        "a ({rows} × {cols}) view with strides {row_stride} and {col_stride} reaches outside {len} values"
    );
    // Where strides are 0 there can be more elements than memory. Nobody is to count them and be wrong.
    let most = isize::MAX as usize / size_of::<f32>();
    assert!(rows <= most / cols, "a ({rows} × {cols}) view has more elements than can be counted in bytes");
    // The stride of a single row or column may be anything, and leads nowhere.
    let followed = |count: usize, stride: usize| if count == 1 { stride.min(len) } else { stride };
    (followed(rows, row_stride), followed(cols, col_stride))
}
