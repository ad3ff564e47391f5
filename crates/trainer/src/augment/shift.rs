use super::{Augment, Augmentation, Minibatch, PICTURES, Values};
use minibatch_kernels::PictureShape;

/// A shift by whole pixels: each picture moves by dx to the right and by dy down, both drawn from −pixels, …, pixels, all equally
/// likely. What leaves the picture is gone, and zeros come in. The parameter is usually 1.
///
/// With the word r₀ of the example's first draw dx is ⌊r₀·(2·pixels + 1)/2³²⌋ − pixels, and dy follows from r₁ in the same way.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    pixels: u32,
}

impl Shift {
    /// A shift by up to so many pixels, 4,000 at most. `None` for more.
    #[must_use]
    pub fn new(pixels: u32) -> Option<Shift> {
        (pixels <= 4000).then_some(Shift { pixels })
    }

    /// How far a picture moves in one direction.
    fn distance(self, random: u32) -> isize {
        let choices = u64::from(2 * self.pixels + 1);
        ((u64::from(random) * choices) >> 32) as isize - self.pixels as isize
    }
}

impl Default for Shift {
    fn default() -> Shift {
        Shift { pixels: 1 }
    }
}

impl Augmentation for Shift {
    fn name(&self) -> &'static str {
        "shift"
    }

    fn usage(&self) -> &str {
        "shift(pixels) with a whole number of pixels from 0 to 4000"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.pixels.into()]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Augment> {
        let pixels = *parameters.first()?;
        let whole = (0.0..=4000.0).contains(&pixels) && pixels.fract() == 0.0;
        whole.then(|| Shift::new(pixels as u32)).flatten().map(Augment::new)
    }

    fn expects(&self, shape: &[usize]) -> Result<(), &str> {
        PictureShape::new(shape).map(|_| ()).ok_or(PICTURES)
    }

    fn work(&self) -> f64 {
        0.1
    }

    fn augment(&self, minibatch: &mut Minibatch<'_>) {
        minibatch.for_each_example(|example| {
            let [x, y, ..] = example.draw(0);
            let by = (self.distance(x), self.distance(y));
            let shape = PictureShape::new(example.shape()).expect("the trainer saw that they are pictures");
            match example.values() {
                Values::Bytes { from, to } => shift(shape, by, from, to),
                Values::Numbers { from, to } => shift(shape, by, from, to),
            }
        });
    }
}

/// Fills `to` with the picture `from`, moved to the right and down. Rows lie one after the other, so nearly all of it is one copy.
fn shift<T: Copy + Default>(shape: PictureShape, (right, down): (isize, isize), from: &[T], to: &mut [T]) {
    let (row, columns) = (shape.columns() * shape.channels(), shape.columns() as isize);
    if right.abs() >= columns || down.unsigned_abs() >= shape.rows() {
        to.fill(T::default());
        return;
    }
    let by = down * row as isize + right * shape.channels() as isize;
    let moved = from.len() - by.unsigned_abs();
    if by >= 0 {
        let (new, kept) = to.split_at_mut(by as usize);
        new.fill(T::default());
        kept.copy_from_slice(&from[..moved]);
    } else {
        let (kept, new) = to.split_at_mut(moved);
        kept.copy_from_slice(&from[from.len() - moved..]);
        new.fill(T::default());
    }
    // The values that came from the other end of a neighbouring row.
    let wrapped = right.unsigned_abs() * shape.channels();
    match right {
        0 => {}
        1.. => to.chunks_exact_mut(row).for_each(|row| row[..wrapped].fill(T::default())),
        _ => to.chunks_exact_mut(row).for_each(|values| values[row - wrapped..].fill(T::default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every shift of a small picture, pixel by pixel.
    #[test]
    fn a_picture_moves() {
        for (dimensions, channels) in [(&[3, 4][..], 1), (&[2, 3, 2], 2), (&[1, 1], 1)] {
            let shape = PictureShape::new(dimensions).expect("a picture");
            let (rows, columns) = (dimensions[0] as isize, dimensions[1] as isize);
            let from: Vec<u8> = (1..=shape.len() as u8).collect();
            for right in -5..=5 {
                for down in -5..=5 {
                    let mut to = vec![99; from.len()];
                    shift(shape, (right, down), &from, &mut to);
                    for (i, &found) in to.iter().enumerate() {
                        let (pixel, channel) = ((i / channels) as isize, i % channels);
                        let (x, y) = (pixel % columns - right, pixel / columns - down);
                        let inside = (0..columns).contains(&x) && (0..rows).contains(&y);
                        let expected =
                            if inside { from[(y * columns + x) as usize * channels + channel] } else { 0 };
                        assert_eq!(found, expected, "{dimensions:?} by {right}, {down}: value {i}");
                    }
                }
            }
        }
    }

    /// The smallest and the largest draw, and the limits between the distances.
    #[test]
    fn a_distance_follows_from_the_draw() {
        let shift = Shift::new(1).expect("in range");
        let third = (1_u64 << 32).div_ceil(3) as u32;
        for (random, expected) in [(0, -1), (third - 1, -1), (third, 0), (u32::MAX / 2, 0), (u32::MAX, 1)] {
            assert_eq!(shift.distance(random), expected, "{random}");
        }
        assert_eq!(Shift::new(0).expect("in range").distance(u32::MAX), 0);
    }
}
