//! Files that are written whole or not at all.

use crate::failure::Failure;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a file in one step: what `write` writes goes to a temporary file beside it, which is then renamed.
pub(crate) fn written(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| cannot("write", path, &error);
    let temporary = temporary(path);
    let mut out = BufWriter::new(File::create(&temporary).map_err(failed)?);
    let outcome = write(&mut out).and_then(|()| out.flush().map_err(failed));
    drop(out);
    outcome.and_then(|()| fs::rename(&temporary, path).map_err(failed)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Refuses a place where [`written`] couldn't write a file. Nothing is left, and a file that is there isn't touched.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = match folder {
        _ if path.is_dir() => "a folder; name another".to_owned(),
        _ if path.exists() && !path.is_file() => "a pipe or device; name another".to_owned(),
        Some(folder) if !folder.is_dir() => format!("no folder {}; create it", folder.display()),
        _ => {
            let temporary = temporary(path);
            let made = File::create(&temporary).and_then(|_| fs::remove_file(&temporary));
            return made.map_err(|error| cannot("write", path, &error));
        }
    };
    let path = path.display();
    Err(Failure::Run(format!("{path}: expected a file to write, found {found}")))
}

/// The temporary file beside `path`. No other process has one of this name.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// The failure of an action on a file.
pub(crate) fn cannot(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Run(format!("{}: cannot {action}: {error}", path.display()))
}
