//! One resampling of a picture: where each pixel comes from, and the interpolation there.

use super::canvas::{Canvas, MARGIN};
use super::fields::Elastic;
use crate::simd::{Isa, Kernel, Vector};

/// An affine map from the pixels of the result to positions in the picture, about the middle of both.
///
/// With u = x − (columns − 1)/2 and v = y − (rows − 1)/2, pixel (x, y) of the result comes from the place that is
/// (xx·u + xy·v + x₀, yx·u + yy·v + y₀) from the middle of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AffineMap {
    /// The rows (xx, xy, x₀) and (yx, yy, y₀).
    pub rows: [[f64; 3]; 2],
}

impl AffineMap {
    /// The map that leaves a picture as it is.
    pub const IDENTITY: AffineMap = AffineMap { rows: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] };
}

/// A value of a pixel: a byte, or an f32.
pub trait Pixel: Copy + Default + private::Sealed {
    /// The value as a number.
    fn number(self) -> f32;

    /// The value that a number of the interpolation stands for. A byte is the nearest, of two the even one.
    fn of_number(number: f32) -> Self;
}

mod private {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
}

impl Pixel for u8 {
    #[inline(always)]
    fn number(self) -> f32 {
        f32::from(self)
    }

    #[inline(always)]
    fn of_number(number: f32) -> u8 {
        // 1.5·2²³: the sum is rounded to an integer, whose bits are the lowest.
        (number + 12_582_912.0).to_bits() as u8
    }
}

impl Pixel for f32 {
    #[inline(always)]
    fn number(self) -> f32 {
        self
    }

    #[inline(always)]
    fn of_number(number: f32) -> f32 {
        number
    }
}

impl Canvas {
    /// Fills `to` with the picture `from`, resampled: pixel (x, y) is the bilinear interpolation of `from` at the place that `map` and,
    /// if there are any, the fields give. Outside the picture is 0. [`reference::warp`](crate::reference::warp) is the definition.
    ///
    /// ```
    /// use minibatch_kernels::{AffineMap, Canvas, Isa, PictureShape};
    ///
    /// let mut canvas = Canvas::new(PictureShape::new(&[2, 3]).expect("a picture"));
    /// // Each pixel comes from the one half a pixel to its right.
    /// let map = AffineMap { rows: [[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]] };
    /// let mut to = [0_u8; 6];
    /// canvas.warp(Isa::detect(), &map, None, &[10, 20, 40, 0, 0, 100], &mut to);
    /// assert_eq!(to, [15, 30, 20, 0, 50, 50]);
    /// ```
    ///
    /// # Panics
    ///
    /// If `from` or `to` is no picture of the canvas' shape.
    pub fn warp<P: Pixel>(
        &mut self,
        isa: Isa,
        map: &AffineMap,
        elastic: Option<&Elastic<'_>>,
        from: &[P],
        to: &mut [P],
    ) {
        let len = self.shape.len();
        assert!(from.len() == len && to.len() == len, "pictures of {len} values");
        if let Some(elastic) = elastic {
            self.reserve(elastic.smoothing);
        }
        isa.run(Warp { canvas: self, map, elastic, from, to });
    }
}

struct Warp<'a, P> {
    canvas: &'a mut Canvas,
    map: &'a AffineMap,
    elastic: Option<&'a Elastic<'a>>,
    from: &'a [P],
    to: &'a mut [P],
}

impl<P: Pixel> Kernel for Warp<'_, P> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Warp { canvas, map, elastic, from, to } = self;
        let shape = canvas.shape;
        if let Some(elastic) = elastic {
            // SAFETY: as the caller's; `warp` gave the fields room.
            unsafe { canvas.draw_fields::<V>(elastic) };
        }
        let alpha = elastic.map(|elastic| elastic.alpha);
        for channel in 0..shape.channels() {
            pad(canvas, from, channel);
            for y in 0..shape.rows() {
                // SAFETY: as the caller's; the fields were drawn if there is an α.
                unsafe { resample_row::<V>(canvas, map, alpha, y) };
                let row = &mut to[y * shape.columns() * shape.channels()..];
                if shape.channels() == 1 {
                    let row = &mut row[..shape.columns()];
                    row.iter_mut().zip(&canvas.result).for_each(|(to, &from)| *to = P::of_number(from));
                } else {
                    let row = row[channel..].iter_mut().step_by(shape.channels());
                    row.take(shape.columns())
                        .zip(&canvas.result)
                        .for_each(|(to, &from)| *to = P::of_number(from));
                }
            }
        }
    }
}

/// Copies a channel of the picture into the middle of the zeros.
#[inline(always)]
fn pad<P: Pixel>(canvas: &mut Canvas, from: &[P], channel: usize) {
    let shape = canvas.shape;
    let (columns, channels) = (shape.columns(), shape.channels());
    let rows = from.chunks_exact(columns * channels);
    for (to, from) in canvas.padded.chunks_exact_mut(shape.padded_stride()).skip(1).zip(rows) {
        let to = &mut to[1..=columns];
        if channels == 1 {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from.number());
        } else {
            let from = from[channel..].iter().step_by(channels);
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from.number());
        }
    }
}

/// Row y of the result, for one channel.
///
/// Positions are counted from the first row and column of the margin. They are kept inside of it, so whatever the map and the fields
/// are, nothing else is read. A position that is no number becomes 0.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`. With an α the canvas must have fields.
#[inline(always)]
unsafe fn resample_row<V: Vector>(canvas: &mut Canvas, map: &AffineMap, alpha: Option<f32>, y: usize) {
    let (shape, stride) = (canvas.shape, canvas.shape.stride());
    let v = y as f64 - (shape.rows() - 1) as f64 / 2.0;
    let [[xx, xy, x0], [yx, yy, y0]] = map.rows;
    // The middle, counted from the margin's first column or row.
    let middle = |len: usize| (len + 1) as f64 / 2.0;
    let (x, y_first) = (xy * v + x0 + middle(shape.columns()), yy * v + y0 + middle(shape.rows()));
    let fields = &canvas.fields;
    assert!(alpha.is_none() || fields.len() >= 2 * shape.rows() * stride, "fields of the picture");
    assert!(canvas.offsets.len() == stride && canvas.result.len() == stride);
    assert!(canvas.padded.len() == shape.padded_len());
    let padded_stride = shape.padded_stride();
    // SAFETY: offsets, the result and the fields' rows are `stride` long, which is a multiple of LANES. A position is from 0 to the
    // columns, or rows, plus 1, so the four pixels around it lie in the padded picture, whose margin is `MARGIN`. Its length is below
    // 2²⁴, so indices are exact.
    unsafe {
        const { assert!(MARGIN == 3) };
        let (x, y_first) = (V::splat(x as f32), V::splat(y_first as f32));
        let (xx, yx) = (V::splat(xx as f32), V::splat(yx as f32));
        let last = [V::splat((shape.columns() + 1) as f32), V::splat((shape.rows() + 1) as f32)];
        let (zero, one, row_length) = (V::splat(0.0), V::splat(1.0), V::splat(padded_stride as f32));
        let pixels = canvas.padded.as_ptr();
        for at in (0..shape.columns()).step_by(V::LANES) {
            let u = V::load(canvas.offsets.as_ptr().add(at));
            let (mut px, mut py) = (xx.fma(u, x), yx.fma(u, y_first));
            if let Some(alpha) = alpha {
                let (alpha, field) = (V::splat(alpha), fields.as_ptr().add(2 * y * stride + at));
                px = alpha.fma(V::load(field), px);
                py = alpha.fma(V::load(field.add(stride)), py);
            }
            let (px, py) = (px.max(zero).min(last[0]), py.max(zero).min(last[1]));
            let (left, top) = (px.floor(), py.floor());
            let (right_share, bottom_share) = (px.sub(left), py.sub(top));
            let index = top.fma(row_length, left);
            let left_share = one.sub(right_share);
            let between = |from: *const f32| {
                let (left, right) = (V::gather(from, index), V::gather(from.add(1), index));
                right_share.fma(right, left_share.mul(left))
            };
            let (upper, lower) = (between(pixels), between(pixels.add(padded_stride)));
            let value = bottom_share.fma(lower, one.sub(bottom_share).mul(upper));
            value.store(canvas.result.as_mut_ptr().add(at));
        }
    }
}
