//! Checkpoint files of Minibatch: their bytes, and the writing of these bytes to disk.
//!
//! This crate knows bytes, named entries and whole files. It knows no networks. The crate `minibatch` defines the entries and
//! their content. From the bytes outwards:
//!
//! - [`encode_into`] and [`decode`]: a versioned file of entries, each with its name, its flags and a checksum.
//! - [`Payload`] and [`F32s`]: values and raw numbers in an entry.
//! - [`Front`]: single entries of a file, read before the rest.
//! - [`Lock`]: one writer for a path. [`Lock::write`] replaces a file whole or not at all. [`save`] does both in one call.
//! - [`Writer`]: writing in the background while training goes on. [`Keep`] says which older files stay.
//! - [`Disk`]: the file operations beneath, which a test may make fail.
//!
//! The format is described byte by byte in `docs/checkpoint-format.md`.
#![forbid(unsafe_code)]

mod atomic;
mod codec;
mod container;
mod directory;
mod disk;
mod entries;
mod error;
mod format;
mod front;
mod keep;
mod lock;
mod names;
mod place;
mod shelf;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use codec::F32s;
pub use container::Record;
pub use disk::{Disk, OsDisk, read_file};
pub use entries::{Entries, Entry, Payload, decode, encode_into};
pub use error::{Error, FormatError, Step};
pub use format::{CARRIED, FORMAT_VERSION, MAGIC, NOT_COMPARED, OPTIONAL, Part, is_name, is_segment};
pub use front::Front;
pub use keep::Keep;
pub use lock::Lock;
pub use writer::{Receipt, Writer};

/// Writes a checkpoint's bytes to `path`, under its lock, whole or not at all. The bytes are on disk when this returns.
///
/// ```
/// use minibatch_checkpoint::{decode, encode_into, read_file, save};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("net.ckpt");
/// let mut bytes = Vec::new();
/// encode_into(&mut bytes, &[("progress", 0)], |_, payload| payload.put_value(&(3_u64, 0.25_f64)))?;
/// save(&path, &bytes)?;
///
/// let bytes = read_file(&path)?;
/// assert_eq!(decode(&bytes)?.value::<(u64, f64)>("progress")?, (3, 0.25));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If the file can't be written, or another run writes there.
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Lock::acquire(path)?.write(&OsDisk, bytes)
}
