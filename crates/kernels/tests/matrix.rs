//! Matrices and views: what is refused, what a transpose and a part are, and that padding stays 0.

mod common;

use common::{Values, relu, sigmoid};
use minibatch_kernels::{Isa, Mat, MatMut, Matrix, Start, Store, gemm, scale};
use proptest::prelude::*;

proptest! {
    #![proptest_config(common::config(200))]

    #[test]
    fn transposes_and_parts_are_the_same_elements(
        (rows, top, bottom) in range(12),
        (cols, left, right) in range(40),
        seed: u64,
    ) {
        let mut values = Values(seed);
        let matrix = Matrix::from_fn(rows, cols, |_, _| values.next());
        let (view, turned) = (matrix.view(), matrix.view().transposed());
        prop_assert_eq!((turned.rows(), turned.cols()), (cols, rows));
        let part = view.part(top..bottom, left..right);
        let turned_part = turned.part(left..right, top..bottom);
        prop_assert_eq!((part.rows(), part.cols()), (bottom - top, right - left));
        for row in 0..part.rows() {
            for col in 0..part.cols() {
                let expected = matrix.row(top + row)[left + col];
                prop_assert_eq!(part.get(row, col), expected);
                prop_assert_eq!(turned_part.get(col, row), expected);
                prop_assert_eq!(part.row(row)[col], expected);
            }
        }
        prop_assert_eq!(turned.transposed().to_matrix(), matrix.clone());
        prop_assert_eq!(turned_part.to_matrix(), part.transposed().to_matrix());
        prop_assert_eq!(matrix.top(bottom).to_matrix(), view.part(0..bottom, 0..cols).to_matrix());
    }
}

/// A size up to `limit` and a range inside it.
fn range(limit: usize) -> impl Strategy<Value = (usize, usize, usize)> {
    (0..limit, 0..limit, 0..limit).prop_map(|(size, a, b)| {
        let (a, b) = (a % (size + 1), b % (size + 1));
        (size, a.min(b), a.max(b))
    })
}

#[test]
fn rows_start_on_cache_lines() {
    for cols in [1, 15, 16, 17, 31, 32, 33, 784] {
        let matrix = Matrix::zeros(4, cols);
        for row in 0..4 {
            assert_eq!(matrix.row(row).as_ptr() as usize % 64, 0, "row {row} of {cols} columns");
            assert_eq!(matrix.row(row).len(), cols);
        }
    }
}

/// A row of an owned matrix with its padding.
fn padded_row(matrix: &Matrix, row: usize, padded: usize) -> Vec<f32> {
    let start = matrix.row(row).as_ptr();
    (0..padded)
        .map(|i| {
            #[allow(unsafe_code)]
            // SAFETY: rows are padded to whole cache lines, so `padded` values belong to the matrix.
            unsafe {
                *start.add(i)
            }
        })
        .collect()
}

#[test]
fn padding_stays_zero() {
    for isa in Isa::available() {
        for cols in [1, 5, 15, 17, 20, 33] {
            let a = Matrix::from_fn(20, 30, |row, col| (row + col) as f32 - 20.0);
            let b = Matrix::from_fn(30, cols, |row, col| (row * col) as f32 + 1.0);
            let mut c = Matrix::from_fn(20, cols, |_, _| f32::NAN);
            common::pool(isa, 3).run(|team| {
                gemm(team, a.view(), b.view(), &mut c.view_mut(), Start::Bias(&vec![1.0; cols]), &Store);
                let mut turned = Matrix::zeros(cols, 30);
                turned.view_mut().copy_from(b.view().transposed().to_matrix().view());
                gemm(
                    team,
                    a.view(),
                    turned.view().transposed(),
                    &mut c.view_mut(),
                    Start::Scaled(0.5),
                    &Store,
                );
            });
            sigmoid(isa, &mut c.view_mut());
            scale(isa, &mut c.view_mut(), f32::INFINITY);
            relu(isa, &mut c.view_mut());
            let padded = cols.next_multiple_of(16);
            for row in 0..20 {
                for (col, x) in padded_row(&c, row, padded).into_iter().enumerate().skip(cols) {
                    assert_eq!(x.to_bits(), 0, "{isa}: padding ({row}, {col}) of {cols} columns");
                }
            }
        }
    }
}

#[test]
fn equality_is_of_shapes_and_elements() {
    let a = Matrix::from_fn(2, 3, |row, col| (row + col) as f32);
    let mut b = a.clone();
    assert_eq!(a, b);
    b.row_mut(1)[2] = 9.0;
    assert_ne!(a, b);
    assert_ne!(a, Matrix::zeros(3, 2));
    assert_eq!(format!("{a:?}"), "Matrix(2 × 3)");
}

#[test]
fn empty_matrices_have_no_elements() {
    let tall = Matrix::zeros(3, 0);
    assert!((0..3).all(|row| tall.row(row).is_empty() && tall.view().row(row).is_empty()));
    assert_eq!(tall.view().transposed().rows(), 0);
    assert_eq!(Matrix::zeros(0, 5).view().to_matrix(), Matrix::zeros(0, 5));
    assert_eq!(Mat::strided(&[], 0, 9, 100, 7).rows(), 0);
    assert_eq!(Mat::strided(&[], 4, 0, 100, 1).row(3), [0.0; 0]);
    assert_eq!(MatMut::strided(&mut [], 4, 0, 100).row_mut(3), [0.0; 0]);
}

#[test]
fn a_view_may_end_with_its_storage() {
    let data: Vec<f32> = (0..11).map(|i| i as f32).collect();
    assert_eq!(Mat::strided(&data, 3, 3, 4, 1).get(2, 2), 10.0);
    assert_eq!(Mat::strided(&data, 2, 6, 0, 2).get(1, 5), 10.0, "stride 0 repeats a row");
    let mut data = data;
    MatMut::strided(&mut data, 3, 3, 4).row_mut(2)[2] = -1.0;
    assert_eq!(data[10], -1.0);
}

#[test]
fn copies_go_row_by_row() {
    let from = Matrix::from_fn(3, 18, |row, col| (row * 18 + col) as f32);
    let mut to = common::Guarded::new(3, 18, 7, |_, _| f32::NAN);
    to.view_mut().copy_from(from.view());
    to.assert_guards();
    assert_eq!(to.view().to_matrix(), from);
    to.view_mut().reborrow().row_mut(0)[0] = 5.0;
    assert_eq!(to.view().get(0, 0), 5.0);
}

/// Each must be refused.
macro_rules! refused {
    ($($name:ident, $expected:literal: $body:expr;)*) => {$(
        #[test]
        #[should_panic(expected = $expected)]
        fn $name() {
            let _ = $body;
        }
    )*};
}

refused! {
    one_value_too_few, "reaches outside 10 values": Mat::strided(&[0.0; 10], 3, 3, 4, 1).rows();
    one_value_too_few_across, "reaches outside 10 values": Mat::strided(&[0.0; 10], 3, 3, 1, 4).rows();
    one_value_too_few_to_write, "reaches outside 10 values": MatMut::strided(&mut [0.0; 10], 3, 3, 4).rows();
    a_view_of_nothing, "reaches outside 0 values": Mat::row_major(&[], 1, 1).rows();
    strides_that_overflow, "reaches outside": Mat::strided(&[0.0; 4], 3, 1, usize::MAX / 2 + 1, 1).rows();
    strides_whose_sum_overflows, "reaches outside":
        Mat::strided(&[0.0; 4], 2, 2, usize::MAX, usize::MAX).rows();
    rows_that_overlap, "overlap": MatMut::strided(&mut [0.0; 10], 3, 3, 2).rows();
    a_row_too_far, "row 2 of a matrix of 2 rows": Matrix::zeros(2, 2).row(2).len();
    a_row_too_far_to_write, "row 2 of a matrix of 2 rows": Matrix::zeros(2, 2).row_mut(2).len();
    a_row_of_a_view_too_far, "row 2 of a view of 2 rows": Matrix::zeros(2, 2).view().row(2).len();
    a_row_of_a_view_too_far_to_write, "row 2 of a view": Matrix::zeros(2, 2).view_mut().row_mut(2).len();
    a_row_of_a_transpose, "isn't a slice": Matrix::zeros(2, 2).view().transposed().row(0).len();
    an_element_below, "(2, 0) of a (2 × 3) matrix": Matrix::zeros(2, 3).view().get(2, 0);
    an_element_beside, "(0, 3) of a (2 × 3) matrix": Matrix::zeros(2, 3).view().get(0, 3);
    too_many_rows, "the first 3 rows of 2": Matrix::zeros(2, 2).top(3).rows();
    too_many_rows_to_write, "the first 3 rows of 2": Matrix::zeros(2, 2).top_mut(3).rows();
    a_part_below, "rows 1..3 of 2": Matrix::zeros(2, 2).view().part(1..3, 0..1).rows();
    a_part_beside, "columns 0..3 of 2": Matrix::zeros(2, 2).view().part(0..1, 0..3).rows();
    a_part_backwards, "rows 2..1 of 2": {
        let backwards = std::ops::Range { start: 2, end: 1 };
        Matrix::zeros(2, 2).view().part(backwards, 0..1).rows()
    };
    a_copy_of_another_shape, "shapes of a copy":
        Matrix::zeros(2, 3).view_mut().copy_from(Matrix::zeros(3, 2).view());
    a_matrix_larger_than_memory, "must fit in memory": Matrix::zeros(usize::MAX, 32).rows();
}
