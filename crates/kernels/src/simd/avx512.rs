//! AVX-512 (F, BW, DQ, VL: every CPU that has it but the Knights): 32 registers of 16 lanes, native masks.

use super::vector::{Kernel, Vector};
use core::arch::x86_64::*;
use std::ops::Range;

/// A 512-bit register.
#[derive(Clone, Copy)]
pub(crate) struct F32x16(__m512);

/// Runs `kernel` compiled for AVX-512.
///
/// # Safety
///
/// The CPU must have AVX-512 F, BW, DQ and VL, BMI1 and POPCNT.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,popcnt")]
unsafe fn enter<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller vouches for the instructions, all that F32x16 asks of the CPU.
    unsafe { kernel.run::<F32x16>() }
}

/// Transposes 16 rows of 16 values. `$at` is where a column of row `$i` lies; it is written out here, since a closure would not
/// be compiled for this instruction set.
macro_rules! transpose {
    (|$i:ident, $column:ident| $at:expr, $to:expr, $to_row:expr) => {
        // Register i of group g takes columns 4g … 4g + 3 of rows i, i + 4, i + 8 and i + 12, a quarter each: lanes are
        // crossed by the loads, and what is left are four transposes of 4×4 inside the quarters.
        for g in 0..4 {
            macro_rules! quarter {
                ($row:expr) => {{
                    let ($i, $column) = ($row, 4 * g);
                    _mm_loadu_ps($at)
                }};
            }
            macro_rules! rows {
                ($row:expr) => {{
                    let low = _mm256_castps128_ps256(quarter!($row));
                    let low = _mm256_insertf128_ps::<1>(low, quarter!($row + 4));
                    let high = _mm256_castps128_ps256(quarter!($row + 8));
                    let high = _mm256_insertf128_ps::<1>(high, quarter!($row + 12));
                    _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)
                }};
            }
            let (r0, r1, r2, r3) = (rows!(0), rows!(1), rows!(2), rows!(3));
            let (p0, p1) = (_mm512_unpacklo_ps(r0, r1), _mm512_unpackhi_ps(r0, r1));
            let (p2, p3) = (_mm512_unpacklo_ps(r2, r3), _mm512_unpackhi_ps(r2, r3));
            let to = $to.add(4 * g * $to_row);
            _mm512_storeu_ps(to, _mm512_shuffle_ps::<0x44>(p0, p2));
            _mm512_storeu_ps(to.add($to_row), _mm512_shuffle_ps::<0xee>(p0, p2));
            _mm512_storeu_ps(to.add(2 * $to_row), _mm512_shuffle_ps::<0x44>(p1, p3));
            _mm512_storeu_ps(to.add(3 * $to_row), _mm512_shuffle_ps::<0xee>(p1, p3));
        }
    };
}

// SAFETY of every `unsafe` below: the trait's contract gives the instruction set and the pointers' validity; the
// unaligned forms of loads and stores are used throughout, and masked ones touch only the lanes of the mask.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Vector for F32x16 {
    const LANES: usize = 16;
    // 32 registers: 14×2 sums, 2 registers of B, 1 broadcast of A; 28 independent chains hide the 4-cycle FMA.
    const TILE_ROWS: usize = 14;
    const TILE_VECTORS: usize = 2;
    const FUSED: bool = true;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn enter<K: Kernel>(kernel: K) -> K::Output {
        unsafe { enter(kernel) }
    }

    #[inline(always)]
    unsafe fn mask(lanes: usize) -> __mmask16 {
        debug_assert!(lanes <= 16);
        ((1u32 << lanes) - 1) as __mmask16
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn load_masked(from: *const f32, mask: __mmask16) -> Self {
        Self(unsafe { _mm512_maskz_loadu_ps(mask, from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: __mmask16) {
        unsafe { _mm512_mask_storeu_ps(to, mask, self.0) }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        Self(unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) })
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
        unsafe { transpose!(|i, column| from.add(i * from_row + column), to, to_row) }
    }

    #[inline(always)]
    unsafe fn transpose_quads(rows: &[*const u8; 16], to: *mut [u32; 16]) {
        unsafe { transpose!(|i, column| rows[i].cast::<f32>().add(column), to.cast::<f32>(), 16) }
    }

    #[inline(always)]
    unsafe fn nonzero_quads(from: &[u32; 16], to: *mut [u8; 4]) -> u16 {
        unsafe {
            let all = _mm512_loadu_si512(from.as_ptr().cast());
            let nonzero = _mm512_test_epi32_mask(all, all);
            // Compressed in the register and stored whole: the compressing store is slow on some CPUs.
            _mm512_storeu_si512(to.cast(), _mm512_maskz_compress_epi32(nonzero, all));
            nonzero
        }
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
            // Four bytes' columns of each quarter to where the interleaving leaves them in ascending order.
            let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            for first in (0..columns).step_by(64) {
                let left = columns - first;
                let mask = if left >= 64 { !0 } else { (1u64 << left) - 1 };
                macro_rules! row {
                    ($i:expr) => {
                        _mm512_permutexvar_epi32(
                            order,
                            _mm512_maskz_loadu_epi8(mask, rows[$i].wrapping_add(first).cast()),
                        )
                    };
                }
                let (a, b, c, d) = (row!(0), row!(1), row!(2), row!(3));
                let (ab_low, ab_high) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
                let (cd_low, cd_high) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
                macro_rules! sixteen {
                    ($columns:expr, $offset:expr) => {
                        let columns = $columns;
                        let active = _mm512_test_epi32_mask(columns, columns);
                        let index = _mm512_add_epi32(lanes, _mm512_set1_epi32((first + $offset) as i32));
                        // Compressed in the register and stored whole, as in `nonzero_quads`.
                        let index = _mm512_maskz_compress_epi32(active, index);
                        _mm512_storeu_si512(indices.add(count).cast(), index);
                        let columns = _mm512_maskz_compress_epi32(active, columns);
                        _mm512_storeu_si512(bytes.add(count).cast(), columns);
                        count += active.count_ones() as usize;
                    };
                }
                sixteen!(_mm512_unpacklo_epi16(ab_low, cd_low), 0);
                sixteen!(_mm512_unpackhi_epi16(ab_low, cd_low), 16);
                sixteen!(_mm512_unpacklo_epi16(ab_high, cd_high), 32);
                sixteen!(_mm512_unpackhi_epi16(ab_high, cd_high), 48);
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
            let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            for first in columns.clone().step_by(16) {
                let x = _mm512_maskz_loadu_ps(Self::mask(16.min(columns.end - first)), row.add(first));
                let active = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps());
                let index = _mm512_add_epi32(lanes, _mm512_set1_epi32(first as i32));
                let index = _mm512_maskz_compress_epi32(active, index);
                _mm512_storeu_si512(indices.add(count).cast(), index);
                _mm512_storeu_ps(values.add(count), _mm512_maskz_compress_ps(active, x));
                count += active.count_ones() as usize;
            }
        }
        count
    }

    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        Self(unsafe { _mm512_div_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(unsafe { _mm512_sqrt_ps(self.0) })
    }

    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, b.0) })
    }

    #[inline(always)]
    unsafe fn select_gt(self, b: Self, value: Self, otherwise: Self) -> Self {
        unsafe {
            let greater = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, b.0);
            Self(_mm512_mask_mov_ps(otherwise.0, greater, value.0))
        }
    }

    #[inline(always)]
    unsafe fn flush_below(self, limit: Self) -> Self {
        unsafe {
            // "Not less than" is also true of NaN, which therefore stays.
            let keep = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(_mm512_abs_ps(self.0), limit.0);
            Self(_mm512_maskz_mov_ps(keep, self.0))
        }
    }

    #[inline(always)]
    unsafe fn floor(self) -> Self {
        // Rounded down to an integer, without exceptions.
        Self(unsafe { _mm512_roundscale_ps::<0x09>(self.0) })
    }

    #[inline(always)]
    unsafe fn gather(from: *const f32, index: Self) -> Self {
        Self(unsafe { _mm512_i32gather_ps::<4>(_mm512_cvttps_epi32(index.0), from) })
    }

    #[inline(always)]
    unsafe fn exp2_of_shifted(self) -> Self {
        unsafe {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(self.0));
            Self(_mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(0x3f80_0000))))
        }
    }
}
