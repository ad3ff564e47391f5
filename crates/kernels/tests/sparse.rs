//! Sparse products have the bits of dense ones, and work is shared out once.

use minibatch_kernels::{
    Examples, Isa, Mat, Matrix, Panels, Pool, Solo, SparseInputs, SparseRow, Start, Store, argmax, gemm,
    sparse_gemm,
};
use proptest::prelude::*;

/// Numbers from a seed (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn signed(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// C by [`gemm`].
fn dense(isa: Isa, x: Mat<'_>, w: &Panels, bias: &[f32]) -> Matrix {
    let mut c = Matrix::zeros(x.rows(), w.cols());
    let pool = Pool::new(isa, 1).expect("a pool");
    pool.run(|team| gemm(team, x, w.view(), &mut c.view_mut(), Start::Bias(bias), &Store));
    c
}

fn assert_same_bits(found: &Matrix, expected: &Matrix, what: &str) {
    for row in 0..expected.rows() {
        let bits = |m: &Matrix| m.row(row).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(found), bits(expected), "{what}, row {row}");
    }
}

/// The edges of quads (4 inputs), of what is transposed at once (64 inputs, 16 examples), of bundles (64 examples) and of
/// strips (16, 32, 64 and 128 columns), and one to each side.
fn shape() -> impl Strategy<Value = (usize, usize, usize)> {
    let inputs = prop_oneof![
        Just(1),
        15usize..18,
        31usize..34,
        63usize..66,
        127usize..131,
        1usize..300,
        Just(784),
        Just(1100)
    ];
    let cols = prop_oneof![
        Just(1),
        7usize..10,
        15usize..18,
        31usize..34,
        47usize..50,
        63usize..67,
        127usize..130,
        1usize..140
    ];
    (prop_oneof![1usize..10, 15usize..18, 62usize..67, Just(130)], inputs, cols)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn leaving_zeros_out_changes_no_bit((rows, inputs, cols) in shape(), one_in in 1u64..8, seed: u64) {
        let mut numbers = Numbers(seed);
        let mut byte = || if numbers.next().is_multiple_of(one_in) { (numbers.next() >> 56) as u8 } else { 0 };
        let bytes: Vec<u8> = (0..rows * inputs).map(|_| byte()).collect();
        let x = Matrix::from_fn(rows, inputs, |i, k| f32::from(bytes[i * inputs + k]) / 255.0);
        let mut w = Panels::zeros(inputs, cols);
        (0..inputs * cols).for_each(|i| w.set(i / cols, i % cols, numbers.signed()));
        let bias: Vec<f32> = (0..cols).map(|_| numbers.signed()).collect();
        for isa in Isa::fused() {
            let expected = dense(isa, x.view(), &w, &bias);
            // What was there before must not come through.
            let (mut sparse, mut c) = (SparseInputs::new(inputs, rows), Matrix::from_fn(rows, cols, |_, _| f32::NAN));
            sparse.gather_bytes(isa, rows, |i| &bytes[i * inputs..][..inputs]);
            prop_assert_eq!(sparse.examples(), rows);
            sparse_gemm(isa, &sparse, &w, &bias, &mut c.view_mut(), &Store);
            assert_same_bits(&c, &expected, &format!("bytes on {isa}"));
            sparse.gather(isa, rows, Examples::Floats(&|i| x.row(i)));
            sparse_gemm(isa, &sparse, &w, &bias, &mut c.view_mut(), &Store);
            assert_same_bits(&c, &expected, &format!("numbers on {isa}"));
        }
        for isa in Isa::available() {
            let row = rows - 1;
            let expected = dense(isa, x.view().part(row..rows, 0..inputs), &w, &bias);
            let (mut sparse, mut c) = (SparseRow::new(inputs), Matrix::from_fn(1, cols, |_, _| f32::NAN));
            sparse.take_bytes(isa, &bytes[row * inputs..]);
            sparse.multiply(isa, &w, &bias, c.row_mut(0));
            assert_same_bits(&c, &expected, &format!("a row of bytes on {isa}"));
            sparse.take_floats(isa, x.row(row));
            sparse.multiply(isa, &w, &bias, c.row_mut(0));
            assert_same_bits(&c, &expected, &format!("a row of numbers on {isa}"));
        }
    }

    #[test]
    fn the_largest_is_the_first_of_equals_and_never_nan(
        values in prop::collection::vec(
            prop_oneof![
                (-2i8..3).prop_map(f32::from),
                Just(f32::NAN),
                Just(-f32::NAN),
                Just(-0.0),
                Just(f32::INFINITY),
                Just(f32::NEG_INFINITY),
            ],
            0..9,
        ),
    ) {
        let mut expected = 0;
        for (i, &value) in values.iter().enumerate() {
            if value > values[expected] || values[expected].is_nan() && !value.is_nan() {
                expected = i;
            }
        }
        prop_assert_eq!(argmax(&values), expected, "{:?}", values);
    }
}

#[test]
fn not_a_number_comes_through() {
    for isa in Isa::available() {
        let (mut row, mut sparse, mut c) =
            (SparseRow::new(20), SparseInputs::new(20, 1), Matrix::zeros(2, 1));
        let mut x = [0.0; 20];
        x[18] = f32::NAN;
        row.take_floats(isa, &x);
        row.multiply(isa, &Panels::zeros(20, 1), &[1.0], c.row_mut(0));
        sparse.gather(isa, 1, Examples::Floats(&|_| &x));
        sparse_gemm(isa, &sparse, &Panels::zeros(20, 1), &[1.0], &mut c.rows_mut(1..2), &Store);
        assert!(c.row(0)[0].is_nan() && c.row(1)[0].is_nan(), "{isa}");
    }
}

#[test]
fn every_tranche_is_worked_on_once() {
    for threads in [1, 2, 3] {
        let pool = Pool::oversubscribed(Isa::detect(), threads).expect("a pool");
        for tranches in [0, 1, 2, 50] {
            let mut solos: Vec<Solo<Vec<usize>>> = (0..threads).map(|_| Solo::new(Vec::new())).collect();
            pool.run(|team| {
                team.share_out(&mut solos, tranches, |team, seen, tranche| {
                    assert_eq!(team.members(), 1, "a team of its own");
                    seen.push(tranche);
                });
            });
            let mut seen: Vec<usize> = solos.into_iter().flat_map(Solo::into_state).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..tranches).collect::<Vec<_>>(), "{threads} threads");
        }
    }
}

#[test]
fn a_panic_in_a_tranche_reaches_the_caller_and_the_pool_goes_on() {
    let pool = Pool::oversubscribed(Isa::detect(), 2).expect("a pool");
    let mut solos: Vec<Solo<usize>> = (0..2).map(|_| Solo::new(0)).collect();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        pool.run(|team| team.share_out(&mut solos, 4, |_, _, tranche| assert_ne!(tranche, 2, "tranche 2")));
    }));
    assert!(panicked.is_err());
    pool.run(|team| team.share_out(&mut solos, 4, |_, sum, tranche| *sum += tranche));
    assert_eq!(solos.into_iter().map(Solo::into_state).sum::<usize>(), 6);
}

#[test]
fn rows_shared_are_each_finished_once() {
    for threads in [1, 2, 3] {
        let pool = Pool::oversubscribed(Isa::detect(), threads).expect("a pool");
        for (rows, cols) in [(1, 1), (33, 10), (128, 512)] {
            let mut c = Matrix::zeros(rows, cols);
            pool.run(|team| {
                team.share_rows(&mut c.view_mut(), |_, part, first| {
                    for row in 0..part.rows() {
                        part.row_mut(row).iter_mut().for_each(|x| *x += (first + row) as f32);
                    }
                });
            });
            assert_eq!(c, Matrix::from_fn(rows, cols, |row, _| row as f32), "{threads} threads");
        }
    }
}
