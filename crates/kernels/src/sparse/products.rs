//! The products of sparse inputs: sweeps over the rows of weights that a group of examples has inputs for, a strip of columns
//! at a time.

use super::{GROUP, Group, List, MAX_VECTORS, SparseInputs, keeps_all};
use crate::isa::{Isa, Kernel};
use crate::matrix::Panels;
use crate::prefetch::{Expected, Upcoming};
use crate::storage::LINE;
use crate::vector::Vector;
use crate::view::{Mat, MatMut};
use std::ops::Range;

/// C ← bias + X·B for the inputs X (m × k) last gathered, B (k × n), C (m × n), on the calling thread.
///
/// The chains are those of [`gemm`](crate::gemm), without the inputs that are 0, which change no bit as long as B is
/// finite.
///
/// # Panics
///
/// If the shapes don't fit, or C's rows aren't contiguous.
pub fn sparse_gemm(isa: Isa, x: &SparseInputs, b: &Panels, bias: &[f32], c: &mut MatMut<'_>) {
    assert_eq!(x.inputs, b.rows(), "inner sizes of a product");
    assert_eq!(x.examples(), c.rows, "rows of a product");
    assert_eq!(b.cols(), c.cols, "columns of a product");
    assert_eq!(bias.len(), c.cols, "as many biases as columns");
    assert!(c.as_mat().has_row_slices(), "a sparse product writes contiguous rows");
    if keeps_all(isa) {
        run_by_matrixmultiply(x, b, bias, c);
    } else {
        let product =
            Forward { x, b: b.view(), bias: Some(bias), c: c.data, c_row: c.row_stride, cols: 0..c.cols };
        isa.run(product);
    }
}

/// `cols` of C ← bias + X·B, or of C + X·B.
///
/// Running it needs B in panels, whose number of rows is the number of inputs, C of row slices with a row for each example,
/// valid to write in these columns and touched by nobody else meanwhile, and `cols` to begin at a multiple of 16.
pub(crate) struct Forward<'a> {
    pub(crate) x: &'a SparseInputs,
    pub(crate) b: Mat<'a>,
    /// Of all columns.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    pub(crate) cols: Range<usize>,
}

/// `cols` of C ← C + Xᵀ·B: each example adds its own outer product.
///
/// Running it needs B's rows to be the examples, contiguous over 16 columns, C to be in panels, whose number of rows is the
/// number of inputs, valid to write in these columns up to the panels' ends and touched by nobody else meanwhile, and `cols` to
/// begin at a multiple of 16.
pub(crate) struct Update<'a> {
    pub(crate) x: &'a SparseInputs,
    pub(crate) b: Mat<'a>,
    pub(crate) c: *mut f32,
    pub(crate) c_panel: usize,
    pub(crate) cols: Range<usize>,
    /// What the memory is asked for on the way.
    pub(crate) expected: &'a Expected,
}

/// The columns of C that a sweep takes across, in registers.
#[derive(Clone, Copy)]
struct Strip {
    /// The first row of W in these columns, and the distance of its panels.
    w: *mut f32,
    panel: usize,
    /// Up to the registers' lanes.
    cols: usize,
}

/// Columns of a sweep: as many as there are registers for the sums of four rows; whole panels, or parts of one.
const fn sweep_cols<V: Vector>() -> usize {
    let vectors = if V::TILE_ROWS * V::TILE_VECTORS >= GROUP * MAX_VECTORS { MAX_VECTORS } else { 2 };
    vectors * V::LANES
}

/// Calls `kernel::<V, ROWS, VECTORS>` for numbers that are only known when running.
macro_rules! with_shape {
    ($vector:ty, $rows:expr, $vectors:expr, $kernel:ident $arguments:tt) => {
        with_shape!(@ $vector, $rows, $vectors, $kernel $arguments,
            1 1, 1 2, 1 3, 1 4, 2 1, 2 2, 2 3, 2 4, 3 1, 3 2, 3 3, 3 4, 4 1, 4 2, 4 3, 4 4)
    };
    (@ $vector:ty, $rows:expr, $vectors:expr, $kernel:ident $arguments:tt, $($r:literal $v:literal),*) => {
        match ($rows, $vectors) {
            // The condition leaves wider sweeps than there are registers for uncompiled.
            $(($r, $v) if $v * <$vector>::LANES <= sweep_cols::<$vector>() => {
                $kernel::<$vector, $r, $v> $arguments
            })*
            (rows, vectors) => unreachable!("a sweep of {rows} rows and {vectors} registers"),
        }
    };
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Forward { x, b, bias, c, c_row, cols } = self;
        let width = sweep_cols::<V>();
        for col in cols.clone().step_by(width) {
            let strip = Strip {
                w: b.data.wrapping_add(b.offset(0, col)).cast_mut(),
                panel: b.col_panel,
                cols: width.min(cols.end - col),
            };
            let vectors = strip.cols.div_ceil(V::LANES);
            for block in 0..x.blocks().max(1) {
                let start = if block == 0 { bias.map(|bias| bias[col..].as_ptr()) } else { None };
                let (mut group, mut row) = (0, 0);
                while group < x.groups.len() {
                    let rows = x.groups[group].examples;
                    // SAFETY: a group's active inputs are rows of B, its rows and the strip's columns lie inside C, and B's panels
                    // have whole lines also past the last column.
                    unsafe {
                        let to = c.add(row * c_row + col);
                        let list = |group: usize| {
                            if x.inputs == 0 { List::EMPTY } else { x.list(group, block) }
                        };
                        let next = x.groups.get(group + 1).map_or(0, |next| next.examples);
                        if vectors == 1 && rows == GROUP && next == GROUP {
                            let lists = (list(group), list(group + 1));
                            paired_sums::<V>(lists, strip, start, to, c_row);
                            (group, row) = (group + 2, row + 2 * GROUP);
                        } else {
                            with_shape!(V, rows, vectors, sums(list(group), strip, start, to, c_row));
                            (group, row) = (group + 1, row + rows);
                        }
                    }
                }
            }
        }
    }
}

impl List {
    const EMPTY: List =
        List { at: std::ptr::null(), end: std::ptr::null(), values: std::ptr::null(), width: GROUP };
}

impl Strip {
    /// A row of W.
    ///
    /// # Safety
    ///
    /// As for [`sums`].
    #[inline(always)]
    unsafe fn row<V: Vector, const VECTORS: usize>(&self, input: u32) -> [V; VECTORS] {
        // SAFETY: as the caller's.
        unsafe {
            let row = self.w.add(input as usize * LINE);
            let mut w = [V::splat(0.0); VECTORS];
            for v in 0..VECTORS {
                w[v] = V::load(row.add(v * V::LANES / LINE * self.panel + v * V::LANES % LINE));
            }
            w
        }
    }

    /// The lanes of the last register that are columns.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`.
    #[inline(always)]
    unsafe fn masks<V: Vector, const VECTORS: usize>(&self) -> [V::Mask; VECTORS] {
        // SAFETY: as the caller's.
        unsafe {
            let mut masks = [V::mask(V::LANES); VECTORS];
            masks[VECTORS - 1] = V::mask(self.cols - (VECTORS - 1) * V::LANES);
            masks
        }
    }
}

/// The sums of a group (one chain each over its active inputs of a block) in one strip, from `start` or else from C on. C's
/// first element is at `to`, its rows `to_row` apart.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; the group's active inputs must be rows of W, and its rows and the
/// strip's columns valid at `to`.
#[inline(always)]
unsafe fn sums<V: Vector, const ROWS: usize, const VECTORS: usize>(
    mut list: List,
    strip: Strip,
    start: Option<*const f32>,
    to: *mut f32,
    to_row: usize,
) {
    // SAFETY: as the caller's; lanes past the last column are masked where bias and C are touched.
    unsafe {
        let masks = strip.masks::<V, VECTORS>();
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        for i in 0..ROWS {
            let from = start.unwrap_or(to.add(i * to_row));
            for v in 0..VECTORS {
                sums[i][v] = V::load_masked(from.add(v * V::LANES), masks[v]);
            }
        }
        while list.at < list.end {
            let w = strip.row::<V, VECTORS>(*list.at);
            for i in 0..ROWS {
                let value = V::splat(*list.values.add(i));
                for v in 0..VECTORS {
                    sums[i][v] = value.fma(w[v], sums[i][v]);
                }
            }
            // `wrapping_add`: past the last it may leave the values, unread.
            list.values = list.values.wrapping_add(list.width);
            list.at = list.at.add(1);
        }
        for i in 0..ROWS {
            for v in 0..VECTORS {
                sums[i][v].store_masked(to.add(i * to_row + v * V::LANES), masks[v]);
            }
        }
    }
}

/// [`sums`] of two full groups side by side in one register: one group's four chains alone would wait for each multiply-add to
/// end.
///
/// # Safety
///
/// As for [`sums`].
#[inline(always)]
unsafe fn paired_sums<V: Vector>(
    lists: (List, List),
    strip: Strip,
    start: Option<*const f32>,
    to: *mut f32,
    to_row: usize,
) {
    // SAFETY: as for `sums`.
    unsafe {
        let (mut a, mut b) = lists;
        let [mask] = strip.masks::<V, 1>();
        let (mut sums_a, mut sums_b) = ([V::splat(0.0); GROUP], [V::splat(0.0); GROUP]);
        for i in 0..GROUP {
            sums_a[i] = V::load_masked(start.unwrap_or(to.add(i * to_row)), mask);
            sums_b[i] = V::load_masked(start.unwrap_or(to.add((GROUP + i) * to_row)), mask);
        }
        macro_rules! step {
            ($list:ident, $sums:ident) => {{
                let [w] = strip.row::<V, 1>(*$list.at);
                for i in 0..GROUP {
                    $sums[i] = V::splat(*$list.values.add(i)).fma(w, $sums[i]);
                }
                $list.values = $list.values.wrapping_add(GROUP);
                $list.at = $list.at.add(1);
            }};
        }
        while a.at < a.end && b.at < b.end {
            step!(a, sums_a);
            step!(b, sums_b);
        }
        while a.at < a.end {
            step!(a, sums_a);
        }
        while b.at < b.end {
            step!(b, sums_b);
        }
        for i in 0..GROUP {
            sums_a[i].store_masked(to.add(i * to_row), mask);
            sums_b[i].store_masked(to.add((GROUP + i) * to_row), mask);
        }
    }
}

/// Rows of W between two looks at the upcoming lines: the loop's own instructions compete with the multiply-adds.
const STEPS: usize = 4;

impl Kernel for Update<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Update { x, b, c, c_panel, cols, expected } = self;
        let width = sweep_cols::<V>();
        // Groups follow one another, with next to nothing between them; a list's last few inputs are no step.
        let steps = (x.ends.last().map_or(0, |end| end / STEPS)).saturating_sub(x.ends.len());
        let mut upcoming = expected.upcoming(steps * cols.len().div_ceil(width));
        for col in cols.clone().step_by(width) {
            let w = c.wrapping_add(col / LINE * c_panel + col % LINE);
            let strip = Strip { w, panel: c_panel, cols: width.min(cols.end - col) };
            let vectors = strip.cols.div_ceil(V::LANES);
            for block in 0..x.blocks() {
                let mut row = 0;
                for (group, &Group { examples: rows, .. }) in x.groups.iter().enumerate() {
                    // SAFETY: a group's active inputs are rows of C, which has whole lines also past the last column; its examples
                    // are rows of B.
                    unsafe {
                        let (delta, stride) = (b.data.add(b.offset(row, col)), b.row_stride);
                        let list = x.list(group, block);
                        with_shape!(
                            V,
                            rows,
                            vectors,
                            outer_products(list, strip, delta, stride, &mut upcoming)
                        );
                    }
                    row += rows;
                }
            }
        }
    }
}

/// Adds the outer products of a group's examples, its active inputs of a block by Δ, to the strip of W. Δ's first element is at
/// `delta`, its rows `delta_row` apart.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; the group's active inputs must be rows of W, valid to write in whole lines,
/// and its rows and the strip's columns readable at `delta`.
#[inline(always)]
unsafe fn outer_products<V: Vector, const ROWS: usize, const VECTORS: usize>(
    mut list: List,
    strip: Strip,
    delta: *const f32,
    delta_row: usize,
    upcoming: &mut Upcoming<'_>,
) {
    // SAFETY: as the caller's; lanes past the last column are masked where Δ is read, and add 0 to what pads W.
    unsafe {
        let masks = strip.masks::<V, VECTORS>();
        let mut deltas = [[V::splat(0.0); VECTORS]; ROWS];
        for i in 0..ROWS {
            for v in 0..VECTORS {
                deltas[i][v] = V::load_masked(delta.add(i * delta_row + v * V::LANES), masks[v]);
            }
        }
        macro_rules! step {
            () => {{
                let input = *list.at;
                let mut w = strip.row::<V, VECTORS>(input);
                for i in 0..ROWS {
                    let value = V::splat(*list.values.add(i));
                    for v in 0..VECTORS {
                        w[v] = value.fma(deltas[i][v], w[v]);
                    }
                }
                let row = strip.w.add(input as usize * LINE);
                for v in 0..VECTORS {
                    w[v].store(row.add(v * V::LANES / LINE * strip.panel + v * V::LANES % LINE));
                }
                list.values = list.values.wrapping_add(list.width);
                list.at = list.at.add(1);
            }};
        }
        let steps = list.end.offset_from(list.at) as usize / STEPS;
        for _ in 0..steps {
            step!();
            step!();
            step!();
            step!();
            upcoming.prefetch();
        }
        while list.at < list.end {
            step!();
        }
    }
}

/// [`sparse_gemm`] by the matrixmultiply crate, which knows no panels: 16 columns at a time. All inputs are active.
fn run_by_matrixmultiply(x: &SparseInputs, b: &Panels, bias: &[f32], c: &mut MatMut<'_>) {
    let (view, inputs) = (b.view(), x.inputs);
    let mut first = 0;
    for &Group { examples, start } in &x.groups {
        for col in (0..c.cols).step_by(LINE) {
            let cols = LINE.min(c.cols - col);
            for row in first..first + examples {
                c.row_mut(row)[col..col + cols].copy_from_slice(&bias[col..col + cols]);
            }
            // SAFETY: the group has `width` values for each of the k inputs, B's panel a line, and C these rows and columns.
            // Strides fit isize because the storage does.
            unsafe {
                let a = x.values.as_ptr().add(start * x.width);
                let b = view.data.wrapping_add(view.offset(0, col));
                let (c_at, c_row) = (c.data.add(first * c.row_stride + col), c.row_stride as isize);
                matrixmultiply::sgemm(
                    examples,
                    inputs,
                    cols,
                    1.0,
                    a,
                    1,
                    x.width as isize,
                    b,
                    LINE as isize,
                    1,
                    1.0,
                    c_at,
                    c_row,
                    1,
                );
            }
        }
        first += examples;
    }
}
