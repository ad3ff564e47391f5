//! A minibatch's inputs, and the first layer's three products over them.
//!
//! [`Examples`] says where inputs come from, bytes or numbers. They are gathered in the form that their products want:
//!
//! | form | for |
//! |---|---|
//! | [`SparseInputs`], in quads | whatever is computed with fused arithmetic: four neighbouring inputs at a time, without those that are 0 |
//! | `GroupedInputs` | a register of columns: four examples at a time share a list of inputs |
//! | [`Matrix`](crate::Matrix) | products by the matrixmultiply crate |
//! | [`SparseRow`] | a single example |
//!
//! [`TeamInputs`] has a copy for each member of a team. [`gather_gemm`] gathers and multiplies forward, [`accumulate_gathered`] adds
//! the gradient to the weights, [`descend_gathered`] hands it to an optimiser.

mod examples;
mod expected;
mod groups;
mod products;
mod quads;
mod row;
mod team;

pub use examples::Examples;
pub use products::{accumulate_gathered, descend_gathered, gather_gemm};
pub use quads::{SparseInputs, sparse_gemm};
pub use row::SparseRow;
pub use team::TeamInputs;
pub(crate) use team::footprint;
