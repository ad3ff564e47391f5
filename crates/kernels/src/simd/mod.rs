//! Instruction sets: which this machine has, and what every kernel is written in.
//!
//! [`Vector`] is a register of f32 lanes. Each instruction set has a file that implements it, with the tile shape, its register
//! budget, and the `#[target_feature]` function through which all of that set's code is entered. [`Isa`] asks the CPU, and runs a
//! [`Kernel`] on one of them. An [`Element`] is a register, or an f64, for formulas that other crates write.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod element;
mod isa;
pub(crate) mod math;
mod peak;
mod philox;
mod prefetch;
mod scalar;
mod vector;

pub use element::Element;
pub(crate) use element::{Lanes, SMALLEST_ERROR};
pub use isa::{ArithmeticClass, Isa, IsaError};
pub use peak::multiply_adds;
pub(crate) use philox::philox_blocks;
pub use philox::{philox, philox_words};
pub use prefetch::prefetch;
pub(crate) use prefetch::{CACHE_LINE, prefetch_line, prefetch_to_write};
pub(crate) use vector::{Kernel, Vector};
