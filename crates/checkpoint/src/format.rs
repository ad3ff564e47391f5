//! The names and numbers of the file format: magic, version, sizes of the header, names of entries and their flags.
//!
//! Nothing is read or written here. `docs/checkpoint-format.md` describes the format byte by byte.

use std::fmt;

/// The first eight bytes of every checkpoint.
pub const MAGIC: [u8; 8] = *b"MINIBTCH";
/// The version of the format that this build writes. The build reads this version and all earlier ones.
pub const FORMAT_VERSION: u32 = 3;

/// Magic, version, section count.
pub(crate) const PREFIX: usize = 16;
/// Tag, flags, length, checksum.
pub(crate) const ENTRY: usize = 24;
/// xxh3-64.
pub(crate) const CHECKSUM: usize = 8;
/// The most sections that a file of any version has.
pub(crate) const MAX_SECTIONS: usize = 32;

/// Length of the header of a file with this many sections.
pub(crate) const fn header_len(sections: usize) -> usize {
    PREFIX + sections * ENTRY + CHECKSUM
}

/// The sections of a file from version 3 on: the directory of the entries, and their payloads.
pub(crate) const SECTIONS: [[u8; 4]; 2] = [*b"DIRE", *b"DATA"];
/// The sections of versions 1 and 2 in the order of the file, each with its flags.
pub(crate) const OLD_SECTIONS: [([u8; 4], u32); 7] = [
    (*b"SETT", 0),
    (*b"PARM", 0),
    (*b"OPTM", 0),
    (*b"STEP", 0),
    (*b"PROG", 0),
    (*b"HIST", 0),
    (*b"TIME", OPTIONAL | NOT_COMPARED),
];

/// Flag: a reader that does not know the entry may skip it.
pub const OPTIONAL: u32 = 1;
/// Flag: the entry does not belong to the compared part (see [`Entries::compared_hash`](crate::Entries::compared_hash)).
pub const NOT_COMPARED: u32 = 2;
/// Flag: a writer that goes on from the file writes the entry again, even if it doesn't know it. Only optional entries have it,
/// and none that depends on weights and biases.
pub const CARRIED: u32 = 4;

/// True for flags that an unknown entry may have.
pub(crate) fn are_valid(flags: u32) -> bool {
    flags & !(OPTIONAL | NOT_COMPARED | CARRIED) == 0 && (flags & CARRIED == 0 || flags & OPTIONAL != 0)
}

/// True for a name that an entry may have: 1 to 255 bytes of `a`–`z`, `0`–`9` and `-`, in segments between which a `/` stands.
pub fn is_name(name: &str) -> bool {
    name.len() <= 255 && name.split('/').all(is_segment)
}

/// True for a segment of a name: one or more of `a`–`z`, `0`–`9` and `-`.
#[must_use]
pub fn is_segment(segment: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !segment.is_empty() && segment.bytes().all(legal)
}

/// The part of a checkpoint that an error speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Magic, version, section table and their checksum.
    Header,
    /// The list of the entries.
    Directory,
    /// The payloads of all entries.
    Data,
    /// The payload of the entry with this name, or of the section with this tag in versions 1 and 2.
    Entry(Box<str>),
}

impl Part {
    /// The entry with this name.
    #[must_use]
    pub fn entry(name: &str) -> Part {
        Part::Entry(name.into())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Header => f.write_str("header"),
            Part::Directory => f.write_str("directory"),
            Part::Data => f.write_str("data"),
            Part::Entry(name) => write!(f, "entry {name}"),
        }
    }
}
