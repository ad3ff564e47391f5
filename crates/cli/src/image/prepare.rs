//! Turns any picture of a digit into an image like MNIST's.
//!
//! MNIST's digits are white on black, scaled to fit into 20×20 pixels with their proportions kept, and placed in 28×28
//! so that their centre of mass is in the middle (LeCun, Cortes and Burges, "The MNIST database"). The arithmetic is IEEE
//! without fused multiply-add, so a picture gives the same inputs on every platform.

use super::rank::median;
use super::window::Window;
use super::{Picture, border};

/// Side of an MNIST image, and of the square inside that its digits fill.
const SIDE: f32 = 28.0;
const BOX: f32 = 20.0;

/// The picture as (side × side) inputs, 0 background to 1 ink, or `None` if it shows nothing.
///
/// An image of MNIST comes out unchanged, except for its faintest pixels.
pub(crate) fn prepare(picture: &Picture<impl Fn(usize) -> f32>, side: usize) -> Option<Vec<f32>> {
    let ink = ink(picture)?;
    let crop = Crop::around(&ink)?;
    let fitted = Fitted::new(&ink, &crop, (BOX / SIDE * side as f32).round().max(1.0));
    Some(fitted.centred(side))
}

/// The difference of each pixel from the background, in the direction of the ink. It is 0 for the background.
///
/// The threshold of Otsu (1979) parts light from dark. The background is the part that most of the border belongs to.
fn ink(picture: &Picture<impl Fn(usize) -> f32>) -> Option<Picture<impl Fn(usize) -> f32>> {
    /// Least difference between ink and background: 1/32 of the way from black to white.
    const FAINTEST: f32 = 1.0 / 32.0;
    /// A difference from the background of less than so many of its standard deviations is noise.
    const NOISE: f32 = 4.0;
    let Picture { width, height, ref level } = *picture;
    let threshold = otsu(picture)?;
    let (light, edge) = border(width, height)
        .fold((0, 0), |(light, all), i| (light + usize::from(level(i) > threshold), all + 1));
    let light_paper = 2 * light > edge;

    let is_paper = |level: &f32| (*level > threshold) == light_paper;
    let paper = || picture.levels().filter(is_paper);
    let inked = || picture.levels().filter(|level| !is_paper(level));
    let background = median(paper)?;
    // The median absolute deviation of normal noise is 0.6745 σ.
    let noise = NOISE / 0.6745 * median(|| paper().map(|level| (level - background).abs()))?;
    let (sum, count) =
        inked().fold((0.0, 0_usize), |(sum, count), level| (sum + f64::from(level), count + 1));
    if count == 0 {
        return None;
    }
    let mean = sum / count as f64;
    let contrast = (mean as f32 - background).abs();
    if contrast < FAINTEST.max(noise) {
        return None;
    }
    let floor = noise.max(contrast / 32.0);
    let toward_ink = if light_paper { -1.0 } else { 1.0 };
    let difference = move |i: usize| {
        let difference = toward_ink * (level(i) - background);
        if difference > floor { difference } else { 0.0 }
    };
    Some(Picture { width, height, level: difference })
}

/// The level that splits the picture into two parts with the largest variance between them. `None` if all levels are equal.
fn otsu(picture: &Picture<impl Fn(usize) -> f32>) -> Option<f32> {
    const BINS: usize = 256;
    let (low, high) = picture
        .levels()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), level| (level.min(low), level.max(high)));
    if low >= high {
        return None;
    }
    let (mut histogram, mut count) = ([0_u64; BINS], 0_u64);
    for level in picture.levels() {
        let bin = (level - low) / (high - low) * BINS as f32;
        histogram[(bin as usize).min(BINS - 1)] += 1;
        count += 1;
    }
    let moment = |(bin, &count): (usize, &u64)| bin as f64 * count as f64;
    let (all, whole) = (count as f64, histogram.iter().enumerate().map(moment).sum::<f64>());
    let (mut below, mut sum) = (0.0, 0.0);
    let (mut best, mut between) = (0, -1.0);
    for bin in 0..BINS - 1 {
        below += histogram[bin] as f64;
        sum += moment((bin, &histogram[bin]));
        let above = all - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let distance = sum / below - (whole - sum) / above;
        let variance = below * above * distance * distance;
        if variance > between {
            (best, between) = (bin, variance);
        }
    }
    Some(low + (high - low) * ((best + 1) as f32 / BINS as f32))
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
        // The side of a pixel of the result, in pixels of the picture.
        let step = crop.width.max(crop.height) as f32 / size;
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
        super::prepare(&Picture { width, height, level: |i| levels[i] }, side)
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
