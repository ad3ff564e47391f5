//! The inputs of a few examples without their zeros, and the products over them: the first layer of inference, and of training
//! on small minibatches.
//!
//! The fewer examples are looked at together, the more inputs are 0 in all of them: of a digit's 784 pixels 415 aren't in
//! all of 16 images, some 300 in all of four, 150 in one. Four rows by two registers are just enough chains to keep the
//! multipliers busy, so four examples share a list of inputs, a *group*.
//!
//! Each group is a sweep over the rows of W that it has inputs for. So that these come from the first-level cache for all
//! groups but the first, inputs are taken a *block* at a time: between blocks the sums rest in C.

mod products;

pub use products::sparse_gemm;
pub(crate) use products::{Forward, Update};

use crate::gemm::sizes;
use crate::inputs::Examples;
use crate::isa::{ArithmeticClass, Isa, Kernel};
use crate::math;
use crate::storage::LINE;
use crate::vector::Vector;
use std::ops::Range;

/// Examples that share a list of active inputs.
const GROUP: usize = 4;

/// How many groups ahead of itself the gather asks the memory for bytes, where examples follow one another: as those of a
/// test set do.
const AHEAD: usize = 2;

/// Registers of columns that a group's sums take across, at most.
const MAX_VECTORS: usize = 4;

/// Inputs X of some examples, in groups of four, each without the inputs that are 0 in the whole group.
///
/// ```
/// use minibatch_kernels::{Isa, Matrix, Panels, SparseInputs, sparse_gemm};
///
/// let mut w = Panels::zeros(3, 2);
/// (0..3).for_each(|k| w.set(k, 1, k as f32));
/// let (isa, mut x, mut c) = (Isa::detect(), SparseInputs::new(3, 2, 1), Matrix::zeros(1, 2));
/// x.gather_bytes(isa, 1, |_| &[0, 51, 255]);
/// sparse_gemm(isa, &x, &w, &[0.5, 0.0], &mut c.view_mut());
/// assert_eq!(c.row(0), [0.5, 2.2]);
/// ```
#[derive(Clone, Debug)]
pub struct SparseInputs {
    /// n_0
    inputs: usize,
    /// Examples there is room for.
    capacity: usize,
    /// Inputs of a block: a multiple of 64.
    block: usize,
    /// Those of the examples taken in last.
    groups: Vec<Group>,
    /// Where the active inputs of each block end, group after group.
    ends: Vec<usize>,
    /// Active inputs, group after group, ascending in each, all below `inputs`.
    indices: Vec<u32>,
    /// The values of each active input, `width` of them side by side, group after group.
    values: Vec<f32>,
    /// Values that an active input has: 4 (the group's examples; past the last, the first again), or 1.
    width: usize,
    /// The bytes of one group's active inputs.
    quads: Vec<[u8; GROUP]>,
}

/// Up to four examples.
#[derive(Clone, Copy, Debug)]
struct Group {
    examples: usize,
    /// Where its active inputs begin.
    start: usize,
}

/// The active inputs of a group in a block.
#[derive(Clone, Copy)]
struct List {
    /// Their indices, and where these end.
    at: *const u32,
    end: *const u32,
    /// The first one's values, and how many each has.
    values: *const f32,
    width: usize,
}

impl SparseInputs {
    /// Room for up to `examples` examples of `inputs` inputs, for products with `outputs` columns.
    ///
    /// # Panics
    ///
    /// If there are more than 2³¹ inputs.
    pub fn new(inputs: usize, outputs: usize, examples: usize) -> SparseInputs {
        assert!(inputs <= 1 << 31, "{inputs} inputs");
        let groups = examples.div_ceil(GROUP);
        let block = sizes::sparse_block(inputs, outputs.clamp(1, MAX_VECTORS * LINE).next_multiple_of(LINE));
        // Groups begin at multiples of 4; the last stores may write 16 values too many.
        let active = groups * inputs.next_multiple_of(4) + LINE;
        SparseInputs {
            inputs,
            capacity: examples,
            block,
            groups: Vec::with_capacity(groups),
            ends: Vec::with_capacity(groups * inputs.div_ceil(block)),
            indices: vec![0; active],
            values: vec![0.0; active * GROUP],
            width: GROUP,
            quads: vec![[0; GROUP]; inputs + LINE],
        }
    }

    /// n_0.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.groups.iter().map(|group| group.examples).sum()
    }

    /// Takes in `examples` examples.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub fn gather(&mut self, isa: Isa, examples: usize, from: Examples<'_>) {
        match from {
            Examples::Bytes(row) => {
                self.begin(examples, GROUP);
                isa.run(GatherBytes { x: self, keep_all: keeps_all(isa), ahead: 0, examples, row });
            }
            Examples::Floats(row) => self.gather_floats(isa, examples, row),
        }
    }

    /// Takes in `examples` examples of bytes, as numbers in [0, 1]: the correctly rounded x/255. `row(i)` is example i. Asks the
    /// memory for the next few, as if they followed in order; where they don't, [`gather`](Self::gather) is faster.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub fn gather_bytes<'a>(&mut self, isa: Isa, examples: usize, row: impl Fn(usize) -> &'a [u8]) {
        self.begin(examples, GROUP);
        let ahead = AHEAD * GROUP * self.inputs;
        isa.run(GatherBytes { x: self, keep_all: keeps_all(isa), ahead, examples, row });
    }

    /// Takes in `examples` examples of numbers as they are. `row(i)` is example i.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub fn gather_floats<'a>(&mut self, isa: Isa, examples: usize, row: impl Fn(usize) -> &'a [f32]) {
        self.begin(examples, if examples == 1 { 1 } else { GROUP });
        isa.run(GatherFloats { x: self, keep_all: keeps_all(isa), examples, row });
    }

    fn begin(&mut self, examples: usize, width: usize) {
        assert!(examples <= self.capacity, "{examples} examples, room for {}", self.capacity);
        self.groups.clear();
        self.ends.clear();
        self.width = width;
    }

    /// Blocks of inputs.
    fn blocks(&self) -> usize {
        self.inputs.div_ceil(self.block)
    }

    /// The list of a group in a block.
    #[inline(always)]
    fn list(&self, group: usize, block: usize) -> List {
        let at = group * self.blocks() + block;
        let start = if block == 0 { self.groups[group].start } else { self.ends[at - 1] };
        let indices = self.indices[start..self.ends[at]].as_ptr_range();
        // `wrapping_add`: where there are no inputs there may be no values.
        let values = self.values.as_ptr().wrapping_add(start * self.width);
        List { at: indices.start, end: indices.end, values, width: self.width }
    }
}

/// Whether its products can't skip inputs.
fn keeps_all(isa: Isa) -> bool {
    isa.class() == ArithmeticClass::Matrixmultiply
}

/// The rows of `GROUP` examples from `first` on; past the last of them, the first again.
fn group_of<'a, T: 'a>(
    inputs: usize,
    first: usize,
    examples: usize,
    row: &impl Fn(usize) -> &'a [T],
) -> [*const T; GROUP] {
    let mut rows = [std::ptr::null(); GROUP];
    for (i, pointer) in rows.iter_mut().enumerate() {
        let row = row(if first + i < examples { first + i } else { first });
        assert!(row.len() == inputs, "an example of {} inputs", row.len());
        *pointer = row.as_ptr();
    }
    rows
}

/// `range` in blocks.
fn blocks(inputs: usize, block: usize) -> impl Iterator<Item = Range<usize>> {
    (0..inputs).step_by(block).map(move |first| first..inputs.min(first + block))
}

/// [`SparseInputs::gather_bytes`].
struct GatherBytes<'x, R> {
    x: &'x mut SparseInputs,
    keep_all: bool,
    /// How far after each row the memory is asked for more.
    ahead: usize,
    examples: usize,
    row: R,
}

impl<'a, R: Fn(usize) -> &'a [u8]> Kernel for GatherBytes<'_, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GatherBytes { x, keep_all, ahead, examples, row } = self;
        let mut start = 0;
        for first in (0..examples).step_by(GROUP) {
            let rows = group_of(x.inputs, first, examples, &row);
            // SAFETY: the rows have `inputs` bytes. The groups so far end at or before `start`, for each of which there is
            // room for `inputs` active ones; 16 more can be written after the last. `quads` holds one group's, and as many.
            unsafe {
                let (indices, quads) = (x.indices.as_mut_ptr().add(start), x.quads.as_mut_ptr());
                let mut active = 0;
                for block in blocks(x.inputs, x.block) {
                    if keep_all {
                        for j in block {
                            indices.add(j).write(j as u32);
                            let [a, b, c, d] = rows;
                            quads.add(j).write([*a.add(j), *b.add(j), *c.add(j), *d.add(j)]);
                            active += 1;
                        }
                    } else {
                        active +=
                            V::nonzero_quads(&rows, block, ahead, indices.add(active), quads.add(active));
                    }
                    x.ends.push(start + active);
                }
                let values = x.values.as_mut_ptr().add(start * GROUP);
                for at in (0..active * GROUP).step_by(V::LANES) {
                    math::unit_from_byte(V::load_bytes(quads.cast::<u8>().add(at))).store(values.add(at));
                }
                x.groups.push(Group { examples: GROUP.min(examples - first), start });
                start += active.next_multiple_of(4);
            }
        }
    }
}

/// [`SparseInputs::gather_floats`].
struct GatherFloats<'x, R> {
    x: &'x mut SparseInputs,
    keep_all: bool,
    examples: usize,
    row: R,
}

impl<'a, R: Fn(usize) -> &'a [f32]> Kernel for GatherFloats<'_, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GatherFloats { x, keep_all, examples, row } = self;
        let (mut start, width) = (0, x.width);
        for first in (0..examples).step_by(GROUP) {
            let rows = group_of(x.inputs, first, examples, &row);
            // SAFETY: as in `GatherBytes`.
            unsafe {
                let indices = x.indices.as_mut_ptr().add(start);
                let values = x.values.as_mut_ptr().add(start * width);
                let mut active = 0;
                for block in blocks(x.inputs, x.block) {
                    if width == 1 && !keep_all {
                        let values = values.add(active);
                        active += V::nonzero_floats(rows[0], block, indices.add(active), values);
                    } else {
                        for j in block {
                            let mut any = keep_all;
                            for (i, row) in rows[..width].iter().enumerate() {
                                let value = *row.add(j);
                                values.add(active * width + i).write(value);
                                any |= value != 0.0;
                            }
                            indices.add(active).write(j as u32);
                            active += usize::from(any);
                        }
                    }
                    x.ends.push(start + active);
                }
                x.groups.push(Group { examples: GROUP.min(examples - first), start });
                start += active.next_multiple_of(4);
            }
        }
    }
}
