//! The reasons why a file can't be written or read.

use std::fmt::Display;

/// The reason why a network can't be exported or imported, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part of the file, or of the network, that doesn't fit.
    #[error("{place}: expected {expected}, found {found}{help}")]
    Content {
        /// The part: a tensor, a node, a layer.
        place: String,
        /// The content that fits.
        expected: String,
        /// The content that is there.
        found: String,
        /// Advice after a semicolon, or nothing.
        help: String,
    },
    /// The network that the file describes can't be made.
    #[error(transparent)]
    Network(#[from] minibatch::NetworkError),
    /// The library refuses the file's content.
    #[error(transparent)]
    Library(#[from] Box<minibatch::Error>),
    /// An array can't be read.
    #[error(transparent)]
    Array(#[from] Box<minibatch_data::Error>),
}

impl Error {
    /// A part that doesn't fit.
    pub(crate) fn content(
        place: impl Display,
        expected: impl Display,
        found: impl Display,
        help: &str,
    ) -> Error {
        /// Characters of a text from a file that are shown.
        const SHOWN: usize = 200;
        let short = |text: String| match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        };
        let help = if help.is_empty() { String::new() } else { format!("; {help}") };
        // Names come from the file: they stay on one line.
        let line = |text: String| short(text.replace(|c: char| c.is_control(), " "));
        Error::Content {
            place: line(place.to_string()),
            expected: expected.to_string(),
            found: line(found.to_string()),
            help,
        }
    }

    /// A tensor that doesn't fit.
    pub(crate) fn tensor(name: &str, expected: impl Display, found: impl Display, help: &str) -> Error {
        Error::content(format!("tensor '{name}'"), expected, found, help)
    }
}

impl From<minibatch::Error> for Error {
    fn from(error: minibatch::Error) -> Error {
        Error::Library(Box::new(error))
    }
}

impl From<minibatch_data::Error> for Error {
    fn from(error: minibatch_data::Error) -> Error {
        Error::Array(Box::new(error))
    }
}
