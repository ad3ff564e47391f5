//! The products of sparse inputs: walks through the lists of quads, a strip of columns at a time.

use super::{BUNDLE, List, QUAD, SparseInputs};
use crate::elementwise::Place;
use crate::inputs::expected::{Expected, Upcoming};
use crate::matrix::{LINE, Line, Mat, MatMut, Panels};
use crate::product::{Epilogue, Start};
use crate::simd::{Isa, Kernel, Vector};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Registers of columns of a strip, at most.
const MAX_VECTORS: usize = 4;

/// Columns of a strip, at most.
pub(crate) const STRIP: usize = MAX_VECTORS * LINE;

/// Values of a bundle in a strip, at most: of its examples' sums, or errors. On cache lines: a register that crosses from one to
/// the next takes two accesses.
type Buffer = MaybeUninit<[Line; BUNDLE * MAX_VECTORS]>;

/// Columns of a full strip. The four rows of W and a row of the bundle must have registers.
const fn strip_cols<V: Vector>() -> usize {
    let vectors = if V::TILE_ROWS * V::TILE_VECTORS >= QUAD * MAX_VECTORS { MAX_VECTORS } else { 2 };
    vectors * V::LANES
}

/// C ← bias + X·B for the inputs X (m × k) last gathered, B (k × n), C (m × n), on the calling thread.
///
/// The chains are those of [`gemm`](crate::gemm), without what is 0, which changes no bit as long as B is finite.
///
/// # Panics
///
/// If the shapes don't fit, or C's rows aren't contiguous.
pub fn sparse_gemm(
    isa: Isa,
    x: &SparseInputs,
    b: &Panels,
    bias: &[f32],
    c: &mut MatMut<'_>,
    epilogue: &dyn Epilogue,
) {
    assert_eq!(x.inputs, b.rows(), "inner sizes of a product");
    assert_eq!(x.examples, c.rows, "rows of a product");
    assert_eq!(b.cols(), c.cols, "columns of a product");
    assert_eq!(bias.len(), c.cols, "as many biases as columns");
    assert!(c.as_mat().has_row_slices(), "a sparse product writes contiguous rows");
    let (start, bundles, cols) = (Start::Bias(bias), 0..x.bundles(), 0..c.cols);
    isa.run(Forward { isa, x, b: b.view(), c: c.data, c_row: c.row_stride, bundles, cols, start, epilogue });
}

/// `cols` of C ← finish(start + X·B), for the examples of `bundles`.
///
/// Running it needs B in panels, whose number of rows is the number of inputs; C of row slices with a row for each example,
/// valid to write in these columns and touched by nobody else meanwhile; a bias for each of C's columns, if any; and
/// `cols` to begin at a multiple of 16.
pub(crate) struct Forward<'a> {
    pub(crate) isa: Isa,
    pub(crate) x: &'a SparseInputs,
    pub(crate) b: Mat<'a>,
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    pub(crate) bundles: Range<usize>,
    pub(crate) cols: Range<usize>,
    pub(crate) start: Start<'a>,
    pub(crate) epilogue: &'a dyn Epilogue,
}

/// Some rows of `cols` of C ← C + Xᵀ·B.
///
/// Running it needs B's rows to be the examples, contiguous; C to be in panels, whose number of rows is the number of
/// inputs, valid to write in these rows and columns, up to the panels' ends, and touched by nobody else meanwhile; and `cols`
/// to begin at a multiple of 16.
pub(crate) struct Update<'a> {
    pub(crate) x: &'a SparseInputs,
    pub(crate) b: Mat<'a>,
    pub(crate) c: *mut f32,
    pub(crate) c_panel: usize,
    /// The rows of C that it computes, a quad each.
    pub(crate) quads: Range<usize>,
    pub(crate) cols: Range<usize>,
    /// The rows that the memory is asked for on the way.
    pub(crate) expected: &'a Expected,
}

/// Some rows of `cols` of Xᵀ·B, part by part: each is handed to `finish` with the place where it lies, its rows and its columns.
///
/// Running it needs what [`Update`] does, but C, and room in `errors` for each example's errors in a strip of 64 columns.
pub(crate) struct Gradient<'a> {
    pub(crate) x: &'a SparseInputs,
    pub(crate) b: Mat<'a>,
    pub(crate) quads: Range<usize>,
    pub(crate) cols: Range<usize>,
    pub(crate) errors: &'a mut [f32],
    pub(crate) expected: &'a Expected,
    pub(crate) finish: &'a dyn Fn(Place, Range<usize>, Range<usize>),
}

/// Quads of a part of a gradient: 64 rows by up to 64 columns, 16 KiB.
const PART: usize = 16;

/// Calls `kernel` in a function of its own, compiled for the number of registers that `cols` columns take.
macro_rules! enter {
    ($vector:ty, $cols:expr, $kernel:ident $fields:tt) => {
        match $cols.div_ceil(<$vector>::LANES) {
            1 => <$vector>::enter($kernel::<1> $fields),
            2 => <$vector>::enter($kernel::<2> $fields),
            // The conditions leave wider strips than there are registers for uncompiled.
            3 if 3 * <$vector>::LANES <= strip_cols::<$vector>() => <$vector>::enter($kernel::<3> $fields),
            4 if 4 * <$vector>::LANES <= strip_cols::<$vector>() => <$vector>::enter($kernel::<4> $fields),
            vectors => unreachable!("a strip of {vectors} registers"),
        }
    };
}

/// `cols` in strips.
#[inline(always)]
fn strips<V: Vector>(cols: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = cols.end;
    cols.step_by(strip_cols::<V>()).map(move |first| first..end.min(first + strip_cols::<V>()))
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Forward { isa, x, b, c, c_row, bundles, cols, start, epilogue } = self;
        let mut sums = Buffer::uninit();
        for strip in strips::<V>(cols) {
            for bundle in bundles.clone() {
                let (examples, lists) = (x.bundle_examples(bundle), x.bundle_lists(bundle));
                let walk = Walk {
                    x,
                    lists,
                    // `wrapping_add`: without inputs there is no B.
                    w: b.data.wrapping_add(b.offset(0, strip.start)).cast_mut(),
                    panel: b.col_panel,
                    rows: sums.as_mut_ptr().cast(),
                };
                // SAFETY: rows and columns are C's, lists the bundle's. A bundle's rows, and a strip's columns, fit the buffer.
                unsafe {
                    let c = c.add(examples.start * c_row + strip.start);
                    let (rows, cols) = (examples.len(), strip.len());
                    enter!(V, cols, ForwardStrip { walk, c, c_row, rows, cols, col: strip.start, start });
                    let mut part = MatMut::from_raw(c, rows, cols, c_row, LINE);
                    epilogue.finish(isa, &mut part, examples.start, strip.start);
                }
            }
        }
    }
}

impl Kernel for Update<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Update { x, b, c, c_panel, quads, cols, expected } = self;
        let mut errors = Buffer::uninit();
        let rows = errors.as_mut_ptr().cast();
        let upcoming = &mut expected.upcoming(x.lists() * strips::<V>(cols.clone()).count());
        for strip in strips::<V>(cols) {
            for bundle in 0..x.bundles() {
                let w = c.wrapping_add(strip.start / LINE * c_panel + strip.start % LINE);
                let walk = Walk { x, lists: x.lists_of(bundle, quads.clone()), w, panel: c_panel, rows };
                // SAFETY: the examples are rows of B, and fit the buffer; the lists' inputs are rows of C.
                unsafe {
                    let b = b.part(x.bundle_examples(bundle), strip.clone());
                    enter!(V, strip.len(), TakeErrors { b, to: rows });
                    enter!(V, strip.len(), UpdateStrip { walk, upcoming });
                }
            }
        }
    }
}

impl Kernel for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Gradient { x, b, quads, cols, errors, expected, finish } = self;
        const ROWS: usize = PART * QUAD;
        let mut part = [Line::ZERO; ROWS * MAX_VECTORS];
        assert!(errors.len() >= x.examples * strip_cols::<V>(), "room for errors");
        let upcoming = &mut expected.upcoming(x.lists() * strips::<V>(cols.clone()).count());
        for strip in strips::<V>(cols) {
            let width = strip.len().next_multiple_of(V::LANES);
            // SAFETY: the examples are rows of B, and fit the buffer.
            unsafe {
                let b = b.part(0..x.examples, strip.clone());
                enter!(V, strip.len(), TakeErrors { b, to: errors.as_mut_ptr() });
            }
            for first in quads.clone().step_by(PART) {
                let some = first..quads.end.min(first + PART);
                part[..ROWS * width.div_ceil(LINE)].fill(Line::ZERO);
                // Row 0 of the gradient; the part's rows are those of its quads.
                let w = part.as_mut_ptr().cast::<f32>().wrapping_sub(first * QUAD * LINE);
                for bundle in 0..x.bundles() {
                    let rows = errors.as_mut_ptr().wrapping_add(x.bundle_examples(bundle).start * width);
                    let lists = x.lists_of(bundle, some.clone());
                    let walk = Walk { x, lists, w, panel: ROWS * LINE, rows };
                    // SAFETY: the lists' inputs are rows of the part, their examples were taken above.
                    unsafe { enter!(V, strip.len(), UpdateStrip { walk, upcoming }) };
                }
                let place = Place { data: part.as_mut_ptr().cast(), row: LINE, panel: ROWS * LINE };
                finish(place, some.start * QUAD..x.inputs.min(some.end * QUAD), strip.clone());
            }
        }
    }
}

/// A walk through lists of one bundle, for one strip.
struct Walk<'a> {
    x: &'a SparseInputs,
    lists: Range<usize>,
    /// Input 0's row of W in these columns, and the distance of its panels.
    w: *mut f32,
    panel: usize,
    /// The bundle's examples in these columns, row after row of whole registers.
    rows: *mut f32,
}

impl Walk<'_> {
    /// Where element `v · LANES` of an input's row of W lies.
    #[inline(always)]
    fn at<V: Vector>(&self, input: usize, v: usize) -> *mut f32 {
        let lane = v * V::LANES;
        self.w.wrapping_add(input * LINE + lane / LINE * self.panel + lane % LINE)
    }

    /// The `K` rows of W of a list's quad.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`; the inputs must be rows of W, which has whole lines.
    #[inline(always)]
    unsafe fn weights<V: Vector, const K: usize, const VECTORS: usize>(
        &self,
        list: &List,
    ) -> [[V; VECTORS]; K] {
        // SAFETY: as the caller's.
        unsafe {
            let mut w = [[V::splat(0.0); VECTORS]; K];
            for k in 0..K {
                for v in 0..VECTORS {
                    w[k][v] = V::load(self.at::<V>(list.quad as usize * QUAD + k, v));
                }
            }
            w
        }
    }
}

/// Calls `$kernel` for a list whose quad has four rows of W, or, the last one, fewer.
macro_rules! with_rows {
    ($walk:expr, $list:expr, $kernel:ident::<$vector:ty, $vectors:ident>($entry:expr)) => {
        match $walk.x.inputs - $list.quad as usize * QUAD {
            1 => $kernel::<$vector, 1, $vectors>($walk, $list, $entry),
            2 => $kernel::<$vector, 2, $vectors>($walk, $list, $entry),
            3 => $kernel::<$vector, 3, $vectors>($walk, $list, $entry),
            _ => $kernel::<$vector, QUAD, $vectors>($walk, $list, $entry),
        }
    };
}

/// A walk that adds to the sums of C's strip: from `start` to C, both masked past its last column.
struct ForwardStrip<'a, const VECTORS: usize> {
    walk: Walk<'a>,
    /// The strip's first element in the bundle's first row.
    c: *mut f32,
    c_row: usize,
    rows: usize,
    cols: usize,
    /// Its column.
    col: usize,
    start: Start<'a>,
}

impl<const VECTORS: usize> Kernel for ForwardStrip<'_, VECTORS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let ForwardStrip { walk, c, c_row, rows, cols, col, start } = self;
        // SAFETY: the contract of `Forward`, whose rows and columns these are.
        unsafe {
            let masks = masks::<V, VECTORS>(cols);
            let mut first = [V::splat(0.0); VECTORS];
            if let Start::Bias(bias) = start {
                first = load_masked(bias.as_ptr().add(col), masks);
            }
            for row in 0..rows {
                if let Start::Scaled(factor) = start {
                    first = load_masked(c.add(row * c_row), masks);
                    for v in 0..VECTORS {
                        first[v] = if factor == 1.0 { first[v] } else { first[v].mul(V::splat(factor)) };
                    }
                }
                store(first, walk.rows.add(row * VECTORS * V::LANES));
            }
            let mut entry = walk.x.entries_before(walk.lists.start);
            for list in &walk.x.lists[walk.lists.clone()] {
                with_rows!(&walk, list, add_to_sums::<V, VECTORS>(entry));
                entry = list.end as usize;
            }
            for row in 0..rows {
                let sums = load::<V, VECTORS>(walk.rows.add(row * VECTORS * V::LANES));
                for v in 0..VECTORS {
                    sums[v].store_masked(c.add(row * c_row + v * V::LANES), masks[v]);
                }
            }
        }
    }
}

/// Adds `K` inputs of each of a list's entries, ascending, to its example's sums.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; the inputs must be rows of W, which has whole lines, and the entries'
/// examples rows of the walk.
#[inline(always)]
unsafe fn add_to_sums<V: Vector, const K: usize, const VECTORS: usize>(
    walk: &Walk<'_>,
    list: &List,
    first_entry: usize,
) {
    // SAFETY: as the caller's.
    unsafe {
        let w = walk.weights::<V, K, VECTORS>(list);
        let mut values = walk.x.values.as_ptr().cast::<f32>().add(first_entry * QUAD);
        let mut examples = list.examples;
        while examples != 0 {
            let row = walk.rows.add(examples.trailing_zeros() as usize * VECTORS * V::LANES);
            let mut sums = load::<V, VECTORS>(row);
            for k in 0..K {
                let value = V::splat(*values.add(k));
                for v in 0..VECTORS {
                    sums[v] = value.fma(w[k][v], sums[v]);
                }
            }
            store(sums, row);
            examples &= examples - 1;
            values = values.add(QUAD);
        }
    }
}

/// A walk that adds the entries' outer products with the walk's rows, their examples' errors, to W.
struct UpdateStrip<'a, 'u, const VECTORS: usize> {
    walk: Walk<'a>,
    upcoming: &'u mut Upcoming<'a>,
}

impl<const VECTORS: usize> Kernel for UpdateStrip<'_, '_, VECTORS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let UpdateStrip { walk, upcoming } = self;
        let mut entry = walk.x.entries_before(walk.lists.start);
        for list in &walk.x.lists[walk.lists.clone()] {
            // SAFETY: the contract of `Update`, whose lists these are.
            unsafe { with_rows!(&walk, list, add_to_weights::<V, VECTORS>(entry)) };
            entry = list.end as usize;
            upcoming.prefetch();
        }
    }
}

/// Adds each entry's multiples of its example's errors, examples ascending, to the quad's `K` rows of W.
///
/// # Safety
///
/// As for [`add_to_sums`], W to write.
#[inline(always)]
unsafe fn add_to_weights<V: Vector, const K: usize, const VECTORS: usize>(
    walk: &Walk<'_>,
    list: &List,
    first_entry: usize,
) {
    // SAFETY: as the caller's.
    unsafe {
        let mut w = walk.weights::<V, K, VECTORS>(list);
        let mut values = walk.x.values.as_ptr().cast::<f32>().add(first_entry * QUAD);
        let mut examples = list.examples;
        while examples != 0 {
            let row = walk.rows.add(examples.trailing_zeros() as usize * VECTORS * V::LANES);
            let errors = load::<V, VECTORS>(row);
            for k in 0..K {
                let value = V::splat(*values.add(k));
                for v in 0..VECTORS {
                    w[k][v] = value.fma(errors[v], w[k][v]);
                }
            }
            examples &= examples - 1;
            values = values.add(QUAD);
        }
        for k in 0..K {
            for v in 0..VECTORS {
                w[k][v].store(walk.at::<V>(list.quad as usize * QUAD + k, v));
            }
        }
    }
}

/// Copies the rows of a strip to where a walk finds them, with zeros past its last column.
struct TakeErrors<'a, const VECTORS: usize> {
    /// Rows are contiguous.
    b: Mat<'a>,
    to: *mut f32,
}

impl<const VECTORS: usize> Kernel for TakeErrors<'_, VECTORS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let TakeErrors { b, to } = self;
        // SAFETY: the rows are B's, masked past their ends; the caller gives room for whole registers of each.
        unsafe {
            let masks = masks::<V, VECTORS>(b.cols);
            for row in 0..b.rows {
                let errors = load_masked::<V, VECTORS>(b.data.add(row * b.row_stride), masks);
                store(errors, to.add(row * VECTORS * V::LANES));
            }
        }
    }
}

/// Which lanes of each register of a strip are columns.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
unsafe fn masks<V: Vector, const VECTORS: usize>(cols: usize) -> [V::Mask; VECTORS] {
    // SAFETY: as the caller's.
    unsafe {
        let mut masks = [V::mask(V::LANES); VECTORS];
        masks[VECTORS - 1] = V::mask(cols - (VECTORS - 1) * V::LANES);
        masks
    }
}

/// A row's registers, and 0 where there is no column.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`, and the columns must be readable.
#[inline(always)]
unsafe fn load_masked<V: Vector, const VECTORS: usize>(
    from: *const f32,
    masks: [V::Mask; VECTORS],
) -> [V; VECTORS] {
    // SAFETY: as the caller's.
    unsafe {
        let mut row = [V::splat(0.0); VECTORS];
        for v in 0..VECTORS {
            row[v] = V::load_masked(from.wrapping_add(v * V::LANES), masks[v]);
        }
        row
    }
}

/// A row's registers.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`, and the registers must be readable.
#[inline(always)]
unsafe fn load<V: Vector, const VECTORS: usize>(from: *const f32) -> [V; VECTORS] {
    // SAFETY: as the caller's.
    unsafe {
        let mut row = [V::splat(0.0); VECTORS];
        for v in 0..VECTORS {
            row[v] = V::load(from.add(v * V::LANES));
        }
        row
    }
}

/// Writes a row's registers.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`, and the registers must be valid to write.
#[inline(always)]
unsafe fn store<V: Vector, const VECTORS: usize>(row: [V; VECTORS], to: *mut f32) {
    // SAFETY: as the caller's.
    unsafe {
        for v in 0..VECTORS {
            row[v].store(to.add(v * V::LANES));
        }
    }
}
