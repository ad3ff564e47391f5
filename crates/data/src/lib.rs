//! Datasets from IDX files, memory-mapped, and from tables; and the seeded shuffle that draws minibatches from them.
//!
//! - [`Dataset`] pairs inputs with targets: from IDX files ([`Dataset::map`], [`Dataset::read`]) or
//!   from memory. Inputs stay bytes until a minibatch is gathered.
//! - [`Table`] reads CSV and TSV files, and Parquet files with the feature `parquet`; [`NumpyArray`] and [`NumpyArchive`] those of NumPy. A [`Preparation`] makes inputs and targets of its rows.
//! - [`Shuffle`] draws each epoch's order, the same on every platform for a seed.
//! - [`locate`] finds the four files of an MNIST-style set in a folder.
//! - [`synthetic`] draws digits of its own, for machines without a network.
//! - [`IdxFile`] and [`Header`] read the format itself.
//!
//! The crate knows no networks, never prints, and panics only where a method says so.
//!
//! ```
//! use std::fs::File;
//! use minibatch_data::{Dataset, Row, Shuffle, Targets, write_idx_u8};
//!
//! // Five images of 2 × 2 pixels in three classes.
//! let folder = tempfile::tempdir()?;
//! let (images, labels) = (folder.path().join("images"), folder.path().join("labels"));
//! write_idx_u8(&mut File::create(&images)?, &[5, 2, 2], &(0..20).collect::<Vec<u8>>())?;
//! write_idx_u8(&mut File::create(&labels)?, &[5], &[0, 1, 2, 1, 0])?;
//!
//! let data = Dataset::map(&images, &labels)?;
//! assert_eq!((data.len(), data.example_shape(), data.classes()), (5, &[2, 2][..], Some(3)));
//!
//! let mut shuffle = Shuffle::new(data.len(), 42)?;
//! shuffle.begin_epoch();
//! let Targets::Classes { labels, .. } = data.targets() else { unreachable!() };
//! for &index in shuffle.minibatch(0, 2) {
//!     let index = index as usize;
//!     let Row::Bytes(pixels) = data.input(index) else { unreachable!() };
//!     assert_eq!(usize::from(pixels[0]), 4 * index);
//!     assert!(labels[index] < 3);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "ndarray")]
mod array;
mod dataset;
mod error;
mod idx;
mod locate;
#[cfg(feature = "mmap")]
mod mapping;
#[cfg(feature = "table")]
mod numpy;
#[cfg(feature = "parquet")]
mod parquet_text;
pub mod preparation;
mod profile;
mod random;
mod regular;
mod shuffle;
mod split;
pub mod synthetic;
#[cfg(feature = "table")]
mod table;
mod targets;

pub use dataset::{Dataset, Inputs, Row};
pub use error::{Defect, Error, TableFault, list_item};
pub use idx::{ElementType, Header, IdxFile, write_idx_f32, write_idx_header, write_idx_u8};
pub use locate::{SetFiles, TrainTest, locate, locate_test, locate_with_prefix};
#[cfg(feature = "table")]
pub use numpy::{NUMPY_MAGIC, Number, NumpyArchive, NumpyArray, NumpyText};
#[cfg(feature = "parquet")]
pub use parquet_text::ParquetText;
#[cfg(feature = "table")]
pub use preparation::TargetKind;
pub use preparation::{Preparation, Scale};
pub use profile::InputProfile;
pub use random::generator;
pub use regular::open_regular;
pub use shuffle::{Order, Shuffle, ShuffleState};
#[cfg(feature = "table")]
pub use table::{
    Column, ColumnSummary, Content, Missing, Need, Table, TableOptions, Text, is_parquet, unpacked,
};
pub use targets::{MAX_CLASSES, Targets};
