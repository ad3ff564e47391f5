mod atomic;
mod codec;
mod container;
mod entries;
mod faults;
mod golden;
mod lock;
mod writer;

use super::{FormatError, encode_into};

/// A small whole checkpoint, told apart by `mark`.
fn checkpoint(mark: u64) -> Vec<u8> {
    let mut file = Vec::new();
    encode_small(mark, &mut file).expect("a number encodes");
    file
}

fn encode_small(mark: u64, file: &mut Vec<u8>) -> Result<(), FormatError> {
    encode_into(file, &[("mark", 0), ("numbers", 0)], |index, payload| match index {
        0 => payload.put_value(&mark),
        _ => payload.put_f32s([&[0.5, -1.25, mark as f32][..]].into_iter()),
    })
}

/// The mark of a checkpoint, which must be intact.
fn mark(file: &[u8]) -> u64 {
    super::decode(file).and_then(|entries| entries.value("mark")).expect("an intact checkpoint")
}

/// The mark of the checkpoint at a path.
fn mark_at(path: &std::path::Path) -> u64 {
    mark(&super::read_file(path).expect("a readable checkpoint"))
}
