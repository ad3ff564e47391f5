//! Pictures: by hand, against the oracle in f64, and to the bit over instruction sets.

mod common;

use common::{Values, config};
use minibatch_kernels::{
    AffineMap, ArithmeticClass, Canvas, Elastic, Isa, Mat, MatMut, PictureShape, Smoothing, mix, reference,
};
use proptest::prelude::*;

fn shape(shape: &[usize]) -> PictureShape {
    PictureShape::new(shape).expect("a picture")
}

/// The map of a turn by `degrees`, from the result back to the picture.
fn turn(degrees: f64) -> AffineMap {
    let (sin, cos) = degrees.to_radians().sin_cos();
    AffineMap { rows: [[cos, sin, 0.0], [-sin, cos, 0.0]] }
}

fn elastic(smoothing: &Smoothing, alpha: f32) -> Elastic<'_> {
    Elastic { alpha, smoothing, key: [7, 8], counter: [2, 5, 9, 1] }
}

#[test]
fn shapes_that_are_pictures() {
    for (dimensions, picture) in [
        (&[28, 28][..], true),
        (&[1, 1], true),
        (&[4000, 4000], true),
        (&[32, 32, 3], true),
        (&[32, 32, 5], false),
        (&[32, 32, 0], false),
        (&[0, 28], false),
        (&[4001, 2], false),
        (&[784], false),
        (&[], false),
        (&[2, 2, 2, 2], false),
    ] {
        assert_eq!(PictureShape::new(dimensions).is_some(), picture, "{dimensions:?}");
    }
}

/// The map of a picture to itself leaves every bit, whatever the shape.
#[test]
fn the_identity_changes_nothing() {
    let mut values = Values(1);
    for dimensions in [&[28, 28][..], &[1, 1], &[2, 3], &[5, 17], &[33, 16], &[7, 29, 3], &[3, 45, 4]] {
        let mut canvas = Canvas::new(shape(dimensions));
        let len = dimensions.iter().product();
        let bytes: Vec<u8> = (0..len).map(|_| values.bits() as u8).collect();
        let floats = values.vec(len);
        let smoothing = Smoothing::new(4.5).expect("a Gaussian");
        for isa in Isa::available() {
            for elastic in [None, Some(&elastic(&smoothing, 0.0))] {
                let (mut to_bytes, mut to_floats) = (vec![1; len], vec![1.0; len]);
                canvas.warp(isa, &AffineMap::IDENTITY, elastic, &bytes, &mut to_bytes);
                canvas.warp(isa, &AffineMap::IDENTITY, elastic, &floats, &mut to_floats);
                assert_eq!(to_bytes, bytes, "{dimensions:?} on {isa}");
                assert_eq!(to_floats, floats, "{dimensions:?} on {isa}");
            }
        }
    }
}

/// A quarter of a turn, clockwise as one sees it: the first column, read upwards, becomes the first row.
#[test]
fn a_quarter_of_a_turn() {
    let mut canvas = Canvas::new(shape(&[3, 3]));
    let mut to = [0; 9];
    canvas.warp(Isa::detect(), &turn(90.0), None, &[1, 2, 3, 4, 5, 6, 7, 8, 9_u8], &mut to);
    assert_eq!(to, [7, 4, 1, 8, 5, 2, 9, 6, 3]);
    // With three channels, each by itself.
    let mut canvas = Canvas::new(shape(&[2, 2, 3]));
    let mut to = [0.0; 12];
    let from = [1., 10., 100., 2., 20., 200., 3., 30., 300., 4., 40., 400.0_f32];
    canvas.warp(Isa::detect(), &turn(180.0), None, &from, &mut to);
    let expected = [4., 40., 400., 3., 30., 300., 2., 20., 200., 1., 10., 100.];
    for (found, expected) in to.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-3, "{to:?}");
    }
}

/// What is moved out of the picture is gone, however far.
#[test]
fn outside_is_zero() {
    let mut canvas = Canvas::new(shape(&[2, 2]));
    for by in [3.0, -3.0, 1e9, -1e30, f64::INFINITY, f64::NAN] {
        for rows in [[[1.0, 0.0, by], [0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0], [0.0, 1.0, by]], [[by; 3]; 2]] {
            for isa in Isa::available() {
                let mut to = [1_u8; 4];
                canvas.warp(isa, &AffineMap { rows }, None, &[9; 4], &mut to);
                if rows != [[3.0; 3]; 2] && rows != [[-3.0; 3]; 2] {
                    assert_eq!(to, [0; 4], "{rows:?} on {isa}");
                }
            }
        }
    }
}

#[test]
fn a_gaussian_has_the_sum_1() {
    for sigma in [0.1, 0.5, 1.0, 4.5, 30.0] {
        let smoothing = Smoothing::new(sigma).expect("a Gaussian");
        let weights = smoothing.weights();
        assert_eq!(weights.len(), 2 * (3.0 * sigma).ceil() as usize + 1);
        let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        assert!(weights.iter().eq(weights.iter().rev()), "symmetric");
        let (middle, next) = (weights[smoothing.radius()], weights[smoothing.radius() + 1]);
        let ratio = (-0.5 / (sigma * sigma)).exp();
        assert!((f64::from(next) - ratio * f64::from(middle)).abs() < 1e-7);
    }
    for sigma in [0.0, -1.0, f64::NAN, 101.0, f64::INFINITY] {
        assert!(Smoothing::new(sigma).is_none(), "{sigma}");
    }
}

/// The fields of many pictures have the mean and the variance that follow from their definition, and are independent of one another.
#[test]
fn fields_are_distributed_as_they_should_be() {
    let (dimensions, smoothing) = (shape(&[40, 40]), Smoothing::new(2.0).expect("a Gaussian"));
    let squares: f64 = smoothing.weights().iter().map(|&w| f64::from(w).powi(2)).sum();
    // Each number in (−1, 1) has the variance 1/3.
    let variance = squares * squares / 3.0;
    let (mut count, mut sums) = (0.0, [0.0; 5]);
    for index in 0..100 {
        let elastic = Elastic { counter: [2, index, 3, 0], ..elastic(&smoothing, 1.0) };
        let [x, y] = reference::fields(dimensions, &elastic);
        // Far from the border, and from each other.
        for at in [(10, 10), (10, 30), (30, 10), (30, 30)].map(|(row, col)| row * 40 + col) {
            count += 1.0;
            for (sum, value) in
                sums.iter_mut().zip([x[at], y[at], x[at] * x[at], y[at] * y[at], x[at] * y[at]])
            {
                *sum += value;
            }
        }
    }
    let [mean_x, mean_y, var_x, var_y, product] = sums.map(|sum| sum / count);
    // Five standard deviations of the mean of 400 numbers, and of their squares (near normal: √2 times the variance).
    let (of_mean, of_square) = (5.0 * (variance / count).sqrt(), 5.0 * variance * (2.0 / count).sqrt());
    for mean in [mean_x, mean_y] {
        assert!(mean.abs() < of_mean, "{mean}");
    }
    for found in [var_x, var_y] {
        assert!((found - variance).abs() < of_square, "{found}, expected {variance}");
    }
    assert!(product.abs() < of_square, "{product}");
}

proptest! {
    #![proptest_config(config(150))]

    /// Every instruction set gives the oracle's picture, and the fused ones the same bits.
    #[test]
    fn warps_are_those_of_the_oracle(
        rows in 1_usize..40,
        columns in 1_usize..40,
        channels in 1_usize..4,
        degrees in -180.0..180.0,
        scale in 0.5..1.5,
        moved in (-3.0..3.0, -3.0..3.0),
        sigma in prop_oneof![Just(None), (0.3..8.0).prop_map(Some)],
        alpha in 0.0_f32..40.0,
        seed in 0_u64..1000,
    ) {
        let dimensions = if channels == 1 { vec![rows, columns] } else { vec![rows, columns, channels] };
        let picture = shape(&dimensions);
        let [[a, b, _], [c, d, _]] = turn(degrees).rows;
        let map = AffineMap { rows: [[a / scale, b / scale, moved.0], [c / scale, d / scale, moved.1]] };
        let smoothing = sigma.map(|sigma| Smoothing::new(sigma).expect("a Gaussian"));
        let elastic = smoothing.as_ref().map(|smoothing| {
            Elastic { counter: [seed as u32, 1, 2, 3], ..elastic(smoothing, alpha) }
        });
        let mut values = Values(seed);
        let floats = values.vec(picture.len());
        let bytes: Vec<u8> = (0..picture.len()).map(|_| values.bits() as u8).collect();
        let fields = elastic.as_ref().map(|elastic| reference::fields(picture, elastic));
        let expected = |from: Vec<f64>| reference::warp(picture, &map, fields.as_ref(), &from);
        let (of_floats, of_bytes) = (
            expected(floats.iter().map(|&x| f64::from(x)).collect()),
            expected(bytes.iter().map(|&x| f64::from(x)).collect()),
        );
        // The distance of the place that is computed from the exact one, in units of 2⁻²⁴: coordinates and coefficients are rounded
        // at most four times at a size of up to 2·40·2 + 4; a field's two chains once a term, at a size of at most α.
        let terms = smoothing.as_ref().map_or(0, |s| 4 * s.radius() + 8);
        let place = (4.0 * 164.0 + f64::from(alpha) * terms as f64) / f64::from(1 << 24);
        // A neighbour differs by 2 at most where values are in ±1. In either direction; and three roundings of the value.
        let tolerance = 4.0 * place + 6.0 / f64::from(1 << 24);
        let mut first = None;
        for isa in Isa::available() {
            let mut canvas = Canvas::new(picture);
            let (mut to_floats, mut to_bytes) = (vec![0.0; picture.len()], vec![0_u8; picture.len()]);
            // Whatever was there before.
            canvas.warp(isa, &turn(33.0), None, &vec![255_u8; picture.len()], &mut to_bytes);
            canvas.warp(isa, &map, elastic.as_ref(), &floats, &mut to_floats);
            canvas.warp(isa, &map, elastic.as_ref(), &bytes, &mut to_bytes);
            for (found, expected) in to_floats.iter().zip(&of_floats) {
                prop_assert!((f64::from(*found) - expected).abs() <= tolerance, "{isa}: {found}, {expected}");
            }
            for (&found, expected) in to_bytes.iter().zip(&of_bytes) {
                let off = (f64::from(found) - expected).abs();
                prop_assert!(off <= 0.5 + 255.0 * tolerance, "{isa}: {found}, {expected}");
            }
            if isa.class() == ArithmeticClass::Fused {
                let bits: Vec<u32> = to_floats.iter().map(|x| x.to_bits()).collect();
                let first = first.get_or_insert_with(|| (bits.clone(), to_bytes.clone()));
                prop_assert!(*first == (bits, to_bytes), "{isa}");
            }
        }
    }
}

#[test]
fn mixing_rounds_twice() {
    let mut values = Values(3);
    let (c, b) = (values.vec(37), values.vec(37));
    for isa in Isa::fused() {
        let mut mixed = c.clone();
        mix(isa, &mut MatMut::row_major(&mut mixed, 1, 37), Mat::row_major(&b, 1, 37), 0.3);
        for i in 0..37 {
            assert_eq!(mixed[i], 0.3_f32.mul_add(c[i], (1.0 - 0.3_f32) * b[i]), "{isa}");
        }
    }
}
