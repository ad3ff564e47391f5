//! Checkpoint files: their bytes, and getting these on disk so that nothing is ever lost.
//!
//! [`Checkpoint`] is what a run's file holds; all else here knows sections, not networks. From the bytes outwards:
//!
//! - [`encode_into`] and [`decode`]: sections in a versioned file with a checksum for each;
//! - [`Payload`] and [`F32Blocks`]: values and raw numbers in a section;
//! - [`Recipe`]: what a file says of its run at its front, before the rest is read;
//! - [`Lock`]: one writer per path; [`Lock::write`] replaces a file whole or not at all, [`save`] in one call;
//! - [`Writer`]: the same in the background while training goes on, keeping older and best ones as [`Keep`] says;
//! - [`Disk`]: the file operations beneath, which a test may make fail.
//!
//! The format is described byte by byte in `docs/checkpoint-format.md`.

mod atomic;
mod codec;
mod container;
mod disk;
mod error;
mod keep;
mod lock;
mod place;
mod recipe;
mod state;
mod wire;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use codec::F32Blocks;
pub use container::{
    Entry, FORMAT_VERSION, MAGIC, MAX_SECTIONS, NOT_COMPARED, OPTIONAL, Payload, Sections, Tag, decode,
    encode_into,
};
pub use disk::{Disk, OsDisk, read_file};
pub use error::{Error, FormatError, Part, Step};
pub use keep::Keep;
pub use lock::Lock;
pub use recipe::Recipe;
pub(crate) use state::Snapshot;
pub use state::{Checkpoint, DataIdentity, Progress};
pub use writer::{Receipt, Writer};

/// Writes a checkpoint's bytes to `path`, under its lock: whole or not at all, and on disk when this returns.
///
/// ```
/// use minibatch::checkpoint::{Tag, decode, encode_into, read_file, save};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("net.ckpt");
/// let mut bytes = Vec::new();
/// encode_into(&mut bytes, &[Tag::Progress], |_, payload| payload.put_value(&(3_u64, 0.25_f64)))?;
/// save(&path, &bytes)?;
///
/// let bytes = read_file(&path)?;
/// assert_eq!(decode(&bytes)?.value::<(u64, f64)>(Tag::Progress)?, (3, 0.25));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Lock::acquire(path)?.write(&OsDisk, bytes)
}
