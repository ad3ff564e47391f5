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
        let levels = match depth {
            BitDepth::Eight => grey(color, &samples, |[byte]: [u8; 1]| f32::from(byte) / 255.0),
            BitDepth::Sixteen => grey(color, &samples, |pair| f32::from(u16::from_be_bytes(pair)) / 65535.0),
            _ => unreachable!("fewer bits are expanded to 8"),
        };
        Ok(Picture { width: width as usize, height: height as usize, levels })
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

/// The luma of each pixel over its background. `SIZE` bytes make a sample.
fn grey<const SIZE: usize>(color: ColorType, bytes: &[u8], sample: impl Fn([u8; SIZE]) -> f32) -> Vec<f32> {
    let samples: Vec<f32> = bytes.as_chunks().0.iter().map(|&bytes| sample(bytes)).collect();
    let pixels = samples.chunks_exact(color.samples());
    let luma = |rgb: &[f32]| 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    match color {
        ColorType::Grayscale => samples,
        ColorType::Rgb => pixels.map(luma).collect(),
        ColorType::GrayscaleAlpha => composite(pixels.map(|pixel| (pixel[0], pixel[1])).collect()),
        ColorType::Rgba => composite(pixels.map(|pixel| (luma(pixel), pixel[3])).collect()),
        ColorType::Indexed => unreachable!("palettes are expanded"),
    }
}

/// Pixels (luma, alpha) over their background.
fn composite(pixels: Vec<(f32, f32)>) -> Vec<f32> {
    let background = background(&pixels);
    pixels.into_iter().map(|(luma, alpha)| alpha * luma + (1.0 - alpha) * background).collect()
}

/// What shows where a picture is transparent.
///
/// If most of the picture is seen, or has light and dark in it, then the paper is among it: the level of most of it. If
/// not, it is ink alone, and the background whichever of white and black it stands out from.
fn background(pixels: &[(f32, f32)]) -> f32 {
    /// Difference in level beyond which two things are seen.
    const CONTRAST: f32 = 0.25;
    let mut seen: Vec<f32> = pixels.iter().filter(|(_, alpha)| *alpha > 0.5).map(|(luma, _)| *luma).collect();
    if seen.is_empty() {
        return 1.0;
    }
    let last = seen.len() - 1;
    let mut quantile = |part: usize| *seen.select_nth_unstable_by(last * part / 100, f32::total_cmp).1;
    let (low, middle, high) = (quantile(2), quantile(50), quantile(98));
    if 2 * seen.len() > pixels.len() || high - low > CONTRAST {
        middle
    } else if middle < 0.5 {
        1.0
    } else {
        0.0
    }
}
