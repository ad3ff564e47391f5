//! Checkpoints: the state of a training run as a file, from which a resumed run goes on to the same bits.
//!
//! A [`Checkpoint`] is the content of a run's file. An [`Outline`] is the part that describes the run, read before the rest.
//! Networks stand in files without a run, too: [`Network::save`](crate::Network::save), [`save_networks`]. The crate
//! `minibatch-checkpoint` has the file itself, with its lock and the writer in the background.
//! `docs/checkpoint-format.md` describes the format byte by byte.
//!
//! ```
//! use minibatch::checkpoint::{Keep, Lock, OsDisk, Writer};
//! use minibatch::{Checkpoint, Dataset, Isa, Network, Pool, Settings, Trainer};
//! use std::sync::Arc;
//!
//! let inputs: Vec<f32> = [0., 0., 0., 1., 1., 0., 1., 1.].repeat(64);
//! let data = Dataset::from_classes(inputs, &[2], [0, 1, 1, 0].repeat(64))?;
//! let pool = Pool::new(Isa::detect(), 1)?;
//! let network = Network::builder(2).layer(4).layer(2).build()?;
//! let mut trainer = Trainer::new(&pool, &data, network, Settings::default())?;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("run.ckpt");
//! let mut bytes = Vec::new();
//! trainer.encode_into(&mut bytes)?;
//! let mut writer = Writer::start(Lock::acquire(&path)?, Keep::default(), bytes.len() + 4096, Arc::new(OsDisk))?;
//! for _ in 0..20 {
//!     trainer.advance(5)?;
//!     // Copies the state; another thread writes it.
//!     let receipt = writer.submit(false, |bytes| trainer.encode_into(bytes))?;
//!     if let Some(failure) = receipt.failure {
//!         eprintln!("warning: {failure}");
//!     }
//! }
//! writer.flush()?;
//! assert_eq!(Checkpoint::load(&path)?.network.weight_hash(), trainer.network().weight_hash());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod changes;
mod decode;
mod encode;
mod entries;
mod file;
mod history;
mod legacy;
mod network_file;
mod networks;
mod outline;
mod settings;
mod state;

#[cfg(test)]
mod tests;

pub use minibatch_checkpoint::{
    Disk, Error, FORMAT_VERSION, FormatError, Keep, Lock, OsDisk, Part, Receipt, Step, Writer,
};
pub use network_file::{load_networks, load_networks_with, save_networks};
pub use outline::Outline;
pub use state::{Annotations, Best, Checkpoint, DataIdentity, Progress};
pub(crate) use state::{Carried, Snapshot, best_epoch};
