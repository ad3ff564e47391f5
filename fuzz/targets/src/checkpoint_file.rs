//! A checkpoint's bytes as entries. They can be changed so that lengths and checksums are right again: behind these a reader has
//! only its own care. docs/checkpoint-format.md has the layout.

use crate::next;
use minibatch_checkpoint::MAGIC;
use xxhash_rust::xxh3::xxh3_64;

/// Magic, version, section count.
const PREFIX: usize = 16;
/// Tag, flags, length, checksum.
const LINE: usize = 24;
const CHECKSUM: usize = 8;
/// The most weights and biases for which entries are made as long as the layers' sizes say.
const MOST_PARAMETERS: u64 = 1 << 12;

/// The content of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The format's version.
    pub version: u32,
    /// The entries, in the order of the file. In versions 1 and 2 these are the sections.
    pub entries: Vec<Entry>,
}

/// One of a file's entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The name. In versions 1 and 2 four letters, a section's tag.
    pub name: Vec<u8>,
    /// The flags as they stand in the file.
    pub flags: u32,
    /// The entry's content.
    pub payload: Vec<u8>,
}

/// A number at the front of bytes, which it is taken off.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*number)
}

/// As many bytes, or all that there are, taken off.
fn take_bytes<'a>(bytes: &mut &'a [u8], length: u64) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(usize::try_from(length).map_or(bytes.len(), |l| l.min(bytes.len())));
    *bytes = rest;
    taken
}

impl File {
    /// Takes apart bytes that may be a checkpoint. Believes no checksum. A payload that would reach beyond the file ends with it.
    /// Bytes that are left go to the last entry.
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
        let lines = bytes.get(PREFIX..PREFIX + count * LINE)?.as_chunks::<LINE>().0;
        let rest = bytes.get(PREFIX + count * LINE + CHECKSUM..)?;
        let sections = lines.iter().map(|line| {
            let mut line = &line[..];
            let tag: [u8; 4] = take(&mut line)?;
            Some((tag.to_vec(), u32::from_le_bytes(take(&mut line)?), u64::from_le_bytes(take(&mut line)?)))
        });
        let sections = with_payloads(sections.collect::<Option<Vec<_>>>()?, rest);
        let entries = if version < 3 { sections } else { entries(&sections)? };
        Some(File { version, entries })
    }

    /// The file, with lengths and checksums that are right.
    pub fn encode(&self) -> Vec<u8> {
        if self.version < 3 {
            return encode(self.version, &self.entries);
        }
        let mut directory = (self.entries.len() as u64).to_le_bytes().to_vec();
        for Entry { name, flags, payload } in &self.entries {
            directory.extend((name.len() as u64).to_le_bytes());
            directory.extend(name);
            directory.extend(flags.to_le_bytes());
            directory.extend((payload.len() as u64).to_le_bytes());
            directory.extend(xxh3_64(payload).to_le_bytes());
        }
        let data = self.entries.iter().flat_map(|entry| entry.payload.iter().copied()).collect();
        let section = |(name, payload): (&[u8], Vec<u8>)| Entry { name: name.to_vec(), flags: 0, payload };
        encode(self.version, &[(&b"DIRE"[..], directory), (b"DATA", data)].map(section))
    }

    /// The first entry with this name.
    pub fn entry(&mut self, name: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.name == name.as_bytes())
    }

    /// Makes the entries of numbers as long as the layers' sizes say, if that isn't long.
    fn fit(&mut self) {
        let (layers, own) = if self.version < 3 {
            ("SETT", "PARM")
        } else {
            ("network/main/layers", "network/main/parameters")
        };
        let is_old = self.version < 3;
        let Some(parameters) = self.entry(layers).and_then(|layers| parameters(&layers.payload, is_old))
        else {
            return;
        };
        let Some(before) = self.entry(own).map(|entry| entry.payload.len()) else { return };
        let length = 4 * parameters as usize;
        let is_of_numbers = |entry: &&mut Entry| {
            entry.name == own.as_bytes() || entry.name == b"OPTM" || entry.name.starts_with(b"run/moments/")
        };
        for entry in self.entries.iter_mut().filter(is_of_numbers) {
            // Versions 1 and 2 have all moments in one section.
            let moments = (entry.payload.len() / before.max(4)).clamp(1, 2);
            let old = std::mem::take(&mut entry.payload);
            let numbers = old.chunks_exact(4).cycle().flatten().chain(&[0; 4]).copied();
            entry.payload = numbers.chain(std::iter::repeat(0)).take(moments * length).collect();
        }
    }
}

/// The entries with these names, flags and lengths, whose payloads `rest` has.
fn with_payloads(lines: Vec<(Vec<u8>, u32, u64)>, mut rest: &[u8]) -> Vec<Entry> {
    let entry =
        |(name, flags, length)| Entry { name, flags, payload: take_bytes(&mut rest, length).to_vec() };
    let mut entries: Vec<Entry> = lines.into_iter().map(entry).collect();
    if let Some(last) = entries.last_mut() {
        last.payload.extend_from_slice(rest);
    }
    entries
}

/// The entries that the two sections of a newer file have.
fn entries(sections: &[Entry]) -> Option<Vec<Entry>> {
    let [directory, data] = sections else { return None };
    let mut directory = &directory.payload[..];
    let count = u64::from_le_bytes(take(&mut directory)?);
    let mut lines = Vec::new();
    for _ in 0..count {
        let length = u64::from_le_bytes(take(&mut directory)?);
        let name = take_bytes(&mut directory, length).to_vec();
        let flags = u32::from_le_bytes(take(&mut directory)?);
        lines.push((name, flags, u64::from_le_bytes(take(&mut directory)?)));
        take::<8>(&mut directory)?;
    }
    Some(with_payloads(lines, &data.payload))
}

/// A file of sections.
fn encode(version: u32, sections: &[Entry]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((sections.len() as u32).to_le_bytes());
    for Entry { name, flags, payload } in sections {
        bytes.extend(name.iter().chain(&[b'0'; 4]).take(4));
        bytes.extend(flags.to_le_bytes());
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(xxh3_64(payload).to_le_bytes());
    }
    bytes.extend(xxh3_64(&bytes).to_le_bytes());
    sections.iter().for_each(|section| bytes.extend(&section.payload));
    bytes
}

/// Weights and biases of the layers whose sizes `SETT` begins with, or the entry of the layers has. `None` if there are many.
fn parameters(mut layers: &[u8], is_old: bool) -> Option<u64> {
    let layers = &mut layers;
    let first = u64::from_le_bytes(take(layers)?);
    let mut inputs = if is_old { 0 } else { first };
    let count = if is_old { first } else { u64::from_le_bytes(take(layers)?) };
    let mut sum = 0_u64;
    for l in 0..Some(count).filter(|count| (1..=16).contains(count))? {
        let outputs = u64::from_le_bytes(take(layers)?);
        if !is_old {
            let length = u64::from_le_bytes(take(layers)?);
            take_bytes(layers, length);
        }
        if !is_old || l > 0 {
            sum = inputs.checked_add(1)?.checked_mul(outputs)?.checked_add(sum)?;
        }
        inputs = outputs;
    }
    Some(sum).filter(|sum| *sum <= MOST_PARAMETERS)
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

/// Names that an entry may hold.
const NAMES: [&str; 31] = [
    "sgd",
    "fused",
    "matrixmultiply",
    "nadam(0.9,0.999,1e-8,0.004)",
    "sigmoid",
    "tanh",
    "lecun-tanh",
    "relu",
    "leaky-relu(0.01)",
    "elu(1)",
    "selu",
    "gelu",
    "silu",
    "mish",
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
    let Some(mut file) = File::parse(&data[..size]).filter(|file| !file.entries.is_empty()) else {
        return change(data, size, most);
    };
    for _ in 0..=draw(3) {
        let at = draw(file.entries.len());
        let count = file.entries.len();
        let entry = &mut file.entries[at];
        let length = entry.payload.len();
        match draw(40) {
            // Changes the bytes as they come, checksums and all.
            0 => return change(data, size, most),
            1 => entry.flags ^= 1 << draw(4),
            2 => file.version = draw(5) as u32,
            3 if !entry.name.is_empty() => {
                let letter = draw(entry.name.len());
                entry.name[letter] = b'-' + draw(78) as u8;
            }
            4 if count > 1 => drop(file.entries.remove(at)),
            5 => file.entries.swap(at, draw(count)),
            6 => {
                let name = if file.version < 3 { &b"ZZZZ"[..] } else { b"zzzz" };
                let (name, flags, payload) = (name.to_vec(), 1 + 2 * draw(4) as u32, vec![7; draw(9)]);
                file.entries.push(Entry { name, flags, payload });
            }
            // Puts a number at one of its places.
            7..16 if length >= 8 => {
                let (width, edge) =
                    (if draw(2) == 0 { 4 } else { 8 }, EDGES[draw(EDGES.len())].to_le_bytes());
                let place = if draw(4) == 0 { draw(length - 7) } else { draw(length / width) * width };
                entry.payload[place..][..width].copy_from_slice(&edge[..width]);
            }
            // Makes a number a little larger or smaller.
            16..24 if length >= 8 => {
                let place = if draw(4) == 0 { draw(length - 7) } else { draw(length / 8) * 8 };
                let bytes: &mut [u8; 8] = entry.payload[place..].first_chunk_mut().expect("eight bytes");
                *bytes =
                    u64::from_le_bytes(*bytes).wrapping_add(draw(9) as u64).wrapping_sub(4).to_le_bytes();
            }
            // Puts another name in the place of one.
            24..32 => rename(&mut entry.payload, &mut draw),
            _ => {
                let room = length + 64;
                entry.payload.resize(room, 0);
                let length = change(&mut entry.payload, length, room);
                entry.payload.truncate(length);
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
fn rename(payload: &mut Vec<u8>, draw: &mut impl FnMut(usize) -> usize) {
    let lowercase = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-');
    let starts: Vec<(usize, usize)> = (0..payload.len().saturating_sub(11))
        .filter_map(|at| {
            let length = u64::from_le_bytes(*payload[at..].first_chunk()?);
            let length = usize::try_from(length).ok().filter(|length| (3..40).contains(length))?;
            let name = payload.get(at + 8..at + 8 + length)?;
            lowercase(&name[..3]).then_some((at, length))
        })
        .collect();
    if starts.is_empty() {
        return;
    }
    let ((at, length), name) = (starts[draw(starts.len())], NAMES[draw(NAMES.len())]);
    let with_length = (name.len() as u64).to_le_bytes().into_iter().chain(name.bytes());
    payload.splice(at..at + 8 + length, with_length);
}
