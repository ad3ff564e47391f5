//! PNG files as grey levels.

use super::Picture;
use super::rank::quantiles;
use crate::memory;
use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};
use std::io::{BufRead, ErrorKind, Seek};

/// The first bytes of a PNG file.
pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The number of pixels of a picture of this size, which isn't too large.
pub(super) fn pixels_of(width: u32, height: u32) -> Result<u64, String> {
    /// More than a 32-megapixel camera's.
    const MOST: u64 = 1 << 25;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MOST {
        let expected = MOST >> 20;
        return Err(format!("expected at most {expected} Mi pixels, found {width}×{height}; scale it down"));
    }
    Ok(pixels)
}

/// Decodes a PNG file of any colour type, bit depth and interlacing. An animation gives its default picture.
///
/// Colours become their luma (ITU-R BT.601). Transparent pixels show the [background](background).
///
/// # Errors
///
/// The reason why the file can't be decoded, in a few words.
pub(crate) fn decode(file: impl BufRead + Seek) -> Result<Picture<impl Fn(usize) -> f32>, String> {
    let mut decoder = Decoder::new(file);
    // Palettes, fewer than 8 bits and transparent colours become plain channels of 8 or 16 bits.
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(reason)?;
    let (width, height) = reader.info().size();
    pixels_of(width, height)?;
    let (color, depth) = reader.output_color_type();
    let size = reader.output_buffer_size().ok_or("its size exceeds memory")?;
    let (width, height) = (width as usize, height as usize);
    // Levels replace the channels of coloured pixels in place. Three bytes of a pixel give way to four.
    let is_colored = matches!(color, ColorType::Rgb | ColorType::Rgba);
    let room = if is_colored { size.max(width * height * size_of::<f32>()) } else { size };
    memory::check(format!("its {width}×{height} pixels"), room as u64, "scale it down")?;
    let mut bytes = vec![0; room];
    reader.next_frame(&mut bytes[room - size..]).map_err(reason)?;
    let mut samples = Samples::new(bytes, room - size, color, depth);
    let background = if samples.transparent { background(&samples, width, height) } else { 0.0 };
    if is_colored {
        samples.keep_levels(width * height, background);
    }
    Ok(Picture { width, height, level: move |i| samples.level(i, background) })
}

/// The decoder's error in one clear phrase.
fn reason(error: DecodingError) -> String {
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            "expected a whole PNG file, found its end too early; the file is truncated, copy it again"
                .to_owned()
        }
        DecodingError::IoError(error) => format!("cannot read: {error}"),
        error => {
            let text = error.to_string();
            // The decoder's message goes on with all fields of a chunk.
            let short = text.split(" while decoding ChunkType").next().unwrap_or_default();
            format!("the PNG file is damaged: {}; export it anew", short.trim_end_matches('.'))
        }
    }
}

/// A picture's channels as they were decoded, or its levels in their place.
struct Samples {
    bytes: Vec<u8>,
    /// Offset of the first pixel's channels.
    start: usize,
    /// Channels of a pixel.
    channels: usize,
    /// The first three are red, green and blue.
    colored: bool,
    /// The last one is alpha.
    transparent: bool,
    /// A channel has two bytes.
    wide: bool,
    /// The number that each byte stands for.
    fractions: [f32; 256],
    /// The bytes are f32 levels, and no longer channels.
    are_levels: bool,
}

impl Samples {
    fn new(bytes: Vec<u8>, start: usize, color: ColorType, depth: BitDepth) -> Samples {
        Samples {
            bytes,
            start,
            channels: color.samples(),
            colored: matches!(color, ColorType::Rgb | ColorType::Rgba),
            transparent: matches!(color, ColorType::GrayscaleAlpha | ColorType::Rgba),
            // Fewer bits are expanded to 8.
            wide: depth == BitDepth::Sixteen,
            fractions: std::array::from_fn(|byte| byte as f32 / 255.0),
            are_levels: false,
        }
    }

    fn sample(&self, i: usize, channel: usize) -> f32 {
        let (at, bytes) = (i * self.channels + channel, &self.bytes[self.start..]);
        if self.wide {
            f32::from(u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]])) / 65535.0
        } else {
            self.fractions[usize::from(bytes[at])]
        }
    }

    fn luma(&self, i: usize) -> f32 {
        let sample = |channel| self.sample(i, channel);
        if self.colored { 0.299 * sample(0) + 0.587 * sample(1) + 0.114 * sample(2) } else { sample(0) }
    }

    fn alpha(&self, i: usize) -> f32 {
        self.sample(i, self.channels - 1)
    }

    /// The luma of a pixel over the background.
    fn level(&self, i: usize, background: f32) -> f32 {
        if self.are_levels {
            return f32::from_ne_bytes(self.bytes.as_chunks().0[i]);
        }
        if !self.transparent {
            return self.luma(i);
        }
        let alpha = self.alpha(i);
        alpha * self.luma(i) + (1.0 - alpha) * background
    }

    /// Replaces the channels of so many pixels by their levels, in place, from the first pixel on. A pixel's level never
    /// overwrites the channels of a later pixel, because a pixel has at least four bytes, or `start` leaves a byte for each pixel.
    fn keep_levels(&mut self, pixels: usize, background: f32) {
        for i in 0..pixels {
            let level = self.level(i, background);
            self.bytes.as_chunks_mut().0[i] = level.to_ne_bytes();
        }
        self.are_levels = true;
        self.bytes.truncate(pixels * size_of::<f32>());
        self.bytes.shrink_to_fit();
    }
}

/// The level that shows through the transparent pixels of a picture.
///
/// 1. If the visible pixels are both light and dark, some of them are paper: a whole sheet, or a fringe around ink whose paper
///    was made transparent. The background is the level of the visible pixels next to transparent ones.
/// 2. Else, if most of the border is visible, the picture is a blank sheet. The background is the sheet's level.
/// 3. Else the visible pixels are ink alone. The background is white or black, whichever the ink stands out from.
fn background(samples: &Samples, columns: usize, rows: usize) -> f32 {
    /// The difference in level beyond which the visible pixels are both light and dark.
    const CONTRAST: f32 = 0.25;
    let is_seen = |i: usize| samples.alpha(i) > 0.5;
    let by_transparent = |i: usize| {
        let (row, column) = (i / columns, i % columns);
        (row > 0 && !is_seen(i - columns))
            || (row + 1 < rows && !is_seen(i + columns))
            || (column > 0 && !is_seen(i - 1))
            || (column + 1 < columns && !is_seen(i + 1))
    };
    let seen = || (0..rows * columns).filter(|&i| is_seen(i));
    let Some([low, middle, high]) = quantiles(|| seen().map(|i| samples.luma(i)), [2, 50, 98]) else {
        return 1.0;
    };
    if high - low > CONTRAST {
        let rim = || seen().filter(|&i| by_transparent(i)).map(|i| samples.luma(i));
        return quantiles(rim, [50]).map_or(middle, |[rim]| rim);
    }
    let (of_sheet, border) =
        super::border(columns, rows).fold((0, 0), |(seen, all), i| (seen + usize::from(is_seen(i)), all + 1));
    match middle < 0.5 {
        _ if 2 * of_sheet > border => middle,
        true => 1.0,
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The background of a drawing: `#` ink, `+` its fringe, `.` paper, ` ` transparent. Levels are bytes.
    fn background_of(rows: &[&str], [ink, fringe, paper]: [u8; 3]) -> f32 {
        let pixel = |c| match c {
            b'#' => [ink, 255],
            b'+' => [fringe, 255],
            b'.' => [paper, 255],
            _ => [128, 0],
        };
        let bytes = rows.iter().flat_map(|row| row.bytes().flat_map(pixel)).collect();
        let samples = Samples::new(bytes, 0, ColorType::GrayscaleAlpha, BitDepth::Eight);
        background(&samples, rows[0].len(), rows.len())
    }

    #[test]
    fn the_transparent_shows_what_the_picture_was_on() {
        let alone = ["    ", " ## ", " #  ", "    "];
        let tight = ["  ##  ", " #### ", "######", "######", " #### ", "  ##  "];
        let fringed = ["      ", " ++++ ", " +##+ ", " +##+ ", " ++++ ", "      "];
        let thick = [" ++++ ", "+####+", "+####+", "+####+", " ++++ "];
        let sheet = [" .... ", ".#..#.", "..##..", ".#..#.", " .... "];
        let blank = [" .... ", "......", "......", " .... "];
        for [ink, fringe, paper] in [[0, 204, 230], [255, 51, 26]] {
            let far = 255 - ink;
            let cases = [
                (&alone[..], far),
                (&tight, far),
                (&fringed, fringe),
                (&thick, fringe),
                (&sheet, paper),
                (&blank, paper),
            ];
            for (rows, expected) in cases {
                let found = background_of(rows, [ink, fringe, paper]);
                assert_eq!(found, f32::from(expected) / 255.0, "{rows:?}, ink {ink}");
            }
        }
        // No pixel is visible.
        assert_eq!(background_of(&["  ", "  "], [0, 128, 255]), 1.0);
    }

    /// Every form of coloured pixels has the same levels before and after.
    #[test]
    fn levels_take_the_place_of_colours() {
        for (color, depth) in [
            (ColorType::Rgb, BitDepth::Eight),
            (ColorType::Rgba, BitDepth::Eight),
            (ColorType::Rgb, BitDepth::Sixteen),
            (ColorType::Rgba, BitDepth::Sixteen),
        ] {
            let pixels = 1000;
            let size = pixels * color.samples() * if depth == BitDepth::Eight { 1 } else { 2 };
            let start = (4 * pixels).saturating_sub(size);
            let bytes = (0..start + size).map(|i| (i * i % 251) as u8).collect();
            let mut samples = Samples::new(bytes, start, color, depth);
            let before: Vec<f32> = (0..pixels).map(|i| samples.level(i, 0.75)).collect();
            samples.keep_levels(pixels, 0.75);
            assert_eq!(
                before,
                (0..pixels).map(|i| samples.level(i, 0.75)).collect::<Vec<_>>(),
                "{color:?}, {depth:?}"
            );
            assert_eq!(samples.bytes.len(), 4 * pixels);
        }
    }
}
