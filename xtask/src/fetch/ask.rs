//! Asks one source for files.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::download::Downloader;
use super::install::{self, Installed, Trust};
use super::manifest::FileEntry;
use super::npm;
use super::regular;
use super::source::{Failure, Job, Source};

/// Asks `source` for `files`. Returns the names that it did not give, and adds its errors to `problems`.
pub(super) fn ask<'a>(
    source: &Source,
    files: &[&'a FileEntry],
    downloader: &Downloader,
    job: &Job<'_>,
    problems: &mut Vec<String>,
) -> anyhow::Result<Vec<&'a FileEntry>> {
    let mut given = BTreeSet::new();
    let mut installed = |file: &FileEntry, how: Installed| {
        job.report.installed(source, file, how);
        given.insert(file.name.clone());
    };
    let outcome = match source {
        Source::Folder(path) => {
            one_by_one(files, problems, &mut installed, |file| from_folder(path, file, job))
        }
        Source::Mirror(url) => {
            one_by_one(files, problems, &mut installed, |file| downloader.fetch(url, file, job))
        }
        Source::Npm(package) => npm::fetch(package, files, job, &mut installed),
    };
    match outcome {
        Ok(()) => {}
        Err(Failure::Local(error)) => return Err(error),
        Err(Failure::Source(what) | Failure::File(what)) => problems.push(what),
    }
    Ok(files.iter().copied().filter(|file| !given.contains(&file.name)).collect())
}

/// Asks for each file. If the source lacks one, it is still asked for the next.
fn one_by_one(
    files: &[&FileEntry],
    problems: &mut Vec<String>,
    installed: &mut dyn FnMut(&FileEntry, Installed),
    fetch: impl Fn(&FileEntry) -> Result<Installed, Failure>,
) -> Result<(), Failure> {
    for file in files {
        match fetch(file) {
            Ok(how) => installed(file, how),
            Err(Failure::File(what)) => problems.push(format!("{}: {what}", file.name)),
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// Takes the first of the file's names in `folder` that holds the right content.
fn from_folder(folder: &Path, file: &FileEntry, job: &Job<'_>) -> Result<Installed, Failure> {
    if !folder.is_dir() {
        let found = if folder.exists() { "this is no folder" } else { "there is no such folder" };
        return Err(Failure::Source(found.into()));
    }
    let mut problems = Vec::new();
    for name in file.names_on_disk() {
        let path = folder.join(&name);
        let opened = match regular::open(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                problems.push(format!("{name}: {error}"));
                continue;
            }
        };
        let bar = job.report.bar(file);
        match install::install(job.folder, file, Trust::OwnFiles, opened, &mut |bytes| bar.set(bytes)) {
            Ok(how) => return Ok(how),
            Err(refusal) => match Failure::from(refusal) {
                Failure::File(what) => problems.push(format!("{name}: {what}")),
                other => return Err(other),
            },
        }
    }
    if problems.is_empty() {
        problems.push(format!("none of {} is there", file.names_on_disk().join(", ")));
    }
    Err(Failure::File(problems.join("; ")))
}
