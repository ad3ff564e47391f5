//! The oracle: what each kernel computes, written in the plainest f64 loops. Read this first; the tests hold every
//! instruction set against it.

use crate::{Mat, Matrix};

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

/// The distance of `found` from `expected` in units in the last place of an f32 of the expected size (normal
/// numbers).
#[must_use]
pub fn ulps(found: f32, expected: f64) -> f64 {
    let exponent = expected.abs().log2().floor().max(-126.0);
    (f64::from(found) - expected).abs() / (exponent - 23.0).exp2()
}
