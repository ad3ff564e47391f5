//! Foreign pictures as a network's inputs.

mod decode;
mod prepare;

pub(crate) use decode::{Picture, SIGNATURE};
pub(crate) use prepare::prepare;
