//! Files that are written whole or not at all.

use crate::failure::Failure;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file in one step: what `write` writes goes to a temporary file beside it, which is then renamed.
pub(crate) fn written(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| cannot("write", path, &error);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let mut out = BufWriter::new(File::create(&temporary).map_err(failed)?);
    let outcome = write(&mut out).and_then(|()| out.flush().map_err(failed));
    drop(out);
    outcome.and_then(|()| fs::rename(&temporary, path).map_err(failed)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Refuses a file that [`written`] couldn't write. Nothing is left, and the file isn't touched.
pub(crate) fn probed(path: &Path) -> Result<(), Failure> {
    let temporary = path.with_extension("tmp");
    let made = File::create_new(&temporary).and_then(|_| fs::remove_file(&temporary));
    match made {
        // A file of this name is replaced when the time comes.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cannot("write", path, &error)),
        _ => Ok(()),
    }
}

/// The failure of an action on a file.
pub(crate) fn cannot(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Run(format!("{}: cannot {action}: {error}", path.display()))
}
