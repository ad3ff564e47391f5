//! Turns any picture of a digit into an image like MNIST's.
//!
//! MNIST's digits are white on black, scaled to fit into 20×20 pixels with their proportions kept, and placed in 28×28
//! so that their centre of mass is in the middle (LeCun, Cortes and Burges, "The MNIST database"). The arithmetic is IEEE
//! without fused multiply-add, so a picture gives the same inputs on every platform.

use super::Picture;
use super::ink::Ink;
use super::window::Window;

/// Side of an MNIST image, and of the square inside that its digits fill.
const SIDE: f32 = 28.0;
const BOX: f32 = 20.0;

/// A digit in MNIST's form.
pub(crate) struct Prepared {
    /// (side × side) inputs, 0 background to 1 ink.
    pub(crate) image: Vec<f32>,
    /// Whether the picture shows something as large beside it.
    pub(crate) has_second: bool,
}

/// The largest digit in the picture, or `None` if it shows nothing.
///
/// An image of MNIST comes out unchanged, except for its faintest pixels.
pub(crate) fn prepare(picture: &Picture<impl Fn(usize) -> f32>, side: usize) -> Option<Prepared> {
    let found = Ink::find(picture)?;
    let width = picture.width;
    let level = |i: usize| found.difference(i % width, i / width, (picture.level)(i));
    let ink = Picture { width, height: picture.height, level };
    let crop = Crop::around(&ink)?;
    let fitted = Fitted::new(&ink, &crop, (BOX / SIDE * side as f32).round().max(1.0));
    Some(Prepared { image: fitted.centred(side), has_second: found.has_second })
}

/// The box around the ink, in pixels.
struct Crop {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Crop {
    /// `None` if there is no ink.
    fn around(ink: &Picture<impl Fn(usize) -> f32>) -> Option<Crop> {
        let (mut left, mut right, mut rows) = (usize::MAX, 0, None);
        for row in 0..ink.height {
            let inked = |column: &usize| (ink.level)(row * ink.width + column) > 0.0;
            if let Some(first) = (0..ink.width).find(inked) {
                left = left.min(first);
                right = right.max((first..ink.width).rfind(inked).unwrap_or(first));
                let (top, _) = rows.unwrap_or((row, row));
                rows = Some((top, row));
            }
        }
        let (top, bottom) = rows?;
        Some(Crop { left, top, width: right - left + 1, height: bottom - top + 1 })
    }
}

/// The ink, scaled.
struct Fitted {
    width: usize,
    height: usize,
    /// (height × width), the largest of them 1.
    values: Vec<f32>,
}

impl Fitted {
    /// Scales the ink in the crop so that its longer side is `size` pixels.
    fn new(ink: &Picture<impl Fn(usize) -> f32>, crop: &Crop, size: f32) -> Fitted {
        /// A pixel of twenty, and some more.
        const NEARLY: f32 = 0.06;
        // The side of a pixel of the result, in pixels of the picture.
        let step = crop.width.max(crop.height) as f32 / size;
        // Ink that is about as large already is sharper as it is.
        let step = if (step - 1.0).abs() < NEARLY { 1.0 } else { step };
        let across = Window::all(crop.width, step);
        let down = Window::all(crop.height, step);
        let narrowed: Vec<Vec<f32>> = (crop.top..crop.top + crop.height)
            .map(|row| {
                let start = row * ink.width + crop.left;
                across.iter().map(|window| window.average(|i| (ink.level)(start + i))).collect()
            })
            .collect();
        let (width, height) = (across.len(), down.len());
        let mut values: Vec<f32> = down
            .iter()
            .flat_map(|window| (0..width).map(|column| window.average(|row| narrowed[row][column])))
            .collect();
        // Faint ink and a fine pen become as white as a digit of MNIST.
        let largest = values.iter().copied().fold(0.0, f32::max);
        values.iter_mut().for_each(|value| *value /= largest);
        Fitted { width, height, values }
    }

    /// Places the ink in a black square of `side` pixels, with its centre of mass in the middle, to the pixel.
    fn centred(&self, side: usize) -> Vec<f32> {
        let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
        for (i, &value) in self.values.iter().enumerate() {
            mass += value;
            x += value * (i % self.width) as f32;
            y += value * (i / self.width) as f32;
        }
        // MNIST's middle is the pixel at half the side, (14, 14) from 0. All of the ink stays in sight.
        let start = |centre: f32, length: usize| {
            let start = ((side / 2) as f32 - centre).round().max(0.0) as usize;
            start.min(side - length)
        };
        let (left, top) = (start(x / mass, self.width), start(y / mass, self.height));
        let mut image = vec![0.0; side * side];
        for (row, values) in self.values.chunks_exact(self.width).enumerate() {
            image[(top + row) * side + left..][..self.width].copy_from_slice(values);
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::Picture;

    /// A picture that a test draws.
    #[derive(Clone)]
    struct Drawing {
        width: usize,
        height: usize,
        levels: Vec<f32>,
    }

    /// A picture of the given size, `ink` where `is_ink(column, row)` and `paper` elsewhere.
    fn draw(size: [usize; 2], ink: f32, paper: f32, is_ink: impl Fn(usize, usize) -> bool) -> Drawing {
        let [width, height] = size;
        let levels =
            (0..width * height).map(|i| if is_ink(i % width, i / width) { ink } else { paper }).collect();
        Drawing { width, height, levels }
    }

    fn prepare(drawing: &Drawing, side: usize) -> Option<Vec<f32>> {
        let Drawing { width, height, ref levels } = *drawing;
        super::prepare(&Picture { width, height, level: |i| levels[i] }, side).map(|prepared| prepared.image)
    }

    /// An L of 30 × 60 whose corner is at (x, y + 60).
    fn letter(x: usize, y: usize) -> impl Fn(usize, usize) -> bool {
        move |column, row| {
            let (column, row) = (column.wrapping_sub(x), row.wrapping_sub(y));
            column < 30 && row < 60 && (column < 10 || row >= 50)
        }
    }

    fn centre(image: &[f32], side: usize) -> [f32; 2] {
        let mass: f32 = image.iter().sum();
        let mean = |along: fn(usize, usize) -> usize| {
            image.iter().enumerate().map(|(i, value)| along(i, side) as f32 * value).sum::<f32>() / mass
        };
        [mean(|i, side| i % side), mean(|i, side| i / side)]
    }

    #[test]
    fn polarity_place_and_contrast_make_no_difference() {
        let reference = prepare(&draw([90, 120], 1.0, 0.0, letter(20, 30)), 28).unwrap();
        for (ink, paper) in [(0.0, 1.0), (0.1, 0.9), (0.95, 0.3), (0.5, 0.55), (0.45, 0.5)] {
            for (size, x, y) in [([90, 120], 20, 30), ([200, 300], 170, 240), ([200, 300], 3, 1)] {
                let image = prepare(&draw(size, ink, paper, letter(x, y)), 28).unwrap();
                let largest = image.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(largest < 1e-5, "{ink} on {paper} at {x}, {y}: off by {largest}");
            }
        }
    }

    /// This holds as long as most of the border is background.
    #[test]
    fn ink_may_reach_the_border() {
        let reference = prepare(&draw([90, 120], 0.0, 1.0, letter(20, 30)), 28).unwrap();
        let tight = prepare(&draw([35, 60], 0.0, 1.0, letter(5, 0)), 28).unwrap();
        let largest = tight.iter().zip(&reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-5, "off by {largest}");
    }

    #[test]
    fn ink_is_fitted_and_centred_by_mass() {
        for side in [14, 28, 56] {
            let image = prepare(&draw([200, 300], 0.0, 1.0, letter(100, 20)), side).unwrap();
            let inked: Vec<usize> = (0..side * side).filter(|&i| image[i] > 0.0).collect();
            let extent = |along: fn(usize, usize) -> usize| {
                let places = || inked.iter().map(|&i| along(i, side));
                places().max().unwrap() - places().min().unwrap() + 1
            };
            let (width, height) = (extent(|i, side| i % side), extent(|i, side| i / side));
            assert_eq!((width, height), (side * 10 / 28, side * 20 / 28), "side {side}");
            let middle = (side / 2) as f32;
            for place in centre(&image, side) {
                assert!((place - middle).abs() <= 0.5, "side {side}: centre of mass at {place}");
            }
            assert_eq!(image.iter().copied().fold(0.0, f32::max), 1.0);
        }
    }

    /// An image in MNIST's form stays as it is.
    #[test]
    fn a_prepared_image_stays() {
        let once = prepare(&draw([200, 300], 0.0, 1.0, letter(100, 20)), 28).unwrap();
        let again = prepare(&Drawing { width: 28, height: 28, levels: once.clone() }, 28).unwrap();
        let largest = once.iter().zip(&again).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1.0 / 32.0, "{largest}");
    }

    #[test]
    fn a_hairline_is_as_white_as_a_stroke() {
        let line = draw([1000, 1000], 0.0, 1.0, |column, row| column == 500 && (100..900).contains(&row));
        let image = prepare(&line, 28).unwrap();
        assert_eq!(image.iter().filter(|&&value| value > 0.99).count(), 20);
        let dot = draw([50, 50], 0.0, 1.0, |column, row| (column, row) == (7, 40));
        let largest = prepare(&dot, 28).unwrap().into_iter().fold(0.0, f32::max);
        assert_eq!(largest, 1.0);
    }

    #[test]
    fn noise_and_blank_paper_show_nothing() {
        assert!(prepare(&draw([40, 30], 0.0, 1.0, |_, _| false), 28).is_none());
        assert!(prepare(&draw([1, 1], 0.0, 1.0, |_, _| false), 28).is_none());
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let mut bell = || (0..12).map(|_| noise()).sum::<f32>() - 6.0;
        let mut paper = draw([100, 100], 0.0, 0.8, |_, _| false);
        paper.levels.iter_mut().for_each(|level| *level += 0.02 * bell());
        assert!(prepare(&paper, 28).is_none());

        // The same noise around ink changes little.
        let clean = draw([100, 100], 0.3, 0.8, letter(20, 30));
        let mut noisy = clean.clone();
        noisy.levels.iter_mut().for_each(|level| *level += 0.02 * bell());
        let (clean, noisy) = (prepare(&clean, 28).unwrap(), prepare(&noisy, 28).unwrap());
        let off = clean.iter().zip(&noisy).map(|(a, b)| (a - b).abs()).sum::<f32>();
        assert!(off < 0.1 * clean.iter().sum::<f32>(), "{off}");
    }
}
