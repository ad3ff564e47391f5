//! `minibatch predict`: the classes that a network sees in pictures, or the values.

mod output;

use crate::failure::Failure;
use crate::image::{Picture, SIGNATURE, prepare};
use crate::machine::count;
use crate::text::shape;
use crate::{dataset, machine, recorded};
use clap::ValueEnum;
use minibatch::{Checkpoint, Network, Pool, Score};
use minibatch_data::{ElementType, Error, IdxFile, Row, Targets, open_regular};
use output::{Prediction, Shown, write};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// What `predict` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    /// PNG pictures, prepared as MNIST's digits were, and IDX files of images, taken as they are
    #[arg(value_name = "IMAGE", conflicts_with = "index")]
    images: Vec<PathBuf>,

    /// Images of a dataset's test set instead, from 0
    #[arg(long, value_name = "N,…", value_delimiter = ',', allow_negative_numbers = true, value_parser = index)]
    index: Vec<usize>,

    #[command(flatten)]
    data: dataset::Args,

    #[command(flatten)]
    machine: machine::Args,

    /// Show the K likeliest classes [default: all of one image, 3 of several]
    #[arg(long, value_name = "K", allow_negative_numbers = true, value_parser = count)]
    top: Option<usize>,

    /// Print one JSON object for each image
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Print a table for programs: CSV, or JSON lines as --json
    #[arg(long, value_name = "FORMAT", ignore_case = true)]
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
struct Name {
    image: PathBuf,
    /// In a file or set of several.
    index: Option<usize>,
    /// What it shows, where that is known.
    truth: Option<Truth>,
}

/// What an image of a dataset is known to show.
enum Truth {
    Label(u32),
    Values(Vec<f32>),
}

/// Predicts. All of it is computed before any is printed.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if let (true, Some(option)) = (args.index.is_empty(), args.data.first_given()) {
        return Err(Failure::usage(format!("{option} needs --index N, the images of it")));
    }
    if args.index.is_empty() && args.images.is_empty() {
        let checkpoint = args.checkpoint.display();
        return Err(Failure::usage(format!(
            "no images: expected PNG pictures or IDX files after {checkpoint}, or --index N of a dataset's"
        )));
    }
    if args.format == Some(Format::Csv) && args.top.is_some() {
        return Err(Failure::usage("--top: the CSV table has the outputs of all classes"));
    }
    let checkpoint = recorded::load(&args.checkpoint)?;
    let shown = match args.top {
        Some(_) if predicts_values(&checkpoint) => {
            let checkpoint = args.checkpoint.display();
            return Err(Failure::usage(format!(
                "--top: the network of {checkpoint} predicts values, not classes; leave it out"
            )));
        }
        _ if predicts_values(&checkpoint) => Shown::Values,
        top => Shown::Classes { top },
    };
    let network = &checkpoint.network;
    let mut images = Images::default();
    if args.index.is_empty() {
        args.images.iter().try_for_each(|path| images.add_file(path, args, network))?;
    } else {
        images.add_examples(args, network)?;
    }
    let predictions = images.predict(&args.machine.pool()?, network)?;

    let mut out = Vec::new();
    let format = args.format.or(args.json.then_some(Format::Jsonl));
    write(&mut out, format, shown, &predictions)
        .and_then(|()| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&out)?;
            stdout.flush()
        })
        .map_err(|error| Failure::output(&error))
}

/// Whether the network was trained on values, as the scores of its epochs tell. Without one, a single output can be no
/// choice between classes.
fn predicts_values(checkpoint: &Checkpoint) -> bool {
    let scores = checkpoint.history.iter().filter_map(|epoch| epoch.test);
    let of_values = scores.map(|test| matches!(test.score, Score::Values(_))).next();
    of_values.unwrap_or(checkpoint.network.outputs() == 1)
}

impl Images {
    /// Adds what is in a file, whose first bytes say what it is.
    fn add_file(&mut self, path: &Path, args: &Args, network: &Network) -> Result<(), Failure> {
        let opening = |error: io::Error| {
            let path = path.display();
            Failure::Run(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!(
                        "{path}: expected a PNG picture or an IDX file of images, found no such file; check its name"
                    )
                }
                _ => format!("{path}: cannot open: {error}"),
            })
        };
        let file = match open_regular(path) {
            Ok(file) => file,
            Err(Error::Io { source, .. }) => return Err(opening(source)),
            Err(Error::NotAFile { found: "a folder", .. }) => {
                let path = path.display();
                return Err(Failure::Run(format!(
                    "{path}: expected a PNG picture or an IDX file of images, found a folder; name the files in it"
                )));
            }
            Err(error) => return Err(error.into()),
        };
        let mut start = Vec::new();
        (&file).take(SIGNATURE.len() as u64).read_to_end(&mut start).map_err(opening)?;
        if start == SIGNATURE {
            self.add_picture(path, &file, args, network)
        } else if start.starts_with(&[0, 0]) || start.starts_with(&[0x1f, 0x8b]) {
            self.add_idx(path, args, network)
        } else {
            let found = match &*start {
                [] => "an empty file; copy it again".to_owned(),
                [0xff, 0xd8, ..] => "a JPEG file; convert it to PNG".to_owned(),
                b"MINIBTCH" => "a checkpoint; one is enough, before the images".to_owned(),
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

    /// Adds the picture at `path`, open in `rest` behind its signature.
    fn add_picture(
        &mut self,
        path: &Path,
        mut rest: &File,
        args: &Args,
        network: &Network,
    ) -> Result<(), Failure> {
        let shown = path.display();
        let side = network.inputs().isqrt();
        if side * side != network.inputs() {
            let checkpoint = args.checkpoint.display();
            return Err(Failure::Run(format!(
                "{shown}: pictures need a network whose inputs are a square image, as 28×28 = 784; that of \
                 {checkpoint} has {}; name an IDX file of images instead",
                network.inputs()
            )));
        }
        let mut bytes = SIGNATURE.to_vec();
        rest.read_to_end(&mut bytes)
            .map_err(|error| Failure::Run(format!("{shown}: cannot read: {error}")))?;
        let picture = Picture::from_png(&bytes).map_err(|why| Failure::Run(format!("{shown}: {why}")))?;
        let inputs = prepare(&picture, side).ok_or_else(|| {
            Failure::Run(format!(
                "{shown}: expected a digit in one tone on a background of another, found nothing that stands out; crop \
                 the picture to the digit on its paper, evenly lit"
            ))
        })?;
        self.inputs.extend(inputs);
        self.names.push(Name { image: path.to_owned(), index: None, truth: None });
        Ok(())
    }

    fn add_idx(&mut self, path: &Path, args: &Args, network: &Network) -> Result<(), Failure> {
        let file = IdxFile::map(path)?;
        let (count, image) =
            file.header().dims().split_first().expect("a checked header has a rank of at least 1");
        if image.is_empty() {
            let path = path.display();
            return Err(Failure::Run(format!(
                "{path}: expected images, found an IDX file of rank 1; is it that of the labels?"
            )));
        }
        check_shape(path, image, args, network)?;
        match file.header().element() {
            ElementType::U8 => self.inputs.extend(file.payload().iter().copied().map(scaled)),
            _ => self.inputs.extend(file.to_f32()?),
        }
        let name = |index| Name { image: path.to_owned(), index: Some(index), truth: None };
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
            let truth = match test.targets() {
                Targets::Classes { labels, .. } => Some(Truth::Label(labels[index])),
                Targets::Values { data, width } => {
                    Some(Truth::Values(data[index * width..][..*width].to_vec()))
                }
                _ => None,
            };
            self.names.push(Name { image: folder.clone(), index: Some(index), truth });
        }
        Ok(())
    }

    /// What the network sees in each.
    fn predict(self, pool: &Pool, network: &Network) -> Result<Vec<Prediction>, Failure> {
        let mut predictions = Vec::with_capacity(self.names.len());
        let outputs = network.predict_rows(pool, &self.inputs)?;
        for (outputs, name) in outputs.chunks_exact(network.outputs()).zip(self.names) {
            if outputs.iter().any(|output| !output.is_finite()) {
                let image = name.shown();
                return Err(Failure::Run(format!("{image}: the network's outputs for it are not finite")));
            }
            predictions.push(Prediction { name, outputs: outputs.to_vec() });
        }
        Ok(predictions)
    }
}

/// A place in a set.
fn index(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "expected whole numbers from 0, such as 7 or 0,3,12".to_owned())
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
        "{path}: expected images of {inputs} pixels, the inputs of {checkpoint}, found {found} ({}); name images like those \
         that it was trained on",
        shape(image)
    )))
}
