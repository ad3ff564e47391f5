//! A minibatch's inputs without their zeros: the gather.
//!
//! Most pixels of a handwritten digit are 0, and many are 0 in every example of a minibatch. Such an input adds
//! 0·W to every sum and changes no weight, so products over the inputs may leave it out: the bits are the same.

use crate::inputs::Examples;
use crate::isa::{ArithmeticClass, Isa, Kernel};
use crate::math;
use crate::matrix::Matrix;
use crate::vector::Vector;

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
    /// Bit i of word w: whether input 64·w + i isn't 0 in every example.
    seen: Vec<u64>,
    /// (blocks · n_0 × 16): line `block · n_0 + position` belongs to active input `position`. Lanes past the last example
    /// are 0.
    lines: Matrix,
}

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
            seen: vec![0; inputs.div_ceil(64)],
            lines: Matrix::zeros(examples.div_ceil(BLOCK) * inputs, BLOCK),
        }
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
            self.seen.fill(!0);
        }
        if let Some(last) = self.seen.last_mut() {
            *last &= !0 >> (64 - ((self.inputs - 1) % 64 + 1));
        }
        for (word, &seen) in self.seen.iter().enumerate() {
            for part in 0..4 {
                let first = 64 * word + 16 * part;
                // SAFETY: `active` has room for 16 more than the inputs, and at most `first` of them, or all, have been written.
                unsafe {
                    let to = self.active.as_mut_ptr().add(self.count);
                    self.count += V::write_set_bits((seen >> (16 * part)) as u16, first as u32, to);
                }
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

/// The rows of bytes of a block of examples.
struct Rows {
    /// Past the last example, zeros.
    rows: [*const u8; BLOCK],
    /// All ones where there is an example.
    present: [usize; BLOCK],
    inputs: usize,
}

/// The columns of a block from a multiple of `BYTE_COLUMNS` on.
struct Chunk {
    /// `BYTE_COLUMNS` bytes each.
    rows: [*const u8; BLOCK],
    /// The first bytes of a row that don't belong to the chunk: the last one reaches back rather than past the end.
    skip: usize,
}

impl Rows {
    fn new<'a>(x: &CompactInputs, block: usize, row: &impl Fn(usize) -> &'a [u8]) -> Rows {
        /// What lanes past the last example read.
        static NOTHING: [u8; 64] = [0; 64];
        let mut rows = Rows { rows: [NOTHING.as_ptr(); BLOCK], present: [0; BLOCK], inputs: x.inputs };
        let first = block * BLOCK;
        for (lane, example) in (first..x.examples.min(first + BLOCK)).enumerate() {
            let row = row(example);
            assert!(row.len() == x.inputs, "an example of {} inputs", row.len());
            (rows.rows[lane], rows.present[lane]) = (row.as_ptr(), !0);
        }
        rows
    }

    /// The chunk from column `first` on. Rows shorter than a chunk are copied to `short`.
    ///
    /// # Safety
    ///
    /// The rows must still be there, and `first` must be one of their columns.
    #[inline(always)]
    unsafe fn chunk<V: Vector>(&self, first: usize, short: &mut [[u8; 64]; BLOCK]) -> Chunk {
        let mut rows = self.rows;
        if self.inputs < V::BYTE_COLUMNS {
            for lane in 0..BLOCK {
                let len = self.inputs & self.present[lane];
                // SAFETY: a row that is present has so many bytes.
                short[lane][..len].copy_from_slice(unsafe { std::slice::from_raw_parts(rows[lane], len) });
                rows[lane] = short[lane].as_ptr();
            }
            return Chunk { rows, skip: 0 };
        }
        let at = first.min(self.inputs - V::BYTE_COLUMNS);
        for lane in 0..BLOCK {
            rows[lane] = rows[lane].wrapping_add(at & self.present[lane]);
        }
        Chunk { rows, skip: first - at }
    }
}

impl<'a, R: Fn(usize) -> &'a [u8]> Kernel for GatherBytes<'_, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GatherBytes { x, keep_all, row } = self;
        let (inputs, blocks) = (x.inputs, x.examples.div_ceil(BLOCK));
        let mut short = [[0; 64]; BLOCK];
        let mut rows = Rows::new(x, 0, &row);
        for block in 0..blocks {
            if block > 0 {
                rows = Rows::new(x, block, &row);
            }
            for first in (0..inputs).step_by(V::BYTE_COLUMNS) {
                // SAFETY: the rows are borrowed for as long as the gather takes; chunks hold whole rows of `BYTE_COLUMNS`.
                let seen = unsafe {
                    let chunk = rows.chunk::<V>(first, &mut short);
                    V::nonzero_columns(&chunk.rows) >> chunk.skip
                };
                x.seen[first / 64] |= seen << (first % 64);
            }
        }
        // SAFETY: as the caller's.
        unsafe { x.list_active::<V>(keep_all) };
        // Columns of a chunk, in the order of `transposed_at`.
        let mut columns = [[0u8; BLOCK]; 64];
        for block in 0..blocks {
            if blocks > 1 {
                rows = Rows::new(x, block, &row);
            }
            let mut line = x.lines.view_mut().data.wrapping_add(block * inputs * BLOCK);
            for first in (0..inputs).step_by(V::BYTE_COLUMNS) {
                let mut seen = x.seen[first / 64] >> (first % 64) & (!0 >> (64 - V::BYTE_COLUMNS));
                if seen == 0 {
                    continue;
                }
                // SAFETY: as above; a chunk has at most 64 columns, and those seen and skipped are columns of the chunk. The block has
                // a line of 16 values for each input.
                unsafe {
                    let chunk = rows.chunk::<V>(first, &mut short);
                    V::transpose_bytes(&chunk.rows, columns.as_mut_ptr());
                    while seen != 0 {
                        let column = chunk.skip + seen.trailing_zeros() as usize;
                        let bytes = columns.as_ptr().add(V::transposed_at(column)).cast::<u8>();
                        for lane in (0..BLOCK).step_by(V::LANES) {
                            math::unit_from_byte(V::load_bytes(bytes.add(lane))).store(line.add(lane));
                        }
                        line = line.add(BLOCK);
                        seen &= seen - 1;
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
            assert!(row.len() == x.inputs, "an example of {} inputs", row.len());
            for (seen, values) in x.seen.iter_mut().zip(row.chunks(64)) {
                for (bit, value) in values.iter().enumerate() {
                    *seen |= u64::from(*value != 0.0) << bit;
                }
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
