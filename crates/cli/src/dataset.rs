//! Naming and opening datasets.

use crate::failure::Failure;
use clap::ValueEnum;
use minibatch_data::{Error, TrainTest, locate};
use std::io;
use std::path::{Path, PathBuf};

/// The datasets known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    Mnist,
    FashionMnist,
}

impl Name {
    fn as_str(self) -> &'static str {
        match self {
            Name::Mnist => "mnist",
            Name::FashionMnist => "fashion-mnist",
        }
    }
}

/// Which data a command works on.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Dataset, in the folder data/NAME
    #[arg(long, value_name = "NAME", default_value = "mnist")]
    pub dataset: Name,

    /// Folder of the four IDX files, instead of data/NAME
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

impl Args {
    /// The folder that should hold the files.
    pub(crate) fn folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| Path::new("data").join(self.dataset.as_str()))
    }

    /// The options as they were given.
    pub(crate) fn given(&self) -> Vec<String> {
        match &self.data {
            Some(folder) => vec!["--data".to_owned(), folder.display().to_string()],
            None => vec!["--dataset".to_owned(), self.dataset.as_str().to_owned()],
        }
    }

    /// Opens the training and the test set, the images memory-mapped.
    pub(crate) fn open(&self) -> Result<TrainTest, Failure> {
        let folder = self.folder();
        let files = locate(&folder).map_err(|error| self.not_found(error))?;
        Ok(files.map()?)
    }

    /// A missing set, and the way out.
    fn not_found(&self, error: Error) -> Failure {
        let (folder, expected, found) = match error {
            Error::Io { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
                (path, "a folder with train-images-idx3-ubyte".to_owned(), "no such folder".to_owned())
            }
            Error::NotInFolder { folder, expected, found, .. }
                if !found.starts_with("only ") && !found.starts_with("both ") =>
            {
                (folder, expected, found)
            }
            // What is in the folder says better what to do.
            other => return other.into(),
        };
        let folder = folder.display();
        let mut fetch = format!("`cargo xtask fetch-mnist --dataset {}", self.dataset.as_str());
        if self.data.is_some() {
            fetch.push_str(&format!(" --dir {folder}"));
        }
        Failure::Run(format!("{folder}: expected {expected}, found {found}; {fetch}` fetches the set"))
    }
}
