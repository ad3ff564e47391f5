//! The first layer's forward product for a few blocks of gathered examples, where the update needs all of their active inputs
//! (an optimiser with moments).
//!
//! It is a sweep over the rows of W whose input is active. With few examples the general loops around the micro-kernel would
//! cost as much as some of its tiles; here a strip of columns is one loop over all active inputs.

use super::Product;
use super::small::{Strip, strips, with_rows};
use crate::compact::{BLOCK, CompactInputs};
use crate::isa::Kernel;
use crate::vector::Vector;
use std::ops::Range;

/// `cols` of C ← finish(start + X·B), where a step of the chains takes the row of B that belongs to an active input. Made by
/// [`Product::block`], whose contract it inherits.
pub(super) struct Forward<'a> {
    /// Few examples.
    pub(super) x: &'a CompactInputs,
    pub(super) product: Product<'a>,
    pub(super) cols: Range<usize>,
}

/// Steps of the loop that are written out: its own instructions compete with the multiply-adds.
const STEPS: usize = 4;

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Forward { x, product, cols } = self;
        // A sum of each example in a register of its own, and one for the row of B.
        let height = if V::LANES == BLOCK { BLOCK } else { BLOCK / 2 };
        for strip in strips::<V>(cols) {
            for first in (0..x.examples()).step_by(height) {
                let rows = height.min(x.examples() - first);
                // SAFETY: the strip lies in C's block, its examples in a block of inputs, which `height` divides; the rest is
                // the caller's contract.
                unsafe {
                    with_rows!(rows, strip.lanes < V::LANES, V, ForwardStrip(x, product, strip, first));
                }
            }
            // SAFETY: as the caller's.
            unsafe { product.finish(0..x.examples(), strip.col..strip.col + strip.lanes) };
        }
    }
}

/// A strip of [`Forward`] for `ROWS` examples from the given one on; masked where `EDGE`.
struct ForwardStrip<'a, const ROWS: usize, const EDGE: bool>(&'a CompactInputs, Product<'a>, Strip, usize);

impl<const ROWS: usize, const EDGE: bool> Kernel for ForwardStrip<'_, ROWS, EDGE> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let ForwardStrip(x, product, strip, first) = self;
        let Product { b, c_stride, .. } = product;
        let active = x.active();
        // SAFETY: active inputs are rows of B, and X has a line of 16 examples for each; the strip's columns lie inside B, the
        // bias and C, the lanes beyond are masked.
        unsafe {
            let c = product.c.add(product.across(strip.col)).add(first * c_stride);
            let mut sums = strip.start::<V, ROWS, EDGE>(&product, c);
            let b_at = b.data.add(b.offset(0, strip.col));
            let mut line = x.block(first / BLOCK).add(first % BLOCK);
            macro_rules! step {
                ($input:expr) => {{
                    let row = strip.load::<V, EDGE>(b_at.add($input as usize * b.row_stride));
                    for i in 0..ROWS {
                        sums[i] = V::splat(*line.add(i)).fma(row, sums[i]);
                    }
                    line = line.add(BLOCK);
                }};
            }
            let mut steps = active.chunks_exact(STEPS);
            for inputs in &mut steps {
                step!(*inputs.get_unchecked(0));
                step!(*inputs.get_unchecked(1));
                step!(*inputs.get_unchecked(2));
                step!(*inputs.get_unchecked(3));
            }
            for &input in steps.remainder() {
                step!(input);
            }
            for i in 0..ROWS {
                strip.store::<V, EDGE>(sums[i], c.add(i * c_stride));
            }
        }
    }
}
