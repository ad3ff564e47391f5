//! The memory that matrices and buffers take, before they are made.
//!
//! All numbers are upper bounds, in bytes. A size beyond 64 bits is `u64::MAX`.

use crate::inputs;
use crate::matrix::{HUGE, LARGE, LINE, Line};

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

/// A [`Canvas`](crate::Canvas) for pictures of so many values, with fields whose [smoothing](crate::Smoothing) reaches `radius` pixels.
#[must_use]
pub fn canvas(values: usize, radius: usize) -> u64 {
    // In a picture of one column each pixel takes a line of seven buffers. Those of a row are short.
    let lines = (7 * LINE as u64).saturating_mul(values as u64);
    let rows = (8 * values as u64).saturating_add(4 * radius as u64 + 1024);
    lines.saturating_add(rows).saturating_mul(size_of::<f32>() as u64)
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
    use crate::{Canvas, Matrix, PictureShape, Smoothing, footprint, matrix::Line};

    #[test]
    fn a_canvas_is_no_larger() {
        for shape in [[1, 1], [1, 784], [784, 1], [28, 28], [3, 50], [4000, 1]] {
            for sigma in [0.1, 4.5, 100.0] {
                let smoothing = Smoothing::new(sigma).expect("a Gaussian");
                let mut canvas = Canvas::new(PictureShape::new(&shape).expect("a picture"));
                canvas.reserve(&smoothing);
                let bound = footprint::canvas(shape[0] * shape[1], smoothing.radius());
                assert!(canvas.bytes() as u64 <= bound, "{shape:?}, {sigma}: {} bytes", canvas.bytes());
            }
        }
    }

    #[test]
    fn a_matrix_is_no_larger() {
        for (rows, cols) in [(0, 5), (1, 1), (3, 17), (1000, 300), (5000, 784)] {
            let bytes = size_of_val::<[Line]>(Matrix::zeros(rows, cols).lines());
            assert!((bytes as u64..=bytes as u64 + (4 << 20)).contains(&footprint::matrix(rows, cols)));
        }
    }
}
