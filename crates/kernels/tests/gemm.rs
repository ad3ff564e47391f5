//! Products against the f64 oracle (every instruction set) and against the contract's own chain (every fused set, to
//! the bit), in every layout, at sizes around the edges of tiles and panels.

mod common;

use common::{Guarded, Layout, Operand, Values, assert_same_bits, layout, pool};
use minibatch_kernels::{ArithmeticClass, Epilogue, Isa, Mat, MatMut, Matrix, Start, Store, gemm, reference};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};

/// Adds 1 to every element, counts its calls for each, and checks that what it is given is complete and is where
/// (row, col) says.
struct AddOne<'a> {
    calls: Vec<AtomicU32>,
    expected: &'a Matrix,
    exact: bool,
}

impl<'a> AddOne<'a> {
    fn new(expected: &'a Matrix, exact: bool) -> Self {
        let calls = (0..expected.rows() * expected.cols()).map(|_| AtomicU32::new(0)).collect();
        AddOne { calls, expected, exact }
    }

    fn assert_once(&self) {
        for (i, calls) in self.calls.iter().enumerate() {
            let at = (i / self.expected.cols(), i % self.expected.cols());
            assert_eq!(calls.load(Ordering::Relaxed), 1, "calls of the epilogue for {at:?}");
        }
    }
}

impl Epilogue for AddOne<'_> {
    fn finish(&self, _: Isa, part: &mut MatMut<'_>, row: usize, col: usize) {
        for i in 0..part.rows() {
            for (j, x) in part.row_mut(i).iter_mut().enumerate() {
                let (row, col) = (row + i, col + j);
                self.calls[row * self.expected.cols() + col].fetch_add(1, Ordering::Relaxed);
                let expected = self.expected.row(row)[col];
                let right = x.to_bits() == expected.to_bits();
                assert!(
                    right || !self.exact,
                    "the epilogue sees {x:e} at ({row}, {col}), expected {expected:e}"
                );
                *x += 1.0;
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum StartKind {
    Zero,
    Bias,
    Scaled(f32),
}

#[derive(Clone, Debug)]
struct Case {
    /// m, n, k
    shape: (usize, usize, usize),
    a: Layout,
    b: Layout,
    c_padding: usize,
    start: StartKind,
    threads: usize,
    seed: u64,
}

/// Rows of A and C: tile heights 4, 6 and 14 and their multiples, the thresholds of swapping (64) and of packing B (96),
/// and several blocks of rows.
fn rows() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => sizes(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14, 15, 16, 17, 28, 29]),
        4 => sizes(&[31, 32, 33, 63, 64, 65]),
        3 => sizes(&[95, 96, 97, 127, 128, 129]),
        1 => sizes(&[251, 252, 253, 257]),
    ]
}

/// Columns of B and C: register widths 8 and 16, tile widths 2, 16 and 32, the threshold of packing A (128), NC = 1024.
fn columns() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => sizes(&[0, 1, 2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 24]),
        4 => sizes(&[31, 32, 33, 47, 48, 49, 95, 96, 97]),
        3 => sizes(&[127, 128, 129, 160]),
        1 => sizes(&[1023, 1024, 1025]),
    ]
}

/// Steps of the chain: the threshold of packing A (64), panels of KC = 256.
fn depths() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => sizes(&[0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17]),
        4 => sizes(&[31, 32, 63, 64, 65, 96]),
        2 => sizes(&[127, 128, 255, 256, 257]),
        1 => sizes(&[511, 512, 513]),
    ]
}

fn sizes(sizes: &'static [usize]) -> impl Strategy<Value = usize> {
    prop::sample::select(sizes)
}

fn start() -> impl Strategy<Value = StartKind> {
    prop_oneof![
        Just(StartKind::Zero),
        Just(StartKind::Bias),
        Just(StartKind::Scaled(1.0)),
        (-2.0f32..2.0).prop_map(StartKind::Scaled),
    ]
}

prop_compose! {
    fn case()(
        shape in (rows(), columns(), depths()).prop_filter("quick", |(m, n, k)| m * n * k <= 1_000_000),
        a in layout(),
        b in layout(),
        c_padding in 0usize..20,
        start in start(),
        threads in 1usize..=4,
        seed in any::<u64>(),
    ) -> Case {
        Case { shape, a, b, c_padding, start, threads, seed }
    }
}

/// Runs one product on every instruction set and holds it against both references.
fn check(case: &Case) {
    let (m, n, k) = case.shape;
    let mut values = Values(case.seed);
    let a = Operand::new(m, k, case.a, values.bits());
    let b = Operand::new(k, n, case.b, values.bits());
    let bias = values.vec(n);
    let old = Matrix::from_fn(m, n, |_, _| values.next());
    // Where the start doesn't read C, C is NaN before.
    let before = |row: usize, col: usize| match case.start {
        StartKind::Scaled(_) => old.row(row)[col],
        _ => f32::NAN,
    };
    let start_value = |row: usize, col: usize| match case.start {
        StartKind::Zero => 0.0,
        StartKind::Bias => bias[col],
        StartKind::Scaled(1.0) => old.row(row)[col],
        StartKind::Scaled(factor) => old.row(row)[col] * factor,
    };
    let start = match case.start {
        StartKind::Zero => Start::Zero,
        StartKind::Bias => Start::Bias(&bias),
        StartKind::Scaled(factor) => Start::Scaled(factor),
    };
    let chain = reference::gemm_chain(a.view(), b.view(), start_value);
    let (exact, magnitudes) = reference::gemm(a.view(), b.view(), |row, col| start_value(row, col).into());
    for isa in Isa::available() {
        let fused = isa.class() == ArithmeticClass::Fused;
        let epilogue = AddOne::new(&chain, fused);
        let mut c = Guarded::new(m, n, case.c_padding, before);
        pool(isa, case.threads)
            .run(|team| gemm(team, a.view(), b.view(), &mut c.view_mut(), start, &epilogue));
        c.assert_guards();
        epilogue.assert_once();
        for row in 0..m {
            for col in 0..n {
                let found = c.view().get(row, col);
                if fused {
                    let expected = chain.row(row)[col] + 1.0;
                    assert_eq!(
                        found.to_bits(),
                        expected.to_bits(),
                        "{isa}: ({row}, {col}) {found:e} {expected:e}"
                    );
                }
                let tolerance = tolerance(k, magnitudes[row][col] + 1.0);
                let error = (f64::from(found) - (exact[row][col] + 1.0)).abs();
                assert!(error <= tolerance, "{isa}: ({row}, {col}) is off by {error:e} > {tolerance:e}");
            }
        }
    }
}

/// The classic bound for a sum of k products in any order, γ·Σ|a·b| with γ = t·u/(1 − t·u), u = 2⁻²⁴: t = k + 2
/// roundings on the longest way, one for each product and addition (the start's and the epilogue's included).
fn tolerance(k: usize, magnitude: f64) -> f64 {
    let tu = (k + 2) as f64 * f64::from(f32::EPSILON) / 2.0;
    tu / (1.0 - tu) * magnitude
}

proptest! {
    #![proptest_config(common::config(600))]

    #[test]
    fn products_agree_with_the_oracle_and_the_chain(case in case()) {
        check(&case);
    }
}

#[test]
fn blocks_of_every_loop() {
    let plain = Layout::RowMajor { padding: 1 };
    let turned = Layout::Transposed { padding: 2 };
    // Larger than a property test affords: more than one block in loops 5, 4 and 3 at once, packed and not.
    for (shape, a, b) in [
        ((97, 1025, 257), plain, plain),
        ((97, 1025, 257), turned, turned),
        ((11, 1040, 513), plain, plain),
        ((64, 300, 300), plain, turned),
        ((65, 300, 300), plain, turned),
        ((260, 130, 257), turned, plain),
        ((509, 33, 260), plain, plain),
        ((253, 129, 65), Layout::Spread, Layout::Spread),
        // Rows or columns of A that share the sets of a cache, where A is packed.
        ((43, 130, 300), Layout::RowMajor { padding: 1024 - 300 }, plain),
        ((43, 130, 300), Layout::RowMajor { padding: 1024 - 300 }, turned),
        ((43, 130, 512), Layout::Transposed { padding: 8192 - 43 }, plain),
        ((43, 130, 513), Layout::Transposed { padding: 8192 - 43 }, turned),
    ] {
        for threads in [1, 3] {
            let start = StartKind::Scaled(0.75);
            check(&Case { shape, a, b, c_padding: 5, start, threads, seed: 7 });
        }
    }
}

/// The three products of backpropagation on owned matrices, laid out as the trainer lays them out.
#[test]
fn the_products_of_backpropagation() {
    // (B, inputs, outputs): batches on both sides of the swap (64 rows) and of packing B (96 rows).
    for (batch, inputs, outputs) in [
        (1, 784, 32),
        (16, 784, 32),
        (16, 32, 10),
        (7, 2, 1),
        (64, 100, 50),
        (65, 100, 50),
        (100, 300, 140),
        (128, 33, 129),
    ] {
        let mut values = Values((batch * inputs) as u64);
        let mut random = |rows, cols| Matrix::from_fn(rows, cols, |_, _| values.next());
        let (a, w, delta) = (random(batch, inputs), random(inputs, outputs), random(batch, outputs));
        let bias = Values(3).vec(outputs);
        let forward = reference::gemm_chain(a.view(), w.view(), |_, col| bias[col]);
        let backward = reference::gemm_chain(delta.view(), w.view().transposed(), |_, _| 0.0);
        let update = reference::gemm_chain(a.view().transposed(), delta.view(), |i, j| w.row(i)[j]);
        for isa in Isa::fused() {
            for threads in 1..=4 {
                let what = |product| {
                    format!("{product} of {batch} × {inputs} × {outputs}, {isa}, {threads} threads")
                };
                let mut z = filled(batch, outputs);
                let mut delta_before = filled(batch, inputs);
                let mut w_after = w.clone();
                pool(isa, threads).run(|team| {
                    gemm(team, a.view(), w.view(), &mut z.view_mut(), Start::Bias(&bias), &Store);
                    let w_turned = w.view().transposed();
                    gemm(team, delta.view(), w_turned, &mut delta_before.view_mut(), Start::Zero, &Store);
                    let a_turned = a.view().transposed();
                    gemm(team, a_turned, delta.view(), &mut w_after.view_mut(), Start::Scaled(1.0), &Store);
                });
                assert_same_bits(z.view(), forward.view(), &what("A·W"));
                assert_same_bits(delta_before.view(), backward.view(), &what("Δ·Wᵀ"));
                assert_same_bits(w_after.view(), update.view(), &what("Aᵀ·Δ"));
            }
        }
    }
}

fn filled(rows: usize, cols: usize) -> Matrix {
    Matrix::from_fn(rows, cols, |_, _| f32::NAN)
}

#[test]
fn nan_and_infinity_come_through() {
    for isa in Isa::available() {
        for (m, n, k) in [(3, 5, 2), (16, 40, 70), (70, 130, 300)] {
            for turned in [false, true] {
                let layout =
                    if turned { Layout::Transposed { padding: 0 } } else { Layout::RowMajor { padding: 0 } };
                let b = Operand::new(k, n, layout, 1);
                let mut a = Matrix::from_fn(m, k, |_, _| 1.0);
                a.row_mut(1)[k - 1] = f32::NAN;
                a.row_mut(2)[0] = f32::INFINITY;
                let mut c = Matrix::zeros(m, n);
                pool(isa, 2).run(|team| {
                    gemm(team, a.view(), b.view(), &mut c.view_mut(), Start::Zero, &Store);
                });
                for row in 0..m {
                    for col in 0..n {
                        let x = c.row(row)[col];
                        match row {
                            1 => assert!(x.is_nan(), "{isa}: {x} beside NaN"),
                            // ∞ · 0 is NaN.
                            2 => assert!(!x.is_finite(), "{isa}: {x} beside ∞"),
                            _ => assert!(x.is_finite(), "{isa}: {x}"),
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_product_of_depth_0_is_its_start() {
    for isa in Isa::available() {
        let (a, b) = (Matrix::zeros(3, 0), Matrix::zeros(0, 20));
        let bias = Values(1).vec(20);
        let mut c = Matrix::from_fn(3, 20, |row, col| (row * 20 + col) as f32);
        let run = |c: &mut Matrix, start| {
            pool(isa, 2).run(|team| gemm(team, a.view(), b.view(), &mut c.view_mut(), start, &Store));
        };
        run(&mut c, Start::Scaled(0.5));
        assert_eq!(c.row(1)[3], 11.5, "{isa}");
        run(&mut c, Start::Bias(&bias));
        assert_eq!(c.row(2), bias, "{isa}");
        run(&mut c, Start::Zero);
        assert_eq!(c, Matrix::zeros(3, 20), "{isa}");
    }
}

fn product(a: Mat<'_>, b: Mat<'_>, c: &mut Matrix, start: Start<'_>) {
    pool(Isa::detect(), 1).run(|team| gemm(team, a, b, &mut c.view_mut(), start, &Store));
}

#[test]
#[should_panic(expected = "inner sizes")]
fn inner_sizes_must_agree() {
    product(Matrix::zeros(2, 3).view(), Matrix::zeros(4, 2).view(), &mut Matrix::zeros(2, 2), Start::Zero);
}

#[test]
#[should_panic(expected = "rows of a product")]
fn the_result_must_fit() {
    product(Matrix::zeros(2, 3).view(), Matrix::zeros(3, 2).view(), &mut Matrix::zeros(3, 2), Start::Zero);
}

#[test]
#[should_panic(expected = "as many biases as columns")]
fn the_bias_must_fit() {
    product(
        Matrix::zeros(2, 3).view(),
        Matrix::zeros(3, 2).view(),
        &mut Matrix::zeros(2, 2),
        Start::Bias(&[0.0]),
    );
}
