//! A folder of pictures as data: one sub-folder for each class.

use super::tested::{Parts, Tested};
use crate::failure::Failure;
use crate::image::{is_picture, pixels};
use crate::memory;
use minibatch_data::{Dataset, open_regular};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How pictures become inputs.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Rows and columns that pictures are scaled to [default: their own, if all have the same]
    #[arg(long, value_name = "ROWSxCOLUMNS", value_parser = size)]
    size: Option<[usize; 2]>,

    /// Take the colours of pictures as three channels, and not their grey levels
    #[arg(long)]
    rgb: bool,
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let sides = text
        .split_once(['x', '×'])
        .and_then(|(rows, columns)| Some([rows.parse().ok()?, columns.parse().ok()?]));
    sides
        .filter(|sides| sides.iter().all(|side| (1..=4096).contains(side)))
        .ok_or_else(|| "expected two numbers from 1 to 4096, such as 28x28".to_owned())
}

impl Args {
    /// The first of the options that was given.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        self.size.map(|_| "--size").or(self.rgb.then_some("--rgb"))
    }

    /// The shape that pictures are asked to have.
    pub(crate) fn shape(&self) -> Shape {
        Shape { size: self.size, channels: if self.rgb { 3 } else { 1 } }
    }
}

/// The shape of pictures, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) size: Option<[usize; 2]>,
    pub(crate) channels: usize,
}

impl Shape {
    /// That of the examples that a network was trained on.
    pub(crate) fn of_examples(example_shape: &[usize]) -> Option<Shape> {
        match *example_shape {
            [rows, columns] => Some(Shape { size: Some([rows, columns]), channels: 1 }),
            [rows, columns, channels @ (1 | 3)] => Some(Shape { size: Some([rows, columns]), channels }),
            _ => None,
        }
    }
}

/// Pictures of a folder.
#[derive(Debug)]
pub(crate) struct Pictures {
    pub(crate) dataset: Dataset,
    /// The names of the sub-folders.
    pub(crate) classes: Vec<String>,
}

/// Whether a folder has pictures in sub-folders, and none of an IDX set's files.
pub(crate) fn is_of_pictures(folder: &Path) -> bool {
    let names = |path: &Path| {
        fs::read_dir(path).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path())
    };
    let is_idx = |path: &PathBuf| path.is_file() && path.to_string_lossy().contains("idx");
    !names(folder).any(|path| is_idx(&path))
        && names(folder)
            .filter(|path| path.is_dir())
            .any(|path| names(&path).take(64).any(|file| starts_as_picture(&file)))
}

fn starts_as_picture(path: &Path) -> bool {
    let mut start = Vec::new();
    path.is_file()
        && open_regular(path).is_ok_and(|file| file.take(16).read_to_end(&mut start).is_ok())
        && is_picture(&start)
}

/// Reads the pictures of a folder. `known` are the classes of a network that has been trained, in the order of its outputs.
pub(crate) fn read(folder: &Path, shape: Shape, known: Option<&[String]>) -> Result<Pictures, Failure> {
    let failed = |path: &Path, why: String| Failure::Run(format!("{}: {why}", path.display()));
    let sorted = |path: &Path| -> Result<Vec<PathBuf>, Failure> {
        let entries =
            fs::read_dir(path).map_err(|error| failed(path, format!("cannot list the folder: {error}")))?;
        let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.sort();
        // Hidden files are those of file managers.
        paths.retain(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
        Ok(paths)
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folders: Vec<PathBuf> = sorted(folder)?.into_iter().filter(|path| path.is_dir()).collect();
    let classes = known.map_or_else(|| folders.iter().map(|path| name(path)).collect(), <[String]>::to_vec);
    if classes.len() < 2 {
        let found = classes.first().map_or_else(|| "none".to_owned(), |one| format!("'{one}' alone"));
        return Err(failed(
            folder,
            format!("expected a sub-folder for each of two classes or more, found {found}"),
        ));
    }
    let mut files = Vec::new();
    for path in &folders {
        let class = name(path);
        let Some(label) = classes.iter().position(|known| *known == class) else {
            let known = classes.join(", ");
            return Err(failed(
                path,
                format!("expected a class that the network knows, {known}, found '{class}'"),
            ));
        };
        let of_class: Vec<PathBuf> = sorted(path)?.into_iter().filter(|path| path.is_file()).collect();
        if of_class.is_empty() && known.is_none() {
            return Err(failed(path, "expected pictures, found none".to_owned()));
        }
        files.extend(of_class.into_iter().map(|file| (file, label as u32)));
    }
    let Some((first, _)) = files.first() else {
        return Err(failed(folder, "expected pictures, found none".to_owned()));
    };
    let Shape { size, channels } = shape;
    let read = |path: &Path, size: Option<[usize; 2]>| {
        let mut file = open_regular(path)?;
        pixels(&mut file, size, channels).map_err(|why| failed(path, why))
    };
    let (own, _) = read(first, size)?;
    let example = own[0] * own[1] * channels;
    let bytes = (files.len() as u64).saturating_mul(example as u64);
    memory::check(format!("{}: its pictures", folder.display()), bytes, "scale them down with --size")
        .map_err(Failure::Run)?;
    let (mut inputs, mut labels) = (Vec::with_capacity(bytes as usize), Vec::with_capacity(files.len()));
    for (path, label) in &files {
        let (found, pixels) = read(path, size)?;
        if found != own {
            let [rows, columns] = found;
            return Err(failed(
                path,
                format!(
                    "expected {}×{} pixels, as {} has, found {rows}×{columns}; --size {}x{} scales all of them",
                    own[0],
                    own[1],
                    first.display(),
                    own[0],
                    own[1]
                ),
            ));
        }
        inputs.extend_from_slice(&pixels);
        labels.push(*label);
    }
    let mut example_shape = own.to_vec();
    if channels > 1 {
        example_shape.push(channels);
    }
    let dataset = Dataset::from_classes(inputs, &example_shape, labels)?.with_classes(classes.len())?;
    Ok(Pictures { dataset, classes })
}

/// Splits the pictures of a run.
pub(super) fn split(
    pictures: &Pictures,
    tested: &Tested,
    validation_split: Option<f64>,
    seed: u64,
) -> Result<Parts, Failure> {
    let test = match (tested.file(), Shape::of_examples(pictures.dataset.example_shape())) {
        (Some(folder), Some(shape)) => Some(read(folder, shape, Some(&pictures.classes))?.dataset),
        _ => None,
    };
    tested.parts(pictures.dataset.clone(), test, validation_split, seed)
}
