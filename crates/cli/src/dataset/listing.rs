//! The pictures of a folder: their files and classes, and their bytes.

use crate::failure::Failure;
use crate::image::pixels;
use crate::memory;
use minibatch_data::{Dataset, open_regular};
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

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

/// The pictures of a folder, before they are read.
#[derive(Debug)]
pub(super) struct Listing {
    folder: PathBuf,
    /// The names of the classes, in the order of a network's outputs.
    pub(super) classes: Vec<String>,
    /// Each file with its class. There is at least one.
    pub(super) files: Vec<(PathBuf, u32)>,
}

fn failed(path: &Path, why: impl Display) -> Failure {
    Failure::Run(format!("{}: {why}", path.display()))
}

impl Listing {
    /// Lists the pictures of a folder. `known` are the classes of a network that has been trained, in the order of its outputs.
    pub(super) fn new(folder: &Path, known: Option<&[String]>) -> Result<Listing, Failure> {
        let sorted = |path: &Path| -> Result<Vec<PathBuf>, Failure> {
            let entries = fs::read_dir(path)
                .map_err(|error| failed(path, format!("cannot list the folder: {error}")))?;
            let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
            paths.sort();
            // Hidden files are those of file managers.
            paths.retain(|path| {
                !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
            });
            Ok(paths)
        };
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folders: Vec<PathBuf> = sorted(folder)?.into_iter().filter(|path| path.is_dir()).collect();
        let classes =
            known.map_or_else(|| folders.iter().map(|path| name(path)).collect(), <[String]>::to_vec);
        if classes.len() < 2 {
            let found = classes.first().map_or_else(|| "none".to_owned(), |one| format!("'{one}' alone"));
            let why = format!("expected a sub-folder for each of two classes or more, found {found}");
            return Err(failed(folder, why));
        }
        let mut files = Vec::new();
        for path in &folders {
            let class = name(path);
            let Some(label) = classes.iter().position(|known| *known == class) else {
                let known = classes.join(", ");
                let why = format!("expected a class that the network knows, {known}, found '{class}'");
                return Err(failed(path, why));
            };
            let of_class: Vec<PathBuf> = sorted(path)?.into_iter().filter(|path| path.is_file()).collect();
            if of_class.is_empty() && known.is_none() {
                return Err(failed(path, "expected pictures, found none"));
            }
            files.extend(of_class.into_iter().map(|file| (file, label as u32)));
        }
        if files.is_empty() {
            return Err(failed(folder, "expected pictures, found none"));
        }
        Ok(Listing { folder: folder.to_owned(), classes, files })
    }

    /// The pictures with these indices alone.
    pub(super) fn chosen(mut self, indices: &[usize]) -> Listing {
        self.files = indices.iter().filter_map(|&index| self.files.get(index).cloned()).collect();
        self
    }

    /// The shape of an example: that which is asked for, or else that of the first picture.
    pub(super) fn example_shape(&self, Shape { size, channels }: Shape) -> Result<Vec<usize>, Failure> {
        let (own, _) = picture(&self.files[0].0, size, channels)?;
        let mut shape = own.to_vec();
        if channels > 1 {
            shape.push(channels);
        }
        Ok(shape)
    }

    /// Calls `take` with the bytes of each picture, all of which have `example_shape`.
    pub(super) fn decode(
        &self,
        Shape { size, channels }: Shape,
        example_shape: &[usize],
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for (path, _) in &self.files {
            let (found, pixels) = picture(path, size, channels)?;
            if found != example_shape[..2] {
                let ([rows, columns], first) = (found, self.files[0].0.display());
                let [own_rows, own_columns] = [example_shape[0], example_shape[1]];
                let why = format!(
                    "expected {own_rows}×{own_columns} pixels, as {first} has, found {rows}×{columns}; --size \
                     {own_rows}x{own_columns} scales all of them"
                );
                return Err(failed(path, why));
            }
            take(&pixels)?;
        }
        Ok(())
    }

    /// Reads the pictures into memory.
    pub(super) fn read(&self, shape: Shape) -> Result<Dataset, Failure> {
        let example_shape = self.example_shape(shape)?;
        let example: usize = example_shape.iter().product();
        let bytes = (self.files.len() as u64).saturating_mul(example as u64);
        let what = format!("{}: its pictures", self.folder.display());
        memory::check(what, bytes, "scale them down with --size").map_err(Failure::Run)?;
        let mut inputs = Vec::with_capacity(bytes as usize);
        self.decode(shape, &example_shape, |pixels| {
            inputs.extend_from_slice(pixels);
            Ok(())
        })?;
        let labels = self.files.iter().map(|(_, label)| *label).collect();
        Ok(Dataset::from_classes(inputs, &example_shape, labels)?.with_classes(self.classes.len())?)
    }
}

/// The picture in a file: its rows and columns, and its bytes.
fn picture(path: &Path, size: Option<[usize; 2]>, channels: usize) -> Result<([usize; 2], Vec<u8>), Failure> {
    let mut file = open_regular(path)?;
    pixels(&mut file, size, channels).map_err(|why| failed(path, why))
}
