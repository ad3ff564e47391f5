//! One file per instruction set: the [`Vector`](crate::vector::Vector) implementation, the tile shape with its
//! register budget, and a thin `#[target_feature]` shim through which everything of that set is entered.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod scalar;
