//! A cache line of values, the unit of owned memory.

/// f32 values in a cache line: row strides of owned matrices are multiples of it.
pub(crate) const LINE: usize = 16;

/// One cache line of values: what makes storage start on a 64-byte boundary.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line(pub(crate) [f32; LINE]);

impl Line {
    /// Values in a line.
    pub(crate) const LEN: usize = LINE;
    pub(crate) const ZERO: Line = Line([0.0; LINE]);
}
