//! The sources of files, and the ways in which a source fails.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::install::Refusal;
use super::manifest::NpmPackage;
use super::report::Report;

/// One place to ask for files.
pub(super) enum Source {
    /// The user's own folder (`--from`).
    Folder(PathBuf),
    /// A server's base URL.
    Mirror(String),
    /// A package, through the user's own npm.
    Npm(NpmPackage),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Folder(path) => write!(f, "{}", path.display()),
            Source::Mirror(url) => f.write_str(url),
            Source::Npm(package) => write!(f, "npm package {}", package.package),
        }
    }
}

/// The reason why a source did not give a file.
pub(super) enum Failure {
    /// The source itself is of no use now, and is not asked for further files.
    Source(String),
    /// The source lacks this file, or its file of that name is another.
    File(String),
    /// This machine failed. No source will do better.
    Local(anyhow::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Read(error) => Failure::File(error.to_string()),
            Refusal::Content(what) => Failure::File(what),
            Refusal::Local(error) => Failure::Local(error),
        }
    }
}

/// The circumstances that every source needs to know.
pub(super) struct Job<'a> {
    pub(super) folder: &'a Path,
    pub(super) report: &'a Report,
    /// The most time that npm may take for its package.
    pub(super) npm_patience: Duration,
}
