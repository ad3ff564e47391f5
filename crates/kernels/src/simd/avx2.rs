//! AVX2 with FMA: 16 registers of 8 lanes, masks as integer registers.

use super::vector::{Kernel, Vector};
use core::arch::x86_64::*;
use std::ops::Range;

/// A 256-bit register.
#[derive(Clone, Copy)]
pub(crate) struct F32x8(__m256);

/// Eight ones, then eight zeros: a load at offset 8 − n is the mask of the first n lanes.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// For each of the 256 choices of lanes, the chosen ones, ascending: what AVX2 compresses with.
static CHOSEN: [[u8; 8]; 256] = {
    let mut chosen = [[0; 8]; 256];
    let mut bits = 0;
    while bits < 256 {
        let (mut lane, mut count) = (0, 0);
        while lane < 8 {
            if bits >> lane & 1 == 1 {
                chosen[bits][count] = lane;
                count += 1;
            }
            lane += 1;
        }
        bits += 1;
    }
    chosen
};

/// How many these are: counting bits is no AVX2 instruction.
static COUNTS: [u8; 256] = {
    let mut counts = [0; 256];
    let mut bits: usize = 0;
    while bits < 256 {
        counts[bits] = bits.count_ones() as u8;
        bits += 1;
    }
    counts
};

/// Runs `kernel` compiled for AVX2 and FMA.
///
/// # Safety
///
/// The CPU must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn enter<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller vouches for the instructions, all that F32x8 asks of the CPU.
    unsafe { kernel.run::<F32x8>() }
}

// SAFETY of every `unsafe` below: the trait's contract gives the instruction set and the pointers' validity; the
// unaligned forms of loads and stores are used throughout, and masked ones touch only the lanes of the mask.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Vector for F32x8 {
    const LANES: usize = 8;
    // 16 registers: 6×2 sums, 2 registers of B, 1 broadcast of A; 12 independent chains hide the 4-cycle FMA.
    const TILE_ROWS: usize = 6;
    const TILE_VECTORS: usize = 2;
    const FUSED: bool = true;
    type Mask = __m256i;

    #[inline(always)]
    unsafe fn enter<K: Kernel>(kernel: K) -> K::Output {
        unsafe { enter(kernel) }
    }

    #[inline(always)]
    unsafe fn mask(lanes: usize) -> __m256i {
        debug_assert!(lanes <= 8);
        unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - lanes).cast()) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_masked(from: *const f32, mask: __m256i) -> Self {
        Self(unsafe { _mm256_maskload_ps(from, mask) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: __m256i) {
        unsafe { _mm256_maskstore_ps(to, mask, self.0) }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        Self(unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) })
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
        unsafe {
            let row = |i: usize| _mm256_loadu_ps(from.add(i * from_row));
            let (r0, r1, r2, r3) = (row(0), row(1), row(2), row(3));
            let (r4, r5, r6, r7) = (row(4), row(5), row(6), row(7));
            // Pairs of rows, then fours, then the two halves.
            let (p0, p1) = (_mm256_unpacklo_ps(r0, r1), _mm256_unpackhi_ps(r0, r1));
            let (p2, p3) = (_mm256_unpacklo_ps(r2, r3), _mm256_unpackhi_ps(r2, r3));
            let (p4, p5) = (_mm256_unpacklo_ps(r4, r5), _mm256_unpackhi_ps(r4, r5));
            let (p6, p7) = (_mm256_unpacklo_ps(r6, r7), _mm256_unpackhi_ps(r6, r7));
            let (q0, q1) = (_mm256_shuffle_ps::<0x44>(p0, p2), _mm256_shuffle_ps::<0xee>(p0, p2));
            let (q2, q3) = (_mm256_shuffle_ps::<0x44>(p1, p3), _mm256_shuffle_ps::<0xee>(p1, p3));
            let (q4, q5) = (_mm256_shuffle_ps::<0x44>(p4, p6), _mm256_shuffle_ps::<0xee>(p4, p6));
            let (q6, q7) = (_mm256_shuffle_ps::<0x44>(p5, p7), _mm256_shuffle_ps::<0xee>(p5, p7));
            let store = |j: usize, row: __m256| _mm256_storeu_ps(to.add(j * to_row), row);
            store(0, _mm256_permute2f128_ps::<0x20>(q0, q4));
            store(1, _mm256_permute2f128_ps::<0x20>(q1, q5));
            store(2, _mm256_permute2f128_ps::<0x20>(q2, q6));
            store(3, _mm256_permute2f128_ps::<0x20>(q3, q7));
            store(4, _mm256_permute2f128_ps::<0x31>(q0, q4));
            store(5, _mm256_permute2f128_ps::<0x31>(q1, q5));
            store(6, _mm256_permute2f128_ps::<0x31>(q2, q6));
            store(7, _mm256_permute2f128_ps::<0x31>(q3, q7));
        }
    }

    #[inline(always)]
    unsafe fn nonzero_quads(from: &[u32; 16], mut to: *mut [u8; 4]) -> u16 {
        let mut bits = 0;
        unsafe {
            for half in [0, 8] {
                let all = _mm256_loadu_si256(from.as_ptr().add(half).cast());
                let zero = _mm256_cmpeq_epi32(all, _mm256_setzero_si256());
                let nonzero = !_mm256_movemask_ps(_mm256_castsi256_ps(zero)) as usize & 0xff;
                let lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(CHOSEN[nonzero].as_ptr().cast()));
                _mm256_storeu_si256(to.cast(), _mm256_permutevar8x32_epi32(all, lanes));
                to = to.add(usize::from(COUNTS[nonzero]));
                bits |= (nonzero as u16) << half;
            }
        }
        bits
    }

    #[inline(always)]
    unsafe fn nonzero_columns(
        rows: &[*const u8; 4],
        columns: usize,
        indices: *mut u32,
        bytes: *mut [u8; 4],
    ) -> usize {
        let mut count = 0;
        unsafe {
            for first in (0..columns).step_by(32) {
                // What is left of rows that end inside a register, with zeros.
                let mut rest = [[0u8; 32]; 4];
                let left = columns - first;
                macro_rules! row {
                    ($i:expr) => {{
                        let from = rows[$i].add(first);
                        if left < 32 {
                            rest[$i].as_mut_ptr().copy_from_nonoverlapping(from, left);
                            _mm256_loadu_si256(rest[$i].as_ptr().cast())
                        } else {
                            _mm256_loadu_si256(from.cast())
                        }
                    }};
                }
                let (a, b, c, d) = (row!(0), row!(1), row!(2), row!(3));
                let (ab_low, ab_high) = (_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b));
                let (cd_low, cd_high) = (_mm256_unpacklo_epi8(c, d), _mm256_unpackhi_epi8(c, d));
                // Columns 0 to 3 and 16 to 19, 4 to 7 and 20 to 23, and so on.
                let q0 = _mm256_unpacklo_epi16(ab_low, cd_low);
                let q4 = _mm256_unpackhi_epi16(ab_low, cd_low);
                let q8 = _mm256_unpacklo_epi16(ab_high, cd_high);
                let q12 = _mm256_unpackhi_epi16(ab_high, cd_high);
                macro_rules! eight {
                    ($columns:expr, $offset:expr) => {
                        let columns = $columns;
                        let zero = _mm256_cmpeq_epi32(columns, _mm256_setzero_si256());
                        let active = !_mm256_movemask_ps(_mm256_castsi256_ps(zero)) as usize & 0xff;
                        let lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(CHOSEN[active].as_ptr().cast()));
                        let index = _mm256_add_epi32(lanes, _mm256_set1_epi32((first + $offset) as i32));
                        _mm256_storeu_si256(indices.add(count).cast(), index);
                        let columns = _mm256_permutevar8x32_epi32(columns, lanes);
                        _mm256_storeu_si256(bytes.add(count).cast(), columns);
                        count += usize::from(COUNTS[active]);
                    };
                }
                eight!(_mm256_permute2x128_si256::<0x20>(q0, q4), 0);
                eight!(_mm256_permute2x128_si256::<0x20>(q8, q12), 8);
                eight!(_mm256_permute2x128_si256::<0x31>(q0, q4), 16);
                eight!(_mm256_permute2x128_si256::<0x31>(q8, q12), 24);
            }
        }
        count
    }

    #[inline(always)]
    unsafe fn nonzero_floats(
        row: *const f32,
        columns: Range<usize>,
        indices: *mut u32,
        values: *mut f32,
    ) -> usize {
        let mut count = 0;
        unsafe {
            for first in columns.clone().step_by(8) {
                let x = _mm256_maskload_ps(row.add(first), Self::mask(8.min(columns.end - first)));
                let nonzero = _mm256_cmp_ps::<_CMP_NEQ_UQ>(x, _mm256_setzero_ps());
                let active = _mm256_movemask_ps(nonzero) as usize & 0xff;
                let lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(CHOSEN[active].as_ptr().cast()));
                let index = _mm256_add_epi32(lanes, _mm256_set1_epi32(first as i32));
                _mm256_storeu_si256(indices.add(count).cast(), index);
                _mm256_storeu_ps(values.add(count), _mm256_permutevar8x32_ps(x, lanes));
                count += usize::from(COUNTS[active]);
            }
        }
        count
    }

    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Self(unsafe { _mm256_add_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        Self(unsafe { _mm256_sub_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self(unsafe { _mm256_mul_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        Self(unsafe { _mm256_div_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(unsafe { _mm256_sqrt_ps(self.0) })
    }

    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        Self(unsafe { _mm256_max_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        Self(unsafe { _mm256_min_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn select_gt(self, b: Self, value: Self, otherwise: Self) -> Self {
        Self(unsafe { _mm256_blendv_ps(otherwise.0, value.0, _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, b.0)) })
    }

    #[inline(always)]
    unsafe fn flush_below(self, limit: Self) -> Self {
        unsafe {
            let magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0);
            // "Not less than" is also true of NaN, which therefore stays.
            let keep = _mm256_cmp_ps::<_CMP_NLT_UQ>(magnitude, limit.0);
            Self(_mm256_and_ps(keep, self.0))
        }
    }

    #[inline(always)]
    unsafe fn floor(self) -> Self {
        Self(unsafe { _mm256_floor_ps(self.0) })
    }

    #[inline(always)]
    unsafe fn gather(from: *const f32, index: Self) -> Self {
        Self(unsafe { _mm256_i32gather_ps::<4>(from, _mm256_cvttps_epi32(index.0)) })
    }

    #[inline(always)]
    unsafe fn exp2_of_shifted(self) -> Self {
        unsafe {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(self.0));
            Self(_mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(0x3f80_0000))))
        }
    }
}
