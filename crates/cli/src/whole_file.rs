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

/// Refuses a path of `--output` at which no file can be written.
pub(crate) fn check_output(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let shown = path.display();
    match folder {
        _ if path.is_dir() => Err(Failure::usage(format!(
            "--output {shown}: expected the name of a file, found a folder; name another"
        ))),
        Some(folder) if !folder.is_dir() => {
            let folder = folder.display();
            Err(Failure::usage(format!(
                "--output {shown}: expected a folder {folder}, found none; create it first"
            )))
        }
        _ => Ok(()),
    }
}

/// The failure of an action on a file.
pub(crate) fn cannot(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Run(format!("{}: cannot {action}: {error}", path.display()))
}
