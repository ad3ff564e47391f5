//! Passes that members share: what one thread computes matrix by matrix, bit by bit.

use minibatch_kernels::{
    ArithmeticClass, Isa, Mat, Matrix, Panels, Pool, add_column_sums, max_magnitude, max_magnitudes, scale,
    scale_and_sum, scale_rows, split_row_factors,
};

/// Small ones, with edges of registers and of four rows; and ones that several members share.
const SHAPES: [(usize, usize); 9] =
    [(0, 5), (1, 1), (3, 10), (4, 16), (5, 17), (16, 32), (130, 520), (257, 300), (1100, 33)];

fn number(row: usize, col: usize) -> f32 {
    ((row * 37 + col * 19) % 101) as f32 / 101.0 - 0.4
}

fn pools() -> impl Iterator<Item = Pool> {
    let threads = [1, 2, 3].into_iter();
    threads.flat_map(|threads| {
        Isa::available().into_iter().map(move |isa| Pool::new(isa, threads).expect("a pool"))
    })
}

#[test]
fn scaling_and_summing_are_one_pass() {
    for pool in pools() {
        for (rows, cols) in SHAPES {
            let (mut expected, start) = (Matrix::from_fn(rows, cols, number), number(7, 3));
            let (mut found, mut sums) = (expected.clone(), vec![start; cols]);
            let mut expected_sums = sums.clone();
            scale(pool.isa(), &mut expected.view_mut(), -0.3);
            add_column_sums(pool.isa(), expected.view(), &mut expected_sums);
            pool.run(|team| scale_and_sum(team, &mut found.view_mut(), -0.3, &mut sums));
            let place = format!("{}, {} threads: {rows} × {cols}", pool.isa(), pool.threads());
            assert_eq!(found, expected, "{place}");
            assert_eq!(sums, expected_sums, "{place}");
        }
    }
}

#[test]
fn each_matrix_has_its_own_largest_magnitude() {
    let all = SHAPES.map(|(rows, cols)| Matrix::from_fn(rows, cols, number));
    for pool in pools() {
        for odd in [0.75, f32::NAN, f32::NEG_INFINITY] {
            let mut all = all.clone();
            *all[6].row_mut(129).last_mut().expect("columns") = odd;
            let mut found = vec![f32::NAN; all.len()];
            pool.run(|team| max_magnitudes(team, |i| all[i].view(), &mut found));
            let expected: Vec<u32> =
                all.iter().map(|m| max_magnitude(pool.isa(), m.view()).to_bits()).collect();
            let bits: Vec<u32> = found.iter().map(|x| x.to_bits()).collect();
            assert_eq!(bits, expected, "{}, {} threads, {odd}", pool.isa(), pool.threads());
        }
    }
}

#[test]
#[should_panic(expected = "as many sums as columns")]
fn sums_must_fit() {
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    pool.run(|team| scale_and_sum(team, &mut Matrix::zeros(2, 3).view_mut(), 1.0, &mut [0.0; 2]));
}

#[test]
#[should_panic(expected = "contiguous rows")]
fn magnitudes_need_rows() {
    let (pool, m) = (Pool::new(Isa::detect(), 1).expect("a pool"), Matrix::zeros(2, 3));
    pool.run(|team| max_magnitudes(team, |_| -> Mat<'_> { m.view().transposed() }, &mut [0.0]));
}

/// The sum over 16 virtual lanes, each a chain of fused multiply-adds, and then a tree.
fn lane_sum(values: &[f32], gradient: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    for (i, (&v, &g)) in values.iter().zip(gradient).enumerate() {
        lanes[i % 16] = v.mul_add(g, lanes[i % 16]);
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
    }
    lanes[0]
}

#[test]
fn factors_of_rows_and_their_gradients() {
    for pool in pools().filter(|pool| pool.isa().class() == ArithmeticClass::Fused) {
        for (rows, cols) in SHAPES {
            let place = format!("{}, {} threads: {rows} × {cols}", pool.isa(), pool.threads());
            let (mut values, mut gradient) = (Panels::zeros(rows, cols), Panels::zeros(rows, cols));
            for (row, col) in (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))) {
                values.set(row, col, number(row, col));
                gradient.set(row, col, number(col + 3, row));
            }
            let factors: Vec<f32> = (0..rows).map(|row| number(row, 5)).collect();
            let (before, mut of_factors) = (gradient.clone(), vec![f32::NAN; rows]);
            pool.run(|team| split_row_factors(team, &mut gradient, &values, &factors, &mut of_factors));
            let mut product = Panels::zeros(rows, cols);
            pool.run(|team| scale_rows(team, &mut product, &values, &factors));
            for row in 0..rows {
                let [v, g, after, product] = [&values, &before, &gradient, &product]
                    .map(|panels| panels.row_slices(row).flatten().copied().collect::<Vec<_>>());
                assert_eq!(of_factors[row].to_bits(), lane_sum(&v, &g).to_bits(), "row {row}, {place}");
                let scaled = |x: &[f32]| x.iter().map(|x| factors[row] * x).collect::<Vec<_>>();
                assert_eq!((after, product), (scaled(&g), scaled(&v)), "row {row}, {place}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "as many factors as rows")]
fn factors_must_fit() {
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    let (mut c, a) = (Panels::zeros(2, 3), Panels::zeros(2, 3));
    pool.run(|team| scale_rows(team, &mut c, &a, &[1.0; 3]));
}
