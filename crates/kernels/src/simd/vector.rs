//! The one abstraction over instruction sets: a register of `f32` lanes, and a computation over it.

use std::mem::MaybeUninit;
use std::ops::Range;

/// A SIMD register of `LANES` f32 values and the few operations the kernels are written in.
///
/// Every kernel is one algorithm, generic over this trait; a file beside this one implements it for
/// one instruction set. All implementations but the unfused scalar one must give the same bits lane by lane: each method is either exact,
/// correctly rounded (`fma`, `add`, `mul`, `div`, `sqrt`), or a compare-and-select whose NaN behaviour is spelled out.
///
/// # Safety
///
/// Every method may execute instructions of the implementation's instruction set, so it may be called only
/// where the CPU has them: inside [`Isa::run`](super::Isa), which holds the proof. Methods that take a pointer
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

    /// Transposes `LANES` rows of `LANES` values: value j of row i goes to value i of row j. Rows are `from_row` and
    /// `to_row` values apart. Used by packing and by the swapped product.
    unsafe fn transpose(from: *const f32, from_row: usize, to: *mut f32, to_row: usize);

    /// Transposes 16 rows of 16 values of four bytes, whatever they are: value q of row i goes to value i of row q. Used by the
    /// gather.
    #[inline(always)]
    unsafe fn transpose_quads(rows: &[*const u8; 16], to: *mut [u32; 16]) {
        // SAFETY: the caller gives the rows, and room; LANES divides 16.
        unsafe {
            let mut lines = MaybeUninit::<[[u32; 16]; 16]>::uninit();
            let from = lines.as_mut_ptr().cast::<[u32; 16]>();
            for (i, row) in rows.iter().enumerate() {
                from.add(i).write(row.cast::<[u32; 16]>().read_unaligned());
            }
            let (from, to) = (from.cast::<f32>(), to.cast::<f32>());
            for i in (0..16).step_by(Self::LANES) {
                for q in (0..16).step_by(Self::LANES) {
                    Self::transpose(from.add(i * 16 + q), 16, to.add(q * 16 + i), 16);
                }
            }
        }
    }

    /// Copies those of 16 values of four bytes that aren't 0, in order, and returns which they are, a bit for each; up to 16 are
    /// overwritten. Used by the gather.
    #[inline(always)]
    unsafe fn nonzero_quads(from: &[u32; 16], to: *mut [u8; 4]) -> u16 {
        let (mut bits, mut count) = (0, 0);
        for (i, quad) in from.iter().enumerate() {
            // SAFETY: the caller gives room for 16.
            unsafe { to.add(count).write(quad.to_ne_bytes()) };
            bits |= u16::from(*quad != 0) << i;
            count += usize::from(*quad != 0);
        }
        bits
    }

    /// Which of the first `columns` bytes of four rows aren't 0 in all four: their indices, ascending, to `indices`, the rows'
    /// bytes side by side to `bytes`. Returns their number; up to 16 more of each are overwritten. Used by the gather of
    /// narrow layers.
    #[inline(always)]
    unsafe fn nonzero_columns(
        rows: &[*const u8; 4],
        columns: usize,
        indices: *mut u32,
        bytes: *mut [u8; 4],
    ) -> usize {
        let mut count = 0;
        for j in 0..columns {
            // SAFETY: the caller gives rows with these bytes, and room for more than these.
            unsafe {
                let column = rows.map(|row| row.add(j).read());
                indices.add(count).write(j as u32);
                bytes.add(count).write(column);
                count += usize::from(column != [0; 4]);
            }
        }
        count
    }

    /// Copies the values of `columns` of a row that aren't 0: their indices, ascending, to `indices`, themselves to `values`.
    /// Returns their number; up to 16 more of each are overwritten. Used for single examples.
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

    /// The largest integer that isn't above. Used by the resampling of pictures.
    unsafe fn floor(self) -> Self;

    /// Reads `from[i]` for the integer i in each lane of `index`, below 2²⁴. Used by the resampling of pictures.
    unsafe fn gather(from: *const f32, index: Self) -> Self;

    /// 2ⁿ from `1.5·2²³ + n`, the sum whose low mantissa bits are the integer n, −126 ≤ n ≤ 127. Used by exp.
    unsafe fn exp2_of_shifted(self) -> Self;
}

/// A computation written once over [`Vector`], to be run by [`Isa::run`](super::Isa::run).
pub(crate) trait Kernel {
    /// The result.
    type Output;

    /// Computes it with the registers of `V`. Implementations are `#[inline(always)]`, so that they are compiled
    /// for the instruction set of the function that calls them.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`.
    unsafe fn run<V: Vector>(self) -> Self::Output;
}
