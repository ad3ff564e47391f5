//! Where inputs come from.

use super::row::fractions_of;
use crate::matrix::MatMut;
use crate::simd::Isa;
use std::fmt;

/// Where a minibatch's examples come from: a function from 0, 1, … to the inputs of that example.
#[derive(Clone, Copy)]
pub enum Examples<'a> {
    /// Bytes, taken as numbers in [0, 1]: the correctly rounded x/255.
    Bytes(&'a (dyn Fn(usize) -> &'a [u8] + Sync + 'a)),
    /// Numbers as they are.
    Floats(&'a (dyn Fn(usize) -> &'a [f32] + Sync + 'a)),
}

impl fmt::Debug for Examples<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Examples::Bytes(_) => "Examples of bytes",
            Examples::Floats(_) => "Examples of numbers",
        })
    }
}

impl Examples<'_> {
    /// Copies the first examples to the rows of `to`, one to each.
    ///
    /// # Panics
    ///
    /// If an example's length isn't the number of columns, or rows of `to` aren't contiguous.
    pub fn copy_to(self, isa: Isa, to: &mut MatMut<'_>) {
        for row in 0..to.rows() {
            match self {
                Examples::Bytes(from) => {
                    let example = from(row);
                    assert!(example.len() == to.cols(), "an example of {} inputs", example.len());
                    fractions_of(isa, example, to.row_mut(row));
                }
                Examples::Floats(from) => {
                    let example = from(row);
                    assert!(example.len() == to.cols(), "an example of {} inputs", example.len());
                    to.row_mut(row).copy_from_slice(example);
                }
            }
        }
    }
}
