//! Random fields, smoothed by a Gaussian: how far each pixel of a bent picture is moved, along rows and along columns.

use super::canvas::{Canvas, PictureShape};
use crate::simd::{Vector, philox_blocks};

/// Blocks of Philox that are computed side by side.
const BLOCKS: usize = 16;

/// Words of these.
pub(super) const GROUP: usize = 4 * BLOCKS;

/// A Gaussian that fields are smoothed by: weights for the distances 0, ±1, … up to its radius, whose sum is 1.
///
/// A weight is e^(−d²/2σ²) over the sum of all of them, in f64 with libm's `exp`, then rounded to f32. The radius is the next integer
/// from 3σ on.
#[derive(Clone, Debug)]
pub struct Smoothing {
    /// The weights of −radius, …, radius.
    weights: Vec<f32>,
}

impl Smoothing {
    /// The Gaussian of this σ, in pixels. `None` unless it is from 0.1 to 100.
    #[must_use]
    pub fn new(sigma: f64) -> Option<Smoothing> {
        if !(0.1..=100.0).contains(&sigma) {
            return None;
        }
        let radius = (3.0 * sigma).ceil() as i32;
        let weight = |d: i32| libm::exp(-f64::from(d * d) / (2.0 * sigma * sigma));
        let sum: f64 = (-radius..=radius).map(weight).sum();
        Some(Smoothing { weights: (-radius..=radius).map(|d| (weight(d) / sum) as f32).collect() })
    }

    /// The most pixels that a field is moved by: the farthest that a weight reaches.
    #[must_use]
    pub fn radius(&self) -> usize {
        self.weights.len() / 2
    }

    /// The weights of the distances −radius, …, radius.
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }
}

/// Two random fields, which move each pixel of a picture.
///
/// The fields before they are smoothed are a function of key and counter. Pixel p = 64g + 16w + i, counted row by row, takes word w of
/// [`philox`](crate::philox)(\[n + 16g + i, c₁, c₂, c₃\]) for the counter \[n, c₁, c₂, c₃\]. The word's lower half h gives the first
/// field (along x), its upper half the second (along y): (h − 32767.5)/32768, one of 2¹⁶ evenly spaced numbers in (−1, 1). Outside the
/// picture fields are 0. They are smoothed along rows first, then along columns.
#[derive(Clone, Copy, Debug)]
pub struct Elastic<'a> {
    /// α, in pixels. A field is multiplied by it after it has been smoothed.
    pub alpha: f32,
    /// The Gaussian.
    pub smoothing: &'a Smoothing,
    /// The key of the draws.
    pub key: [u32; 2],
    /// The counter of the first draws.
    pub counter: [u32; 4],
}

impl Canvas {
    /// Gives the fields of this smoothing room. The first picture that needs it would.
    pub fn reserve(&mut self, smoothing: &Smoothing) {
        let radius = smoothing.radius();
        fn room<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) {
            if buffer.len() < len {
                buffer.resize(len, T::default());
            }
        }
        let (pixels, stride, rows) = (self.shape.pixels(), self.shape.stride(), self.shape.rows());
        room(&mut self.words, pixels.next_multiple_of(GROUP));
        room(&mut self.row, 2 * (stride + 2 * radius));
        room(&mut self.across, 2 * rows * stride);
        room(&mut self.fields, 2 * rows * stride);
    }

    /// Draws and smooths both fields.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`, and the canvas must have [room](Self::reserve) for the fields.
    #[inline(always)]
    pub(super) unsafe fn draw_fields<V: Vector>(&mut self, elastic: &Elastic<'_>) {
        let Canvas { shape, words, row, across, fields, .. } = self;
        let (columns, stride) = (shape.columns(), shape.stride());
        let groups = words[..shape.pixels().next_multiple_of(GROUP)].as_chunks_mut::<GROUP>().0;
        for (g, group) in groups.iter_mut().enumerate() {
            let [first, rest @ ..] = elastic.counter;
            philox_blocks(first.wrapping_add((g * BLOCKS) as u32), rest, elastic.key, group);
        }
        let weights = &*elastic.smoothing.weights;
        let radius = weights.len() / 2;
        // Zeros around the rows, and where they don't fill a line.
        let len = stride + 2 * radius;
        let (first, second) = row[..2 * len].split_at_mut(len);
        first.fill(0.0);
        second.fill(0.0);
        for (words, across) in
            words[..shape.pixels()].chunks_exact(columns).zip(across.chunks_exact_mut(2 * stride))
        {
            for ((word, x), y) in words.iter().zip(&mut first[radius..]).zip(&mut second[radius..]) {
                (*x, *y) = (signed(word & 0xffff), signed(word >> 16));
            }
            let from = [first.as_ptr(), second.as_ptr()];
            let to = across.as_mut_ptr();
            // SAFETY: a chain reads `stride` values from each of 2·radius + 1 places on, and the rows are as long. It writes a line of
            // `across` for either field.
            unsafe { smooth::<V>(weights, from, 1, [to, to.add(stride)], stride) };
        }
        smooth_columns::<V>(*shape, weights, across, fields);
    }
}

/// A half of a word as a number in (−1, 1), exactly.
#[inline(always)]
fn signed(half: u32) -> f32 {
    (half as i32 as f32 - 32767.5) * (1.0 / 32768.0)
}

/// Smooths along columns. Rows outside the picture are left out of the chains, as they are 0.
#[inline(always)]
fn smooth_columns<V: Vector>(shape: PictureShape, weights: &[f32], across: &[f32], fields: &mut [f32]) {
    let (rows, stride, radius) = (shape.rows(), shape.stride(), weights.len() / 2);
    assert!(across.len() >= 2 * rows * stride && fields.len() >= 2 * rows * stride);
    for y in 0..rows {
        let (top, bottom) = (y.saturating_sub(radius), rows.min(y + radius + 1));
        let weights = &weights[top + radius - y..bottom + radius - y];
        // SAFETY: the chain reads the rows from `top` to `bottom` of both fields, and writes row y of either.
        unsafe {
            let (from, to) = (across.as_ptr().add(2 * top * stride), fields.as_mut_ptr().add(2 * y * stride));
            smooth::<V>(weights, [from, from.add(stride)], 2 * stride, [to, to.add(stride)], stride);
        }
    }
}

/// to_f[c] ← Σₖ weights[k] · from_f[c + k·step] for both fields f and c = 0, …, `len` − 1, a multiple of a line: chains of multiply-adds
/// over k, ascending, from 0.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; the values must be there to read and to write.
#[inline(always)]
unsafe fn smooth<V: Vector>(
    weights: &[f32],
    from: [*const f32; 2],
    step: usize,
    to: [*mut f32; 2],
    len: usize,
) {
    let mut at = 0;
    // SAFETY: as the caller's.
    unsafe {
        while at + 4 * V::LANES <= len {
            registers::<V, 4>(weights, from.map(|from| from.add(at)), step, to.map(|to| to.add(at)));
            at += 4 * V::LANES;
        }
        while at + 2 * V::LANES <= len {
            registers::<V, 2>(weights, from.map(|from| from.add(at)), step, to.map(|to| to.add(at)));
            at += 2 * V::LANES;
        }
        while at < len {
            registers::<V, 1>(weights, from.map(|from| from.add(at)), step, to.map(|to| to.add(at)));
            at += V::LANES;
        }
    }
}

/// [`smooth`] of N registers of each field.
///
/// # Safety
///
/// As for [`smooth`].
#[inline(always)]
unsafe fn registers<V: Vector, const N: usize>(
    weights: &[f32],
    from: [*const f32; 2],
    step: usize,
    to: [*mut f32; 2],
) {
    // SAFETY: as the caller's.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; 2];
        for (k, &weight) in weights.iter().enumerate() {
            let weight = V::splat(weight);
            for f in 0..2 {
                for i in 0..N {
                    sums[f][i] = weight.fma(V::load(from[f].add(k * step + i * V::LANES)), sums[f][i]);
                }
            }
        }
        for f in 0..2 {
            for i in 0..N {
                sums[f][i].store(to[f].add(i * V::LANES));
            }
        }
    }
}
