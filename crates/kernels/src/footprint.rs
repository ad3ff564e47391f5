//! The memory that matrices and buffers take, before they are made.
//!
//! All numbers are upper bounds, in bytes. A size beyond 64 bits is `u64::MAX`.

use crate::matrix::{HUGE, LARGE, LINE, Line};
use crate::pictures::PictureShape;
use crate::{inputs, pictures};

/// A [`Matrix`](crate::Matrix) or [`Panels`](crate::Panels) of `rows` × `cols`.
///
/// ```
/// use minibatch_kernels::footprint;
///
/// // Columns are taken in lines of 16.
/// assert_eq!(footprint::matrix(100, 1), footprint::matrix(100, 16));
/// assert_eq!(footprint::matrix(usize::MAX, usize::MAX), u64::MAX);
/// ```
#[must_use]
pub fn matrix(rows: usize, cols: usize) -> u64 {
    let lines = (rows as u64).saturating_mul(cols.div_ceil(LINE) as u64);
    let bytes = lines.saturating_mul(size_of::<Line>() as u64);
    // Large ones lie in whole huge pages, and what may lie before the first.
    if bytes < LARGE as u64 { bytes } else { bytes.saturating_add(2 * HUGE as u64) }
}

/// [`TeamInputs`](crate::TeamInputs) for `examples` examples of `inputs` inputs and a team of `members`.
#[must_use]
pub fn team_inputs(inputs: usize, examples: usize, members: usize) -> u64 {
    let pointers = (examples as u64).saturating_mul(size_of::<*const u8>() as u64);
    inputs::footprint(inputs, examples).saturating_add(pointers).saturating_mul(members as u64)
}

/// A [`Canvas`](crate::Canvas) for pictures of this shape, with fields whose [smoothing](crate::Smoothing) reaches `radius` pixels.
#[must_use]
pub fn canvas(shape: PictureShape, radius: usize) -> u64 {
    pictures::footprint(shape, radius)
}

/// The packing buffers of a member. The left sides of its products have at most `rows` rows, and all other dimensions are at most
/// `width`.
#[must_use]
pub fn packing(rows: usize, width: usize) -> u64 {
    /// Eight second-level caches: more of the left side isn't kept packed.
    const LEFT: u64 = 32 << 20;
    /// Half of one: a block of the right side; a chunk of a gradient takes less.
    const RIGHT: u64 = 2 << 20;
    /// Steps of a panel.
    const STEPS: u64 = 512;
    /// Rows of a product that is computed as its transpose.
    const SWAPPED: u64 = 64;
    let numbers = |rows: u64, cols: u64| rows.saturating_mul(cols).saturating_mul(size_of::<f32>() as u64);
    let (rows, width) = (rows as u64, width as u64);
    let left = numbers(rows, width.min(STEPS)).min(LEFT);
    let right = numbers(width, width.min(STEPS)).min(RIGHT);
    left.saturating_add(2 * right).saturating_add(numbers(SWAPPED, width)).saturating_add(1 << 16)
}

#[cfg(test)]
mod tests {
    use crate::{Matrix, footprint, matrix::Line};

    #[test]
    fn a_matrix_is_no_larger() {
        for (rows, cols) in [(0, 5), (1, 1), (3, 17), (1000, 300), (5000, 784)] {
            let bytes = size_of_val::<[Line]>(Matrix::zeros(rows, cols).lines());
            assert!((bytes as u64..=bytes as u64 + (4 << 20)).contains(&footprint::matrix(rows, cols)));
        }
    }
}
