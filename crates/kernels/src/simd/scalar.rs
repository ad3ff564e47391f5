//! Scalar code for any CPU, in two arithmetic classes.
//!
//! Fused, it gives the same bits as the SIMD sets. It is slow where the compiler's baseline has no FMA
//! instruction (x86-64), because `mul_add` is then a library call. Unfused, it rounds product and sum separately:
//! the element-wise half of the matrixmultiply path, for machines without FMA.

use super::vector::{Kernel, Vector};

/// One lane; `FUSED` chooses the arithmetic of `fma`.
#[derive(Clone, Copy)]
pub(crate) struct Scalar<const FUSED: bool>(pub(super) f32);

// SAFETY of every `unsafe` below: plain reads and writes through pointers that the trait's contract makes valid; no
// instruction beyond the compilation target's baseline is used.
#[allow(clippy::undocumented_unsafe_blocks)]
impl<const FUSED: bool> Vector for Scalar<FUSED> {
    const LANES: usize = 1;
    // Sixteen scalar registers on x86-64: a 4×2 tile keeps 8 sums, 2 values of B and 1 of A.
    const TILE_ROWS: usize = 4;
    const TILE_VECTORS: usize = 2;
    const FUSED: bool = FUSED;
    type Mask = bool;

    #[inline(always)]
    unsafe fn enter<K: Kernel>(kernel: K) -> K::Output {
        unsafe { kernel.run::<Self>() }
    }

    #[inline(always)]
    unsafe fn mask(lanes: usize) -> bool {
        lanes == 1
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(x)
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { from.read() })
    }

    #[inline(always)]
    unsafe fn load_masked(from: *const f32, mask: bool) -> Self {
        if mask { unsafe { Self::load(from) } } else { Self(0.0) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.write(self.0) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: bool) {
        if mask {
            unsafe { self.store(to) }
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self {
        Self(f32::from(unsafe { from.read() }))
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, _: usize, to: *mut f32, _: usize) {
        unsafe { to.write(from.read()) }
    }

    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        Self(if FUSED { self.0.mul_add(b.0, c.0) } else { self.0 * b.0 + c.0 })
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        Self(self.0 + b.0)
    }

    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        Self(self.0 - b.0)
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        Self(self.0 * b.0)
    }

    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        Self(self.0 / b.0)
    }

    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }

    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        if self.0 > b.0 { self } else { b }
    }

    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        if self.0 < b.0 { self } else { b }
    }

    #[inline(always)]
    unsafe fn select_gt(self, b: Self, value: Self, otherwise: Self) -> Self {
        if self.0 > b.0 { value } else { otherwise }
    }

    #[inline(always)]
    unsafe fn flush_below(self, limit: Self) -> Self {
        if self.0.abs() < limit.0 { Self(0.0) } else { self }
    }

    #[inline(always)]
    unsafe fn floor(self) -> Self {
        Self(self.0.floor())
    }

    #[inline(always)]
    unsafe fn gather(from: *const f32, index: Self) -> Self {
        Self(unsafe { from.add(index.0 as usize).read() })
    }

    #[inline(always)]
    unsafe fn exp2_of_shifted(self) -> Self {
        Self(f32::from_bits((self.0.to_bits() << 23).wrapping_add(0x3f80_0000)))
    }
}
