//! The one abstraction over instruction sets: a register of `f32` lanes.

use crate::isa::Kernel;
use std::ops::Range;

/// A SIMD register of `LANES` f32 values and the few operations the kernels are written in.
///
/// Every kernel is one algorithm, generic over this trait; a file in [`arch`](crate::arch) implements it for
/// one instruction set. All implementations but the unfused scalar one must give the same bits lane by lane: each method is either exact,
/// correctly rounded (`fma`, `add`, `mul`, `div`, `sqrt`), or a compare-and-select whose NaN behaviour is spelled out.
///
/// # Safety
///
/// Every method may execute instructions of the implementation's instruction set, so it may be called only
/// where the CPU has them: inside [`Isa::run`](crate::Isa), which holds the proof. Methods that take a pointer
/// also need it valid (for reads or writes, unaligned) for the lanes they touch.
pub(crate) trait Vector: Copy {
    /// f32 values in a register.
    const LANES: usize;

    /// Rows of the full GEMM tile; the tile keeps `TILE_ROWS · TILE_VECTORS` registers of sums.
    const TILE_ROWS: usize;

    /// Registers across the full GEMM tile, 1 or 2.
    const TILE_VECTORS: usize;

    /// Whether `fma` rounds once.
    const FUSED: bool;

    /// Columns that [`transpose_bytes`](Self::transpose_bytes) handles at once: 16, 32 or 64.
    const BYTE_COLUMNS: usize;

    /// Chooses the first n lanes: the edge of a matrix.
    type Mask: Copy;

    /// Runs `kernel` in a function of its own that is compiled for this instruction set.
    unsafe fn enter<K: Kernel>(kernel: K) -> K::Output;

    /// A mask of the first `lanes` lanes, `lanes <= LANES`. Used at every edge.
    unsafe fn mask(lanes: usize) -> Self::Mask;

    /// `x` in every lane. Used by the GEMM tile for the broadcast operand, and for constants.
    unsafe fn splat(x: f32) -> Self;

    /// Reads `LANES` values.
    unsafe fn load(from: *const f32) -> Self;

    /// Reads the lanes of `mask`, 0 elsewhere; memory behind the other lanes isn't touched.
    unsafe fn load_masked(from: *const f32, mask: Self::Mask) -> Self;

    /// Writes `LANES` values.
    unsafe fn store(self, to: *mut f32);

    /// Writes the lanes of `mask`; memory behind the other lanes isn't touched.
    unsafe fn store_masked(self, to: *mut f32, mask: Self::Mask);

    /// Reads `LANES` bytes as the numbers 0 to 255. Used by the gather.
    unsafe fn load_bytes(from: *const u8) -> Self;

    /// Bit j tells whether byte j of any of 16 rows of `BYTE_COLUMNS` bytes is not 0. Used by the gather.
    unsafe fn nonzero_columns(rows: &[*const u8; 16]) -> u64;

    /// Transposes 16 rows of `BYTE_COLUMNS` bytes: byte j of row i goes to `to[transposed_at(j)][i]`. Used by the gather.
    unsafe fn transpose_bytes(rows: &[*const u8; 16], to: *mut [u8; 16]);

    /// Where [`transpose_bytes`](Self::transpose_bytes) puts column j: a register holds columns 16 apart, and is stored whole.
    #[inline(always)]
    fn transposed_at(j: usize) -> usize {
        j % 16 * (Self::BYTE_COLUMNS / 16) + j / 16
    }

    /// Transposes `LANES` rows of `LANES` values: value j of row i goes to value i of row j. Rows are `from_row` and
    /// `to_row` values apart. Used by packing and by the swapped product.
    unsafe fn transpose(from: *const f32, from_row: usize, to: *mut f32, to_row: usize);

    /// Bit i tells whether byte i of 16 is not 0. Used by the gather.
    #[inline(always)]
    unsafe fn nonzero_bytes(from: *const u8) -> u16 {
        // SAFETY: the caller gives 16 bytes.
        (0..16).fold(0, |bits, i| bits | u16::from(unsafe { from.add(i).read() } != 0) << i)
    }

    /// Writes `first + i` for every set bit i of `bits`, ascending, to `to`, and returns their number; up to 16 values
    /// are overwritten. Used by the gather.
    #[inline(always)]
    unsafe fn write_set_bits(mut bits: u16, first: u32, to: *mut u32) -> usize {
        let count = bits.count_ones() as usize;
        for i in 0..count {
            // SAFETY: at most 16 set bits, and the caller gives room for 16.
            unsafe { to.add(i).write(first + bits.trailing_zeros()) };
            bits &= bits - 1;
        }
        count
    }

    /// Which of `columns` of four rows of bytes aren't 0 in all four: their indices, ascending, to `indices`, their
    /// bytes side by side to `quads`. Returns their number; up to 16 more of each are overwritten. On its way it may ask the
    /// memory for what lies `ahead` bytes after each row: a hint. Used by the sparse gather.
    #[inline(always)]
    unsafe fn nonzero_quads(
        rows: &[*const u8; 4],
        columns: Range<usize>,
        _ahead: usize,
        indices: *mut u32,
        quads: *mut [u8; 4],
    ) -> usize {
        let [a, b, c, d] = *rows;
        let mut count = 0;
        for first in columns.clone().step_by(16) {
            // SAFETY: the caller gives rows with these bytes, and room for 16 more than the columns so far.
            unsafe {
                let bits = if first + 16 <= columns.end {
                    Self::nonzero_bytes(a.add(first))
                        | Self::nonzero_bytes(b.add(first))
                        | Self::nonzero_bytes(c.add(first))
                        | Self::nonzero_bytes(d.add(first))
                } else {
                    (first..columns.end).fold(0, |bits, j| {
                        let any = *a.add(j) | *b.add(j) | *c.add(j) | *d.add(j);
                        bits | u16::from(any != 0) << (j - first)
                    })
                };
                let found = Self::write_set_bits(bits, first as u32, indices.add(count));
                for at in count..count + found {
                    let j = *indices.add(at) as usize;
                    quads.add(at).write([*a.add(j), *b.add(j), *c.add(j), *d.add(j)]);
                }
                count += found;
            }
        }
        count
    }

    /// Of `columns` of a row the values that aren't 0: their indices, ascending, to `indices`, themselves to `values`.
    /// Returns their number; up to 16 more of each are overwritten. Used by the sparse gather.
    #[inline(always)]
    unsafe fn nonzero_floats(
        row: *const f32,
        columns: Range<usize>,
        indices: *mut u32,
        values: *mut f32,
    ) -> usize {
        let mut count = 0;
        for j in columns {
            // SAFETY: the caller gives a row with these values, and room for more than these.
            unsafe {
                let value = *row.add(j);
                indices.add(count).write(j as u32);
                values.add(count).write(value);
                count += usize::from(value != 0.0);
            }
        }
        count
    }

    /// `self · b + c` with a single rounding. The arithmetic of every product.
    unsafe fn fma(self, b: Self, c: Self) -> Self;

    /// Lane-wise sum. Used by the column sums and the activations.
    unsafe fn add(self, b: Self) -> Self;

    /// Lane-wise difference. Used by exp and the derivatives.
    unsafe fn sub(self, b: Self) -> Self;

    /// Lane-wise product. Used by Hadamard products and scaling.
    unsafe fn mul(self, b: Self) -> Self;

    /// Lane-wise quotient, correctly rounded. Used by sigmoid, tanh and softmax.
    unsafe fn div(self, b: Self) -> Self;

    /// Lane-wise square root, correctly rounded. Used by the optimisers.
    unsafe fn sqrt(self) -> Self;

    /// `if self > b { self } else { b }`: where either is NaN the result is `b`, so constants go first and
    /// NaN comes through. Used by clamps and ReLU.
    unsafe fn max(self, b: Self) -> Self;

    /// `if self < b { self } else { b }`: where either is NaN the result is `b`.
    unsafe fn min(self, b: Self) -> Self;

    /// `if self > b { value } else { otherwise }`, lane by lane; `otherwise` where either of the compared is NaN. Used
    /// by the derivatives of what is defined in pieces.
    unsafe fn select_gt(self, b: Self, value: Self, otherwise: Self) -> Self;

    /// `if |self| < limit { +0 } else { self }`; NaN stays. Used to keep denormals out of Δ and of moments.
    unsafe fn flush_below(self, limit: Self) -> Self;

    /// 2ⁿ from `1.5·2²³ + n`, the sum whose low mantissa bits are the integer n, −126 ≤ n ≤ 127. Used by exp.
    unsafe fn exp2_of_shifted(self) -> Self;
}
