//! The largest magnitude: exact on every instruction set, and never finite where an element isn't.

use minibatch_kernels::{Isa, Matrix, max_magnitude};

const SHAPES: [(usize, usize); 12] =
    [(0, 3), (3, 0), (1, 1), (1, 7), (2, 8), (3, 9), (4, 15), (5, 16), (7, 17), (16, 32), (9, 33), (6, 50)];

/// Numbers of both signs, none above 1.
fn number(row: usize, col: usize) -> f32 {
    ((row * 31 + col * 17) % 64) as f32 / 64.0 - 0.5
}

#[test]
fn it_is_the_largest_of_the_view_and_of_nothing_else() {
    for isa in Isa::available() {
        for (rows, cols) in SHAPES {
            // What lies around the view must not count.
            let mut around = Matrix::from_fn(rows + 2, cols + 3, |_, _| f32::NAN);
            for row in 0..rows {
                for col in 0..cols {
                    around.row_mut(row + 1)[col + 1] = number(row, col);
                }
            }
            let expected = (0..rows * cols).map(|i| number(i / cols, i % cols).abs()).fold(0.0, f32::max);
            let found = max_magnitude(isa, around.view().part(1..rows + 1, 1..cols + 1));
            assert_eq!(found.to_bits(), expected.to_bits(), "{isa}: {rows} × {cols}");
        }
    }
}

#[test]
fn one_element_that_is_not_finite_is_enough() {
    for isa in Isa::available() {
        for (rows, cols) in SHAPES {
            for i in 0..rows * cols {
                let mut matrix = Matrix::from_fn(rows, cols, number);
                for found in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -7.5] {
                    matrix.row_mut(i / cols)[i % cols] = found;
                    let largest = max_magnitude(isa, matrix.view());
                    let place = format!("{isa}: {found} at {i} of {rows} × {cols}");
                    match found.is_nan() {
                        true => assert!(largest.is_nan(), "{place}"),
                        false => assert_eq!(largest, found.abs(), "{place}"),
                    }
                }
            }
        }
    }
}
