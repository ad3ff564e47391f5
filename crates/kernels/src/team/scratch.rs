//! Memory that a member keeps from phase to phase.

use crate::matrix::Matrix;

/// The buffers of one member, for whoever runs its piece of a phase. Nothing here knows what they hold.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) buffers: [Buffer; 4],
}

/// Values from a cache line's start on. Its memory is touched only when someone first needs it.
pub(crate) struct Buffer(Matrix);

impl Default for Buffer {
    fn default() -> Buffer {
        Buffer(Matrix::zeros(1, 0))
    }
}

impl Buffer {
    /// Room for so many values, whatever they are. Allocates only when it grows, and then holds zeros.
    pub(crate) fn room(&mut self, values: usize) -> &mut [f32] {
        if self.0.cols() < values {
            self.0 = Matrix::zeros(1, values);
        }
        self.0.row_mut(0)
    }
}
