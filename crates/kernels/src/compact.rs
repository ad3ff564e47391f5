//! A minibatch's inputs without their zeros: the gather.
//!
//! Most pixels of a handwritten digit are 0, and many are 0 in every example of a minibatch. Such an input adds
//! 0·W to every sum and changes no weight, so products over the inputs may leave it out: the bits are the same.

use crate::isa::{ArithmeticClass, Isa, Kernel};
use crate::math;
use crate::matrix::Matrix;
use crate::vector::Vector;
use std::ptr;

/// Examples in a block, the lanes of a line.
pub(crate) const BLOCK: usize = 16;

/// The inputs A_0 of a minibatch, kept input by input and only those that are not 0 in every example.
///
/// Examples stand in blocks of 16. In a block, each active input has a line of 16 values, one for each example, so that
/// both the forward product (which broadcasts an input's examples) and the update (which broadcasts an example's inputs)
/// find their operands at constant distances.
///
/// ```
/// use minibatch_kernels::{CompactInputs, Isa};
///
/// let mut x = CompactInputs::new(4, 2);
/// let examples: [&[u8]; 2] = [&[0, 255, 0, 51], &[0, 0, 0, 255]];
/// x.gather_bytes(Isa::detect(), 2, |i| examples[i]);
/// assert_eq!(x.active(), [1, 3]);
/// assert_eq!((x.get(0, 0), x.get(0, 1), x.get(1, 1)), (1.0, 0.2, 1.0)); // (example, position among the active)
/// ```
#[derive(Clone, Debug)]
pub struct CompactInputs {
    /// n_0
    inputs: usize,
    /// Examples there is room for.
    capacity: usize,
    /// Examples in the minibatch.
    examples: usize,
    /// The first `count` are the active inputs, ascending, all below `inputs`; 16 more for whole stores.
    active: Vec<u32>,
    count: usize,
    /// Not 0 for inputs that aren't 0 in every example; a multiple of 64 long, 0 past the inputs.
    seen: Vec<u8>,
    /// The examples' bytes, input by input in blocks of 16 examples; n_0 rounded up to a multiple of 64 to a block.
    columns: Vec<[u8; BLOCK]>,
    /// (blocks · n_0 × 16): line `block · n_0 + position` belongs to active input `position`. Lanes past the last example
    /// are 0.
    lines: Matrix,
    /// The lines of the next minibatch's rows of bytes but for the first ones, in the order of the gather.
    next: Vec<*const u8>,
}

// SAFETY: nothing is read through the addresses of the next rows, they are only hints to the memory.
unsafe impl Send for CompactInputs {}
// SAFETY: as above.
unsafe impl Sync for CompactInputs {}

impl CompactInputs {
    /// Room for minibatches of up to `examples` examples of `inputs` inputs.
    ///
    /// # Panics
    ///
    /// If there are more than 2³¹ inputs.
    pub fn new(inputs: usize, examples: usize) -> CompactInputs {
        assert!(inputs <= 1 << 31, "{inputs} inputs");
        CompactInputs {
            inputs,
            capacity: examples,
            examples: 0,
            active: vec![0; inputs + 16],
            count: 0,
            seen: vec![0; inputs.next_multiple_of(64)],
            columns: vec![[0; BLOCK]; examples.div_ceil(BLOCK) * inputs.next_multiple_of(64)],
            lines: Matrix::zeros(examples.div_ceil(BLOCK) * inputs, BLOCK),
            next: Vec::with_capacity(BLOCK * inputs.div_ceil(CACHE_LINE)),
        }
    }

    /// Tells which rows of bytes, all of one length, will be gathered next: the update asks the memory for them on its
    /// way. Never changes a result.
    pub fn expect<'r>(&mut self, rows: impl Iterator<Item = &'r [u8]>) {
        let mut next = [ptr::null(); BLOCK];
        let (mut count, mut len) = (0, 0);
        for row in rows.take(BLOCK) {
            (next[count], len) = (row.as_ptr(), row.len());
            count += 1;
        }
        let next = &next[..count];
        // Their pages are looked up together, not one after the other when it is their turn.
        for row in next {
            prefetch(*row);
            prefetch(row.wrapping_add(len.saturating_sub(1)));
        }
        self.next.clear();
        for at in (0..len).step_by(CACHE_LINE).skip(1) {
            self.next.extend(next.iter().map(|row| row.wrapping_add(at)));
        }
    }

    /// The lines that will be gathered next, to be asked for evenly over `steps` steps of the update.
    pub(crate) fn upcoming(&self, steps: usize) -> Upcoming<'_> {
        Upcoming { lines: &self.next, at: 0, per_step: self.next.len().div_ceil(steps.max(1)) }
    }

    /// n_0.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Examples in the minibatch.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// The inputs that are not 0 in every example, ascending.
    pub fn active(&self) -> &[u32] {
        &self.active[..self.count]
    }

    /// The value of the active input at `position` in `example`.
    ///
    /// # Panics
    ///
    /// If there is no such example or active input.
    pub fn get(&self, example: usize, position: usize) -> f32 {
        assert!(
            example < self.examples && position < self.count,
            "example {example}, active input {position}"
        );
        self.lines.row(example / BLOCK * self.inputs + position)[example % BLOCK]
    }

    /// The first line of a block of examples.
    pub(crate) fn block(&self, block: usize) -> *const f32 {
        // `wrapping_add`: without inputs there are no lines, and nothing is read.
        self.lines.view().data.wrapping_add(block * self.block_stride())
    }

    /// Distance from a line to that of the same input in the next block, in values.
    pub(crate) fn block_stride(&self) -> usize {
        self.inputs * BLOCK
    }

    /// Takes in `examples` examples of bytes, as numbers in [0, 1]: the correctly rounded x/255. `row(i)` is example i.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub fn gather_bytes<'a>(&mut self, isa: Isa, examples: usize, row: impl Fn(usize) -> &'a [u8]) {
        self.begin(examples);
        isa.run(GatherBytes { x: self, keep_all: isa.class() == ArithmeticClass::Matrixmultiply, row });
    }

    /// Takes in `examples` examples of numbers as they are. `row(i)` is example i.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub fn gather_floats<'a>(&mut self, isa: Isa, examples: usize, row: impl Fn(usize) -> &'a [f32]) {
        self.begin(examples);
        isa.run(GatherFloats { x: self, keep_all: isa.class() == ArithmeticClass::Matrixmultiply, row });
    }

    fn begin(&mut self, examples: usize) {
        assert!(examples <= self.capacity, "{examples} examples, room for {}", self.capacity);
        self.examples = examples;
        self.seen.fill(0);
        self.count = 0;
    }

    /// Lists the inputs that were seen not to be 0 as active: all of them where `keep_all`, for products that can't skip.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`.
    #[inline(always)]
    unsafe fn list_active<V: Vector>(&mut self, keep_all: bool) {
        if keep_all {
            self.seen[..self.inputs].fill(1);
        }
        for first in (0..self.inputs).step_by(16) {
            // SAFETY: `seen` is a multiple of 64 long, 0 past the inputs; `active` has room for 16 more than the inputs, and
            // fewer than `first` + 1 have been written.
            unsafe {
                let bits = V::nonzero_bytes(self.seen.as_ptr().add(first));
                self.count += V::write_set_bits(bits, first as u32, self.active.as_mut_ptr().add(self.count));
            }
        }
    }
}

/// [`CompactInputs::gather_bytes`].
struct GatherBytes<'x, R> {
    x: &'x mut CompactInputs,
    keep_all: bool,
    row: R,
}

impl<'a, R: Fn(usize) -> &'a [u8]> GatherBytes<'_, R> {
    /// The rows of a block; past the last example, none.
    #[inline(always)]
    fn rows(&self, block: usize) -> [&'a [u8]; BLOCK] {
        std::array::from_fn(|lane| {
            let example = block * BLOCK + lane;
            let row = if example < self.x.examples { (self.row)(example) } else { &[] };
            assert!(
                row.len() == self.x.inputs || example >= self.x.examples,
                "an example of {} inputs",
                row.len()
            );
            row
        })
    }
}

impl<'a, R: Fn(usize) -> &'a [u8]> Kernel for GatherBytes<'_, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        /// What lanes past the last example read.
        static NOTHING: [u8; 64] = [0; 64];
        let (inputs, blocks) = (self.x.inputs, self.x.examples.div_ceil(BLOCK));
        let columns_stride = inputs.next_multiple_of(64);
        for block in 0..blocks {
            let rows = self.rows(block);
            for first in (0..inputs).step_by(V::BYTE_COLUMNS) {
                // The last chunk overlaps the one before: what is read twice is written twice, the same.
                let first = first.min(inputs.saturating_sub(V::BYTE_COLUMNS));
                // SAFETY: a chunk that is read whole lies inside the row; a row shorter than a chunk is copied first. `seen` and
                // a block's columns are a multiple of 64 ≥ BYTE_COLUMNS long.
                unsafe {
                    let columns = self.x.columns.as_mut_ptr().add(block * columns_stride + first);
                    let seen = self.x.seen.as_mut_ptr().add(first);
                    if first + V::BYTE_COLUMNS <= inputs {
                        let mut chunk = [NOTHING.as_ptr(); BLOCK];
                        for (chunk, row) in chunk.iter_mut().zip(&rows) {
                            if !row.is_empty() {
                                *chunk = row.as_ptr().add(first);
                            }
                        }
                        V::transpose_bytes(&chunk, columns, seen);
                    } else {
                        let mut rest = [[0u8; 64]; BLOCK];
                        let mut chunk = [NOTHING.as_ptr(); BLOCK];
                        for ((chunk, rest), row) in chunk.iter_mut().zip(&mut rest).zip(&rows) {
                            let row = row.get(first..).unwrap_or_default();
                            rest[..row.len()].copy_from_slice(row);
                            *chunk = rest.as_ptr();
                        }
                        V::transpose_bytes(&chunk, columns, seen);
                    }
                }
            }
        }
        // SAFETY: as the caller's.
        unsafe { self.x.list_active::<V>(self.keep_all) };
        for block in 0..blocks {
            let x = &mut *self.x;
            // SAFETY: active inputs are columns of the block, which has a line of 16 values for each input.
            unsafe {
                let columns = x.columns.as_ptr().add(block * columns_stride);
                let lines = x.lines.view_mut().data.add(block * inputs * BLOCK);
                for (position, &input) in x.active[..x.count].iter().enumerate() {
                    let bytes = columns.add(input as usize).cast::<u8>();
                    for lane in (0..BLOCK).step_by(V::LANES) {
                        let value = math::unit_from_byte(V::load_bytes(bytes.add(lane)));
                        value.store(lines.add(position * BLOCK + lane));
                    }
                }
            }
        }
    }
}

/// [`CompactInputs::gather_floats`].
struct GatherFloats<'x, R> {
    x: &'x mut CompactInputs,
    keep_all: bool,
    row: R,
}

impl<'a, R: Fn(usize) -> &'a [f32]> Kernel for GatherFloats<'_, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GatherFloats { x, keep_all, row } = self;
        for example in 0..x.examples {
            let row = row(example);
            assert_eq!(row.len(), x.inputs, "inputs of an example");
            for (seen, value) in x.seen.iter_mut().zip(row) {
                *seen |= u8::from(*value != 0.0);
            }
        }
        // SAFETY: as the caller's.
        unsafe { x.list_active::<V>(keep_all) };
        for block in 0..x.examples.div_ceil(BLOCK) {
            let examples = BLOCK.min(x.examples - block * BLOCK);
            let mut rows: [&[f32]; BLOCK] = [&[]; BLOCK];
            for (lane, rows) in rows[..examples].iter_mut().enumerate() {
                *rows = row(block * BLOCK + lane);
            }
            for (position, &input) in x.active[..x.count].iter().enumerate() {
                let line = x.lines.row_mut(block * x.inputs + position);
                for (value, row) in line.iter_mut().zip(&rows) {
                    // Past the last example there are no inputs.
                    *value = row.get(input as usize).copied().unwrap_or(0.0);
                }
            }
        }
    }
}

/// A minibatch's inputs for a team: a [`CompactInputs`] for each member.
///
/// Members gather redundantly, each its own copy in the phase in which it first needs it
/// ([`gather_gemm`](crate::gather_gemm)): fetching the converted inputs from another core's cache would cost more than
/// converting them.
#[derive(Clone, Debug)]
pub struct TeamInputs {
    pub(crate) copies: Vec<CompactInputs>,
    /// Members that share the current minibatch's products, and so have gathered it.
    pub(crate) sharing: usize,
}

impl TeamInputs {
    /// Room for minibatches of up to `examples` examples of `inputs` inputs, in a team of `members`.
    ///
    /// # Panics
    ///
    /// If there are more than 2³¹ inputs, or no members.
    pub fn new(inputs: usize, examples: usize, members: usize) -> TeamInputs {
        assert!(members > 0, "a team has members");
        TeamInputs { copies: vec![CompactInputs::new(inputs, examples); members], sharing: 0 }
    }

    /// n_0.
    pub fn inputs(&self) -> usize {
        self.copies[0].inputs
    }

    /// As [`CompactInputs::expect`], for every member that shares the current minibatch.
    pub fn expect<'r>(&mut self, rows: impl Iterator<Item = &'r [u8]> + Clone) {
        for copy in &mut self.copies[..self.sharing] {
            copy.expect(rows.clone());
        }
    }

    /// The current minibatch.
    pub fn compact(&self) -> &CompactInputs {
        &self.copies[0]
    }
}

/// Where a minibatch's examples come from: a function from 0, 1, … to the inputs of that example.
#[derive(Clone, Copy)]
pub enum Examples<'a> {
    /// Bytes, taken as numbers in [0, 1]: the correctly rounded x/255.
    Bytes(&'a (dyn Fn(usize) -> &'a [u8] + Sync + 'a)),
    /// Numbers as they are.
    Floats(&'a (dyn Fn(usize) -> &'a [f32] + Sync + 'a)),
}

impl CompactInputs {
    /// Takes in `examples` examples.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub fn gather(&mut self, isa: Isa, examples: usize, from: Examples<'_>) {
        match from {
            Examples::Bytes(row) => self.gather_bytes(isa, examples, row),
            Examples::Floats(row) => self.gather_floats(isa, examples, row),
        }
    }
}

/// Bytes in a cache line.
const CACHE_LINE: usize = 64;

/// What the next gather will read, not yet asked for: line by line of all rows, in the order of the gather.
///
/// Asked for all at once, the rows of a minibatch would fill the core's few buffers for lines under way, and the core
/// would stand still until the memory has answered.
pub(crate) struct Upcoming<'a> {
    lines: &'a [*const u8],
    at: usize,
    per_step: usize,
}

impl Upcoming<'_> {
    /// Asks for the lines that are due in this step.
    #[inline(always)]
    pub(crate) fn prefetch(&mut self) {
        // A fixed number, the last line again and again if need be: a branch that is taken now and then costs more.
        for _ in 0..self.per_step {
            self.at = (self.at + 1).min(self.lines.len());
            prefetch(self.lines[self.at - 1]);
        }
    }
}

/// Asks the memory for the line at `from`: a hint, whatever `from` is.
#[inline(always)]
fn prefetch(from: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: it reads nothing that the program can see, faults on no address, and every x86-64 CPU has it.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = from;
}

/// Asks for the line at `to`, to be written soon, to be taken from other cores: a hint, whatever `to` is.
#[inline(always)]
pub(crate) fn prefetch_to_write(to: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        // SAFETY: as in `prefetch`; a CPU that doesn't know this form does nothing.
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(to.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = to;
}
