//! `minibatch export` and `minibatch import`: networks in the files of others.

use crate::failure::{Failure, tell};
use crate::numbers::count_of_list;
use crate::report::{shown, sizes, write_out};
use crate::text::grouped;
use crate::whole_file::{cannot, check, written};
use crate::{memory, names, recorded};
use clap::ValueEnum;
use minibatch::checkpoint::{load_networks, save_networks};
use minibatch::{Activation, Cost, Network};
use minibatch_data::{Error, open_regular};
use minibatch_exchange::{Exported, Format, Imported, Options, Orientation};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The options of `export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    /// Format of the file [default: the one that the ending of --output tells]
    #[arg(long, value_name = "FORMAT", ignore_case = true, required_unless_present = "output")]
    format: Option<Kind>,

    /// The file to write [default: the checkpoint's name with the format's ending]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The options of `import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The file with the network
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The checkpoint to write, a new file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Format of the file [default: the one that its ending tells]
    #[arg(long, value_name = "FORMAT", ignore_case = true)]
    format: Option<Kind>,

    /// All layers, the inputs and the outputs included: a file of another network is refused
    #[arg(long, value_name = "N,…", value_delimiter = ',', allow_negative_numbers = true, value_parser = count_of_list)]
    layers: Option<Vec<usize>>,

    /// Activation of the hidden layers, where the file doesn't tell it
    #[arg(long, value_name = "NAME", value_parser = names::activation())]
    activation: Option<Arc<dyn Activation>>,

    /// Activation of the output layer, where the file doesn't tell it
    #[arg(long, value_name = "NAME", value_parser = names::activation())]
    output_activation: Option<Arc<dyn Activation>>,

    /// Cost to train on with, where the file doesn't tell it [default: the one that goes with the output]
    #[arg(long, value_name = "NAME", value_parser = names::cost())]
    cost: Option<Arc<dyn Cost>>,

    /// Order of the weights [default: the one that the shapes tell]
    #[arg(long, value_name = "ORDER", ignore_case = true)]
    orientation: Option<Order>,
}

/// Formats of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A graph for inference engines
    Onnx,
    /// Tensors as PyTorch's nn.Sequential names them
    Safetensors,
    /// Arrays as scikit-learn's coefs_ and intercepts_
    Npz,
    /// JSON
    Json,
}

impl Kind {
    fn format(self) -> Format {
        match self {
            Kind::Onnx => Format::Onnx,
            Kind::Safetensors => Format::Safetensors,
            Kind::Npz => Format::Npz,
            Kind::Json => Format::Json,
        }
    }
}

/// Orders of a matrix of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// A row for each output, as in PyTorch
    OutIn,
    /// A row for each input, as in Keras and scikit-learn
    InOut,
}

/// The format that is asked for, or else the one that the ending of `path` tells. `option` is the one that tells it otherwise.
fn format(asked: Option<Kind>, path: &Path) -> Result<Format, Failure> {
    asked.map(Kind::format).or_else(|| Format::of_path(path)).ok_or_else(|| {
        let endings = Format::ALL.map(|format| format!(".{}", format.name())).join(", ");
        let path = path.display();
        Failure::usage(format!("{path}: expected a name that ends with one of {endings}, or --format"))
    })
}

/// Exports.
pub(crate) fn export(args: &Export) -> Result<(), Failure> {
    let path = match (&args.output, args.format) {
        (Some(path), _) => path.clone(),
        (None, kind) => args.checkpoint.with_extension(kind.map_or("", |kind| kind.format().name())),
    };
    let format = format(args.format, &path)?;
    if path == args.checkpoint {
        let path = path.display();
        return Err(Failure::usage(format!(
            "{path}: expected another file than the checkpoint; name it with --output"
        )));
    }
    check(&path)?;
    let networks = recorded::networks(&args.checkpoint)?;
    let parameters: usize = networks.values().map(Network::parameters).sum();
    /// Bytes that a weight takes at most while it is exported.
    const WEIGHT: u64 = 64;
    let what = format!("{}: exporting it", args.checkpoint.display());
    memory::check(what, (parameters as u64).saturating_mul(WEIGHT), "use a machine with more memory")
        .map_err(Failure::Run)?;
    let named: Vec<(&str, &Network)> = networks.iter().map(|(name, network)| (&**name, network)).collect();
    let failed = |error| Failure::Run(format!("{}: {error}", args.checkpoint.display()));
    let Exported { bytes, notes } = minibatch_exchange::export(format, &named).map_err(failed)?;
    written(&path, |out| out.write_all(&bytes).map_err(|error| cannot("write", &path, &error)))?;
    let said =
        format!("Exported {} into {}, {} bytes.\n", summary(&networks), shown(&path), grouped(bytes.len()));
    write_out(said.as_bytes())?;
    notes.iter().for_each(|note| tell(&format!("note: {note}")));
    Ok(())
}

/// Imports.
pub(crate) fn import(args: &Import) -> Result<(), Failure> {
    let format = format(args.format, &args.file)?;
    if args.output.exists() {
        let output = args.output.display();
        return Err(Failure::usage(format!(
            "--output {output}: expected a new name, found a file; name another"
        )));
    }
    check(&args.output)?;
    let bytes = read(&args.file)?;
    let options = Options {
        layers: args.layers.clone(),
        activation: args.activation.clone(),
        output_activation: args.output_activation.clone(),
        cost: args.cost.clone(),
        orientation: args.orientation.map(|order| match order {
            Order::OutIn => Orientation::OutIn,
            Order::InOut => Orientation::InOut,
        }),
        ..Options::default()
    };
    let failed = |error| Failure::Run(format!("{}: {error}", args.file.display()));
    let Imported { networks, notes } =
        minibatch_exchange::import(format, &bytes, &options).map_err(failed)?;
    save_networks(&args.output, &networks)?;
    // A later command must be able to read the file.
    load_networks(&args.output)?;
    let said = format!("Imported {} into {}.\n", summary(&networks), shown(&args.output));
    write_out(said.as_bytes())?;
    notes.iter().for_each(|note| tell(&format!("note: {note}")));
    Ok(())
}

/// The networks in words: the sizes of one, or of each of several.
fn summary(networks: &BTreeMap<String, Network>) -> String {
    let layers = |network: &Network| sizes(&network.sizes());
    match networks.len() {
        1 => networks.values().map(layers).collect(),
        count => {
            let all: Vec<String> = networks.values().map(layers).collect();
            format!("a committee of {count} networks ({})", all.join(", "))
        }
    }
}

/// Reads the whole of a file that someone else wrote, if it fits into memory beside the network that it may hold.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    const EXPECTED: &str = "expected a file with a network";
    let opening = |error| match error {
        Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            let path = path.display();
            Failure::Run(format!("{path}: {EXPECTED}, found no such file; check its name"))
        }
        Error::NotAFile { found, .. } => {
            Failure::Run(format!("{}: {EXPECTED}, found {found}; name the file", path.display()))
        }
        error => error.into(),
    };
    let mut file: File = open_regular(path).map_err(opening)?;
    let failed = |error| cannot("read", path, &error);
    let length = file.metadata().map_err(failed)?.len();
    /// Copies of the file's content that importing takes at most: numbers of half precision, or text, become longer.
    const COPIES: u64 = 8;
    memory::check(path.display(), length.saturating_mul(COPIES), "use a machine with more memory")
        .map_err(Failure::Run)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
