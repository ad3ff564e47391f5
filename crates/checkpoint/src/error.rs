//! The errors of a checkpoint: [`FormatError`] for its bytes, [`Error`] for its file.

use std::io;
use std::path::PathBuf;

use crate::format::{FORMAT_VERSION, Part};

/// The reason why bytes are not a checkpoint that this build can read. Offsets count from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The first eight bytes are not the magic.
    #[error("not a minibatch checkpoint: offset 0 holds \"{}\", expected \"MINIBTCH\"", found.escape_ascii())]
    Magic {
        /// The bytes at offset 0.
        found: [u8; 8],
    },
    /// The file ends inside a part.
    #[error(
        "{part} at offset {offset} is cut short: expected {expected} bytes, found {found}; restore an intact copy"
    )]
    Truncated {
        /// The part.
        part: Part,
        /// The offset at which it starts.
        offset: u64,
        /// Its length.
        expected: u64,
        /// The number of its bytes in the file.
        found: u64,
    },
    /// The file goes on after its last section.
    #[error("file is {found} bytes long, expected {expected}: bytes follow the last section")]
    TrailingBytes {
        /// The length that the section table gives.
        expected: u64,
        /// The length of the file.
        found: u64,
    },
    /// A part's bytes are not those that were written.
    #[error(
        "{part} at offset {offset} is damaged: checksum expected {expected:016x}, found {found:016x}; restore an intact copy"
    )]
    Checksum {
        /// The part.
        part: Part,
        /// The offset at which it starts.
        offset: u64,
        /// The checksum in the file.
        expected: u64,
        /// The checksum of the bytes as they are.
        found: u64,
    },
    /// The file is written in a version of the format that this build does not know.
    #[error(
        "format version {found} at offset 8: this build reads versions 1 to {FORMAT_VERSION}; use a newer minibatch"
    )]
    Version {
        /// The version in the file.
        found: u32,
    },
    /// Another number of sections than a file of its version has.
    #[error("section count {found} at offset 12: expected 2, or up to 32 in versions 1 and 2")]
    SectionCount {
        /// The count in the file.
        found: u32,
    },
    /// A name that is none, or stands out of its order, or twice.
    #[error("entry name \"{}\" is malformed, repeated or out of order", name.escape_default())]
    Name {
        /// The name, or its beginning.
        name: String,
    },
    /// Flags that this entry cannot have, or that this version does not define.
    #[error("entry {name} has flags {found:#x}, which it cannot have")]
    Flags {
        /// The entry's name.
        name: String,
        /// The flags in the file.
        found: u32,
    },
    /// An entry that is unknown and not optional.
    #[error("entry {name} is unknown, and not optional: written by a newer version; update minibatch")]
    Unknown {
        /// The entry's name.
        name: String,
    },
    /// An entry that the reader needs is missing.
    #[error("{part} is missing")]
    Missing {
        /// The entry.
        part: Part,
    },
    /// A file of networks alone, where a run is to go on.
    #[error("it holds networks but no run; only a network can be loaded from it")]
    NoRun,
    /// An entry whose bytes are intact but do not spell a value of the type it should hold.
    #[error("{part} is intact but its content is not valid: {cause}")]
    Value {
        /// The entry.
        part: Part,
        /// The fault in its content.
        cause: String,
    },
    /// An entry of numbers that holds more or fewer of them than the layers call for.
    #[error("{part} holds {found} bytes, expected {expected} (numbers of 4 bytes)")]
    NumberCount {
        /// The entry.
        part: Part,
        /// Bytes needed, saturated if the product passes 64 bits.
        expected: u64,
        /// Bytes in the file.
        found: u64,
    },
    /// The content needs more memory than the system gives.
    #[error("what it holds takes {:.1} GB, more memory than there is", *bytes as f64 / 1e9)]
    Memory {
        /// Bytes that it needs.
        bytes: u64,
    },
    /// A stored number is NaN or infinite.
    #[error("{part}: number {index} is {found}, expected a finite one")]
    NotFinite {
        /// The entry.
        part: Part,
        /// Index of the number within the entry.
        index: u64,
        /// `NaN`, `inf` or `-inf`, as Rust writes it.
        found: String,
    },
}

impl FormatError {
    /// The error for the content of an entry.
    pub fn value(name: &str, cause: impl Into<String>) -> FormatError {
        FormatError::Value { part: Part::entry(name), cause: cause.into() }
    }
}

/// The step of a file operation that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Opening or reading an existing checkpoint.
    Read,
    /// Creating or locking the lock file.
    Lock,
    /// Creating the temporary file.
    Create,
    /// Writing the temporary file.
    Write,
    /// Bringing the temporary file to disk.
    Sync,
    /// Renaming the temporary file into place.
    Rename,
    /// Bringing the renamed entry to disk.
    SyncFolder,
    /// Keeping an older checkpoint, or a copy of the best one.
    Keep,
    /// Removing the checkpoint of another run that this one replaces.
    Remove,
    /// Starting the writer thread or setting its buffers aside.
    Start,
}

impl Step {
    /// The action in words, and the state in which its failure leaves the file.
    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Step::Read => ("read", ""),
            Step::Lock => ("lock", ""),
            Step::Create => ("create the temporary file beside", "; the file is unchanged"),
            Step::Write => ("write the new content of", "; the file is unchanged"),
            Step::Sync => ("bring to disk the new content of", "; the file is unchanged"),
            Step::Rename => ("rename the new content to", "; the file is unchanged"),
            Step::SyncFolder => (
                "bring to disk the folder of",
                "; the new content is in place but may not survive a power cut",
            ),
            Step::Keep => ("keep an older or best copy as", "; the newest checkpoint itself is saved"),
            Step::Remove => {
                ("remove the checkpoint of another run at", "; the newest checkpoint itself is saved")
            }
            Step::Start => ("start the background writer of", ""),
        }
    }
}

/// The reason why a checkpoint file could not be read, written or reserved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a step.
    #[error("cannot {} {}: {source}{}", step.describe().0, path.display(), step.describe().1)]
    Io {
        /// The step.
        step: Step,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file could be read, but is not a checkpoint.
    #[error("{}: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The fault in its bytes, with its place.
        source: FormatError,
    },
    /// The path names no regular file: a folder, a device, or nothing like a name.
    #[error("{}: expected the path of a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Something of the user's stands where a file of the run would go. It is left alone.
    #[error("{}: expected {expected}, found {found}; move it away, or choose another file for the run", path.display())]
    InTheWay {
        /// The place.
        path: PathBuf,
        /// The kinds of thing that may stand there.
        expected: &'static str,
        /// The kind of thing that stands there.
        found: &'static str,
    },
    /// The name of the temporary file would be too long for the file system.
    #[error("{}: the name is too long: that of the temporary file beside it has {more} bytes more; choose a shorter one", path.display())]
    NameTooLong {
        /// The checkpoint's path.
        path: PathBuf,
        /// Bytes that the temporary name is longer.
        more: usize,
    },
    /// Another run holds the path.
    #[error("{} is being written by another run{}: wait for it to end or choose another file", path.display(), holder.map_or_else(String::new, |pid| format!(" (process {pid})")))]
    Locked {
        /// The checkpoint's path.
        path: PathBuf,
        /// The process of that run, if the lock file tells.
        holder: Option<u32>,
    },
    /// The newest snapshot is not on disk. The cause was reported before.
    #[error("{}: the newest snapshot is not on disk, as reported before; the file holds an older one", path.display())]
    NotSaved {
        /// The checkpoint's path.
        path: PathBuf,
    },
    /// The writer thread ended by a panic.
    #[error("{}: the background writer ended unexpectedly; no further checkpoint is written", path.display())]
    WriterStopped {
        /// The checkpoint's path.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn io(step: Step, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Error::Io { step, path: path.into(), source }
    }
}
