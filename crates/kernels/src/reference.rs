//! The oracle: what each kernel computes, written in the plainest f64 loops. Read this first; the tests hold every
//! instruction set against it.

use crate::{AffineMap, Elastic, Mat, Matrix, PictureShape, philox};

/// C(i, j) = start(i, j) + Σₖ A(i, k)·B(k, j) in f64, and beside it Σₖ |A(i, k)·B(k, j)| + |start|, to which the
/// rounding error of any summation order is proportional.
///
/// # Panics
///
/// If the inner sizes differ.
pub fn gemm(a: Mat<'_>, b: Mat<'_>, start: impl Fn(usize, usize) -> f64) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    assert_eq!(a.cols(), b.rows(), "inner sizes");
    let mut sums = vec![vec![0.0; b.cols()]; a.rows()];
    let mut magnitudes = sums.clone();
    for i in 0..a.rows() {
        for j in 0..b.cols() {
            sums[i][j] = start(i, j);
            magnitudes[i][j] = sums[i][j].abs();
            for k in 0..a.cols() {
                let product = f64::from(a.get(i, k)) * f64::from(b.get(k, j));
                sums[i][j] += product;
                magnitudes[i][j] += product.abs();
            }
        }
    }
    (sums, magnitudes)
}

/// The contract's own arithmetic: one chain of fused multiply-adds over k, ascending. Equal to the bit to every
/// instruction set of the fused class.
///
/// # Panics
///
/// If the inner sizes differ.
pub fn gemm_chain(a: Mat<'_>, b: Mat<'_>, start: impl Fn(usize, usize) -> f32) -> Matrix {
    assert_eq!(a.cols(), b.rows(), "inner sizes");
    Matrix::from_fn(a.rows(), b.cols(), |i, j| {
        (0..a.cols()).fold(start(i, j), |sum, k| a.get(i, k).mul_add(b.get(k, j), sum))
    })
}

/// The logistic sigmoid.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The two fields of `elastic` for pictures of this shape, smoothed by the Gaussian in two dimensions, times α: by how many pixels each
/// pixel is moved along x, and along y.
#[must_use]
pub fn fields(shape: PictureShape, elastic: &Elastic<'_>) -> [Vec<f64>; 2] {
    let (rows, columns) = (shape.rows(), shape.columns());
    let (weights, radius) = (elastic.smoothing.weights(), elastic.smoothing.radius());
    [0, 1].map(|field| {
        let drawn = |y: usize, x: usize| {
            let pixel = y * columns + x;
            let [first, b, c, d] = elastic.counter;
            let block = (pixel / 64 * 16 + pixel % 16) as u32;
            let word = philox([first.wrapping_add(block), b, c, d], elastic.key)[pixel / 16 % 4];
            let half = if field == 0 { word & 0xffff } else { word >> 16 };
            (f64::from(half) - 32767.5) / 32768.0
        };
        let mut smoothed = vec![0.0; rows * columns];
        for y in 0..rows {
            for x in 0..columns {
                for fy in y.saturating_sub(radius)..rows.min(y + radius + 1) {
                    for fx in x.saturating_sub(radius)..columns.min(x + radius + 1) {
                        let weight =
                            f64::from(weights[fy + radius - y]) * f64::from(weights[fx + radius - x]);
                        smoothed[y * columns + x] += weight * drawn(fy, fx);
                    }
                }
                smoothed[y * columns + x] *= f64::from(elastic.alpha);
            }
        }
        smoothed
    })
}

/// The picture `from`, resampled: each pixel is the bilinear interpolation at its place by `map`, moved by the fields. Outside the
/// picture is 0.
///
/// # Panics
///
/// If `from` is no picture of this shape, or a field has too few values.
#[must_use]
pub fn warp(shape: PictureShape, map: &AffineMap, fields: Option<&[Vec<f64>; 2]>, from: &[f64]) -> Vec<f64> {
    let (rows, columns, channels) = (shape.rows(), shape.columns(), shape.channels());
    assert_eq!(from.len(), shape.len(), "a picture");
    let (middle_x, middle_y) = ((columns - 1) as f64 / 2.0, (rows - 1) as f64 / 2.0);
    let value = |x: f64, y: f64, channel: usize| {
        let inside = (0.0..columns as f64).contains(&x) && (0.0..rows as f64).contains(&y);
        if inside { from[(y as usize * columns + x as usize) * channels + channel] } else { 0.0 }
    };
    let mut to = vec![0.0; from.len()];
    for (pixel, to) in to.chunks_exact_mut(channels).enumerate() {
        let (u, v) = ((pixel % columns) as f64 - middle_x, (pixel / columns) as f64 - middle_y);
        let [x, y] = map.rows.map(|[a, b, c]| a * u + b * v + c);
        let [dx, dy] = fields.map_or([0.0; 2], |fields| [fields[0][pixel], fields[1][pixel]]);
        let (x, y) = (x + middle_x + dx, y + middle_y + dy);
        let (left, top) = (x.floor(), y.floor());
        let (right_share, lower_share) = (x - left, y - top);
        for (channel, to) in to.iter_mut().enumerate() {
            let between = |y: f64| {
                (1.0 - right_share) * value(left, y, channel) + right_share * value(left + 1.0, y, channel)
            };
            *to = (1.0 - lower_share) * between(top) + lower_share * between(top + 1.0);
        }
    }
    to
}

/// The distance of `found` from `expected` in units in the last place of an f32 of the expected size (normal
/// numbers).
#[must_use]
pub fn ulps(found: f32, expected: f64) -> f64 {
    let exponent = expected.abs().log2().floor().max(-126.0);
    (f64::from(found) - expected).abs() / (exponent - 23.0).exp2()
}
