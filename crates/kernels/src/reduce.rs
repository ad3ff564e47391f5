//! Reductions in a fixed order: column sums over the rows of a minibatch, and the largest value.

use crate::isa::{Isa, Kernel};
use crate::matrix::Mat;
use crate::vector::Vector;

/// sums ← sums + Σᵢ A(i, ·), rows in ascending order: one chain of additions for each column, from `sums`' own value.
///
/// With A = −(η/B)·Δ and sums = b this is the update of the biases.
///
/// # Panics
///
/// If `sums` isn't as long as a row, or A's rows aren't contiguous.
pub fn add_column_sums(isa: Isa, a: Mat<'_>, sums: &mut [f32]) {
    assert_eq!(a.cols, sums.len(), "as many sums as columns");
    assert!(a.col_stride == 1 || a.cols <= 1, "column sums read contiguous rows");
    struct AddColumnSums<'a>(Mat<'a>, &'a mut [f32]);
    impl Kernel for AddColumnSums<'_> {
        type Output = ();

        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            let AddColumnSums(a, sums) = self;
            let whole = a.cols / V::LANES * V::LANES;
            // SAFETY: registers at `col` < `whole` lie inside a row and inside `sums`, the last one is masked to what
            // is left of either.
            unsafe {
                for col in (0..whole).step_by(V::LANES) {
                    let mut sum = V::load(sums.as_ptr().add(col));
                    for row in 0..a.rows {
                        sum = sum.add(V::load(a.data.add(row * a.row_stride + col)));
                    }
                    sum.store(sums.as_mut_ptr().add(col));
                }
                if whole < a.cols {
                    let mask = V::mask(a.cols - whole);
                    let mut sum = V::load_masked(sums.as_ptr().add(whole), mask);
                    for row in 0..a.rows {
                        sum = sum.add(V::load_masked(a.data.add(row * a.row_stride + whole), mask));
                    }
                    sum.store_masked(sums.as_mut_ptr().add(whole), mask);
                }
            }
        }
    }
    isa.run(AddColumnSums(a, sums));
}

/// max |A_ij|; NaN where A holds a NaN and nothing infinite; 0 for an empty matrix. So it is finite if, and only if, all
/// of A is.
///
/// ```
/// use minibatch_kernels::{Isa, Mat, max_magnitude};
///
/// let magnitude = |a: &[f32]| max_magnitude(Isa::detect(), Mat::row_major(a, 1, a.len()));
/// assert_eq!(magnitude(&[1.0, -3.0, 2.0]), 3.0);
/// assert!(magnitude(&[1.0, f32::NAN, 2.0]).is_nan());
/// ```
///
/// # Panics
///
/// If A's rows aren't contiguous.
pub fn max_magnitude(isa: Isa, a: Mat<'_>) -> f32 {
    assert!(a.col_stride == 1 || a.cols <= 1, "the largest magnitude is read from contiguous rows");
    struct MaxMagnitude<'a>(Mat<'a>);
    impl Kernel for MaxMagnitude<'_> {
        type Output = f32;

        #[inline(always)]
        unsafe fn run<V: Vector>(self) -> f32 {
            /// Rows at a time, so that operations needn't wait for one another.
            const ROWS: usize = 4;
            const { assert!(V::LANES <= 16) };
            let a = self.0;
            let whole = a.cols / V::LANES * V::LANES;
            // SAFETY: registers at `col` < `whole` lie inside a row, the last one is masked to what is left of it; a
            // register has at most the 16 lanes that `lanes` has room for.
            unsafe {
                // The least, the largest, and a sum of x·0: NaN as soon as an x isn't finite.
                let zero = V::splat(0.0);
                let mut seen = [[zero; 3]; ROWS];
                let take = |[low, high, nan]: &mut [V; 3], x: V| {
                    *low = x.min(*low);
                    *high = x.max(*high);
                    *nan = x.fma(zero, *nan);
                };
                for first in (0..a.rows).step_by(ROWS) {
                    let rows = ROWS.min(a.rows - first);
                    for col in (0..whole).step_by(V::LANES) {
                        for i in 0..rows {
                            take(&mut seen[i], V::load(a.data.add((first + i) * a.row_stride + col)));
                        }
                    }
                    if whole < a.cols {
                        let mask = V::mask(a.cols - whole);
                        for i in 0..rows {
                            let from = a.data.add((first + i) * a.row_stride + whole);
                            take(&mut seen[i], V::load_masked(from, mask));
                        }
                    }
                }
                let mut lanes = [0.0_f32; 16];
                let mut fold = |register: V, op: fn(f32, f32) -> f32| {
                    register.store(lanes.as_mut_ptr());
                    lanes[..V::LANES].iter().copied().fold(0.0, op)
                };
                let (mut largest, mut nan) = (0.0_f32, 0.0);
                for [low, high, sum] in seen {
                    largest = largest.max(fold(high, f32::max)).max(-fold(low, f32::min));
                    nan += fold(sum, |sum, x| sum + x);
                }
                if nan.is_nan() && largest.is_finite() { f32::NAN } else { largest }
            }
        }
    }
    isa.run(MaxMagnitude(a))
}

/// The index of the largest value: the first of equals; NaN is never larger. 0 for an empty slice.
///
/// ```
/// assert_eq!(minibatch_kernels::argmax(&[0.1, 0.7, 0.7, f32::NAN]), 1);
/// ```
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (i, &value) in values.iter().enumerate() {
        if value > values[best] || (values[best].is_nan() && !value.is_nan()) {
            best = i;
        }
    }
    best
}
