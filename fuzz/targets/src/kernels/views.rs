//! Operands to read and to write, in every layout that the crate's safe interface can make.

use super::{Machine, Numbers, attempt, size};
use arbitrary::{Result, Unstructured};
use minibatch_kernels::{Mat, MatMut, Matrix, Panels};
use std::ops::Range;

/// The storage of numbers. A vector is as long as its view needs, and no longer.
enum Storage {
    Vector { numbers: Vec<f32>, lead: usize, row_stride: usize, col_stride: usize },
    Matrix(Matrix),
    Panels(Panels),
}

/// A matrix to read: a part of a storage, perhaps transposed before and after.
pub(super) struct Operand {
    storage: Storage,
    /// The rows of the storage.
    rows: usize,
    cols: usize,
    transposed: [bool; 2],
    part: [Range<usize>; 2],
}

/// Columns of a panel.
const LINE: usize = 16;

impl Operand {
    /// Draws an operand of (`rows` × `cols`).
    pub(super) fn draw(
        choices: &mut Unstructured<'_>,
        rows: usize,
        cols: usize,
        numbers: Numbers,
    ) -> Result<Operand> {
        let transposed: [bool; 2] = choices.arbitrary()?;
        let (part_rows, part_cols) = if transposed[1] { (cols, rows) } else { (rows, cols) };
        let kind = choices.int_in_range(0..=4u8)?;
        let (rows, cols) = (Offsets::draw(choices)?, Offsets::draw(choices)?);
        // A part of panels begins with a panel: of the columns, or, transposed, of the rows.
        let (rows, cols) = match (kind, transposed[0]) {
            (0, false) => (rows, cols.in_panels()),
            (0, true) => (rows.in_panels(), cols),
            _ => (rows, cols),
        };
        let part = [rows.range(part_rows), cols.range(part_cols)];
        let (whole_rows, whole_cols) = (rows.whole(part_rows), cols.whole(part_cols));
        let (rows, cols) = if transposed[0] { (whole_cols, whole_rows) } else { (whole_rows, whole_cols) };
        let seed = &mut choices.arbitrary()?;
        let storage = match kind {
            0 => {
                let mut panels = Panels::zeros(rows, cols);
                (0..rows * cols).for_each(|i| panels.set(i / cols, i % cols, numbers.next(seed)));
                Storage::Panels(panels)
            }
            1 => Storage::Matrix(Matrix::from_fn(rows, cols, |_, _| numbers.next(seed))),
            kind => {
                let small = |choices: &mut Unstructured<'_>| choices.int_in_range(0..=3usize);
                let (row_stride, col_stride) = match kind {
                    2 => (cols + small(choices)?, 1),
                    3 => (1, rows + small(choices)?),
                    // Rows overlap, or are all the same one.
                    _ => (small(choices)?, small(choices)?),
                };
                let lead = small(choices)?;
                let last = rows.saturating_sub(1) * row_stride + cols.saturating_sub(1) * col_stride;
                let length = if rows * cols == 0 { 0 } else { last + 1 };
                Storage::Vector { numbers: numbers.vec(lead + length, seed), lead, row_stride, col_stride }
            }
        };
        Ok(Operand { storage, rows, cols, transposed, part })
    }

    /// Draws an operand whose rows are slices, one after the other. No kernel may refuse it.
    pub(super) fn plain(
        choices: &mut Unstructured<'_>,
        rows: usize,
        cols: usize,
        numbers: Numbers,
    ) -> Result<Operand> {
        let (row_stride, col_stride, lead) =
            (cols + choices.int_in_range(0..=3)?, 1, choices.int_in_range(0..=3)?);
        let length = if rows * cols == 0 { 0 } else { (rows - 1) * row_stride + cols };
        let numbers = numbers.vec(lead + length, &mut choices.arbitrary()?);
        let storage = Storage::Vector { numbers, lead, row_stride, col_stride };
        Ok(Operand { storage, rows, cols, transposed: [false; 2], part: [0..rows, 0..cols] })
    }

    pub(super) fn view(&self) -> Mat<'_> {
        let whole = match &self.storage {
            Storage::Vector { numbers, lead, row_stride, col_stride } => {
                Mat::strided(&numbers[*lead..], self.rows, self.cols, *row_stride, *col_stride)
            }
            Storage::Matrix(matrix) => matrix.view(),
            Storage::Panels(panels) => panels.view(),
        };
        let [rows, cols] = self.part.clone();
        let whole = if self.transposed[0] { whole.transposed() } else { whole };
        let part = whole.part(rows, cols);
        if self.transposed[1] { part.transposed() } else { part }
    }

    /// Whether a kernel that reads rows as slices must take it.
    pub(super) fn is_plain(&self) -> bool {
        let in_rows = match &self.storage {
            Storage::Vector { col_stride, .. } => *col_stride == 1,
            Storage::Matrix(_) => true,
            Storage::Panels(_) => false,
        };
        in_rows && self.transposed[0] == self.transposed[1]
    }
}

/// The numbers of a storage before and after a part.
#[derive(Clone, Copy)]
struct Offsets {
    before: usize,
    after: usize,
}

impl Offsets {
    fn draw(choices: &mut Unstructured<'_>) -> Result<Offsets> {
        if choices.ratio(1, 2)? {
            return Ok(Offsets { before: 0, after: 0 });
        }
        Ok(Offsets { before: choices.int_in_range(0..=5)?, after: choices.int_in_range(0..=20)? })
    }

    fn in_panels(self) -> Offsets {
        Offsets { before: self.before / 2 * LINE, ..self }
    }

    fn range(self, length: usize) -> Range<usize> {
        self.before..self.before + length
    }

    fn whole(self, length: usize) -> usize {
        self.before + length + self.after
    }
}

/// A matrix to write: some rows of a storage.
pub(super) struct Target {
    storage: Storage,
    rows: usize,
    cols: usize,
    part: Range<usize>,
}

impl Target {
    /// Draws a target of (`rows` × `cols`).
    pub(super) fn draw(
        choices: &mut Unstructured<'_>,
        rows: usize,
        cols: usize,
        numbers: Numbers,
    ) -> Result<Target> {
        let kind = choices.int_in_range(0..=3u8)?;
        Target::of_kind(choices, kind, rows, cols, numbers)
    }

    /// Draws a target whose rows are slices.
    pub(super) fn plain(
        choices: &mut Unstructured<'_>,
        rows: usize,
        cols: usize,
        numbers: Numbers,
    ) -> Result<Target> {
        let kind = choices.int_in_range(1..=3u8)?;
        Target::of_kind(choices, kind, rows, cols, numbers)
    }

    fn of_kind(
        choices: &mut Unstructured<'_>,
        kind: u8,
        rows: usize,
        cols: usize,
        numbers: Numbers,
    ) -> Result<Target> {
        let offsets = Offsets::draw(choices)?;
        let (part, rows) = (offsets.range(rows), offsets.whole(rows));
        let seed = &mut choices.arbitrary()?;
        let storage = match kind {
            0 => {
                let mut panels = Panels::zeros(rows, cols);
                (0..rows * cols).for_each(|i| panels.set(i / cols, i % cols, numbers.next(seed)));
                Storage::Panels(panels)
            }
            1 => Storage::Matrix(Matrix::from_fn(rows, cols, |_, _| numbers.next(seed))),
            _ => {
                let (lead, row_stride) = (choices.int_in_range(0..=3)?, cols + choices.int_in_range(0..=3)?);
                let length = if rows * cols == 0 { 0 } else { (rows - 1) * row_stride + cols };
                Storage::Vector { numbers: numbers.vec(lead + length, seed), lead, row_stride, col_stride: 1 }
            }
        };
        Ok(Target { storage, rows, cols, part })
    }

    /// Another target of the same layout, with numbers of its own.
    pub(super) fn alike(&self, numbers: Numbers, seed: &mut u64) -> Target {
        let storage = match &self.storage {
            Storage::Vector { numbers: old, lead, row_stride, col_stride } => Storage::Vector {
                numbers: numbers.vec(old.len(), seed),
                lead: *lead,
                row_stride: *row_stride,
                col_stride: *col_stride,
            },
            Storage::Matrix(_) => {
                Storage::Matrix(Matrix::from_fn(self.rows, self.cols, |_, _| numbers.next(seed)))
            }
            Storage::Panels(_) => {
                let mut panels = Panels::zeros(self.rows, self.cols);
                let cols = self.cols;
                (0..self.rows * cols).for_each(|i| panels.set(i / cols, i % cols, numbers.next(seed)));
                Storage::Panels(panels)
            }
        };
        Target { storage, part: self.part.clone(), ..*self }
    }

    /// Whether a kernel that writes rows as slices must take it.
    pub(super) fn is_plain(&self) -> bool {
        !matches!(self.storage, Storage::Panels(_))
    }

    pub(super) fn view_mut(&mut self) -> MatMut<'_> {
        let whole = match &mut self.storage {
            Storage::Vector { numbers, lead, row_stride, .. } => {
                MatMut::strided(&mut numbers[*lead..], self.rows, self.cols, *row_stride)
            }
            Storage::Matrix(matrix) => matrix.view_mut(),
            Storage::Panels(panels) => panels.view_mut(),
        };
        whole.rows_part(self.part.clone())
    }

    /// All numbers that the storage holds.
    pub(super) fn cells(&self) -> Cells {
        let cells = match &self.storage {
            Storage::Vector { numbers, .. } => numbers.clone(),
            Storage::Matrix(matrix) => (0..self.rows).flat_map(|row| matrix.row(row)).copied().collect(),
            Storage::Panels(_) if self.cols == 0 => Vec::new(),
            Storage::Panels(panels) => {
                (0..self.rows).flat_map(|row| panels.row_slices(row)).flatten().copied().collect()
            }
        };
        let (first, row_stride) = match &self.storage {
            Storage::Vector { lead, row_stride, .. } => (*lead, *row_stride),
            _ => (0, self.cols),
        };
        Cells {
            cells,
            first: first + self.part.start * row_stride,
            row_stride,
            rows: self.part.len(),
            cols: self.cols,
        }
    }
}

/// The numbers of a storage at one time.
#[derive(Clone)]
pub(super) struct Cells {
    cells: Vec<f32>,
    first: usize,
    row_stride: usize,
    rows: usize,
    cols: usize,
}

impl Cells {
    /// Element (row, col) of the view.
    pub(super) fn get(&self, row: usize, col: usize) -> f32 {
        self.cells[self.first + row * self.row_stride + col]
    }

    /// The view's elements one by one.
    pub(super) fn to_matrix(&self) -> Matrix {
        Matrix::from_fn(self.rows, self.cols, |row, col| self.get(row, col))
    }

    /// Panics unless `after` has `expected` in the view, and the numbers from before around it.
    pub(super) fn check(&self, after: &Target, what: &str, expected: impl Fn(usize, usize) -> f32) {
        self.check_by(after, what, |found, row, col| super::same(found, expected(row, col)));
    }

    /// As [`check`](Self::check), where `is_right` judges an element.
    pub(super) fn check_by(&self, after: &Target, what: &str, is_right: impl Fn(f32, usize, usize) -> bool) {
        let after = after.cells();
        let mut around = self.clone();
        for row in 0..self.rows {
            for col in 0..self.cols {
                let (found, before) = (after.get(row, col), self.get(row, col));
                assert!(
                    is_right(found, row, col),
                    "{what}: ({row}, {col}) is {found:e}, before it was {before:e}"
                );
                around.cells[self.first + row * self.row_stride + col] = found;
            }
        }
        let untouched = around.cells.iter().zip(&after.cells).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(untouched, "{what}: something around the view was written");
    }
}

/// Takes copies between views, and columns of panels.
pub(super) fn copies(choices: &mut Unstructured<'_>, _: &Machine) -> Result<bool> {
    let (rows, cols) = (size(choices, 70)?, size(choices, 130)?);
    let (from, mut to) = (
        Operand::draw(choices, rows, cols, Numbers::Special)?,
        Target::draw(choices, rows, cols, Numbers::Plain)?,
    );
    let before = to.cells();
    let view = from.view();
    assert_eq!((view.rows(), view.cols()), (rows, cols));
    let copied = attempt(|| to.view_mut().copy_from(view));
    assert!(copied.is_some() || !(from.is_plain() && to.is_plain()), "a plain copy is refused");
    if copied.is_some() {
        before.check(&to, "a copy", |row, col| view.get(row, col));
    } else {
        before.check(&to, "a refused copy", |row, col| before.get(row, col));
    }
    let matrix = view.to_matrix();
    for row in 0..rows {
        let slice = attempt(|| view.row(row));
        assert!(slice.is_some() || !from.is_plain(), "a plain row is refused");
        for col in 0..cols {
            assert!(super::same(matrix.row(row)[col], view.get(row, col)));
            assert!(slice.is_none_or(|slice| slice[col].to_bits() == view.get(row, col).to_bits()));
        }
    }
    columns(choices, rows)?;
    Ok(copied.is_some())
}

/// Takes columns of one matrix in panels into another.
fn columns(choices: &mut Unstructured<'_>, rows: usize) -> Result<()> {
    let seed = &mut choices.arbitrary()?;
    let mut panels = |cols: usize| {
        let mut panels = Panels::zeros(rows, cols);
        (0..rows * cols).for_each(|i| panels.set(i / cols, i % cols, Numbers::Special.next(seed)));
        panels
    };
    let (mut to, from) = (panels(size(choices, 100)?), panels(size(choices, 100)?));
    let at = |choices: &mut Unstructured<'_>| {
        Ok(LINE * choices.int_in_range(0..=8usize)? + choices.int_in_range(0..=1)?)
    };
    let (start, from_start) = (at(choices)?, at(choices)?);
    let before = to.clone();
    let copied = attempt(|| to.copy_columns(start, &from, from_start)).is_some();
    for (row, col) in (0..rows).flat_map(|row| (0..before.cols()).map(move |col| (row, col))) {
        let inside = copied && col >= start && from_start + (col - start) < from.cols();
        let expected = if inside { from.get(row, from_start + (col - start)) } else { before.get(row, col) };
        assert!(super::same(to.get(row, col), expected), "column {col} of a copy of panels");
    }
    Ok(())
}
