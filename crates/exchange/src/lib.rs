//! Networks of Minibatch in the files of others, and back.
//!
//! | format | is for |
//! |---|---|
//! | [safetensors](Format::Safetensors) | PyTorch: names and orientation of an `nn.Sequential` |
//! | [npz](Format::Npz) | NumPy and scikit-learn: `coefs_0`, `intercepts_0`, … |
//! | [json](Format::Json) | any other program, and people |
//! | [onnx](Format::Onnx) | inference engines: the whole way from raw numbers to classes as a graph |
//!
//! ```
//! use minibatch::Network;
//! use minibatch::activation::{Relu, Softmax};
//! use minibatch::cost::CategoricalCrossEntropy;
//! use minibatch_exchange::{Format, Options, export, import};
//!
//! let network = Network::builder(784)
//!     .layer_with(32, Relu)
//!     .layer_with(10, Softmax)
//!     .cost(CategoricalCrossEntropy)
//!     .build()?;
//! for format in Format::ALL {
//!     let exported = export(format, &[("main", &network)])?;
//!     let imported = import(format, &exported.bytes, &Options::default())?;
//!     assert_eq!(imported.networks["main"].weight_hash(), network.weight_hash());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A file isn't believed before it is checked: its sizes before memory is asked for, and each number before it becomes a
//! weight.
#![forbid(unsafe_code)]

mod assemble;
mod committee;
mod description;
mod error;
mod json;
mod npz;
mod onnx;
mod options;
mod safetensors;

pub use error::Error;
pub use options::{Imported, Options, Orientation};

use minibatch::Network;
use std::path::Path;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A graph of ONNX.
    Onnx,
    /// Tensors with names, of Hugging Face.
    Safetensors,
    /// An archive of NumPy's arrays.
    Npz,
    /// JSON, by a schema of our own.
    Json,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::Onnx, Format::Safetensors, Format::Npz, Format::Json];

    /// The name, which is also the usual ending of a file.
    ///
    /// ```
    /// use minibatch_exchange::Format;
    ///
    /// assert!(Format::ALL.iter().all(|format| Format::by_name(format.name()) == Some(*format)));
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Onnx => "onnx",
            Format::Safetensors => "safetensors",
            Format::Npz => "npz",
            Format::Json => "json",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that a file's ending tells.
    ///
    /// ```
    /// use minibatch_exchange::Format;
    ///
    /// assert_eq!(Format::of_path("net.ONNX".as_ref()), Some(Format::Onnx));
    /// assert_eq!(Format::of_path("run.ckpt".as_ref()), None);
    /// ```
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Format> {
        Format::by_name(&path.extension()?.to_str()?.to_ascii_lowercase())
    }
}

/// An exported file.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Its content.
    pub bytes: Vec<u8>,
    /// The parts of the way to an answer that aren't in the file, a sentence each.
    pub notes: Vec<String>,
}

/// Writes networks, each under its name, as a file. Several are a committee: they take the same inputs, and answer with the mean of
/// their outputs.
///
/// # Errors
///
/// If there is none, the members of a committee don't fit one another, a weight isn't finite, or the format has no way to say
/// something of a network.
pub fn export(format: Format, networks: &[(&str, &Network)]) -> Result<Exported, Error> {
    committee::check(networks)?;
    let (bytes, notes) = match format {
        Format::Onnx => onnx::export(networks)?,
        Format::Safetensors => (safetensors::export(networks)?, Vec::new()),
        Format::Npz => (npz::export(networks)?, Vec::new()),
        Format::Json => (json::export(networks)?, Vec::new()),
    };
    Ok(Exported { bytes, notes })
}

/// Reads the networks of a file.
///
/// # Errors
///
/// If the file is none of that format, holds something else than fully connected networks, or leaves open what `options` don't tell.
pub fn import(format: Format, bytes: &[u8], options: &Options) -> Result<Imported, Error> {
    match format {
        Format::Onnx => onnx::import(bytes, options),
        Format::Safetensors => safetensors::import(bytes, options),
        Format::Npz => npz::import(bytes, options),
        Format::Json => json::import(bytes, options),
    }
}
