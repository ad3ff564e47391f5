//! Foreign pictures of digits, made from images of 28 × 28: large ones of seventeen kinds, and small ones that are spoilt.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use png::{BitDepth, ColorType, Encoder, Info};
use std::io::Write;

const WIDTH: usize = 200;
const HEIGHT: usize = 300;
const SIDE: usize = 28;

/// The number of kinds.
pub(crate) const KINDS: usize = 17;

/// A picture of 200 × 300 that shows `digit` (28 × 28, white on black) somewhere, as a PNG file.
pub(crate) fn picture(digit: &[u8], kind: usize, seed: u32) -> Vec<u8> {
    let ink = enlarge(digit, seed);
    let between = |paper: f32, full: f32| ink.iter().map(move |ink| paper + (full - paper) * ink);
    let bytes = |paper, full| between(paper, full).map(|level| level.round() as u8).collect::<Vec<u8>>();
    let transparent = |color: u8| ink.iter().flat_map(move |ink| [color, color, color, (255.0 * ink) as u8]);
    match kind {
        // Dark on light.
        0 => encode(ColorType::Grayscale, BitDepth::Eight, &bytes(250.0, 20.0)),
        // Dark blue on cream.
        1 => {
            let channels =
                [(250.0, 30.0), (240.0, 40.0), (210.0, 120.0)].map(|(paper, full)| bytes(paper, full));
            let pixels: Vec<u8> = (0..ink.len()).flat_map(|i| [0, 1, 2].map(|c| channels[c][i])).collect();
            encode(ColorType::Rgb, BitDepth::Eight, &pixels)
        }
        // Black, and white, on nothing.
        2 => encode(ColorType::Rgba, BitDepth::Eight, &transparent(0).collect::<Vec<u8>>()),
        3 => encode(ColorType::Rgba, BitDepth::Eight, &transparent(255).collect::<Vec<u8>>()),
        // 16 bits.
        4 => {
            let samples = between(60_000.0, 5_000.0).flat_map(|level| (level as u16).to_be_bytes());
            encode(ColorType::Grayscale, BitDepth::Sixteen, &samples.collect::<Vec<u8>>())
        }
        // A palette of 16 colours, two pixels a byte.
        5 => {
            let indices: Vec<u8> = ink.iter().map(|ink| (15.0 * ink).round() as u8).collect();
            let packed: Vec<u8> = indices.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            let colors = (0..16).flat_map(|i| [255 - 16 * i, 240 - 15 * i, 200 - 5 * i]);
            with(
                ColorType::Indexed,
                BitDepth::Four,
                |info| info.palette = Some(colors.collect::<Vec<u8>>().into()),
                &packed,
            )
        }
        6 => interlaced(&bytes(245.0, 10.0)),
        // Faint.
        7 => encode(ColorType::Grayscale, BitDepth::Eight, &bytes(200.0, 170.0)),
        // Light on dark.
        8 => encode(ColorType::Grayscale, BitDepth::Eight, &bytes(15.0, 230.0)),
        // A sheet with transparent margins.
        9 => {
            let sheet = bytes(235.0, 60.0);
            let margin = |i: usize| i % WIDTH < 2 || i % WIDTH + 2 >= WIDTH || i / WIDTH < 2;
            let pixels = sheet
                .iter()
                .enumerate()
                .flat_map(|(i, &level)| if margin(i) { [0, 0] } else { [level, 255] });
            encode(ColorType::GrayscaleAlpha, BitDepth::Eight, &pixels.collect::<Vec<u8>>())
        }
        // A palette of grey levels, in which white, the paper, is made transparent. A fringe of light grey is left.
        10 => {
            let palette: Vec<u8> = (0..=255).flat_map(|level| [level; 3]).collect();
            let alpha: Vec<u8> = (0..=255).map(|level| if level == 255 { 0 } else { 255 }).collect();
            let change = |info: &mut Info<'_>| {
                (info.palette, info.trns) = (Some(palette.into()), Some(alpha.into()));
            };
            with(ColorType::Indexed, BitDepth::Eight, change, &bytes(255.0, 0.0))
        }
        // In a dark frame of 1 to 8 pixels, and light on dark in a light one.
        11 => grey(&framed(&bytes(245.0, 20.0), 10, 1 + seed as usize % 8)),
        12 => grey(&framed(&bytes(15.0, 235.0), 250, 1 + seed as usize % 8)),
        // With a dark bar along a side.
        13 => {
            let mut pixels = bytes(245.0, 20.0);
            let bar = |i: usize| if seed.is_multiple_of(2) { i % WIDTH < 9 } else { i / WIDTH + 7 > HEIGHT };
            pixels.iter_mut().enumerate().filter(|(i, _)| bar(*i)).for_each(|(_, pixel)| *pixel = 20);
            grey(&pixels)
        }
        // With specks of up to 3 × 3.
        14 => {
            let (mut pixels, mut below) = (bytes(245.0, 20.0), numbers(seed));
            for _ in 0..60 {
                let (column, row, size) = (below(WIDTH - 3), below(HEIGHT - 3), 1 + below(3));
                (row..row + size).for_each(|row| pixels[row * WIDTH + column..][..size].fill(20));
            }
            grey(&pixels)
        }
        // With noise on white paper, which can get no lighter.
        15 => {
            let mut below = numbers(seed);
            let mut bell = || (0..12).map(|_| below(1000) as f32 / 1000.0).sum::<f32>() - 6.0;
            grey(
                &between(255.0, 30.0)
                    .map(|level| (level + 25.0 * bell()).clamp(0.0, 255.0) as u8)
                    .collect::<Vec<u8>>(),
            )
        }
        // On ruled paper.
        16 => {
            let mut pixels = bytes(245.0, 20.0);
            let spacing = 20 + seed as usize % 12;
            let rule = |i: usize| (i / WIDTH) % spacing < 2;
            pixels
                .iter_mut()
                .enumerate()
                .filter(|(i, _)| rule(*i))
                .for_each(|(_, pixel)| *pixel = (*pixel).min(90));
            grey(&pixels)
        }
        _ => panic!("there are {KINDS} kinds"),
    }
}

/// A fault of a small picture.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spoilt {
    Nothing,
    /// So many squares of ink, of up to so many pixels a side.
    Specks(usize, usize),
    /// A line after so many rows of 28, of so much ink.
    Lines(usize, f32),
    /// A frame of ink, so many pixels wide.
    Frame(usize),
    /// Normal noise with this standard deviation, on paper that is as light (or dark) as can be.
    Noise(f32),
}

impl Spoilt {
    pub(crate) fn all() -> Vec<Spoilt> {
        let mut all = vec![Spoilt::Nothing, Spoilt::Specks(12, 1), Spoilt::Specks(8, 2), Spoilt::Noise(0.1)];
        all.extend((1..4).map(Spoilt::Frame));
        all.extend((6..10).flat_map(|rows| [0.3, 0.5, 0.7, 1.0].map(|ink| Spoilt::Lines(rows, ink))));
        all
    }

    /// A picture of `side` × `side` that shows `digit` (28 × 28, white on black) in whole, as a PNG file.
    pub(crate) fn picture(self, digit: &[u8], side: usize, is_dark: bool, seed: u32) -> Vec<u8> {
        let scale = side as f32 / SIDE as f32;
        let source = |place: usize| (place as f32 + 0.5) / scale - 0.5;
        let mut ink: Vec<f32> =
            (0..side * side).map(|i| sample(digit, source(i % side), source(i / side))).collect();
        let mut below = numbers(seed.wrapping_mul(747_796_405).wrapping_add(2_891_336_453));
        match self {
            Spoilt::Nothing => {}
            Spoilt::Specks(count, largest) => {
                for _ in 0..count {
                    let size = 1 + below(largest);
                    let (column, row) = (below(side + 1 - size), below(side + 1 - size));
                    (row..row + size).for_each(|row| ink[row * side + column..][..size].fill(1.0));
                }
            }
            Spoilt::Lines(rows, line) => {
                let scaled = |rows: usize| (rows as f32 * scale).round() as usize;
                let (rows, thickness) = (scaled(rows), scaled(1));
                let first = below(rows);
                for (_, row) in
                    ink.chunks_mut(side).enumerate().filter(|(row, _)| (row + first) % rows < thickness)
                {
                    row.iter_mut().for_each(|ink| *ink = ink.max(line));
                }
            }
            Spoilt::Frame(width) => {
                for (i, ink) in ink.iter_mut().enumerate() {
                    let (column, row) = (i % side, i / side);
                    if column.min(side - 1 - column).min(row).min(side - 1 - row) < width {
                        *ink = 1.0;
                    }
                }
            }
            Spoilt::Noise(deviation) => {
                let mut bell = || (0..12).map(|_| below(1000) as f32 / 1000.0).sum::<f32>() - 6.0;
                ink.iter_mut().for_each(|ink| *ink += deviation * bell());
            }
        }
        let level = |ink: f32| if is_dark { 1.0 - ink } else { ink };
        let pixels: Vec<u8> = ink.iter().map(|&ink| (255.0 * level(ink)).round() as u8).collect();
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, side as u32, side as u32);
        encoder.set_color(ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        file
    }
}

fn grey(pixels: &[u8]) -> Vec<u8> {
    encode(ColorType::Grayscale, BitDepth::Eight, pixels)
}

/// The pixels in a frame.
fn framed(pixels: &[u8], level: u8, thickness: usize) -> Vec<u8> {
    let is_frame = |i: usize| {
        let (column, row) = (i % WIDTH, i / WIDTH);
        column.min(WIDTH - 1 - column).min(row).min(HEIGHT - 1 - row) < thickness
    };
    pixels.iter().enumerate().map(|(i, &pixel)| if is_frame(i) { level } else { pixel }).collect()
}

/// Random numbers below the one that is asked for.
fn numbers(seed: u32) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |n| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as usize * n) >> 24
    }
}

/// Ink, 0 to 1, of 200 × 300 pixels that show the digit somewhere, three to six times as large.
fn enlarge(digit: &[u8], seed: u32) -> Vec<f32> {
    let mut below = numbers(seed);
    let scale = 3.0 + below(31) as f32 / 10.0;
    let size = (scale * SIDE as f32) as usize;
    let (left, top) = (below(WIDTH - size), below(HEIGHT - size));
    let source = |place: usize, start: usize| (place as f32 + 0.5 - start as f32) / scale - 0.5;
    (0..WIDTH * HEIGHT).map(|i| sample(digit, source(i % WIDTH, left), source(i / WIDTH, top))).collect()
}

/// A digit in MNIST's form: its longer side 20 pixels, its centre of mass at (14, 14).
pub(crate) fn normalised(digit: &[u8]) -> Vec<u8> {
    let inked = || (0..SIDE * SIDE).filter(|&i| digit[i] > 0);
    let extent =
        |along: fn(usize) -> usize| inked().map(along).max().unwrap() + 1 - inked().map(along).min().unwrap();
    let scale = 20.0 / extent(|i| i % SIDE).max(extent(|i| i / SIDE)) as f32;
    let mass: f32 = digit.iter().map(|&value| f32::from(value)).sum();
    let mean = |along: fn(usize) -> usize| {
        inked().map(|i| along(i) as f32 * f32::from(digit[i])).sum::<f32>() / mass
    };
    let (x, y) = (mean(|i| i % SIDE), mean(|i| i / SIDE));
    let source = |place: usize, centre: f32| (place as f32 - 14.0) / scale + centre;
    let value = |i| 255.0 * sample(digit, source(i % SIDE, x), source(i / SIDE, y));
    (0..SIDE * SIDE).map(|i| value(i).round() as u8).collect()
}

/// The digit, 0 to 1, at a point, interpolated linearly between the centres of its pixels.
fn sample(digit: &[u8], x: f32, y: f32) -> f32 {
    let at = |x: isize, y: isize| match (usize::try_from(x), usize::try_from(y)) {
        (Ok(x @ 0..SIDE), Ok(y @ 0..SIDE)) => f32::from(digit[y * SIDE + x]) / 255.0,
        _ => 0.0,
    };
    let (dx, dy, x, y) = (x - x.floor(), y - y.floor(), x.floor() as isize, y.floor() as isize);
    let upper = (1.0 - dx) * at(x, y) + dx * at(x + 1, y);
    let lower = (1.0 - dx) * at(x, y + 1) + dx * at(x + 1, y + 1);
    (1.0 - dy) * upper + dy * lower
}

fn encode(color: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
    with(color, depth, |_| {}, data)
}

fn with(color: ColorType, depth: BitDepth, change: impl FnOnce(&mut Info<'_>), data: &[u8]) -> Vec<u8> {
    let mut info = info(color, depth);
    change(&mut info);
    let mut file = Vec::new();
    let mut writer = Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    file
}

fn info(color: ColorType, depth: BitDepth) -> Info<'static> {
    let mut info = Info::with_size(WIDTH as u32, HEIGHT as u32);
    (info.color_type, info.bit_depth) = (color, depth);
    info
}

/// A grey picture in the seven passes of Adam7, which the encoder doesn't make.
fn interlaced(pixels: &[u8]) -> Vec<u8> {
    /// The first column and row of each pass, and the steps to the next.
    const PASSES: [[usize; 4]; 7] =
        [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    for [column, row, across, down] in PASSES {
        for line in pixels.chunks_exact(WIDTH).skip(row).step_by(down) {
            let unfiltered = [0].into_iter().chain(line.iter().copied().skip(column).step_by(across));
            zlib.write_all(&unfiltered.collect::<Vec<u8>>()).unwrap();
        }
    }
    let mut info = info(ColorType::Grayscale, BitDepth::Eight);
    info.interlaced = true;
    let mut file = Vec::new();
    let mut writer = Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &zlib.finish().unwrap()).unwrap();
    writer.finish().unwrap();
    file
}
