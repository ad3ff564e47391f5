//! Reductions in a fixed order: column sums over the rows of a minibatch, sums along a row, and the largest value.

use crate::matrix::{Mat, MatMut};
use crate::simd::{Isa, Kernel, SMALLEST_ERROR, Vector, math};

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

/// Σx², in f64: 16 sums, each of every 16th value, which are added in their order.
///
/// ```
/// assert_eq!(minibatch_kernels::sum_of_squares(&[3.0, -4.0]), 25.0);
/// ```
#[must_use]
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    let mut add = |chunk: &[f32]| {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(x) * f64::from(x);
        }
    };
    chunks.iter().for_each(|chunk| add(chunk));
    add(rest);
    sums.iter().sum()
}

/// max |A_ij|; NaN if an element is NaN or infinite; 0 for an empty matrix.
///
/// ```
/// use minibatch_kernels::{Isa, Mat, max_magnitude};
///
/// let magnitude = |a: &[f32]| max_magnitude(Isa::detect(), Mat::row_major(a, 1, a.len()));
/// assert_eq!(magnitude(&[1.0, -3.0, 2.0]), 3.0);
/// assert!(magnitude(&[1.0, f32::INFINITY, 2.0]).is_nan());
/// ```
///
/// # Panics
///
/// If A's rows aren't contiguous.
#[must_use]
pub fn max_magnitude(isa: Isa, a: Mat<'_>) -> f32 {
    assert!(a.has_row_slices(), "the largest magnitude is read from contiguous rows");
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
                let [mut low, mut high, mut nan] = seen[0];
                for [l, h, n] in &seen[1..] {
                    low = l.min(low);
                    high = h.max(high);
                    nan = nan.add(*n);
                }
                // Lanes beyond the register's are 0.
                let mut lanes = [0.0_f32; 16];
                high.max(zero.sub(low)).add(nan).store(lanes.as_mut_ptr());
                // Without the sign, floats are ordered as their bits are, NaN above all.
                f32::from_bits(lanes.iter().fold(0, |largest, x| largest.max(x.abs().to_bits())))
            }
        }
    }
    isa.run(MaxMagnitude(a))
}

/// Each row of C ← softmax of it: eᶻ⁻ᵐ/Σeᶻ⁻ᵐ, m the row's largest value.
///
/// No output falls below the smallest normal number, so that its logarithm is finite. The sum is one over 16
/// virtual lanes, on every instruction set. A row with a NaN becomes all NaN.
///
/// ```
/// use minibatch_kernels::{Isa, MatMut, softmax};
///
/// let mut z = [1000.0, 1000.0, 0.0];
/// softmax(Isa::detect(), &mut MatMut::row_major(&mut z, 1, 3));
/// assert_eq!((z[0], z[1]), (0.5, 0.5));
/// ```
///
/// # Panics
///
/// If C's rows aren't contiguous.
pub fn softmax(isa: Isa, c: &mut MatMut<'_>) {
    assert!(c.as_mat().has_row_slices(), "a row-wise operation takes contiguous rows");
    struct Softmax<'a, 'c>(&'a mut MatMut<'c>);
    impl Kernel for Softmax<'_, '_> {
        type Output = ();

        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            let c = self.0;
            for row in 0..c.rows {
                // SAFETY: a row has `cols` elements, to which `for_registers` keeps.
                unsafe {
                    let row = c.data.add(row * c.row_stride);
                    let largest = V::splat(largest::<V>(row, c.cols));
                    let mut lanes = [V::splat(0.0); LANES];
                    for_registers::<V>(c.cols, |lane, col, mask| {
                        let z = V::load_masked(row.add(col), mask);
                        math::exp(z.sub(largest)).store_masked(row.add(col), mask);
                        // Read again: 0 beyond the edge.
                        lanes[lane] = lanes[lane].add(V::load_masked(row.add(col), mask));
                    });
                    let sum = V::splat(tree_sum(lanes));
                    for_registers::<V>(c.cols, |_, col, mask| {
                        let share = V::load_masked(row.add(col), mask).div(sum);
                        V::splat(f32::MIN_POSITIVE).max(share).store_masked(row.add(col), mask);
                    });
                }
            }
        }
    }
    isa.run(Softmax(c));
}

/// Each row of Δ ← a ⊙ (δ − Σ δ·a): its product with softmax's Jacobian, from softmax's output A. Results below 2⁻⁹⁶
/// become +0.
///
/// # Panics
///
/// If the shapes differ, or the rows of either aren't contiguous.
pub fn softmax_backward(isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
    assert_eq!((delta.rows, delta.cols), (a.rows, a.cols), "shapes of a row-wise operation");
    let has_rows = delta.as_mat().has_row_slices() && a.has_row_slices();
    assert!(has_rows, "a row-wise operation takes contiguous rows");
    struct SoftmaxBackward<'a, 'c, 'b>(&'a mut MatMut<'c>, Mat<'b>);
    impl Kernel for SoftmaxBackward<'_, '_, '_> {
        type Output = ();

        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            let SoftmaxBackward(delta, a) = self;
            for row in 0..delta.rows {
                // SAFETY: the shapes are equal, and a row has `cols` elements, to which `for_registers` keeps.
                unsafe {
                    let (to, from) = (delta.data.add(row * delta.row_stride), a.data.add(row * a.row_stride));
                    let mut lanes = [V::splat(0.0); LANES];
                    for_registers::<V>(a.cols, |lane, col, mask| {
                        let (delta, a) =
                            (V::load_masked(to.add(col), mask), V::load_masked(from.add(col), mask));
                        lanes[lane] = delta.fma(a, lanes[lane]);
                    });
                    let mean = V::splat(tree_sum(lanes));
                    for_registers::<V>(a.cols, |_, col, mask| {
                        let (delta, a) =
                            (V::load_masked(to.add(col), mask), V::load_masked(from.add(col), mask));
                        let product = a.mul(delta.sub(mean));
                        product.flush_below(V::splat(SMALLEST_ERROR)).store_masked(to.add(col), mask);
                    });
                }
            }
        }
    }
    isa.run(SoftmaxBackward(delta, a));
}

/// Virtual lanes of a sum along a row: element i belongs to lane i mod 16, whatever a register holds.
pub(super) const LANES: usize = 16;

/// Calls `f(lane register, first column, mask)` for the registers of a row of `cols` elements, in steps of all virtual
/// lanes; past the row's end with an empty mask, so that every lane sees as many additions on every instruction set.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
unsafe fn for_registers<V: Vector>(cols: usize, mut f: impl FnMut(usize, usize, V::Mask)) {
    for first in (0..cols).step_by(LANES) {
        for lane in 0..LANES / V::LANES {
            let col = first + lane * V::LANES;
            let left = cols.saturating_sub(col).min(V::LANES);
            // SAFETY: as the caller's. With nothing left, the first column itself stands for one past the end.
            unsafe { f(lane, if left == 0 { first } else { col }, V::mask(left)) };
        }
    }
}

/// The sum of the virtual lanes, of which the first registers hold all: halves are added until one is left.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`.
#[inline(always)]
pub(super) unsafe fn tree_sum<V: Vector>(registers: [V; LANES]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    for (register, lanes) in registers.iter().zip(lanes.chunks_exact_mut(V::LANES)) {
        // SAFETY: as the caller's; a chunk is a register long.
        unsafe { register.store(lanes.as_mut_ptr()) };
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    lanes[0]
}

/// The largest value of a row of `cols`, in any order; NaN is passed over.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; `row` must be valid for `cols` reads.
#[inline(always)]
unsafe fn largest<V: Vector>(row: *const f32, cols: usize) -> f32 {
    let whole = cols / V::LANES * V::LANES;
    let mut lanes = [f32::NEG_INFINITY; LANES];
    // SAFETY: as the caller's; `lanes` has room for a register.
    unsafe {
        let mut register = V::splat(f32::NEG_INFINITY);
        for col in (0..whole).step_by(V::LANES) {
            register = V::load(row.add(col)).max(register);
        }
        register.store(lanes.as_mut_ptr());
        let rest = (whole..cols).map(|col| row.add(col).read());
        lanes.into_iter().chain(rest).fold(f32::NEG_INFINITY, |m, x| if x > m { x } else { m })
    }
}

/// The index of the largest value: the first of equals; NaN is never larger. 0 for an empty slice.
///
/// ```
/// assert_eq!(minibatch_kernels::argmax(&[0.1, 0.7, 0.7, f32::NAN]), 1);
/// ```
pub fn argmax(values: &[f32]) -> usize {
    // Keys are ordered as the values are, NaN below all, equal ones against their positions: compared as integers, without
    // branches that nobody could predict.
    let key = |(i, &value): (usize, &f32)| {
        // −0 becomes +0.
        let bits = (value + 0.0).to_bits() as i32;
        let ordered = if value.is_nan() { i32::MIN } else { bits ^ (bits >> 31) & i32::MAX };
        i64::from(ordered) << 32 | i64::from(u32::MAX - i as u32)
    };
    let largest = values.iter().enumerate().map(key).fold(i64::MIN, i64::max);
    if values.is_empty() { 0 } else { (u32::MAX - largest as u32) as usize }
}
