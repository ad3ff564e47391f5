//! Pictures of coloured pixels, with text on them.

use super::color::{Rgb, diverging, grey};
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::iso_8859_1::FONT_6X13;
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::{Baseline, Text};
use embedded_graphics::{Drawable, geometry::Dimensions};
use std::convert::Infallible;
use std::io;

/// The font of text on a raster. It has the letters of Western Europe; others become question marks.
const FONT: &MonoFont<'_> = &FONT_6X13;

/// The width of a character, in pixels.
pub(crate) const CHARACTER: usize = FONT.character_size.width as usize;
/// The height of a line, in pixels.
pub(crate) const LINE: usize = FONT.character_size.height as usize;

/// A picture of coloured pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raster {
    width: usize,
    /// (height × width)
    pixels: Vec<Rgb>,
    /// Whether the colours are those of the diverging scale, which characters show in another way than brightness.
    is_signed: bool,
}

impl Raster {
    /// A picture of one colour. It has a pixel at least.
    pub(crate) fn new(width: usize, height: usize, color: Rgb) -> Raster {
        let width = width.max(1);
        Raster { width, pixels: vec![color; width * height.max(1)], is_signed: false }
    }

    /// A picture of `[rows, columns]` or `[rows, columns, 3]` values, of which `range` tells the darkest and the brightest. `None` if
    /// the shape is no picture's.
    pub(crate) fn of_values(values: &[f32], shape: &[usize], range: (f32, f32)) -> Option<Raster> {
        let (low, high) = (f64::from(range.0), f64::from(range.1));
        let level = |x: f32| (f64::from(x) - low) / (high - low).max(f64::MIN_POSITIVE);
        match *shape {
            [rows, columns] if rows * columns > 0 => Raster::of(values, rows, columns, |x| grey(level(x))),
            [rows, columns, 3] if rows * columns > 0 => {
                let channel = |x: f32| grey(level(x)).0;
                let pixels =
                    values.chunks_exact(3).map(|rgb| Rgb(channel(rgb[0]), channel(rgb[1]), channel(rgb[2])));
                let pixels: Vec<Rgb> = pixels.collect();
                (pixels.len() == rows * columns).then_some(Raster {
                    width: columns,
                    pixels,
                    is_signed: false,
                })
            }
            _ => None,
        }
    }

    /// A picture of values, each of which has the colour that `color` gives it.
    pub(crate) fn of(
        values: &[f32],
        rows: usize,
        columns: usize,
        color: impl Fn(f32) -> Rgb,
    ) -> Option<Raster> {
        let pixels: Vec<Rgb> = values.iter().map(|&x| color(x)).collect();
        (columns > 0 && pixels.len() == rows * columns).then_some(Raster {
            width: columns,
            pixels,
            is_signed: false,
        })
    }

    /// A picture of values on the diverging scale: `greatest` and −`greatest` have the strongest colours.
    pub(crate) fn of_signed(values: &[f32], rows: usize, columns: usize, greatest: f64) -> Option<Raster> {
        let scale = if greatest > 0.0 { greatest } else { 1.0 };
        let picture = Raster::of(values, rows, columns, |x| diverging(f64::from(x) / scale))?;
        Some(Raster { is_signed: true, ..picture })
    }

    /// Whether the colours are those of the diverging scale.
    pub(crate) fn is_signed(&self) -> bool {
        self.is_signed
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    /// The colour at column `x` of row `y`. It panics outside the picture.
    pub(crate) fn at(&self, x: usize, y: usize) -> Rgb {
        self.pixels[y * self.width..][..self.width][x]
    }

    /// Colours a pixel. Outside the picture nothing happens.
    pub(crate) fn set(&mut self, x: usize, y: usize, color: Rgb) {
        if x < self.width && y < self.height() {
            self.pixels[y * self.width + x] = color;
        }
    }

    /// Copies `other` to this place. What would lie outside is left out.
    pub(crate) fn put(&mut self, other: &Raster, left: usize, top: usize) {
        for y in 0..other.height() {
            (0..other.width).for_each(|x| self.set(left + x, top + y, other.at(x, y)));
        }
    }

    /// Draws the border of a rectangle, one pixel wide, outside it.
    pub(crate) fn frame(&mut self, left: usize, top: usize, width: usize, height: usize, color: Rgb) {
        let (left, top, right, bottom) =
            (left.saturating_sub(1), top.saturating_sub(1), left + width, top + height);
        for x in left..=right {
            self.set(x, top, color);
            self.set(x, bottom, color);
        }
        for y in top..=bottom {
            self.set(left, y, color);
            self.set(right, y, color);
        }
    }

    /// The picture with each pixel `factor` times as wide and high.
    pub(crate) fn enlarged(&self, factor: usize) -> Raster {
        let mut larger = Raster::new(self.width * factor, self.height() * factor, Rgb(0, 0, 0));
        for y in 0..larger.height() {
            (0..larger.width).for_each(|x| larger.set(x, y, self.at(x / factor, y / factor)));
        }
        larger
    }

    /// The picture in another size. A pixel is the mean of the area that it covers.
    pub(crate) fn resized(&self, width: usize, height: usize) -> Raster {
        let (width, height) = (width.max(1), height.max(1));
        let across = covers(self.width, width);
        let down = covers(self.height(), height);
        let mut pixels = Vec::with_capacity(width * height);
        for rows in &down {
            for columns in &across {
                let (mut sum, mut area) = ([0.0; 3], 0.0);
                for &(y, share_y) in rows {
                    for &(x, share_x) in columns {
                        let (Rgb(r, g, b), share) = (self.at(x, y), share_x * share_y);
                        sum = [
                            sum[0] + share * f64::from(r),
                            sum[1] + share * f64::from(g),
                            sum[2] + share * f64::from(b),
                        ];
                        area += share;
                    }
                }
                let [r, g, b] = sum.map(|x| (x / area).round() as u8);
                pixels.push(Rgb(r, g, b));
            }
        }
        Raster { width, pixels, is_signed: self.is_signed }
    }

    /// Writes one line of text whose left upper corner is at this place.
    pub(crate) fn write(&mut self, text: &str, left: usize, top: usize, color: Rgb) {
        let style = MonoTextStyle::new(FONT, Rgb888::new(color.0, color.1, color.2));
        let place = Point::new(left as i32, top as i32);
        let Ok(_) = Text::with_baseline(text, place, style, Baseline::Top).draw(self);
    }

    /// The picture as a PNG file.
    pub(crate) fn png(&self) -> io::Result<Vec<u8>> {
        let bytes: Vec<u8> = self.pixels.iter().flat_map(|&Rgb(r, g, b)| [r, g, b]).collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height() as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        writer.finish()?;
        Ok(file)
    }
}

/// For each of `to` pixels, those of `from` pixels that it covers, each with the share that it covers of it.
fn covers(from: usize, to: usize) -> Vec<Vec<(usize, f64)>> {
    let scale = from as f64 / to as f64;
    let cover = |i: usize| {
        let (start, end) = (i as f64 * scale, (i + 1) as f64 * scale);
        let (first, last) = (start as usize, ((end.ceil() as usize).max(1) - 1).min(from - 1));
        let share = |x: usize| (end.min((x + 1) as f64) - start.max(x as f64)).max(1e-9);
        (first.min(last)..=last).map(|x| (x, share(x))).collect()
    };
    (0..to).map(cover).collect()
}

impl OriginDimensions for Raster {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height() as u32)
    }
}

impl DrawTarget for Raster {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let area = self.bounding_box();
        for Pixel(place, color) in pixels {
            if area.contains(place) {
                self.set(place.x as usize, place.y as usize, Rgb(color.r(), color.g(), color.b()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::color::{BLACK, WHITE};
    use super::*;

    #[test]
    fn a_smaller_picture_has_the_means_of_areas() {
        let picture = Raster::of(&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0], 2, 3, |x| grey(f64::from(x))).unwrap();
        assert_eq!(picture.resized(3, 2), picture);
        let Rgb(level, ..) = picture.resized(1, 1).at(0, 0);
        assert_eq!(level, 128);
        // The left half has a whole pixel and half of the next one.
        let halves = picture.resized(2, 2);
        assert_eq!([halves.at(0, 0).0, halves.at(1, 0).0], [85, 85]);
        assert_eq!([halves.at(0, 1).0, halves.at(1, 1).0], [170, 170]);
    }

    #[test]
    fn colours_and_odd_shapes() {
        let colours = Raster::of_values(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0], &[1, 2, 3], (0.0, 1.0)).unwrap();
        assert_eq!([colours.at(0, 0), colours.at(1, 0)], [Rgb(255, 0, 0), Rgb(0, 0, 255)]);
        for shape in [&[4][..], &[2, 3], &[0, 2], &[1, 2, 2]] {
            assert_eq!(Raster::of_values(&[0.0; 4], shape, (0.0, 1.0)), None, "{shape:?}");
        }
    }

    #[test]
    fn text_stays_within_its_line_and_the_picture() {
        let mut picture = Raster::new(40, LINE + 4, WHITE);
        picture.write("7 é → beyond the right edge", 2, 2, BLACK);
        let inked = |y: usize| (0..40).any(|x| picture.at(x, y) == BLACK);
        assert!((2..2 + LINE).any(inked) && !inked(0) && !inked(1) && !inked(LINE + 3));
    }

    #[test]
    fn a_png_holds_the_pixels() {
        let picture = Raster::of(&[0.0, 0.5, 1.0, 0.25], 2, 2, |x| grey(f64::from(x))).unwrap();
        let file = picture.png().unwrap();
        let mut reader = png::Decoder::new(io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, [0, 128, 255, 64].map(|level| [level; 3]).concat());
    }
}
