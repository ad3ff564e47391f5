//! The files out of an npm package, fetched by the user's own npm from whatever registry it is set up for.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::read::GzDecoder;

use super::install::{self, Installed, Trust};
use super::manifest::{FileEntry, NpmPackage};
use super::regular;
use super::source::{Failure, Job};
use crate::time_limit;

/// Packs the package into a temporary folder and installs those of `files` that it holds.
pub(super) fn fetch(
    package: &NpmPackage,
    files: &[&FileEntry],
    job: &Job<'_>,
    installed: &mut dyn FnMut(&FileEntry, Installed),
) -> Result<(), Failure> {
    let scratch = tempfile::tempdir().map_err(|error| Failure::Local(error.into()))?;
    let tarball = {
        let _spinner = job.report.spinner(&format!("npm pack {}", package.package));
        pack(package, scratch.path(), job.npm_patience)?
    };
    let unreadable = |error: io::Error| Failure::Source(format!("the package cannot be read ({error})"));
    let opened = regular::open(&tarball).map_err(unreadable)?;
    let unpacked =
        Bounded { inner: GzDecoder::new(BufReader::new(opened)), most: package.most_bytes, come: 0 };
    let mut archive = tar::Archive::new(unpacked);
    let mut wanted = files.to_vec();
    let mut problems = Vec::new();
    // Raw: a long name (GNU) or an extended header (pax) is an entry like any other, and skipped. Else the tar crate reads it
    // into memory whole, however long it says it is. None of the files' names needs one.
    for entry in archive.entries().map_err(unreadable)?.raw(true) {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path().map_err(unreadable)?.into_owned();
        let is_it = |file: &&FileEntry| path == Path::new(&package.folder).join(&file.name);
        let Some(at) = wanted.iter().position(is_it).filter(|_| entry.header().entry_type().is_file()) else {
            continue;
        };
        let file = wanted.swap_remove(at);
        let bar = job.report.bar(file);
        let outcome =
            install::install(job.folder, file, Trust::VerifiedOnly, entry, &mut |bytes| bar.set(bytes));
        drop(bar);
        match outcome.map_err(Failure::from) {
            Ok(how) => installed(file, how),
            Err(Failure::File(what)) => problems.push(format!("{}: {what}", file.name)),
            Err(other) => return Err(other),
        }
        if wanted.is_empty() {
            break;
        }
    }
    problems.extend(wanted.iter().map(|file| format!("{}: not in the package", file.name)));
    if problems.is_empty() { Ok(()) } else { Err(Failure::File(problems.join("; "))) }
}

/// The unpacked bytes of a package. More than `most` bytes are an error, because some MB of gzip can stand for a TB.
struct Bounded<R> {
    inner: R,
    most: u64,
    come: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.come += count as u64;
        if self.come > self.most {
            return Err(io::Error::other(format!("it unpacks to more than {} bytes", self.most)));
        }
        Ok(count)
    }
}

/// Runs `npm pack` and returns the tarball's path.
fn pack(package: &NpmPackage, scratch: &Path, patience: Duration) -> Result<PathBuf, Failure> {
    let errors = scratch.join("errors");
    let run = File::create(&errors).and_then(|errors| {
        Command::new("npm")
            // One quick second try: npm's defaults can wait for minutes where there is no network.
            .args(["pack", "--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--"])
            .arg(&package.package)
            .current_dir(scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
    });
    let mut child = match run {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Failure::Source("there is no `npm` on this machine".into()));
        }
        Err(error) => return Err(Failure::Source(format!("`npm` could not be run ({error})"))),
    };
    let status = time_limit::wait(&mut child, patience)
        .map_err(|error| Failure::Source(format!("`npm` could not be run ({error})")))?;
    let Some(status) = status else {
        return Err(Failure::Source(format!("`npm pack` took longer than {} s", patience.as_secs_f32())));
    };
    if !status.success() {
        let mut stderr = Vec::new();
        // The first lines matter. Without them the failure is told all the same.
        File::open(&errors).and_then(|file| file.take(1 << 16).read_to_end(&mut stderr)).ok();
        return Err(Failure::Source(npm_error(&String::from_utf8_lossy(&stderr))));
    }
    let tarball = std::fs::read_dir(scratch)
        .map_err(|error| Failure::Local(error.into()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    tarball.ok_or_else(|| Failure::Source("`npm pack` left no .tgz".into()))
}

/// The first two of npm's error lines, in one.
fn npm_error(stderr: &str) -> String {
    let said: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("npm error ").or_else(|| line.strip_prefix("npm ERR! ")))
        .filter(|line| !line.trim().is_empty())
        .take(2)
        .collect();
    if said.is_empty() { "`npm pack` failed".into() } else { format!("`npm pack`: {}", said.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npm_error_keeps_what_matters() {
        let stderr =
            "npm warn old\nnpm error code E404\nnpm error \nnpm error 404 Not Found\nnpm error more\n";
        assert_eq!(npm_error(stderr), "`npm pack`: code E404; 404 Not Found");
        assert_eq!(npm_error("npm ERR! code EAI_AGAIN\n"), "`npm pack`: code EAI_AGAIN");
        assert_eq!(npm_error("Segmentation fault\n"), "`npm pack` failed");
    }
}
