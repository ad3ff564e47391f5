//! Pictures in a grid.

use super::{Args, title_of};
use crate::dataset::{Named, pictures};
use crate::draw::{Grid, Raster, Tile};
use crate::failure::Failure;
use crate::numbers::Indices;
use crate::report::{self, Event, Report};
use crate::text::{figure, grouped, images};
use minibatch::Dataset;
use minibatch_data::{Row, Targets, TrainTest};
use serde::Serialize;
use std::io;
use std::path::Path;

/// Examples that are shown, and what is known of them.
pub(super) struct Chosen {
    place: String,
    /// The set in words: `training` or `test`.
    set: &'static str,
    /// The data that hold the examples, and the index of each there.
    data: Dataset,
    rows: Vec<usize>,
    /// The index of each among all.
    indices: Vec<usize>,
    class_names: Option<Vec<String>>,
    /// The number of all.
    all: usize,
}

/// A picture, as JSON has it.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "example")]
struct Example {
    set: &'static str,
    index: usize,
    label: String,
}

impl Event for Example {
    fn write(&self, _: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }
}

impl Chosen {
    /// Examples of `data`, which has these class names if it has some.
    fn of(args: &Args, data: Dataset, class_names: Option<Vec<String>>) -> Result<Chosen, Failure> {
        let classes = match data.targets() {
            Targets::Classes { labels, .. } => Some(&labels[..]),
            _ => None,
        };
        let rows = args.choose(data.len(), class_names.as_deref(), classes)?;
        let (indices, all) = (rows.clone(), data.len());
        let set = if args.test { "test" } else { "training" };
        Ok(Chosen { place: title_of(&args.data.place()), set, data, rows, indices, class_names, all })
    }

    /// Examples of IDX files.
    pub(super) fn of_images(args: &Args, named: &Named) -> Result<Chosen, Failure> {
        args.pictures.check_unused()?;
        let TrainTest { train, test } = named.open()?;
        Chosen::of(args, if args.test { test } else { train }, None)
    }

    /// Examples of a NumPy archive.
    pub(super) fn of_arrays(args: &Args, path: &Path) -> Result<Chosen, Failure> {
        args.pictures.check_unused()?;
        let (train, test) = args.data.keys.images(path)?;
        let none = || {
            let path = path.display();
            Failure::Run(format!("{path}: expected arrays to test on, found none; leave out --test"))
        };
        Chosen::of(args, if args.test { test.ok_or_else(none)? } else { train }, None)
    }

    /// Examples of a folder of pictures. Those that aren't shown aren't read.
    pub(super) fn of_pictures(args: &Args, path: &Path) -> Result<Chosen, Failure> {
        if args.test {
            return Err(Failure::usage("--test: a folder of pictures has no test set; name its own folder"));
        }
        let take = |names: &[String], classes: &[u32]| args.choose(classes.len(), Some(names), Some(classes));
        let pictures::Sample { pictures: data, indices, class_names, all } =
            pictures::sample(path, &args.pictures, take)?;
        let (place, rows) = (title_of(path), (0..indices.len()).collect());
        Ok(Chosen { place, set: "", data, rows, indices, class_names: Some(class_names), all })
    }

    /// Shows the examples as `args` ask for it.
    pub(super) fn show(&self, args: &Args) -> Result<(), Failure> {
        if args.json {
            return self.rows.iter().zip(&self.indices).try_for_each(|(&row, &index)| {
                let label = label(self.data.targets(), row, self.class_names.as_deref());
                Report::Json.print(&Example { set: self.set, index, label })
            });
        }
        let grid = self.grid(args.labels || args.class.is_some())?;
        report::show(&grid, args.output.as_ref())
    }

    /// The pictures as a grid, with their labels if they are asked for.
    fn grid(&self, with_labels: bool) -> Result<Grid, Failure> {
        let shape = self.data.example_shape();
        let values: Vec<Vec<f32>> = self.rows.iter().map(|&row| values(self.data.input(row))).collect();
        let range = range(self.data.input(0), &values);
        let tile = |(values, (&row, index)): (&Vec<f32>, (&usize, &usize))| {
            let picture = Raster::of_values(values, shape, range)?;
            let label = || label(self.data.targets(), row, self.class_names.as_deref());
            let caption = if with_labels { vec![label(), format!("#{index}")] } else { Vec::new() };
            Some(Tile { picture, caption })
        };
        let tiles: Option<Vec<Tile>> =
            values.iter().zip(self.rows.iter().zip(&self.indices)).map(tile).collect();
        let Some(tiles) = tiles else {
            let place = &self.place;
            return Err(Failure::Run(format!(
                "{place}: expected pictures, found {}; save them as a table, whose columns `show` sums up",
                images(shape)
            )));
        };
        let (shown, all) = (grouped(tiles.len()), grouped(self.all));
        let set = if self.set.is_empty() { String::new() } else { format!("{} ", self.set) };
        let title = format!("{}: {shown} of {all} {set}{}", self.place, images(shape));
        Ok(Grid { title, tiles, legend: None })
    }
}

impl Args {
    /// The indices of the examples to show, of so many with these classes.
    fn choose(
        &self,
        all: usize,
        names: Option<&[String]>,
        classes: Option<&[u32]>,
    ) -> Result<Vec<usize>, Failure> {
        if !self.index.is_empty() {
            return match Indices::beyond(&self.index, all) {
                Some(index) => {
                    let last = all.saturating_sub(1);
                    Err(Failure::usage(format!(
                        "--index {index}: expected 0 to {last}, the pictures there are"
                    )))
                }
                None => Ok(self.index.iter().flat_map(Indices::iter).collect()),
            };
        }
        let candidates: Vec<usize> = match &self.class {
            None => (0..all).collect(),
            Some(asked) => {
                let Some(classes) = classes else {
                    return Err(Failure::usage(format!(
                        "--class {asked}: the data have values, not classes; leave it out"
                    )));
                };
                let by_name = || names?.iter().position(|name| name == asked);
                let number = by_name().or_else(|| asked.parse().ok());
                let of_class: Vec<usize> =
                    (0..all).filter(|&index| Some(classes[index] as usize) == number).collect();
                if of_class.is_empty() {
                    let most = classes.iter().max().map_or(0, |class| class + 1);
                    let known = match names {
                        Some(names) => format!("one of {}", names.join(", ")),
                        None => format!("a number from 0 to {}", most.saturating_sub(1)),
                    };
                    return Err(Failure::usage(format!("--class {asked}: expected {known}")));
                }
                of_class
            }
        };
        let shown = self.count.min(candidates.len());
        Ok((0..shown).map(|i| candidates[i * candidates.len() / shown]).collect())
    }
}

/// The inputs of an example as numbers: bytes as they are.
pub(crate) fn values(row: Row<'_>) -> Vec<f32> {
    match row {
        Row::Bytes(bytes) => bytes.iter().map(|&byte| f32::from(byte)).collect(),
        Row::Floats(floats) => floats.to_vec(),
    }
}

/// The darkest and the brightest value: those of bytes, or else the extremes of what is shown.
pub(crate) fn range(like: Row<'_>, values: &[Vec<f32>]) -> (f32, f32) {
    match like {
        Row::Bytes(_) => (0.0, 255.0),
        Row::Floats(_) => {
            let all = values.iter().flatten().copied().filter(|x| x.is_finite());
            let (low, high) =
                all.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
            if low < high { (low, high) } else { (low.min(0.0), high.max(1.0)) }
        }
    }
}

/// The label of an example in words.
fn label(targets: &Targets, row: usize, names: Option<&[String]>) -> String {
    match targets {
        Targets::Classes { labels, .. } => {
            let class = labels[row] as usize;
            names.and_then(|names| names.get(class)).cloned().unwrap_or_else(|| class.to_string())
        }
        Targets::Values { data, width } | Targets::Labels { data, width } => {
            let values = &data[row * width..][..*width];
            values.iter().map(|&value| figure(f64::from(value))).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}
