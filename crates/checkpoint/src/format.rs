//! The names and numbers of the file format: magic, version, sizes of the header, the sections and their flags.
//!
//! Nothing is read or written here. `docs/checkpoint-format.md` describes the format byte by byte.

use std::fmt;

/// The first eight bytes of every checkpoint.
pub const MAGIC: [u8; 8] = *b"MINIBTCH";
/// The version of the format that this build writes. The build reads this version and all earlier ones.
pub const FORMAT_VERSION: u32 = 2;
/// The most sections a file may have. It lets [`decode`](crate::decode) keep the table without allocating.
pub const MAX_SECTIONS: usize = 32;

/// Magic, version, section count.
pub(crate) const PREFIX: usize = 16;
/// Tag, flags, length, checksum.
pub(crate) const ENTRY: usize = 24;
/// xxh3-64.
pub(crate) const CHECKSUM: usize = 8;

/// Length of the header of a file with this many sections.
pub(crate) const fn header_len(sections: usize) -> usize {
    PREFIX + sections * ENTRY + CHECKSUM
}

/// Section flag: a reader that does not know the tag may skip the section.
pub const OPTIONAL: u32 = 1;
/// Section flag: the section does not belong to the compared part (see [`Sections::compared_hash`](crate::Sections::compared_hash)).
pub const NOT_COMPARED: u32 = 2;

/// The part of a checkpoint that an error speaks of: its header, or one section by its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Magic, version, section table and their checksum.
    Header,
    /// The payload of the section with this tag.
    Section([u8; 4]),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Header => f.write_str("header"),
            Part::Section(tag) => write!(f, "section {}", tag.escape_ascii()),
        }
    }
}

/// The sections this version knows, in the order in which they stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// `SETT`: the recipe, all that decides the bits of a run: data, layers, cost, seed, arithmetic class …
    Settings,
    /// `PARM`: weights and biases, raw f32.
    Parameters,
    /// `OPTM`: the optimiser's moments, raw f32.
    Optimizer,
    /// `STEP`: the optimiser's steps, and the values that depend on their number alone.
    Steps,
    /// `PROG`: the place in training: generator state, epoch, position, partial sums, the test set.
    Progress,
    /// `HIST`: one record per finished epoch.
    History,
    /// `TIME`: wall-clock figures and other circumstances that decide no bits. The section is outside the compared part.
    Time,
}

impl Tag {
    /// All of them, in file order.
    pub const ALL: [Tag; 7] =
        [Tag::Settings, Tag::Parameters, Tag::Optimizer, Tag::Steps, Tag::Progress, Tag::History, Tag::Time];

    /// The four bytes in the section table.
    pub const fn bytes(self) -> [u8; 4] {
        match self {
            Tag::Settings => *b"SETT",
            Tag::Parameters => *b"PARM",
            Tag::Optimizer => *b"OPTM",
            Tag::Steps => *b"STEP",
            Tag::Progress => *b"PROG",
            Tag::History => *b"HIST",
            Tag::Time => *b"TIME",
        }
    }

    /// The flags this section always carries.
    pub const fn flags(self) -> u32 {
        match self {
            Tag::Time => OPTIONAL | NOT_COMPARED,
            _ => 0,
        }
    }

    /// The section as errors name it.
    pub const fn part(self) -> Part {
        Part::Section(self.bytes())
    }
}
