//! A drawing as a file.

use crate::failure::Failure;
use crate::whole_file::{cannot, check, written};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A file that a drawing is written to. Its name says in which format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

/// The formats of drawings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Svg,
    Html,
}

impl Target {
    /// The file for pictures that an option names: PNG or SVG.
    pub(crate) fn of_pictures(text: &str) -> Result<Target, String> {
        Target::parse(text, &[Format::Png, Format::Svg])
    }

    /// The file for curves that an option names: SVG or HTML.
    pub(crate) fn of_curves(text: &str) -> Result<Target, String> {
        Target::parse(text, &[Format::Svg, Format::Html])
    }

    /// The file for a page that an option names.
    pub(crate) fn of_page(text: &str) -> Result<Target, String> {
        Target::parse(text, &[Format::Html])
    }

    fn parse(text: &str, formats: &[Format]) -> Result<Target, String> {
        let ending = Path::new(text).extension().unwrap_or_default().to_ascii_lowercase();
        let format = formats.iter().copied().find(|format| ending == *format.ending());
        let all =
            || formats.iter().map(|format| format!(".{}", format.ending())).collect::<Vec<_>>().join(" or ");
        let format = format.ok_or_else(|| format!("expected a name that ends with {}", all()))?;
        Ok(Target { path: text.into(), format })
    }

    /// Refuses a place where no file can be written. A command that takes long does so before it begins.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        check(&self.path)
    }

    /// Writes the file, whole or not at all. A file that is there is replaced.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.check()?;
        written(&self.path, |out| out.write_all(bytes).map_err(|error| cannot("write", &self.path, &error)))
    }
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Svg => "svg",
            Format::Html => "html",
        }
    }
}
