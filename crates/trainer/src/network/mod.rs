//! Networks: layers and a cost, without their training.
//!
//! A [`Network`] is a row of [`Layer`]s and a [`Cost`](cost::Cost). A [`NetworkBuilder`] makes it. Each [activation] and each
//! [cost] is a file of its own. Nothing in this room computes a step or an output.

pub mod activation;
mod builder;
pub mod cost;
mod error;
pub(crate) mod footprint;
mod init;
mod layer;
pub(crate) mod name;
#[expect(clippy::module_inception, reason = "the file of the type `Network`")]
mod network;
mod values;

pub use builder::NetworkBuilder;
pub use error::NetworkError;
pub use init::{Initializer, Origin};
pub use layer::Layer;
pub use network::Network;
pub(crate) use values::LayerValues;
