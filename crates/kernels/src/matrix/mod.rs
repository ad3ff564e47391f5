//! Matrices of f32: those that own their numbers, views of them, and the memory below.

#[cfg(feature = "ndarray")]
mod array;
mod huge;
mod line;
mod owned;
mod storage;
mod view;

pub(crate) use huge::{HUGE, LARGE};
pub(crate) use line::{LINE, Line};
pub use owned::{Matrix, Panels};
pub(crate) use view::along;
pub use view::{Mat, MatMut};
