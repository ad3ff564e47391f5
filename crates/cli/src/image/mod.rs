//! Foreign pictures as a network's inputs.

mod decode;
mod file;
mod fit;
mod ink;
mod prepare;
mod rank;
mod ruled;
mod specks;
mod window;

pub(crate) use decode::decode;
pub(crate) use file::{is_picture, pixels, with_grey};
pub(crate) use fit::{Prepare, inputs, size};
pub(crate) use prepare::prepare;

/// A picture in grey.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture<L> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Gives the level of a pixel, 0 black to 1 white. Pixels are counted row by row. The level is computed anew each time,
    /// because the levels of a whole picture would take up to four times the memory of its bytes.
    pub(crate) level: L,
}

impl<L: Fn(usize) -> f32> Picture<L> {
    /// The levels of all pixels.
    fn levels(&self) -> impl Iterator<Item = f32> {
        (0..self.width * self.height).map(&self.level)
    }
}

/// The pixels at the border, row by row.
fn border(columns: usize, rows: usize) -> impl Iterator<Item = usize> {
    (0..rows).flat_map(move |row| {
        let whole = row == 0 || row + 1 == rows;
        let step = if whole { 1 } else { (columns - 1).max(1) };
        (row * columns..(row + 1) * columns).step_by(step)
    })
}
