//! Pictures that are moved, turned and bent: one resampling, with the same bits on every instruction set with fused multiply-add.
//!
//! ```text
//! draw the two fields           words of Philox, a word a pixel           (elastic only)
//! smooth them                   a Gaussian along rows, then along columns (elastic only)
//! for each channel:
//!     copy the picture into a larger one of zeros
//!     for each row, a register of pixels at a time:
//!         source position = affine map of the pixel + α · smoothed fields
//!         gather the four pixels around it, interpolate between them
//! ```
//!
//! Each sum is one chain of fused multiply-adds in a fixed order, lane by lane, so the width of a register doesn't enter.

mod canvas;
mod fields;
mod warp;

pub use canvas::{Canvas, PictureShape};
pub use fields::{Elastic, Smoothing};
pub use warp::{AffineMap, Pixel};
