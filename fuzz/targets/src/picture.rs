//! Pictures. A PNG file, damaged or not, or one that is made of the bytes, becomes inputs from 0 to 1 or is refused in a line.

use arbitrary::{Result, Unstructured};
use minibatch_cli::inspect;
use png::{BitDepth, ColorType, Encoder};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The most pixels of a picture. Larger ones have only more of the same, and take their time.
const MOST_PIXELS: u64 = 1 << 16;

/// More pixels than the command takes. It must refuse such pictures at once.
const TOO_MANY: u64 = 1 << 25;

/// The target: a PNG file, or else bytes that one is made of.
pub fn picture(bytes: &[u8]) -> bool {
    if bytes.starts_with(SIGNATURE) {
        // The file goes as it is, then with checksums that are right: behind these the decoder has only its own care.
        let as_it_is = prepared(bytes);
        prepared(&with_checksums(bytes)) || as_it_is
    } else {
        made(&mut Unstructured::new(bytes)).is_ok_and(|file| {
            let shown = inspect::picture(&file, 28).expect("a whole PNG file");
            check(shown.as_deref(), 28)
        })
    }
}

/// Whether the file is a picture, and shows something.
fn prepared(file: &[u8]) -> bool {
    let pixels = pixels(file).unwrap_or(0);
    if (MOST_PIXELS..=TOO_MANY).contains(&pixels) {
        return false;
    }
    match inspect::picture(file, 28) {
        Ok(shown) => {
            assert!(pixels <= TOO_MANY, "{pixels} pixels are taken");
            for side in [1, 2, 13] {
                check(inspect::picture(file, side).expect("as before").as_deref(), side);
            }
            check(shown.as_deref(), 28)
        }
        Err(why) => {
            assert!(!why.is_empty() && !why.contains('\n'), "an error is one line: {why:?}");
            false
        }
    }
}

/// Checks that inputs are (side × side) numbers from 0 to 1.
fn check(inputs: Option<&[f32]>, side: usize) -> bool {
    let Some(inputs) = inputs else { return false };
    assert_eq!(inputs.len(), side * side);
    assert!(inputs.iter().all(|x| (0.0..=1.0).contains(x)), "{inputs:?}");
    assert!(inputs.contains(&1.0), "ink is white: {inputs:?}");
    true
}

/// Width times height, as the header has them.
fn pixels(file: &[u8]) -> Option<u64> {
    let side = |at: usize| Some(u64::from(u32::from_be_bytes(*file.get(at..)?.first_chunk()?)));
    Some(side(16)?.saturating_mul(side(20)?))
}

/// The file with the right checksum after each chunk.
fn with_checksums(file: &[u8]) -> Vec<u8> {
    let (mut file, mut at) = (file.to_vec(), SIGNATURE.len());
    while let Some(length) = file.get(at..).and_then(<[u8]>::first_chunk) {
        let end = at.saturating_add(8).saturating_add(u32::from_be_bytes(*length) as usize);
        let Some(chunk) = file.get(at + 4..end) else { break };
        let checksum = crc32fast::hash(chunk).to_be_bytes();
        if let Some(to) = file.get_mut(end..end + 4) {
            to.copy_from_slice(&checksum);
        }
        at = end + 4;
    }
    file
}

/// A PNG file of any kind.
fn made(choices: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let (color, depth) = *choices.choose(&[
        (ColorType::Grayscale, BitDepth::One),
        (ColorType::Grayscale, BitDepth::Two),
        (ColorType::Grayscale, BitDepth::Four),
        (ColorType::Grayscale, BitDepth::Eight),
        (ColorType::Grayscale, BitDepth::Sixteen),
        (ColorType::GrayscaleAlpha, BitDepth::Eight),
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen),
        (ColorType::Rgb, BitDepth::Eight),
        (ColorType::Rgb, BitDepth::Sixteen),
        (ColorType::Rgba, BitDepth::Eight),
        (ColorType::Rgba, BitDepth::Sixteen),
        (ColorType::Indexed, BitDepth::One),
        (ColorType::Indexed, BitDepth::Four),
        (ColorType::Indexed, BitDepth::Eight),
    ])?;
    let (width, height): (u32, u32) = (choices.int_in_range(1..=40)?, choices.int_in_range(1..=40)?);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ColorType::Indexed {
        let colors = 1 << (depth as usize);
        encoder.set_palette((0..3 * colors).map(|_| choices.arbitrary()).collect::<Result<Vec<u8>>>()?);
        if choices.arbitrary()? {
            encoder.set_trns((0..colors).map(|_| choices.arbitrary()).collect::<Result<Vec<u8>>>()?);
        }
    }
    let row = (width as usize * color.samples() * depth as usize).div_ceil(8);
    // The picture is a paper of one tone with something on it, or anything at all.
    let paper: Option<u8> = choices.arbitrary()?;
    let mut samples = vec![paper.unwrap_or(0); row * height as usize];
    let drawn = choices.int_in_range(0..=samples.len())?;
    let first = choices.int_in_range(0..=samples.len() - drawn)?;
    choices.fill_buffer(&mut samples[first..][..drawn])?;
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&samples).expect("all samples");
    writer.finish().expect("an end");
    Ok(file)
}
