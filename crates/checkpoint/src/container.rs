//! The outer file: a checksummed header with a table of sections, then their payloads. It is the same in every version.
//!
//! From version 3 on there are two sections, the directory and the data. In versions 1 and 2 every section
//! stands for itself, and is an entry whose name is its tag. No length is believed before it is proven against the file.

use xxhash_rust::xxh3::xxh3_64;

use crate::error::FormatError;
use crate::format::{
    CHECKSUM, ENTRY, FORMAT_VERSION, MAGIC, MAX_SECTIONS, NOT_COMPARED, OLD_SECTIONS, OPTIONAL, PREFIX, Part,
    SECTIONS, header_len,
};

/// Where an entry stands in its file, proven against the file's length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The entry's name. In versions 1 and 2 it is a section's tag.
    pub name: String,
    /// [`OPTIONAL`], [`NOT_COMPARED`] and [`CARRIED`](crate::CARRIED).
    pub flags: u32,
    /// The offset of the payload in the file.
    pub offset: usize,
    /// The payload's length in bytes.
    pub length: usize,
    /// xxh3-64 of the payload.
    pub checksum: u64,
}

impl Record {
    /// Verifies the entry's bytes.
    pub(crate) fn verify(&self, payload: &[u8]) -> Result<(), FormatError> {
        verify(Part::entry(&self.name), self.offset, self.checksum, payload)
    }
}

/// One line of the section table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    tag: [u8; 4],
    flags: u32,
    pub(crate) offset: usize,
    pub(crate) length: usize,
    checksum: u64,
}

impl Section {
    /// The section's bytes, verified.
    pub(crate) fn verified<'a>(&self, part: Part, bytes: &'a [u8]) -> Result<&'a [u8], FormatError> {
        verify(part, self.offset, self.checksum, bytes).map(|()| bytes)
    }

    pub(crate) fn slice<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        &file[self.offset..self.offset + self.length]
    }
}

fn verify(part: Part, offset: usize, expected: u64, payload: &[u8]) -> Result<(), FormatError> {
    let found = xxh3_64(payload);
    if found == expected {
        return Ok(());
    }
    Err(FormatError::Checksum { part, offset: offset as u64, expected, found })
}

/// The section table, proven against the length of its file.
#[derive(Debug)]
pub(crate) enum Table {
    /// Versions 1 and 2: an entry a section.
    Old(Vec<Record>),
    /// From version 3 on.
    New { directory: Section, data: Section },
}

/// The most bytes at the front of a file that are needed to read its table.
pub(crate) const MOST: usize = header_len(MAX_SECTIONS);

impl Table {
    /// Verifies header, layout, order and lengths of a file of `file_len` bytes that begins with `start`: the first
    /// [`MOST`] bytes, or all there are. Returns the version, too.
    pub(crate) fn read(start: &[u8], file_len: u64) -> Result<(u32, Table), FormatError> {
        let (version, count) = verify_header(start)?;
        let mut sections: Vec<Section> = Vec::with_capacity(count);
        let mut offset = header_len(count) as u64;
        for index in 0..count {
            let at = PREFIX + index * ENTRY;
            let tag = array(start, at);
            let flags = u32::from_le_bytes(array(start, at + 4));
            let length = u64::from_le_bytes(array(start, at + 8));
            if version < 3 {
                verify_old(sections.last().map(|section| section.tag), tag, flags)?;
            } else if tag != SECTIONS[index] {
                return Err(FormatError::Name { name: shown(tag) });
            } else if flags != 0 {
                return Err(FormatError::Flags { name: shown(tag), found: flags });
            }
            let left = file_len - offset;
            // A section beyond the address space can't be in the file at hand.
            let range = (usize::try_from(offset), usize::try_from(length));
            let (Ok(place), Ok(size), true) = (range.0, range.1, length <= left) else {
                let part = if version < 3 {
                    Part::entry(&shown(tag))
                } else {
                    [Part::Directory, Part::Data][index].clone()
                };
                return Err(FormatError::Truncated { part, offset, expected: length, found: left });
            };
            let checksum = u64::from_le_bytes(array(start, at + 16));
            sections.push(Section { tag, flags, offset: place, length: size, checksum });
            offset += length;
        }
        if offset != file_len {
            return Err(FormatError::TrailingBytes { expected: offset, found: file_len });
        }
        let table = match *sections {
            [directory, data] if version >= 3 => Table::New { directory, data },
            _ => Table::Old(sections.iter().map(record).collect()),
        };
        Ok((version, table))
    }
}

fn record(&Section { tag, flags, offset, length, checksum }: &Section) -> Record {
    Record { name: shown(tag), flags, offset, length, checksum }
}

/// Puts the header of a file that begins at the start of `out`. The directory reaches up to `data`, the payloads to the end.
pub(crate) fn put_header(out: &mut [u8], data: usize) {
    let header = header_len(SECTIONS.len());
    out[..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    out[12..16].copy_from_slice(&(SECTIONS.len() as u32).to_le_bytes());
    let (start, rest) = out.split_at_mut(header);
    let payloads = rest.split_at(data - header);
    for ((entry, tag), payload) in
        start[PREFIX..].chunks_exact_mut(ENTRY).zip(SECTIONS).zip(<[&[u8]; 2]>::from(payloads))
    {
        entry[..4].copy_from_slice(&tag);
        entry[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        entry[16..].copy_from_slice(&xxh3_64(payload).to_le_bytes());
    }
    let checksum = xxh3_64(&start[..header - CHECKSUM]);
    start[header - CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
}

/// Verifies magic, section count, header checksum and version, in this order. The place of the header's checksum
/// is the same in every version, so a damaged version number is called damage and not a newer version.
fn verify_header(file: &[u8]) -> Result<(u32, usize), FormatError> {
    let truncated = |expected: usize| FormatError::Truncated {
        part: Part::Header,
        offset: 0,
        expected: expected as u64,
        found: file.len() as u64,
    };
    let seen = file.len().min(MAGIC.len());
    if file[..seen] != MAGIC[..seen] {
        let mut found = [0; 8];
        found[..seen].copy_from_slice(&file[..seen]);
        return Err(FormatError::Magic { found });
    }
    if file.len() < PREFIX {
        return Err(truncated(header_len(0)));
    }
    let found = u32::from_le_bytes(array(file, 12));
    let count = found as usize;
    if count > MAX_SECTIONS {
        return Err(FormatError::SectionCount { found });
    }
    let header = header_len(count);
    if file.len() < header {
        return Err(truncated(header));
    }
    let expected = u64::from_le_bytes(array(file, header - CHECKSUM));
    let checksum = xxh3_64(&file[..header - CHECKSUM]);
    if checksum != expected {
        return Err(FormatError::Checksum { part: Part::Header, offset: 0, expected, found: checksum });
    }
    let version = u32::from_le_bytes(array(file, 8));
    if !(1..=FORMAT_VERSION).contains(&version) {
        return Err(FormatError::Version { found: version });
    }
    if version >= 3 && count != SECTIONS.len() {
        return Err(FormatError::SectionCount { found });
    }
    Ok((version, count))
}

/// Verifies a tag of versions 1 and 2, and its flags. Known tags come first, in their own order. Unknown optional tags follow,
/// ascending. So no tag can come twice.
fn verify_old(previous: Option<[u8; 4]>, tag: [u8; 4], flags: u32) -> Result<(), FormatError> {
    let known = |tag: [u8; 4]| OLD_SECTIONS.iter().position(|(known, _)| *known == tag);
    let place = |tag: [u8; 4]| (known(tag).unwrap_or(OLD_SECTIONS.len()), tag);
    let well_formed = tag.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let name = shown(tag);
    if !well_formed || previous.is_some_and(|previous| place(previous) >= place(tag)) {
        return Err(FormatError::Name { name });
    }
    let allowed = match known(tag) {
        Some(index) => flags == OLD_SECTIONS[index].1,
        None if flags & OPTIONAL == 0 => return Err(FormatError::Unknown { name }),
        None => flags & !(OPTIONAL | NOT_COMPARED) == 0,
    };
    if allowed { Ok(()) } else { Err(FormatError::Flags { name, found: flags }) }
}

/// A tag as text.
fn shown(tag: [u8; 4]) -> String {
    tag.iter().copied().map(char::from).collect()
}

/// The `N` bytes at `at`, which the caller has proven to lie inside.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}
