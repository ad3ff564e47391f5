//! The drawings of the command: pictures in a grid, curves, bars.
//!
//! Each drawing is a value that is described once, and drawn for a terminal, as a PNG or as an SVG. A file of this folder is below
//! those that come after it in this list:
//!
//! 1. [`color`]: colours and their scales.
//! 2. [`raster`]: pictures of coloured pixels, with text on them.
//! 3. [`terminal`]: the colours and the size of a terminal, and text in colours.
//! 4. [`braille`]: a canvas of characters for plotters.
//! 5. [`chart`]: curves in axes. [`bars`]: bars of one line of text, sparklines and histograms.
//! 6. [`grid`]: pictures with captions, in rows.
//! 7. [`file`]: a drawing as a file.

mod bars;
mod braille;
mod chart;
pub(crate) mod color;
mod file;
mod grid;
mod raster;
mod svg;
mod terminal;

pub(crate) use bars::{histogram, sparkline};
pub(crate) use chart::{Chart, Scale, Series};
pub(crate) use file::{Format, Target};
pub(crate) use grid::{Grid, Legend, Tile};
pub(crate) use raster::Raster;
pub(crate) use svg::{data_uri, escaped};
pub(crate) use terminal::{Colors, Terminal, cut, fitted, width};
