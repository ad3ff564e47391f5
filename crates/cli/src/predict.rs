//! `minibatch predict`: the classes that a network sees in pictures, or the values.

mod output;
mod table;

use crate::dataset::arrays::{Keys, Kind};
use crate::dataset::note_if_far;
use crate::dataset::table::is_table;
use crate::failure::{Failure, tell};
use crate::image::{Prepare, inputs, is_picture, pixels, size, with_grey};
use crate::numbers::{Indices, count, indices};
use crate::report::{Labels, write_out};
use crate::text::{grouped, shape};
use crate::{dataset, machine, memory, recorded};
use clap::ValueEnum;
use minibatch::activation::Range;
use minibatch::{Checkpoint, Network, Pool, Rows, Score, footprint};
use minibatch_data::{
    Dataset, ElementType, Error, IdxFile, InputProfile, Inputs, Row, Targets, open_regular,
};
use output::{Prediction, Shown, write};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The options of `predict`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    /// Pictures (PNG, JPEG, GIF, BMP, WebP), prepared as the training set calls for, and IDX files of images, taken as they are; tables, for a network that
    /// was trained on one
    #[arg(value_name = "DATA", conflicts_with = "index")]
    images: Vec<PathBuf>,

    /// Images of a dataset's test set instead, from 0, and ranges of them: 0-99,105
    #[arg(long, value_name = "N,…", value_delimiter = ',', allow_negative_numbers = true, value_parser = indices)]
    index: Vec<Indices>,

    #[command(flatten)]
    data: dataset::Named,

    /// How a picture becomes inputs [default: none if it has the size and polarity of the network's images; else mnist for digits
    /// like MNIST's, and resize for others]
    #[arg(long, value_name = "WAY", ignore_case = true)]
    prepare: Option<Prepare>,

    #[command(flatten)]
    keys: Keys,

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

/// The origin of an image.
struct Name {
    image: Rc<Path>,
    /// Index in a file or set of several images.
    index: Option<usize>,
    /// The label or the values of the image, if they are known.
    truth: Option<Truth>,
}

/// The label or the values of an image of a dataset.
enum Truth {
    Label(u32),
    Values(Vec<f32>),
}

/// Predicts. All predictions are computed before the first is printed.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if let (true, Some(option)) = (args.index.is_empty(), args.data.first_given()) {
        return Err(Failure::usage(format!("{option} needs --index N, the images of it")));
    }
    if args.index.is_empty() && args.images.is_empty() {
        let checkpoint = args.checkpoint.display();
        return Err(Failure::usage(format!(
            "no data: expected pictures, IDX files or tables after {checkpoint}, or --index N of a dataset's images"
        )));
    }
    if args.format == Some(Format::Csv) && args.top.is_some() {
        return Err(Failure::usage("--top: the CSV table has the outputs of all classes"));
    }
    let trained = recorded::trained(&args.checkpoint)?;
    let network = trained.network();
    let predicts_values = predicts_values(network, trained.run());
    let shown = match args.top {
        Some(_) if predicts_values => {
            let checkpoint = args.checkpoint.display();
            return Err(Failure::usage(format!(
                "--top: the network of {checkpoint} predicts values, not classes; leave it out"
            )));
        }
        _ if predicts_values => Shown::Values,
        top => Shown::Classes { top },
    };
    let pool = args.machine.pool()?;
    if let Some(preparation) = network.preparation().filter(|_| args.index.is_empty()) {
        return table::run(args, network, preparation, &pool);
    }
    let mut seer = Seer { args, network, pool: &pool, predictions: Vec::new(), notes: Vec::new() };
    let mut refused = Vec::new();
    if args.index.is_empty() {
        for path in &args.images {
            match seer.add_file(path) {
                Err(Failure::Run(why)) if args.images.len() > 1 => refused.push(why),
                added => added?,
            }
        }
    } else {
        seer.add_examples()?;
    }
    let Seer { predictions, notes, .. } = seer;

    let mut out = Vec::new();
    let format = args.format.or(args.json.then_some(Format::Jsonl));
    write(&mut out, format, shown, &Labels::of(network), &predictions)
        .map_err(|error| Failure::output(&error))?;
    write_out(&out)?;
    notes.iter().for_each(|note| tell(note));
    // The others' answers aren't lost for one that is refused.
    match &*refused {
        [] => Ok(()),
        [rest @ .., last] => {
            rest.iter().for_each(|why| tell(&format!("error: {why}")));
            Err(Failure::Run(last.clone()))
        }
    }
}

/// True if the network was trained on values. The scores of its run's epochs tell. Without a score, a single output means values, because
/// one output can't choose between classes. Without a run, outputs that are no probabilities and have no names are values.
fn predicts_values(network: &Network, run: Option<&Checkpoint>) -> bool {
    if let Some(preparation) = network.preparation() {
        return preparation.classes().is_none();
    }
    let Some(run) = run else {
        let last = network.layers().last().map(|layer| layer.activation().range());
        return network.class_names().is_none() && last.is_some_and(|range| range < Range::Unit);
    };
    let scores = run.history.iter().filter_map(|epoch| epoch.test);
    let of_values = scores.map(|test| matches!(test.score, Score::Values(_))).next();
    of_values.unwrap_or(network.outputs() == 1)
}

/// Predicts file after file, and collects the predictions.
struct Seer<'a> {
    args: &'a Args,
    network: &'a Network,
    pool: &'a Pool,
    predictions: Vec<Prediction>,
    /// Notes on pictures of two digits, and on inputs far from those of the training set.
    notes: Vec<String>,
}

impl Seer<'_> {
    /// Adds the images of a file. Its first bytes tell its format.
    fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let opening = |error: io::Error| {
            let path = path.display();
            Failure::Run(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!(
                        "{path}: expected a picture or an IDX file of images, found no such file; check its name"
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
                    "{path}: expected a picture or an IDX file of images, found a folder; name the files in it"
                )));
            }
            Err(error) => return Err(error.into()),
        };
        let mut start = Vec::new();
        (&file).take(16).read_to_end(&mut start).map_err(opening)?;
        if let Some(kind) = self.args.keys.kind(path) {
            self.add_arrays(path, kind)
        } else if is_picture(&start) {
            self.add_picture(path, file)
        } else if start.starts_with(&[0, 0]) || start.starts_with(&[0x1f, 0x8b]) {
            self.add_idx(path)
        } else if is_table(path, &self.args.keys) {
            Err(dataset::no_preparation(&self.args.checkpoint, path))
        } else {
            let found = match &*start {
                [] => "an empty file; copy it again".to_owned(),
                [b'M', b'I', b'N', b'I', b'B', b'T', b'C', b'H', ..] => {
                    "a checkpoint; one is enough, before the images".to_owned()
                }
                bytes => {
                    let bytes: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                    format!("a file that begins with {}; convert it to PNG", bytes.join(" "))
                }
            };
            let path = path.display();
            Err(Failure::Run(format!("{path}: expected a picture or an IDX file of images, found {found}")))
        }
    }

    /// Adds the picture at `path`, which is open.
    fn add_picture(&mut self, path: &Path, mut file: File) -> Result<(), Failure> {
        let failed = |why: String| Failure::Run(format!("{}: {why}", path.display()));
        let profile = self.network.profile();
        let name = [Name { image: path.into(), index: None, truth: None }];
        // Colours go in as they are.
        if let Some(&[rows, columns, 3]) = profile.map(|profile| &*profile.example_shape) {
            let (_, image) = pixels(&mut file, Some([rows, columns]), 3).map_err(failed)?;
            let found = InputProfile::of_rows(1, &[rows, columns, 3], |_| Row::Bytes(&image));
            self.notes.extend(note_if_far(profile, &found, path));
            return self.predict(&image, name);
        }
        let (rows, columns) = size(profile, self.network.inputs())
            .map_err(|why| failed(format!("{why}; name an IDX file of images instead")))?;
        let asked = self.args.prepare;
        let fitted = with_grey(&mut file, |picture| inputs(picture, asked, profile, (rows, columns)))
            .map_err(failed)?;
        let image = fitted.inputs;
        if fitted.has_second {
            let path = path.display();
            self.notes
                .push(format!("note: {path}: shows two digits or more; the answer is for the largest one; cut the picture to have the others"));
        }
        let found = InputProfile::of_rows(1, &[rows, columns], |_| Row::Floats(&image));
        self.notes.extend(note_if_far(profile, &found, path));
        self.predict(&image, name)
    }

    /// Adds the examples of a file of NumPy's.
    fn add_arrays(&mut self, path: &Path, kind: Kind) -> Result<(), Failure> {
        let (inputs, shape) = self.args.keys.inputs(path, kind)?;
        let (count, image) = shape.split_first().expect("an array has a dimension");
        check_shape(path, image, self.args, self.network)?;
        self.check_memory(path, *count, 0)?;
        let data = Dataset::from_values(inputs, image, vec![0.0; *count], 1)?;
        self.notes.extend(note_if_far(self.network.profile(), &data.profile(), path));
        let shared: Rc<Path> = path.into();
        let name = |index| Name { image: Rc::clone(&shared), index: Some(index), truth: None };
        self.predict(&data, (0..*count).map(name))
    }

    fn add_idx(&mut self, path: &Path) -> Result<(), Failure> {
        let file = IdxFile::map(path)?;
        let (&count, image) =
            file.header().dims().split_first().expect("a checked header has a rank of at least 1");
        if image.is_empty() {
            let path = path.display();
            return Err(Failure::Run(format!(
                "{path}: expected images, found an IDX file of rank 1; is it that of the labels?"
            )));
        }
        check_shape(path, image, self.args, self.network)?;
        let bytes = file.header().element() == ElementType::U8;
        let numbers = if bytes { 0 } else { count.saturating_mul(self.network.inputs()) };
        self.check_memory(path, count, numbers)?;
        let inputs = self.network.inputs();
        let profile = self.network.profile();
        let turned = profile.is_some_and(|profile| profile.is_transposed) || self.args.data.transpose;
        let shared: Rc<Path> = path.into();
        let names =
            (0..count).map(|index| Name { image: Rc::clone(&shared), index: Some(index), truth: None });
        if turned {
            let all = if bytes { Inputs::from(file.payload()) } else { Inputs::from(file.to_f32()?) };
            let data = Dataset::from_values(all, image, vec![0.0; count], 1)?.transposed()?;
            self.notes.extend(note_if_far(profile, &data.profile(), path));
            self.predict(&data, names)
        } else if bytes {
            let row = |i: usize| Row::Bytes(&file.payload()[i * inputs..][..inputs]);
            self.notes.extend(note_if_far(profile, &InputProfile::of_rows(count, image, row), path));
            self.predict(file.payload(), names)
        } else {
            let numbers = file.to_f32()?;
            let row = |i: usize| Row::Floats(&numbers[i * inputs..][..inputs]);
            self.notes.extend(note_if_far(profile, &InputProfile::of_rows(count, image, row), path));
            self.predict(&numbers, names)
        }
    }

    /// Adds the images of the test set that are asked for.
    fn add_examples(&mut self) -> Result<(), Failure> {
        /// Number of examples that are copied side by side at a time.
        const AT_A_TIME: usize = 256;
        let folder = self.args.data.folder();
        let test = self.args.data.open_test(self.network)?;
        self.notes.extend(note_if_far(self.network.profile(), &test.profile(), &folder));
        check_shape(&folder, test.example_shape(), self.args, self.network)?;
        if let Some(indices) = Indices::beyond(&self.args.index, test.len()) {
            let (folder, last) = (folder.display(), test.len() - 1);
            return Err(Failure::usage(format!(
                "--index {indices}: expected 0 to {last}, the test images of {folder}"
            )));
        }
        self.check_memory(&folder, Indices::count(&self.args.index), AT_A_TIME * test.input_len())?;
        let shared: Rc<Path> = folder.into();
        let indices: Vec<usize> = self.args.index.iter().flat_map(Indices::iter).collect();
        for indices in indices.chunks(AT_A_TIME) {
            let (mut bytes, mut floats) = (Vec::new(), Vec::new());
            for &index in indices {
                match test.input(index) {
                    Row::Bytes(row) => bytes.extend_from_slice(row),
                    Row::Floats(row) => floats.extend_from_slice(row),
                }
            }
            let name = |&index: &usize| {
                let truth = truth(test.targets(), index);
                Name { image: Rc::clone(&shared), index: Some(index), truth }
            };
            let names = indices.iter().map(name);
            if floats.is_empty() { self.predict(&bytes, names)? } else { self.predict(&floats, names)? }
        }
        Ok(())
    }

    /// Refuses images if there is no memory for their predictions and for `numbers` of their inputs.
    fn check_memory(&self, path: &Path, images: usize, numbers: usize) -> Result<(), Failure> {
        /// Bytes of an output: in a prediction, and as text.
        const OUTPUT: u64 = 4 + 32;
        /// Bytes of an image's name and place.
        const IMAGE: u64 = 256;
        let image = (self.network.outputs() as u64).saturating_mul(OUTPUT).saturating_add(IMAGE);
        let bytes = image
            .saturating_mul(images as u64)
            .saturating_add(4 * numbers as u64)
            .saturating_add(footprint::prediction(self.network, images, self.pool));
        let what = format!("{}: predictions for its {} images", path.display(), grouped(images));
        memory::check(what, bytes, "ask for fewer at a time").map_err(Failure::Run)
    }

    /// Adds the predictions for rows of inputs.
    fn predict<'x>(
        &mut self,
        rows: impl Into<Rows<'x>>,
        names: impl IntoIterator<Item = Name>,
    ) -> Result<(), Failure> {
        let outputs = self.network.predict_rows(self.pool, rows)?;
        for (outputs, name) in outputs.chunks_exact(self.network.outputs()).zip(names) {
            if outputs.iter().any(|output| !output.is_finite()) {
                let image = name.shown();
                return Err(Failure::Run(format!("{image}: the network's outputs for it are not finite")));
            }
            self.predictions.push(Prediction { name, outputs: outputs.to_vec() });
        }
        Ok(())
    }
}

/// The label or the values of an example of a dataset.
fn truth(targets: &Targets, index: usize) -> Option<Truth> {
    match targets {
        Targets::Classes { labels, .. } => Some(Truth::Label(labels[index])),
        Targets::Values { data, width } | Targets::Labels { data, width } => {
            Some(Truth::Values(data[index * width..][..*width].to_vec()))
        }
        _ => None,
    }
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
