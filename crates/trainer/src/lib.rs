//! Feed-forward networks trained by backpropagation, whole minibatches at a time.
#![forbid(unsafe_code)]

pub mod checkpoint;
