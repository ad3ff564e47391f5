//! The file as bytes: a checksummed header with a table of sections, then their payloads.
//!
//! `docs/checkpoint-format.md` describes the layout byte by byte. There is exactly one encoding of a given
//! set of sections. [`decode`] accepts nothing else, and believes no length before it is proven against the
//! bytes at hand. It neither allocates nor recurses.

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use crate::codec::{self, F32Blocks};
use crate::error::FormatError;
use crate::format::{
    CHECKSUM, ENTRY, FORMAT_VERSION, MAGIC, MAX_SECTIONS, NOT_COMPARED, OPTIONAL, PREFIX, Part, Tag,
    header_len,
};

/// The payload of a section. It can only be appended to, so that no section can disturb another.
#[derive(Debug)]
pub struct Payload<'a> {
    out: &'a mut Vec<u8>,
    tag: Tag,
}

impl Payload<'_> {
    /// Appends numbers as little-endian f32, four bytes each.
    pub fn put_f32s(&mut self, values: &[f32]) {
        codec::put_f32s(values, self.out);
    }

    /// Appends a value: its fields in order, little-endian, integers at full width, lengths as u64, an enum's variant
    /// as u32, strings as UTF-8. A value should hold no hash map, because equal maps may differ in order.
    pub fn put_value<T: Serialize>(&mut self, value: &T) -> Result<(), FormatError> {
        codec::encode_value(self.tag, value, self.out)
    }
}

/// Writes a file of the given sections into `out`, whose old content goes.
///
/// `put` is called once for each tag in `tags`, in file order, and appends that section's payload. Nothing is
/// allocated once `out` has grown to the size of the file. On an error, `out` holds no file.
///
/// ```
/// use minibatch_checkpoint::{Tag, decode, encode_into};
///
/// let mut file = Vec::new();
/// encode_into(&mut file, &[Tag::Parameters], |_, payload| {
///     payload.put_f32s(&[0.5, -2.0]);
///     Ok::<(), minibatch_checkpoint::FormatError>(())
/// })?;
/// let sections = decode(&file)?;
/// let mut weights = [0.0; 2];
/// sections.f32_blocks(Tag::Parameters, 2)?.read_into(&mut weights)?;
/// assert_eq!(weights, [0.5, -2.0]);
/// # Ok::<(), minibatch_checkpoint::FormatError>(())
/// ```
pub fn encode_into<E>(
    out: &mut Vec<u8>,
    tags: &[Tag],
    mut put: impl FnMut(Tag, &mut Payload<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let present = || Tag::ALL.into_iter().filter(|tag| tags.contains(tag));
    let count = present().count();
    let header = header_len(count);
    out.clear();
    out.resize(header, 0);
    out[..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    // There are at most Tag::ALL.len() sections, so the count fits.
    out[12..16].copy_from_slice(&(count as u32).to_le_bytes());
    for (index, tag) in present().enumerate() {
        let start = out.len();
        put(tag, &mut Payload { out, tag })?;
        let length = (out.len() - start) as u64;
        let checksum = xxh3_64(&out[start..]);
        let entry = &mut out[PREFIX + index * ENTRY..][..ENTRY];
        entry[..4].copy_from_slice(&tag.bytes());
        entry[4..8].copy_from_slice(&tag.flags().to_le_bytes());
        entry[8..16].copy_from_slice(&length.to_le_bytes());
        entry[16..].copy_from_slice(&checksum.to_le_bytes());
    }
    let checksum = xxh3_64(&out[..header - CHECKSUM]);
    out[header - CHECKSUM..header].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// One line of the section table, proven against the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entry {
    /// Four capitals or digits.
    pub tag: [u8; 4],
    /// [`OPTIONAL`] and [`NOT_COMPARED`].
    pub flags: u32,
    /// The offset of the payload in the file.
    pub offset: usize,
    /// The payload's length in bytes.
    pub length: usize,
    /// xxh3-64 of the payload.
    pub checksum: u64,
}

impl Entry {
    /// Verifies the section's bytes.
    pub(crate) fn verify(&self, payload: &[u8]) -> Result<(), FormatError> {
        let found = xxh3_64(payload);
        if found == self.checksum {
            return Ok(());
        }
        let (part, offset) = (Part::Section(self.tag), self.offset as u64);
        Err(FormatError::Checksum { part, offset, expected: self.checksum, found })
    }
}

/// A checkpoint whose every byte has been verified.
#[derive(Debug, Clone)]
pub struct Sections<'a> {
    file: &'a [u8],
    entries: [Entry; MAX_SECTIONS],
    count: usize,
}

/// Verifies a whole file: layout, order, lengths, and the checksum of every byte.
pub fn decode(file: &[u8]) -> Result<Sections<'_>, FormatError> {
    let Table { entries, count } = Table::read(file, file.len() as u64)?;
    let sections = Sections { file, entries, count };
    sections.entries().iter().try_for_each(|entry| entry.verify(sections.slice(entry)))?;
    Ok(sections)
}

/// A section table, proven against the length of its file.
#[derive(Debug)]
pub(crate) struct Table {
    entries: [Entry; MAX_SECTIONS],
    count: usize,
}

impl Table {
    /// The most bytes at the front of a file that are needed to read its table.
    pub(crate) const MOST: usize = header_len(MAX_SECTIONS);

    /// Verifies header, layout, order and lengths of a file of `file_len` bytes that begins with `start`: the first
    /// [`MOST`](Self::MOST) bytes, or all there are.
    pub(crate) fn read(start: &[u8], file_len: u64) -> Result<Table, FormatError> {
        let count = verify_header(start)?;
        let mut table = Table { entries: [Entry::default(); MAX_SECTIONS], count };
        let mut offset = header_len(count) as u64;
        for index in 0..count {
            let at = PREFIX + index * ENTRY;
            let tag = array(start, at);
            let flags = u32::from_le_bytes(array(start, at + 4));
            let length = u64::from_le_bytes(array(start, at + 8));
            let previous = index.checked_sub(1).map(|i| table.entries[i].tag);
            verify_tag(at as u64, previous, tag, flags)?;
            let left = file_len - offset;
            // A section beyond the address space can't be in the file at hand.
            let range = (usize::try_from(offset), usize::try_from(length));
            let (Ok(place), Ok(size), true) = (range.0, range.1, length <= left) else {
                let part = Part::Section(tag);
                return Err(FormatError::Truncated { part, offset, expected: length, found: left });
            };
            let checksum = u64::from_le_bytes(array(start, at + 16));
            table.entries[index] = Entry { tag, flags, offset: place, length: size, checksum };
            offset += length;
        }
        if offset != file_len {
            return Err(FormatError::TrailingBytes { expected: offset, found: file_len });
        }
        Ok(table)
    }

    /// Finds a section.
    pub(crate) fn find(&self, tag: Tag) -> Result<&Entry, FormatError> {
        let mut entries = self.entries[..self.count].iter();
        let missing = FormatError::MissingSection { section: tag.part() };
        entries.find(|entry| entry.tag == tag.bytes()).ok_or(missing)
    }
}

/// Verifies magic, section count, header checksum and version, in this order. The place of the header's checksum
/// is the same in every version, so a damaged version number is called damage and not a newer version.
fn verify_header(file: &[u8]) -> Result<usize, FormatError> {
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
    let found = xxh3_64(&file[..header - CHECKSUM]);
    if found != expected {
        return Err(FormatError::Checksum { part: Part::Header, offset: 0, expected, found });
    }
    let version = u32::from_le_bytes(array(file, 8));
    if !(1..=FORMAT_VERSION).contains(&version) {
        return Err(FormatError::Version { found: version });
    }
    Ok(count)
}

/// Verifies a tag and its flags. Known tags come first, in their own order. Unknown optional tags follow, ascending. So no
/// tag can come twice.
fn verify_tag(at: u64, previous: Option<[u8; 4]>, tag: [u8; 4], flags: u32) -> Result<(), FormatError> {
    let known = |tag: [u8; 4]| Tag::ALL.into_iter().find(|known| known.bytes() == tag);
    let place = |tag: [u8; 4]| (known(tag).is_none(), known(tag), tag);
    let well_formed = tag.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !well_formed || previous.is_some_and(|previous| place(previous) >= place(tag)) {
        return Err(FormatError::Tag { offset: at, tag });
    }
    let allowed = match known(tag) {
        Some(known) => flags == known.flags(),
        None if flags & OPTIONAL == 0 => return Err(FormatError::UnknownSection { tag }),
        None => flags & !(OPTIONAL | NOT_COMPARED) == 0,
    };
    if allowed { Ok(()) } else { Err(FormatError::Flags { offset: at + 4, tag, found: flags }) }
}

/// The `N` bytes at `at`, which the caller has proven to lie inside.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

impl<'a> Sections<'a> {
    /// The section table, in file order, unknown optional sections included.
    pub fn entries(&self) -> &[Entry] {
        &self.entries[..self.count]
    }

    fn slice(&self, entry: &Entry) -> &'a [u8] {
        &self.file[entry.offset..entry.offset + entry.length]
    }

    /// A section's payload, if the file has it.
    pub fn get(&self, tag: Tag) -> Option<&'a [u8]> {
        self.entries().iter().find(|entry| entry.tag == tag.bytes()).map(|entry| self.slice(entry))
    }

    /// A section's payload, or the error that says it is missing.
    pub fn require(&self, tag: Tag) -> Result<&'a [u8], FormatError> {
        self.get(tag).ok_or(FormatError::MissingSection { section: tag.part() })
    }

    /// The value that a section holds, written by [`Payload::put_value`] and nothing else.
    pub fn value<T: DeserializeOwned>(&self, tag: Tag) -> Result<T, FormatError> {
        codec::decode_value(tag, self.require(tag)?)
    }

    /// The numbers that a section holds, exactly `count` of them. The count is proven here, so that the caller may
    /// allocate for them afterwards.
    pub fn f32_blocks(&self, tag: Tag, count: u64) -> Result<F32Blocks<'a>, FormatError> {
        F32Blocks::new(tag, self.require(tag)?, count)
    }

    /// The hash two runs must share to count as the same: xxh3-64 over the table entries (tag, flags, length,
    /// checksum, 24 bytes each, as in the file) of the sections without the flag [`NOT_COMPARED`].
    pub fn compared_hash(&self) -> u64 {
        let mut table = [0; MAX_SECTIONS * ENTRY];
        let mut length = 0;
        for (index, _) in self.entries().iter().enumerate().filter(|(_, e)| e.flags & NOT_COMPARED == 0) {
            table[length..length + ENTRY].copy_from_slice(&self.file[PREFIX + index * ENTRY..][..ENTRY]);
            length += ENTRY;
        }
        xxh3_64(&table[..length])
    }
}
