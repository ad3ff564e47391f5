//! Matrices of f32: those that own their numbers, views of them, and the memory below.

#[cfg(feature = "ndarray")]
mod array;
mod owned;
mod storage;
mod view;

pub use owned::{Matrix, Panels};
pub(crate) use storage::{HUGE, LARGE, LINE, Line};
pub(crate) use view::along;
pub use view::{Mat, MatMut};
