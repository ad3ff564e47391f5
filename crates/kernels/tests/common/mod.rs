//! Code that the kernels' tests share: operands in awkward layouts, guarded buffers, two functions of one element, pools, a watchdog.

// Each test crate uses a part of it.
#![allow(dead_code)]

use minibatch_kernels::{
    Element, Epilogue, Isa, Mat, MatMut, Pointwise, Pool, pointwise, pointwise_backward,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

/// What stands where no kernel may write: a NaN that no arithmetic makes, so a changed bit shows.
pub(crate) const SENTINEL: f32 = f32::from_bits(0x7fc0_dead);

/// The settings of every property test: seeded, nothing written to disk.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x6d69_6e69),
        failure_persistence: None,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    }
}

/// SplitMix64: reproducible values without a dependency.
pub(crate) struct Values(pub(crate) u64);

impl Values {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [−1, 1), with one value in 16 an exact 0, as pixels and dead neurons give.
    pub(crate) fn next(&mut self) -> f32 {
        let bits = self.bits();
        if bits.is_multiple_of(16) { 0.0 } else { (bits >> 40) as f32 / (1u64 << 23) as f32 - 1.0 }
    }

    pub(crate) fn vec(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.next()).collect()
    }
}

/// How an operand lies in memory. The numbers are values of padding.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    RowMajor {
        padding: usize,
    },
    Transposed {
        padding: usize,
    },
    /// No contiguous direction at all.
    Spread,
}

pub(crate) fn layout() -> impl Strategy<Value = Layout> {
    prop_oneof![
        3 => (0usize..20).prop_map(|padding| Layout::RowMajor { padding }),
        3 => (0usize..20).prop_map(|padding| Layout::Transposed { padding }),
        1 => Just(Layout::Spread),
    ]
}

/// A matrix to read with NaN between, before and after its elements.
pub(crate) struct Operand {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// Values before the first element of an [`Operand`]: unaligned for every register width.
const LEAD: usize = 3;

impl Operand {
    pub(crate) fn new(rows: usize, cols: usize, layout: Layout, seed: u64) -> Operand {
        let (row_stride, col_stride) = match layout {
            Layout::RowMajor { padding } => (cols + padding, 1),
            Layout::Transposed { padding } => (1, rows + padding),
            Layout::Spread => (2 * cols + 3, 2),
        };
        let last = rows.saturating_sub(1) * row_stride + cols.saturating_sub(1) * col_stride;
        let mut data = vec![f32::NAN; LEAD + last + 1];
        let mut values = Values(seed);
        for row in 0..rows {
            for col in 0..cols {
                data[LEAD + row * row_stride + col * col_stride] = values.next();
            }
        }
        Operand { data, rows, cols, row_stride, col_stride }
    }

    pub(crate) fn view(&self) -> Mat<'_> {
        Mat::strided(&self.data[LEAD..], self.rows, self.cols, self.row_stride, self.col_stride)
    }
}

/// A row-major matrix to write, with sentinels before, after and between its rows.
#[derive(Clone)]
pub(crate) struct Guarded {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl Guarded {
    pub(crate) fn new(
        rows: usize,
        cols: usize,
        padding: usize,
        mut value: impl FnMut(usize, usize) -> f32,
    ) -> Guarded {
        let row_stride = cols + padding;
        let mut data = vec![SENTINEL; LEAD + rows * row_stride + 16];
        for row in 0..rows {
            for col in 0..cols {
                data[LEAD + row * row_stride + col] = value(row, col);
            }
        }
        Guarded { data, rows, cols, row_stride }
    }

    pub(crate) fn view_mut(&mut self) -> MatMut<'_> {
        MatMut::strided(&mut self.data[LEAD..], self.rows, self.cols, self.row_stride)
    }

    pub(crate) fn view(&self) -> Mat<'_> {
        Mat::strided(&self.data[LEAD..], self.rows, self.cols, self.row_stride, 1)
    }

    /// Panics if anything outside the matrix was written.
    pub(crate) fn assert_guards(&self) {
        for (i, &value) in self.data.iter().enumerate() {
            let inside = i.checked_sub(LEAD).is_some_and(|at| {
                self.row_stride > 0 && at / self.row_stride < self.rows && at % self.row_stride < self.cols
            });
            let intact = value.to_bits() == SENTINEL.to_bits();
            assert!(inside || intact, "value {i} outside the matrix was overwritten by {value}");
        }
    }
}

/// Panics at the first element whose bits differ.
pub(crate) fn assert_same_bits(found: Mat<'_>, expected: Mat<'_>, what: &str) {
    assert_eq!((found.rows(), found.cols()), (expected.rows(), expected.cols()));
    for row in 0..found.rows() {
        for col in 0..found.cols() {
            let (found, expected) = (found.get(row, col), expected.get(row, col));
            assert!(
                found.to_bits() == expected.to_bits(),
                "{what}: ({row}, {col}) is {found:e}, expected {expected:e}"
            );
        }
    }
}

/// The bits of a view, row by row.
pub(crate) fn bits(mat: Mat<'_>) -> Vec<u32> {
    (0..mat.rows()).flat_map(|row| (0..mat.cols()).map(move |col| mat.get(row, col).to_bits())).collect()
}

/// One pool for each instruction set and number of threads, kept for the life of the test crate.
pub(crate) fn pool(isa: Isa, threads: usize) -> &'static Pool {
    static POOLS: Mutex<Option<HashMap<(Isa, usize), &'static Pool>>> = Mutex::new(None);
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let pools = pools.get_or_insert_default();
    pools
        .entry((isa, threads))
        .or_insert_with(|| Box::leak(Box::new(Pool::oversubscribed(isa, threads).unwrap())))
}

/// Runs `test` in a thread of its own and fails if it takes more than 20 s: what hangs must not hang the suite.
pub(crate) fn within_20_seconds(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    if wait.recv_timeout(Duration::from_secs(20)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("hangs: no end after 20 s");
    }
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// The logistic sigmoid, with σ′ = A ⊙ (1 − A). It is an epilogue, too.
pub(crate) struct Sigmoid;

impl Pointwise for Sigmoid {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        z.sigmoid()
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        a * (E::of(1.0) - a)
    }
}

impl Epilogue for Sigmoid {
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, _: usize, _: usize) {
        sigmoid(isa, part);
    }
}

pub(crate) fn sigmoid(isa: Isa, c: &mut MatMut<'_>) {
    pointwise(isa, &Sigmoid, c);
}

pub(crate) fn sigmoid_backward(isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
    pointwise_backward(isa, &Sigmoid, delta, a);
}

/// max(0, z). Its backward step selects.
struct Relu;

impl Pointwise for Relu {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        E::of(0.0).max(z)
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        a.select(E::of(0.0), E::of(1.0), E::of(0.0))
    }

    #[inline(always)]
    fn chain<E: Element>(&self, delta: E, a: E) -> E {
        a.select(E::of(0.0), delta, E::of(0.0))
    }
}

pub(crate) fn relu(isa: Isa, c: &mut MatMut<'_>) {
    pointwise(isa, &Relu, c);
}

pub(crate) fn relu_backward(isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
    pointwise_backward(isa, &Relu, delta, a);
}
