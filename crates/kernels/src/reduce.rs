//! Reductions in a fixed order: column sums over the rows of a minibatch, and the largest of a row.

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
    assert!(a.has_row_slices(), "column sums read contiguous rows");
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
