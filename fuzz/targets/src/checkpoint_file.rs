//! A checkpoint's bytes as sections. They can be changed so that lengths and checksums are right again: behind these a reader has
//! only its own care. docs/checkpoint-format.md has the layout.

use crate::next;
use minibatch::checkpoint::{MAGIC, Tag};
use xxhash_rust::xxh3::xxh3_64;

/// Magic, version, section count.
const PREFIX: usize = 16;
/// Tag, flags, length, checksum.
const ENTRY: usize = 24;
const CHECKSUM: usize = 8;
/// The most weights and biases for which sections are made as long as the layers' sizes say.
const MOST_PARAMETERS: u64 = 1 << 12;

/// The content of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The format's version.
    pub version: u32,
    /// The sections, in the order of the file.
    pub sections: Vec<Section>,
}

/// One of a file's sections.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Four letters.
    pub tag: [u8; 4],
    /// The flags as they stand in the table.
    pub flags: u32,
    /// The section's content.
    pub payload: Vec<u8>,
}

impl File {
    /// Takes apart bytes that may be a checkpoint. Believes no checksum. A payload that would reach beyond the file ends with it.
    /// Bytes that are left go to the last section.
    pub fn parse(bytes: &[u8]) -> Option<File> {
        let prefix: &[u8; PREFIX] = bytes.first_chunk()?;
        if prefix[..8] != MAGIC {
            return None;
        }
        let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let (version, count) = (number(8)?, number(12)? as usize);
        if count > 64 {
            return None;
        }
        let mut rest = bytes.get(PREFIX + count * ENTRY + CHECKSUM..)?;
        let mut sections = Vec::new();
        for at in (PREFIX..).step_by(ENTRY).take(count) {
            let tag = number(at)?.to_le_bytes();
            let length = u64::from_le_bytes(*bytes.get(at + 8..)?.first_chunk()?);
            let (payload, after) =
                rest.split_at(usize::try_from(length).map_or(rest.len(), |l| l.min(rest.len())));
            sections.push(Section { tag, flags: number(at + 4)?, payload: payload.to_vec() });
            rest = after;
        }
        if let Some(last) = sections.last_mut() {
            last.payload.extend_from_slice(rest);
        }
        Some(File { version, sections })
    }

    /// The file, with lengths and checksums that are right.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend((self.sections.len() as u32).to_le_bytes());
        for Section { tag, flags, payload } in &self.sections {
            bytes.extend(tag);
            bytes.extend(flags.to_le_bytes());
            bytes.extend((payload.len() as u64).to_le_bytes());
            bytes.extend(xxh3_64(payload).to_le_bytes());
        }
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        self.sections.iter().for_each(|section| bytes.extend(&section.payload));
        bytes
    }

    /// The first section with this tag.
    pub fn section(&mut self, tag: Tag) -> Option<&mut Section> {
        self.sections.iter_mut().find(|section| section.tag == tag.bytes())
    }

    /// Makes the sections of numbers as long as the layers' sizes say, if that isn't long.
    fn fit(&mut self) {
        let Some(parameters) = self.section(Tag::Settings).and_then(|settings| parameters(&settings.payload))
        else {
            return;
        };
        let Some(before) = self.section(Tag::Parameters).map(|section| section.payload.len()) else { return };
        let length = 4 * parameters as usize;
        for tag in [Tag::Parameters, Tag::Optimizer] {
            if let Some(section) = self.section(tag) {
                let blocks = (section.payload.len() / before.max(4)).clamp(1, 2);
                let old = std::mem::take(&mut section.payload);
                let numbers = old.chunks_exact(4).cycle().flatten().chain(&[0; 4]).copied();
                section.payload = numbers.chain(std::iter::repeat(0)).take(blocks * length).collect();
            }
        }
    }
}

/// Weights and biases of the layers whose sizes a `SETT` section begins with. `None` if there are many.
fn parameters(settings: &[u8]) -> Option<u64> {
    let mut numbers = settings.as_chunks().0.iter().map(|number| u64::from_le_bytes(*number));
    let layers = numbers.next().filter(|layers| (2..=16).contains(layers))?;
    let sizes: Vec<u64> = numbers.take(layers as usize).collect();
    let sum = sizes
        .windows(2)
        .try_fold(0_u64, |sum, pair| pair[0].checked_add(1)?.checked_mul(pair[1])?.checked_add(sum));
    sum.filter(|sum| sizes.len() as u64 == layers && *sum <= MOST_PARAMETERS)
}

/// Numbers that stand at an edge, as the eight bytes of a u64 or f64 or the first four of an f32.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    16,
    u64::MAX,
    1 << 63,
    u32::MAX as u64,
    1 << 32,
    // As f64: 1, ∞, NaN, the smallest above 0.
    0x3ff0_0000_0000_0000,
    0x7ff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0x0010_0000_0000_0000,
    // As f32: the largest, ∞, −0, the smallest above 0.
    0x7f7f_ffff,
    0x7f80_0000,
    0x8000_0000,
    0x0080_0000,
];

/// Names that a settings section may hold.
const NAMES: [&str; 26] = [
    "sigmoid",
    "tanh",
    "lecun-tanh",
    "relu",
    "leaky-relu(0.01)",
    "elu(1)",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "identity",
    "softmax",
    "quadratic",
    "mse",
    "mae",
    "huber(1)",
    "binary-cross-entropy",
    "categorical-cross-entropy",
    "hinge",
    "poisson",
    "standard-normal",
    "he-normal",
    "momentum(0.9)",
    "nesterov(0.9)",
    "adam(0.9,0.999,1e-8)",
    "adamw(0.9,0.999,1e-8,0.01)",
];

/// Changes the file in `data`, which has `size` bytes, to one of at most `most` bytes, and returns its size. It is the fuzzer's
/// mutator. `change` does the same to any bytes.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    most: usize,
    seed: u32,
    change: impl Fn(&mut [u8], usize, usize) -> usize,
) -> usize {
    let (mut seed, most) = (u64::from(seed), most.min(data.len()));
    let mut draw = |below: usize| (next(&mut seed) % below.max(1) as u64) as usize;
    let Some(mut file) = File::parse(&data[..size]).filter(|file| !file.sections.is_empty()) else {
        return change(data, size, most);
    };
    for _ in 0..=draw(3) {
        let at = draw(file.sections.len());
        let count = file.sections.len();
        let section = &mut file.sections[at];
        let length = section.payload.len();
        match draw(40) {
            // Changes the bytes as they come, checksums and all.
            0 => return change(data, size, most),
            1 => section.flags ^= 1 << draw(3),
            2 => file.version = draw(4) as u32,
            3 => section.tag[draw(4)] = b'0' + draw(43) as u8,
            4 if count > 1 => drop(file.sections.remove(at)),
            5 => file.sections.swap(at, draw(count)),
            6 => file.sections.push(Section {
                tag: *b"ZZZZ",
                flags: 1 + 2 * draw(2) as u32,
                payload: vec![7; draw(9)],
            }),
            // Puts a number at one of its places.
            7..16 if length >= 8 => {
                let (width, edge) =
                    (if draw(2) == 0 { 4 } else { 8 }, EDGES[draw(EDGES.len())].to_le_bytes());
                let place = if draw(4) == 0 { draw(length - 7) } else { draw(length / width) * width };
                section.payload[place..][..width].copy_from_slice(&edge[..width]);
            }
            // Makes a number a little larger or smaller.
            16..24 if length >= 8 => {
                let place = if draw(4) == 0 { draw(length - 7) } else { draw(length / 8) * 8 };
                let bytes: &mut [u8; 8] = section.payload[place..].first_chunk_mut().expect("eight bytes");
                *bytes =
                    u64::from_le_bytes(*bytes).wrapping_add(draw(9) as u64).wrapping_sub(4).to_le_bytes();
            }
            // Puts another name in the place of one.
            24..32 if section.tag == Tag::Settings.bytes() => rename(&mut section.payload, &mut draw),
            _ => {
                let room = length + 64;
                section.payload.resize(room, 0);
                let length = change(&mut section.payload, length, room);
                section.payload.truncate(length);
            }
        }
    }
    if draw(8) > 0 {
        file.fit();
    }
    let bytes = file.encode();
    if bytes.len() > most {
        return change(data, size, most);
    }
    data[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
}

/// Puts another name, with its length, in the place of one.
fn rename(settings: &mut Vec<u8>, draw: &mut impl FnMut(usize) -> usize) {
    let lowercase = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-');
    let starts: Vec<(usize, usize)> = (0..settings.len().saturating_sub(11))
        .filter_map(|at| {
            let length = u64::from_le_bytes(*settings[at..].first_chunk()?);
            let length = usize::try_from(length).ok().filter(|length| (3..40).contains(length))?;
            let name = settings.get(at + 8..at + 8 + length)?;
            lowercase(&name[..3]).then_some((at, length))
        })
        .collect();
    if starts.is_empty() {
        return;
    }
    let ((at, length), name) = (starts[draw(starts.len())], NAMES[draw(NAMES.len())]);
    let with_length = (name.len() as u64).to_le_bytes().into_iter().chain(name.bytes());
    settings.splice(at..at + 8 + length, with_length);
}
