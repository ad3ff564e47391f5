//! The arithmetic of Minibatch: matrix products with fused epilogues, element-wise operations, fixed-order sums and
//! the thread team, in AVX-512, AVX2 and scalar code from one algorithm each.
//!
//! # The arithmetic contract
//!
//! Every element of a product is one chain of fused multiply-adds over k, ascending, from its starting value; vector
//! width, tile shape, blocking and the thread that computes it don't enter. So all instruction sets of the fused
//! class and all thread counts give the same bits. Sums over rows run in ascending order. `exp` and what is built on it
//! is one formula. The exception is [`Isa::MATRIXMULTIPLY`], an arithmetic class of its own.
//!
//! The crate knows matrices, not layers, and no files.
//!
//! | feature, on by default | is for | without it |
//! |---|---|---|
//! | `threads` | a [`Pool`] of several members, with rayon's threads | every pool has one member |
//! | `mmap` | large matrices in huge pages, on Linux | they lie where other memory does |
//!
//! `ndarray` adds conversions of that crate's arrays.
//!
//! ```
//! use minibatch_kernels::{Isa, Matrix, Pool, Start, gemm, Store};
//!
//! let a = Matrix::from_fn(2, 3, |i, k| (i + k) as f32);
//! let b = Matrix::from_fn(3, 2, |k, j| if k == j { 1.0 } else { 0.0 });
//! let mut c = Matrix::zeros(2, 2);
//! let pool = Pool::new(Isa::detect(), 2)?;
//! pool.run(|team| gemm(team, a.view(), b.view(), &mut c.view_mut(), Start::Bias(&[10.0, 20.0]), &Store));
//! assert_eq!((c.row(0), c.row(1)), (&[10.0, 21.0][..], &[11.0, 22.0][..]));
//! # Ok::<(), minibatch_kernels::PoolError>(())
//! ```

// The one crate where `unsafe` is at home: SIMD and the thread team. Each `unsafe` carries its argument.
#![allow(unsafe_code)]

mod elementwise;
pub mod footprint;
mod inputs;
mod matrix;
mod pictures;
mod product;
pub mod reference;
mod simd;
mod team;

pub use elementwise::*;
pub use inputs::*;
pub use matrix::{Mat, MatMut, Matrix, Panels};
pub use pictures::{AffineMap, Canvas, Elastic, PictureShape, Pixel, Smoothing};
pub use product::{Epilogue, Start, Store, descend_gemm, gemm};
pub use simd::{ArithmeticClass, Element, Isa, IsaError, multiply_adds, philox, philox_words, prefetch};
pub use team::{Exchange, Instant, Member, Pool, PoolError, Solo, Team};
