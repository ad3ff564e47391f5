//! Examples of a dataset, as the kernels take them.

use minibatch_data::{Dataset, Row};
use minibatch_kernels::Examples;

const ONE_KIND: &str = "all rows of a dataset are of one kind";

/// Calls `f` with the inputs of the examples `index(0)`, `index(1)`, … of `data`.
pub(crate) fn with_examples<R>(
    data: &Dataset,
    index: impl Fn(usize) -> usize + Sync,
    f: impl FnOnce(Examples<'_>) -> R,
) -> R {
    let input = |row: usize| data.input(index(row));
    match input(0) {
        Row::Bytes(_) => f(Examples::Bytes(&|row| bytes(input(row)))),
        Row::Floats(_) => f(Examples::Floats(&|row| floats(input(row)))),
    }
}

/// The bytes of an example of bytes.
pub(crate) fn bytes(row: Row<'_>) -> &[u8] {
    let Row::Bytes(bytes) = row else { unreachable!("{ONE_KIND}") };
    bytes
}

/// The numbers of an example of numbers.
pub(crate) fn floats(row: Row<'_>) -> &[f32] {
    let Row::Floats(floats) = row else { unreachable!("{ONE_KIND}") };
    floats
}
