//! Passes over whole matrices between products, shared out: each member passes over the columns that it owns in the products
//! around, whose values its own caches still have. One thread would fetch the others' from theirs, line by line.

use super::reduce::max_magnitude;
use super::{approach, scale};
use crate::matrix::{LINE, Mat, MatMut, Panels};
use crate::simd::{Kernel, Vector};
use crate::team::{Pointer, Team, columns_of, members_of_pass};
use std::sync::atomic::{AtomicU32, Ordering};

/// found_i ← [`max_magnitude`] of `matrix(i)`, for each i.
///
/// ```
/// use minibatch_kernels::{Isa, Mat, Pool, max_magnitudes};
///
/// let (a, b) = ([1.0, -3.0, 2.0], [f32::INFINITY]);
/// let mut found = [0.0; 2];
/// Pool::new(Isa::detect(), 2)?.run(|team| {
///     let matrix = |i| if i == 0 { Mat::row_major(&a, 1, 3) } else { Mat::row_major(&b, 1, 1) };
///     max_magnitudes(team, matrix, &mut found);
/// });
/// assert!(found[0] == 3.0 && found[1].is_nan());
/// # Ok::<(), minibatch_kernels::PoolError>(())
/// ```
///
/// # Panics
///
/// If a matrix's rows aren't contiguous.
pub fn max_magnitudes<'a>(team: &Team<'_>, matrix: impl Fn(usize) -> Mat<'a> + Sync, found: &mut [f32]) {
    let values = (0..found.len()).map(|i| matrix(i).rows * matrix(i).cols).fold(0, usize::saturating_add);
    let (isa, members) = (team.isa(), members_of_pass(team, values));
    found.fill(0.0);
    const { assert!(size_of::<AtomicU32>() == size_of::<f32>() && align_of::<AtomicU32>() == align_of::<f32>()) };
    // SAFETY: both are four bytes of any value, aligned alike, and `found` is borrowed exclusively as long as `largest`.
    let largest = unsafe { std::slice::from_raw_parts(found.as_mut_ptr().cast::<AtomicU32>(), found.len()) };
    team.phase(members, move |member, _| {
        for (i, largest) in largest.iter().enumerate() {
            let matrix = matrix(i);
            let part = matrix.part(0..matrix.rows, columns_of(matrix.cols, members, member));
            // Floats without a sign are ordered as their bits are, NaN above all.
            largest.fetch_max(max_magnitude(isa, part).to_bits(), Ordering::Relaxed);
        }
    });
}

/// C ← s·C; sums ← sums + Σᵢ C(i, ·), rows in ascending order: one chain of additions for each column, from `sums`' own value.
///
/// With C = Δ, s = −η/B and sums = b this is the update of the biases.
///
/// # Panics
///
/// If `sums` isn't as long as a row, or C stands in panels.
pub fn scale_and_sum(team: &Team<'_>, c: &mut MatMut<'_>, s: f32, sums: &mut [f32]) {
    assert_eq!(c.cols, sums.len(), "as many sums as columns");
    assert!(c.as_mat().has_row_slices(), "column sums read contiguous rows");
    let (isa, members) = (team.isa(), members_of_pass(team, c.rows * c.cols));
    let (rows, cols, stride) = (c.rows, c.cols, c.row_stride);
    let (data, sums) = (Pointer(c.data), Pointer(sums.as_mut_ptr()));
    team.phase(members, move |member, _| {
        let own = columns_of(cols, members, member);
        let (data, sums) = (data.at(own.start), sums.at(own.start));
        isa.run(ScaleAndSum { data, shape: (rows, own.len()), stride, s, sums });
    });
}

/// C ← s·C, each element rounded once. A factor of 1 reads nothing.
pub fn scale_panels(team: &Team<'_>, c: &mut Panels, s: f32) {
    let (isa, cols, c) = (team.isa(), c.cols(), c.view_mut());
    if s == 1.0 || c.rows == 0 {
        return;
    }
    let (members, data, panel) = (members_of_pass(team, c.rows * cols), Pointer(c.data), c.col_panel);
    team.phase(members, move |member, _| {
        let own = columns_of(cols, members, member);
        let (first, values) = (own.start / LINE * panel, own.len().div_ceil(LINE) * panel);
        // SAFETY: panels lie one after the other, padding included, and members own different ones. C is borrowed exclusively
        // until the phase is over.
        let mut part = unsafe { MatMut::from_raw(data.at(first), 1, values, values, LINE) };
        scale(isa, &mut part, s);
    });
}

/// C ← C + s·(B − C), as [`approach`] does.
///
/// # Panics
///
/// If the shapes differ.
pub fn approach_panels(team: &Team<'_>, c: &mut Panels, b: &Panels, s: f32) {
    assert_eq!((c.rows(), c.cols()), (b.rows(), b.cols()), "shapes of two matrices in panels");
    let (isa, cols, c, b) = (team.isa(), c.cols(), c.view_mut(), b.view());
    if c.rows == 0 {
        return;
    }
    let (members, panel) = (members_of_pass(team, c.rows * cols), c.col_panel);
    let (to, from) = (Pointer(c.data), Pointer(b.data.cast_mut()));
    team.phase(members, move |member, _| {
        let own = columns_of(cols, members, member);
        let (first, values) = (own.start / LINE * panel, own.len().div_ceil(LINE) * panel);
        // SAFETY: panels lie one after the other, padding included, and members own different ones. C is borrowed exclusively
        // until the phase is over, and B, which is only read, as well.
        let (mut to, from) = unsafe {
            let row = |data| MatMut::from_raw(data, 1, values, values, LINE);
            (row(to.at(first)), row(from.at(first)))
        };
        approach(isa, &mut to, from.as_mat(), s);
    });
}

/// One member's columns: `shape` values at `data`, rows `stride` apart, and as many sums, valid to write and nobody else's
/// meanwhile.
struct ScaleAndSum {
    data: *mut f32,
    shape: (usize, usize),
    stride: usize,
    s: f32,
    sums: *mut f32,
}

impl Kernel for ScaleAndSum {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        /// Rows at a time: as many streams as the CPU fetches ahead with ease; between them the sums rest in the first-level
        /// cache.
        const ROWS: usize = 4;
        let ScaleAndSum { data, shape: (rows, cols), stride, s, sums } = self;
        let whole = cols / V::LANES * V::LANES;
        // SAFETY: registers at `col` < `whole` lie inside a row and inside the sums, the last one is masked to what is left of
        // either.
        unsafe {
            let (s, mask) = (V::splat(s), V::mask(cols - whole));
            /// `$count` rows from `$first` on, a register of each at `$col`.
            macro_rules! pass {
                ($first:expr, $count:expr, $col:expr, $load:ident, $store:ident $(, $mask:expr)?) => {{
                    let to = sums.add($col);
                    let mut sum = V::$load(to $(, $mask)?);
                    for i in 0..$count {
                        let at = data.add(($first + i) * stride + $col);
                        let x = V::$load(at $(, $mask)?).mul(s);
                        x.$store(at $(, $mask)?);
                        sum = sum.add(x);
                    }
                    sum.$store(to $(, $mask)?);
                }};
            }
            for first in (0..rows).step_by(ROWS) {
                let count = ROWS.min(rows - first);
                if count == ROWS {
                    for col in (0..whole).step_by(V::LANES) {
                        pass!(first, ROWS, col, load, store);
                    }
                } else {
                    for col in (0..whole).step_by(V::LANES) {
                        pass!(first, count, col, load, store);
                    }
                }
                if whole < cols {
                    pass!(first, count, whole, load_masked, store_masked, mask);
                }
            }
        }
    }
}
