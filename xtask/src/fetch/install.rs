//! The gate: bytes from any source become a file under their final name only when they are whole and the right ones.
//!
//! They are written to a temporary file in the target folder, checked, flushed to the disk and renamed, so that a
//! kill at any moment leaves the final name either absent, as it was, or complete.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Cursor, ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::manifest::FileEntry;
use super::regular;

/// Temporary files carry this prefix.
const TEMPORARY: &str = ".fetch-";
/// The file of checksums of files that were gated on their .gz, in the format of `sha256sum -c`.
const SUMS: &str = "SHA256SUMS";
/// Bytes written at once. They are several huge pages, so that the page cache can hold the file in such pages, and training map
/// it.
const PIECE: usize = 8 << 20;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The reason why a file was not installed.
pub(super) enum Refusal {
    /// Reading from the source failed.
    Read(io::Error),
    /// The source's bytes are not the file.
    Content(String),
    /// This machine's disk or folder failed. No other source will do better.
    Local(anyhow::Error),
}

/// The kind of check that an installed file has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Installed {
    /// The file matches the published SHA-256.
    Verified,
    /// The file has the right length, and there is no published checksum to compare with.
    Unverified,
}

/// Whether a plain file without a published checksum may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The file comes from the network, and passes only if it can be verified.
    VerifiedOnly,
    /// The file comes from the user's own folder.
    OwnFiles,
}

/// A file as it is found in the target folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OnDisk {
    Missing,
    Intact,
    /// The right length, and nothing to compare its content with.
    Unverified,
    /// The file's defect.
    Damaged(String),
}

/// Looks at the file in `folder`, hashing it whole.
pub(super) fn inspect(folder: &Path, file: &FileEntry) -> Result<OnDisk> {
    let path = folder.join(&file.name);
    let opened = match regular::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(OnDisk::Missing),
        opened => opened.with_context(|| path.display().to_string())?,
    };
    let length = opened.metadata().with_context(|| path.display().to_string())?.len();
    if length != file.bytes {
        return Ok(OnDisk::Damaged(format!("{length} bytes, expected {}", file.bytes)));
    }
    let expected = match &file.sha256 {
        Some(sum) => Some(sum.clone()),
        None => recorded_sum(folder, &file.name)?,
    };
    let Some(expected) = expected else { return Ok(OnDisk::Unverified) };
    let mut reader = HashingReader::new(opened);
    io::copy(&mut reader, &mut io::sink()).with_context(|| path.display().to_string())?;
    let found = reader.sum();
    if found == expected {
        Ok(OnDisk::Intact)
    } else {
        Ok(OnDisk::Damaged(format!("SHA-256 {found}, expected {expected}")))
    }
}

/// Reads `source`, plain or gzipped, to its end and installs it in `folder` if it is the file.
///
/// `progress` is told the uncompressed bytes written so far.
pub(super) fn install(
    folder: &Path,
    file: &FileEntry,
    trust: Trust,
    source: impl Read,
    progress: &mut dyn FnMut(u64),
) -> Result<Installed, Refusal> {
    let mut temporary = temporary_file(folder).map_err(|error| local(folder, error))?;
    let (sum, sum_gz) = receive(file, source, temporary.as_file_mut(), progress)?;

    let (what, expected, found) = match (&file.sha256, &file.sha256_gz, sum_gz) {
        (Some(expected), _, _) => ("the uncompressed file", expected, sum.clone()),
        (None, Some(expected), Some(sum_gz)) => ("the .gz", expected, sum_gz),
        _ if trust == Trust::OwnFiles => {
            // The record goes first: after a kill in between, an old file is called unverified, not damaged.
            record_sum(folder, &file.name, None).map_err(Refusal::Local)?;
            persist(folder, file, temporary)?;
            return Ok(Installed::Unverified);
        }
        _ => return Err(Refusal::Content("plain file, but only its .gz has a published SHA-256".into())),
    };
    if found != *expected {
        return Err(Refusal::Content(format!("SHA-256 of {what} is {found}, expected {expected}")));
    }
    if file.sha256.is_none() {
        // The record goes first. A kill in between makes an old file count as damaged, never a new one as unknown.
        record_sum(folder, &file.name, Some(&sum)).map_err(Refusal::Local)?;
    }
    persist(folder, file, temporary)?;
    Ok(Installed::Verified)
}

/// Copies the uncompressed bytes to `target`: at most the file's length of them, however many the source sends. Returns the
/// SHA-256 of the uncompressed bytes and, if they came gzipped, that of the .gz.
fn receive(
    file: &FileEntry,
    mut source: impl Read,
    target: &mut File,
    progress: &mut dyn FnMut(u64),
) -> Result<(String, Option<String>), Refusal> {
    let mut magic = Vec::with_capacity(2);
    source.by_ref().take(2).read_to_end(&mut magic).map_err(Refusal::Read)?;
    let zipped = magic == GZIP_MAGIC;
    // Gzip adds less than this to data that do not compress. An endless chain of empty members ends here too.
    let most = file.bytes + file.bytes / 256 + 4096;
    let raw = HashingReader::new(Cursor::new(magic).chain(source).take(most));

    let mut hash = Sha256::new();
    let mut target = BufWriter::with_capacity(PIECE, target);
    let mut sink = |bytes: &[u8]| target.write_all(bytes);
    let sum_gz = if zipped {
        let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, raw));
        copy_exactly(file, &mut decoder, &mut sink, &mut hash, progress)?;
        Some(decoder.into_inner().into_inner().sum())
    } else {
        let mut raw = raw;
        copy_exactly(file, &mut raw, &mut sink, &mut hash, progress)?;
        None
    };
    target.flush().map_err(|error| Refusal::Local(anyhow::Error::new(error).context("writing")))?;
    Ok((hex(&hash.finalize()), sum_gz))
}

/// Copies `file.bytes` bytes and makes sure that the source then ends.
fn copy_exactly(
    file: &FileEntry,
    source: &mut dyn Read,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    hash: &mut Sha256,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Refusal> {
    let mut buffer = vec![0; 1 << 16];
    let mut written = 0;
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
                return Err(Refusal::Content(format!("damaged gzip data after {written} bytes ({error})")));
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(cut_off(file, written)),
            Err(error) => return Err(Refusal::Read(error)),
        };
        if written + count as u64 > file.bytes {
            return Err(Refusal::Content(format!("longer than the {} bytes expected", file.bytes)));
        }
        hash.update(&buffer[..count]);
        sink(&buffer[..count])
            .map_err(|error| Refusal::Local(anyhow::Error::new(error).context("writing")))?;
        written += count as u64;
        progress(written);
    }
    if written == file.bytes { Ok(()) } else { Err(cut_off(file, written)) }
}

fn cut_off(file: &FileEntry, written: u64) -> Refusal {
    Refusal::Content(format!("cut off after {written} of {} bytes", file.bytes))
}

/// Flushes the temporary file and gives it its final name.
fn persist(folder: &Path, file: &FileEntry, temporary: tempfile::NamedTempFile) -> Result<(), Refusal> {
    let path = folder.join(&file.name);
    temporary.as_file().sync_all().map_err(|error| local(&path, error))?;
    temporary.persist(&path).map_err(|error| local(&path, error.error))?;
    sync_folder(folder).map_err(|error| local(folder, error))
}

/// Removes the files that killed runs have left, once they are too old to belong to a run beside this one.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    const OLD: Duration = Duration::from_secs(3600);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY) && metadata.is_file();
        if ours && metadata.modified()? < SystemTime::now() - OLD {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn temporary_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The permissions are those of any new file, and the umask applies. tempfile's own choice, 0600, would keep the others of
        // a machine out.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Flushes the folder: a rename is on the disk only when its folder is. Where folders cannot be opened (Windows) there is nothing
/// to do.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn local(path: &Path, error: io::Error) -> Refusal {
    Refusal::Local(anyhow::Error::new(error).context(path.display().to_string()))
}

/// The checksum noted when the file was gated on its .gz.
fn recorded_sum(folder: &Path, name: &str) -> Result<Option<String>> {
    let text = recorded_sums(folder)?;
    let found = text.lines().find_map(|line| line.split_once("  ").filter(|(_, n)| *n == name));
    Ok(found.map(|(sum, _)| sum.into()))
}

/// All checksums that are noted. Empty if there is no such file.
fn recorded_sums(folder: &Path) -> Result<String> {
    /// Room for thousands of names.
    const MOST: u64 = 1 << 20;
    let path = folder.join(SUMS);
    match regular::read_to_string(&path, MOST) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| path.display().to_string()),
    }
}

/// Notes the file's checksum, or with `None` forgets it.
fn record_sum(folder: &Path, name: &str, sum: Option<&str>) -> Result<()> {
    let path = folder.join(SUMS);
    let old = recorded_sums(folder)?;
    let mut lines: Vec<String> = old
        .lines()
        .filter(|line| line.split_once("  ").is_some_and(|(_, n)| n != name))
        .map(String::from)
        .collect();
    lines.extend(sum.map(|sum| format!("{sum}  {name}")));
    if lines.is_empty() && old.is_empty() {
        return Ok(());
    }
    let mut temporary = temporary_file(folder).with_context(|| folder.display().to_string())?;
    temporary.write_all((lines.join("\n") + "\n").as_bytes())?;
    temporary.as_file().sync_all()?;
    temporary.persist(&path).with_context(|| path.display().to_string())?;
    Ok(())
}

/// A reader that hashes the bytes read through it.
struct HashingReader<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> HashingReader<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new() }
    }

    fn sum(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
