//! `minibatch predict`: the classes that a network sees in pictures.

use crate::failure::Failure;
use crate::image::{Picture, SIGNATURE, prepare};
use crate::machine::count;
use crate::text::shape;
use crate::{dataset, machine};
use clap::ValueEnum;
use minibatch::{Checkpoint, Network, Pool};
use minibatch_data::{ElementType, IdxFile, Row, Targets};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Classes shown of each image where there are several.
const SHOWN_OF_MANY: usize = 3;

/// What `predict` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    /// PNG pictures, prepared as MNIST's digits were, and IDX files of images, taken as they are
    #[arg(value_name = "IMAGE", required_unless_present = "index", conflicts_with = "index")]
    images: Vec<PathBuf>,

    /// Images of a dataset's test set instead, from 0
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    index: Vec<usize>,

    #[command(flatten)]
    data: dataset::Args,

    #[command(flatten)]
    machine: machine::Args,

    /// Show the K likeliest classes [default: all of one image, 3 of several]
    #[arg(long, value_name = "K", value_parser = count)]
    top: Option<usize>,

    /// Print one JSON object for each image
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Print a table for programs: CSV, or JSON lines as --json
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

/// Formats for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

/// Images as the network takes them.
#[derive(Default)]
struct Images {
    names: Vec<Name>,
    /// (images × n_0), row-major.
    inputs: Vec<f32>,
}

/// Where an image is from.
#[derive(Clone, Debug, Serialize)]
struct Name {
    image: PathBuf,
    /// In a file or set of several.
    index: Option<usize>,
    /// Its class, where that is known.
    label: Option<u32>,
}

/// A class and the network's output for it.
#[derive(Clone, Copy, Debug, Serialize)]
struct Ranked {
    class: usize,
    output: f32,
}

/// What a network sees in an image.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "prediction")]
struct Prediction {
    #[serde(flatten)]
    name: Name,
    /// The class of the largest output.
    class: usize,
    output: f32,
    /// The largest outputs, largest first; of equal ones the lower class first.
    ranked: Vec<Ranked>,
    #[serde(skip)]
    outputs: Vec<f32>,
}

/// Predicts. All of it is computed before any is printed.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.index.is_empty() && args.data.data.is_some() {
        return Err(Failure::usage("--data needs --index N, the images of it"));
    }
    if args.format == Some(Format::Csv) && args.top.is_some() {
        return Err(Failure::usage("--top: the CSV table has the outputs of all classes"));
    }
    let network = Checkpoint::load(&args.checkpoint)?.network;
    let mut images = Images::default();
    if args.index.is_empty() {
        args.images.iter().try_for_each(|path| images.add_file(path, args, &network))?;
    } else {
        images.add_examples(args, &network)?;
    }
    let one = images.names.len() == 1;
    let shown = if one || args.format.is_some() || args.json { network.outputs() } else { SHOWN_OF_MANY };
    let predictions = images.predict(&args.machine.pool()?, &network, args.top.unwrap_or(shown))?;

    let mut out = Vec::new();
    match args.format {
        Some(Format::Csv) => write_csv(&mut out, &predictions),
        Some(Format::Jsonl) => write_json(&mut out, &predictions),
        None if args.json => write_json(&mut out, &predictions),
        None if one => write_ranking(&mut out, &predictions[0]),
        None => predictions.iter().try_for_each(|prediction| write_line(&mut out, prediction)),
    }
    .and_then(|()| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        stdout.flush()
    })
    .map_err(|error| Failure::output(&error))
}

impl Images {
    /// Adds what is in a file, whose first bytes say what it is.
    fn add_file(&mut self, path: &Path, args: &Args, network: &Network) -> Result<(), Failure> {
        // Asked before opening, because opening a pipe waits for its writer.
        let opening = |error| Failure::Run(format!("{}: cannot open: {error}", path.display()));
        let metadata = fs::metadata(path).map_err(opening)?;
        let mut start = Vec::new();
        if metadata.is_file() {
            let file = File::open(path).map_err(opening)?;
            file.take(SIGNATURE.len() as u64).read_to_end(&mut start).map_err(opening)?;
        }
        if start.starts_with(SIGNATURE) {
            self.add_picture(path, args, network)
        } else if !metadata.is_file() || start.starts_with(&[0, 0]) || start.starts_with(&[0x1f, 0x8b]) {
            self.add_idx(path, args, network)
        } else {
            let found = match &*start {
                [] => "an empty file".to_owned(),
                [0xff, 0xd8, ..] => "a JPEG file; convert it to PNG".to_owned(),
                bytes => {
                    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    format!("a file that begins with {}; convert it to PNG", bytes.join(" "))
                }
            };
            let path = path.display();
            Err(Failure::Run(format!(
                "{path}: expected a PNG picture or an IDX file of images, found {found}"
            )))
        }
    }

    fn add_picture(&mut self, path: &Path, args: &Args, network: &Network) -> Result<(), Failure> {
        let shown = path.display();
        let side = network.inputs().isqrt();
        if side * side != network.inputs() {
            let checkpoint = args.checkpoint.display();
            return Err(Failure::Run(format!(
                "{shown}: pictures need a network whose inputs are a square image, as 28×28 = 784; that of \
                 {checkpoint} has {}",
                network.inputs()
            )));
        }
        let bytes = fs::read(path).map_err(|error| Failure::Run(format!("{shown}: cannot read: {error}")))?;
        let picture = Picture::from_png(&bytes).map_err(|why| Failure::Run(format!("{shown}: {why}")))?;
        let inputs = prepare(&picture, side).ok_or_else(|| {
            Failure::Run(format!(
                "{shown}: expected a digit in one tone on a background of another, found nothing that stands out"
            ))
        })?;
        self.inputs.extend(inputs);
        self.names.push(Name { image: path.to_owned(), index: None, label: None });
        Ok(())
    }

    fn add_idx(&mut self, path: &Path, args: &Args, network: &Network) -> Result<(), Failure> {
        let file = IdxFile::map(path)?;
        let (count, image) =
            file.header().dims().split_first().expect("a checked header has a rank of at least 1");
        if image.is_empty() {
            let path = path.display();
            return Err(Failure::Run(format!(
                "{path}: expected images, found an IDX file of rank 1: labels?"
            )));
        }
        check_shape(path, image, args, network)?;
        match file.header().element() {
            ElementType::U8 => self.inputs.extend(file.payload().iter().copied().map(scaled)),
            _ => self.inputs.extend(file.to_f32()?),
        }
        let name = |index| Name { image: path.to_owned(), index: Some(index), label: None };
        self.names.extend((0..*count).map(name));
        Ok(())
    }

    /// Adds those of the test set that are asked for.
    fn add_examples(&mut self, args: &Args, network: &Network) -> Result<(), Failure> {
        let (folder, test) = (args.data.folder(), args.data.open()?.test);
        check_shape(&folder, test.example_shape(), args, network)?;
        for &index in &args.index {
            if index >= test.len() {
                let (folder, last) = (folder.display(), test.len() - 1);
                return Err(Failure::usage(format!(
                    "--index {index}: expected 0 to {last}, the test images of {folder}"
                )));
            }
            match test.input(index) {
                Row::Bytes(bytes) => self.inputs.extend(bytes.iter().copied().map(scaled)),
                Row::Floats(floats) => self.inputs.extend(floats),
            }
            let label = match test.targets() {
                Targets::Classes { labels, .. } => Some(labels[index]),
                _ => None,
            };
            self.names.push(Name { image: folder.clone(), index: Some(index), label });
        }
        Ok(())
    }

    /// What the network sees in each, and the `shown` largest outputs.
    fn predict(self, pool: &Pool, network: &Network, shown: usize) -> Result<Vec<Prediction>, Failure> {
        let mut predictions = Vec::with_capacity(self.names.len());
        let outputs = network.predict_rows(pool, &self.inputs)?;
        for (outputs, name) in outputs.chunks_exact(network.outputs()).zip(self.names) {
            if outputs.iter().any(|output| !output.is_finite()) {
                let image = name.image.display();
                return Err(Failure::Run(format!("{image}: the network's outputs for it are not finite")));
            }
            let outputs = outputs.to_vec();
            let mut ranked: Vec<Ranked> =
                outputs.iter().enumerate().map(|(class, &output)| Ranked { class, output }).collect();
            ranked.sort_by(|a, b| b.output.total_cmp(&a.output));
            let Ranked { class, output } = ranked[0];
            ranked.truncate(shown);
            predictions.push(Prediction { name, class, output, ranked, outputs });
        }
        Ok(predictions)
    }
}

/// A pixel as the trainer takes it.
fn scaled(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

fn check_shape(path: &Path, image: &[usize], args: &Args, network: &Network) -> Result<(), Failure> {
    let found = image.iter().product::<usize>();
    if found == network.inputs() {
        return Ok(());
    }
    let (path, checkpoint, inputs) = (path.display(), args.checkpoint.display(), network.inputs());
    Err(Failure::Run(format!(
        "{path}: expected images of {inputs} pixels, the inputs of {checkpoint}, found {found} ({})",
        shape(image)
    )))
}

impl Name {
    /// For people: `nine.png`, `data/mnist[7]`.
    fn shown(&self) -> String {
        match self.index {
            Some(index) => format!("{}[{index}]", self.image.display()),
            None => self.image.display().to_string(),
        }
    }

    fn labelled(&self) -> String {
        self.label.map_or_else(String::new, |label| format!(" (labelled {label})"))
    }
}

fn write_ranking(out: &mut Vec<u8>, Prediction { name, class, ranked, .. }: &Prediction) -> io::Result<()> {
    writeln!(out, "{}: {class}{}\n\nclass  output", name.shown(), name.labelled())?;
    ranked.iter().try_for_each(|Ranked { class, output }| writeln!(out, "{class:>5}  {output:.6}"))
}

fn write_line(out: &mut Vec<u8>, Prediction { name, class, ranked, .. }: &Prediction) -> io::Result<()> {
    let ranked = ranked.iter().map(|Ranked { class, output }| format!("{class} {output:.4}"));
    let ranked = ranked.collect::<Vec<_>>().join(", ");
    writeln!(out, "{}: {class}{}  [{ranked}]", name.shown(), name.labelled())
}

fn write_json(out: &mut Vec<u8>, predictions: &[Prediction]) -> io::Result<()> {
    predictions.iter().try_for_each(|prediction| {
        serde_json::to_writer(&mut *out, prediction)?;
        out.write_all(b"\n")
    })
}

/// Image, index, label, class and all outputs in the order of the classes (RFC 4180, lines ended by a line feed).
fn write_csv(out: &mut Vec<u8>, predictions: &[Prediction]) -> io::Result<()> {
    let classes = predictions.first().map_or(0, |prediction| prediction.outputs.len());
    write!(out, "image,index,label,class")?;
    (0..classes).try_for_each(|class| write!(out, ",output_{class}"))?;
    writeln!(out)?;
    for Prediction { name, class, outputs, .. } in predictions {
        let optional = |number: Option<String>| number.unwrap_or_default();
        let index = optional(name.index.map(|index| index.to_string()));
        let label = optional(name.label.map(|label| label.to_string()));
        write!(out, "{},{index},{label},{class}", field(&name.image.display().to_string()))?;
        outputs.iter().try_for_each(|output| write!(out, ",{output}"))?;
        writeln!(out)?;
    }
    Ok(())
}

/// A field of CSV, in quotes where it needs them.
fn field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
