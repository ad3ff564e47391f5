//! Picture files of any format, as grey levels or as bytes of colours.

use super::Picture;
use super::decode::{SIGNATURE, decode, pixels_of};
use super::window::Window;
use crate::memory;
use image::{DynamicImage, ImageError, ImageReader, Limits};
use std::fs::File;
use std::io::{BufReader, Read, Seek};

/// Bytes that the decoder of a picture may take.
const MAX_BYTES: u64 = 1 << 29;

/// Whether a file that begins so is a picture that can be read: PNG, JPEG, GIF, BMP or WebP.
pub(crate) fn is_picture(start: &[u8]) -> bool {
    let is_webp = start.starts_with(b"RIFF")
        && start.get(8..).is_none_or(|rest| rest.is_empty() || rest.starts_with(b"WEBP"));
    [SIGNATURE, b"\xff\xd8\xff", b"GIF8", b"BM"].iter().any(|signature| start.starts_with(signature))
        || is_webp
}

/// Calls `then` with the picture in `file`, in grey.
///
/// # Errors
///
/// The reason why it can't be read, in a few words, or the error of `then`.
pub(crate) fn with_grey<T>(
    file: &mut File,
    then: impl FnOnce(&dyn Levels) -> Result<T, String>,
) -> Result<T, String> {
    let mut start = Vec::new();
    let rewind = |file: &mut File| file.rewind().map_err(|error| format!("cannot read: {error}"));
    rewind(file)?;
    file.by_ref()
        .take(SIGNATURE.len() as u64)
        .read_to_end(&mut start)
        .map_err(|error| format!("cannot read: {error}"))?;
    rewind(file)?;
    if start == SIGNATURE {
        return then(&decode(BufReader::new(file))?);
    }
    let picture = open(file)?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rgb = picture.into_rgb8().into_raw();
    let level = move |i: usize| {
        let channel = |c: usize| f32::from(rgb[3 * i + c]) / 255.0;
        0.299 * channel(0) + 0.587 * channel(1) + 0.114 * channel(2)
    };
    then(&Picture { width, height, level })
}

/// A picture in grey, whatever it was read from.
pub(crate) trait Levels {
    /// Columns and rows.
    fn size(&self) -> (usize, usize);

    /// The level of a pixel, 0 black to 1 white.
    fn level(&self, pixel: usize) -> f32;
}

impl<L: Fn(usize) -> f32> Levels for Picture<L> {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn level(&self, pixel: usize) -> f32 {
        (self.level)(pixel)
    }
}

/// The pixels of the picture in `file`, in so many rows and columns or as many as it has, and so many channels: 1 for grey, 3 for red,
/// green and blue.
pub(crate) fn pixels(
    file: &mut File,
    size: Option<[usize; 2]>,
    channels: usize,
) -> Result<([usize; 2], Vec<u8>), String> {
    let byte = |level: f32| (255.0 * level).round().clamp(0.0, 255.0) as u8;
    if channels == 1 {
        return with_grey(file, |picture| {
            let (width, height) = picture.size();
            let [rows, columns] = size.unwrap_or([height, width]);
            let levels = scaled(&|i| picture.level(i), [height, width], [rows, columns]);
            Ok(([rows, columns], levels.into_iter().map(byte).collect()))
        });
    }
    file.rewind().map_err(|error| format!("cannot read: {error}"))?;
    let picture = open(file)?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let rgb = picture.into_rgb8().into_raw();
    let [rows, columns] = size.unwrap_or([height, width]);
    let channel = |c: usize| scaled(&|i| f32::from(rgb[3 * i + c]) / 255.0, [height, width], [rows, columns]);
    let [red, green, blue] = [channel(0), channel(1), channel(2)];
    let pixel = |i: usize| [red[i], green[i], blue[i]].map(byte);
    Ok(([rows, columns], (0..rows * columns).flat_map(pixel).collect()))
}

/// Levels scaled from one size (rows, columns) to another: reduced by area, enlarged by linear interpolation.
pub(super) fn scaled(level: &dyn Fn(usize) -> f32, from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    if from == to {
        return (0..from[0] * from[1]).map(level).collect();
    }
    let across = Window::all(from[1], from[1] as f32 / to[1] as f32);
    let down = Window::all(from[0], from[0] as f32 / to[0] as f32);
    let narrowed: Vec<Vec<f32>> = (0..from[0])
        .map(|row| across.iter().map(|window| window.mean(|i| level(row * from[1] + i))).collect())
        .collect();
    down.iter().flat_map(|window| (0..to[1]).map(|column| window.mean(|row| narrowed[row][column]))).collect()
}

/// Decodes a picture whose first bytes tell its format. An animation gives its first picture.
fn open(file: &File) -> Result<DynamicImage, String> {
    let reader = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(|error| format!("cannot read: {error}"))?;
    let format =
        reader.format().ok_or("expected a picture (PNG, JPEG, GIF, BMP or WebP), found another file")?;
    let name = format.extensions_str().first().copied().unwrap_or("picture").to_ascii_uppercase();
    let reason = |error: ImageError| {
        let text = error.to_string().replace('\n', " ");
        format!("the {name} file is damaged: {}; export it anew", text.trim_end_matches('.'))
    };
    let (width, height) =
        ImageReader::with_format(BufReader::new(file), format).into_dimensions().map_err(reason)?;
    let pixels = pixels_of(width, height)?;
    memory::check(format!("its {width}×{height} pixels"), 8 * pixels, "scale it down")?;
    let mut file = file;
    file.rewind().map_err(|error| format!("cannot read: {error}"))?;
    let mut reader = ImageReader::with_format(BufReader::new(file), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    reader.decode().map_err(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_keeps_levels_and_places() {
        // Left half black, right half white.
        let level = |i: usize| f32::from(u8::from(i % 40 >= 20));
        assert_eq!(scaled(&level, [30, 40], [3, 4]), [0.0, 0.0, 1.0, 1.0].repeat(3));
        assert_eq!(scaled(&|i| i as f32, [1, 2], [2, 4]), [0.0, 0.25, 0.75, 1.0].repeat(2));
        let white = scaled(&|_| 1.0, [5, 7], [3, 4]);
        assert!(white.iter().all(|x| (x - 1.0).abs() < 1e-6), "{white:?}");
    }

    #[test]
    fn pictures_are_told_by_their_first_bytes() {
        for start in
            [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff\xe0", b"GIF89a", b"BM....", b"RIFF....WEBPVP8 "]
        {
            assert!(is_picture(start), "{start:?}");
        }
        for start in [&b"RIFF....WAVEfmt "[..], b"a,b,c", b"", b"\x00\x00\x08\x03", b"%PDF"] {
            assert!(!is_picture(start), "{start:?}");
        }
    }
}
