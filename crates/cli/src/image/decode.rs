//! PNG files as grey levels.

use png::{BitDepth, ColorType, Decoder, DecodingError, Transformations};
use std::io::Cursor;

/// What a PNG file begins with.
pub(crate) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The most pixels of a picture: more than a 32-megapixel camera's, few enough to fit into memory.
const MAX_PIXELS: u64 = 1 << 25;

/// A picture in grey.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// (height × width), 0 black to 1 white, row-major.
    pub(crate) levels: Vec<f32>,
}

impl Picture {
    /// Decodes a PNG file: any colour type, bit depth and interlacing. Of an animation, its default picture.
    ///
    /// Colours become their luma (ITU-R BT.601). What is transparent shows the [background](background).
    ///
    /// # Errors
    ///
    /// Why not, in a few words.
    pub(crate) fn from_png(bytes: &[u8]) -> Result<Picture, String> {
        let mut decoder = Decoder::new(Cursor::new(bytes));
        // Palettes, fewer than 8 bits and transparent colours become plain channels of 8 or 16 bits.
        decoder.set_transformations(Transformations::EXPAND);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let mut reader = decoder.read_info().map_err(reason)?;
        let (width, height) = reader.info().size();
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            let expected = MAX_PIXELS >> 20;
            return Err(format!(
                "expected at most {expected} Mi pixels, found {width}×{height}; scale it down"
            ));
        }
        let (color, depth) = reader.output_color_type();
        let size = reader.output_buffer_size().ok_or("its size exceeds memory")?;
        let mut samples = vec![0; size];
        reader.next_frame(&mut samples).map_err(reason)?;
        let (width, height) = (width as usize, height as usize);
        let levels = match depth {
            BitDepth::Eight => grey(color, width, &samples, |[byte]: [u8; 1]| f32::from(byte) / 255.0),
            BitDepth::Sixteen => {
                grey(color, width, &samples, |pair| f32::from(u16::from_be_bytes(pair)) / 65535.0)
            }
            _ => unreachable!("fewer bits are expanded to 8"),
        };
        Ok(Picture { width, height, levels })
    }
}

/// The decoder's error in one clear phrase.
fn reason(error: DecodingError) -> String {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "expected a whole PNG file, found its end too early; the file is truncated, copy it again"
                .to_owned()
        }
        error => {
            let text = error.to_string();
            // Of a chunk the decoder prints all its fields.
            let short = text.split(" while decoding ChunkType").next().unwrap_or_default();
            format!("the PNG file is damaged: {}; export it anew", short.trim_end_matches('.'))
        }
    }
}

/// The luma of each pixel over its background. `SIZE` bytes make a sample, `columns` pixels a row.
fn grey<const SIZE: usize>(
    color: ColorType,
    columns: usize,
    bytes: &[u8],
    sample: impl Fn([u8; SIZE]) -> f32,
) -> Vec<f32> {
    let samples: Vec<f32> = bytes.as_chunks().0.iter().map(|&bytes| sample(bytes)).collect();
    let pixels = samples.chunks_exact(color.samples());
    let luma = |rgb: &[f32]| 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    match color {
        ColorType::Grayscale => samples,
        ColorType::Rgb => pixels.map(luma).collect(),
        ColorType::GrayscaleAlpha => composite(pixels.map(|pixel| (pixel[0], pixel[1])).collect(), columns),
        ColorType::Rgba => composite(pixels.map(|pixel| (luma(pixel), pixel[3])).collect(), columns),
        ColorType::Indexed => unreachable!("palettes are expanded"),
    }
}

/// Pixels (luma, alpha), `columns` in a row, over their background.
fn composite(pixels: Vec<(f32, f32)>, columns: usize) -> Vec<f32> {
    let background = background(&pixels, columns);
    pixels.into_iter().map(|(luma, alpha)| alpha * luma + (1.0 - alpha) * background).collect()
}

/// What shows where a picture is transparent.
///
/// If what is seen has light and dark in it, then paper is among it, be it a whole sheet or a fringe around ink whose paper
/// was made transparent: the level of what is next to the transparent. If not, and most of the border is seen, it is a
/// sheet, else ink alone, and the background whichever of white and black it stands out from.
fn background(pixels: &[(f32, f32)], columns: usize) -> f32 {
    /// Difference in level beyond which two things are seen.
    const CONTRAST: f32 = 0.25;
    let is_seen = |i: usize| pixels[i].1 > 0.5;
    let (rows, all) = (pixels.len() / columns, 0..pixels.len());
    let at_edge = |i: usize| {
        let (row, column) = (i / columns, i % columns);
        [row == 0, row + 1 == rows, column == 0, column + 1 == columns]
    };
    let by_transparent = |i: usize| {
        let [top, bottom, left, right] = at_edge(i);
        (!top && !is_seen(i - columns))
            || (!bottom && !is_seen(i + columns))
            || (!left && !is_seen(i - 1))
            || (!right && !is_seen(i + 1))
    };
    let levels = |places: &dyn Fn(usize) -> bool| -> Vec<f32> {
        all.clone().filter(|&i| is_seen(i) && places(i)).map(|i| pixels[i].0).collect()
    };
    let mut seen = levels(&|_| true);
    if seen.is_empty() {
        return 1.0;
    }
    let (low, middle, high) = (quantile(&mut seen, 2), quantile(&mut seen, 50), quantile(&mut seen, 98));
    if high - low > CONTRAST {
        let mut rim = levels(&by_transparent);
        return if rim.is_empty() { middle } else { quantile(&mut rim, 50) };
    }
    let border: Vec<usize> = all.clone().filter(|&i| at_edge(i).contains(&true)).collect();
    let of_sheet = border.iter().filter(|&&i| is_seen(i)).count();
    match middle < 0.5 {
        _ if 2 * of_sheet > border.len() => middle,
        true => 1.0,
        false => 0.0,
    }
}

/// The level that so many percent of `levels` are below.
fn quantile(levels: &mut [f32], percent: usize) -> f32 {
    let last = levels.len() - 1;
    *levels.select_nth_unstable_by(last * percent / 100, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels from a drawing: `#` ink, `+` its fringe, `.` paper, ` ` transparent.
    fn drawn(rows: &[&str], [ink, fringe, paper]: [f32; 3]) -> (Vec<(f32, f32)>, usize) {
        let pixel = |c| match c {
            b'#' => (ink, 1.0),
            b'+' => (fringe, 1.0),
            b'.' => (paper, 1.0),
            _ => (0.5, 0.0),
        };
        (rows.iter().flat_map(|row| row.bytes().map(pixel)).collect(), rows[0].len())
    }

    #[test]
    fn the_transparent_shows_what_the_picture_was_on() {
        let alone = ["    ", " ## ", " #  ", "    "];
        let tight = ["  ##  ", " #### ", "######", "######", " #### ", "  ##  "];
        let fringed = ["      ", " ++++ ", " +##+ ", " +##+ ", " ++++ ", "      "];
        let thick = [" ++++ ", "+####+", "+####+", "+####+", " ++++ "];
        let sheet = [" .... ", ".#..#.", "..##..", ".#..#.", " .... "];
        let blank = [" .... ", "......", "......", " .... "];
        for [ink, fringe, paper] in [[0.0, 0.8, 0.9], [1.0, 0.2, 0.1]] {
            let far = 1.0 - ink;
            let cases = [
                (&alone[..], far),
                (&tight, far),
                (&fringed, fringe),
                (&thick, fringe),
                (&sheet, paper),
                (&blank, paper),
            ];
            for (rows, expected) in cases {
                let (pixels, columns) = drawn(rows, [ink, fringe, paper]);
                assert_eq!(background(&pixels, columns), expected, "{rows:?}, ink {ink}");
            }
        }
        // Nothing is seen at all.
        let (pixels, columns) = drawn(&["  ", "  "], [0.0, 0.5, 1.0]);
        assert_eq!(background(&pixels, columns), 1.0);
    }
}
