//! The `minibatch` command.
#![forbid(unsafe_code)]

fn main() {}
