//! IDX files: mapped and read alike, written again to the same bytes.

use crate::folder;
use minibatch::data::{
    Dataset, ElementType, Error, Header, IdxFile, Row, Shuffle, Targets, write_idx_f32, write_idx_u8,
};
use std::fs;
use std::path::Path;

/// The first two bytes are the length of the labels (little-endian). The labels' file follows, then the images'.
pub fn idx(bytes: &[u8]) -> bool {
    let Some((length, files)) = bytes.split_first_chunk() else { return false };
    let length = usize::from(u16::from_le_bytes(*length)).min(files.len());
    let (labels, images) = files.split_at(length);
    let folder = folder().expect("a folder");
    let [labels_at, images_at] = ["labels", "images"].map(|name| folder.path().join(name));
    fs::write(&labels_at, labels).expect("a file");
    fs::write(&images_at, images).expect("a file");
    file(&labels_at, labels);
    file(&images_at, images);
    pair(&images_at, &labels_at)
}

/// One file by itself, whose content is `bytes`.
fn file(path: &Path, bytes: &[u8]) {
    let header = Header::parse(bytes, bytes.len() as u64);
    match (IdxFile::map(path), IdxFile::read(path)) {
        (Ok(mapped), Ok(read)) if bytes.starts_with(&[0x1f, 0x8b]) => {
            assert_eq!(mapped.header(), read.header());
            assert_eq!(mapped.payload(), read.payload());
        }
        (Ok(mapped), Ok(read)) => {
            assert_eq!(Ok(mapped.header()), header.as_ref());
            assert_eq!(mapped.header(), read.header());
            assert_eq!(mapped.payload(), read.payload());
            assert_eq!(mapped.payload(), &bytes[mapped.header().payload_offset()..]);
            let integers = |file: &IdxFile| file.to_integers().map_err(one_line);
            assert_eq!(integers(&mapped), integers(&read));
            assert_eq!(numbers(&mapped), numbers(&read));
            written_again(&read, bytes);
        }
        (mapped, read) => {
            let (mapped, read) = (message(mapped), message(read));
            assert_eq!(mapped, read, "mapped and read alike");
            // A packed file has its header inside.
            if !bytes.starts_with(&[0x1f, 0x8b]) {
                let defect = header.expect_err("the same header");
                assert_eq!(mapped, Error::Malformed { path: path.to_owned(), defect }.to_string());
            }
        }
    }
}

/// The numbers by their bits, or the error.
fn numbers(file: &IdxFile) -> Result<Vec<u32>, String> {
    let numbers = file.to_f32().map_err(one_line)?;
    assert_eq!(numbers.len() * file.header().element().size(), file.payload().len());
    assert!(numbers.iter().all(|number| number.is_finite()));
    Ok(numbers.into_iter().map(f32::to_bits).collect())
}

/// Checks that writing the array again gives the same file.
fn written_again(file: &IdxFile, bytes: &[u8]) {
    let (mut again, dims) = (Vec::new(), file.header().dims());
    match (file.header().element(), file.to_f32()) {
        (ElementType::U8, _) => write_idx_u8(&mut again, dims, file.payload()).expect("it is written"),
        (ElementType::F32, Ok(numbers)) => {
            write_idx_f32(&mut again, dims, &numbers).expect("it is written");
        }
        _ => return,
    }
    assert!(again == bytes, "an array is written as it was read");
}

/// Checks images with their labels, as a dataset.
fn pair(images: &Path, labels: &Path) -> bool {
    let (mapped, read) = match (Dataset::map(images, labels), Dataset::read(images, labels)) {
        (Ok(mapped), Ok(read)) => (mapped, read),
        (mapped, read) => {
            assert_eq!(message(mapped), message(read), "mapped and read alike");
            return false;
        }
    };
    assert_eq!(mapped.len(), read.len());
    assert_eq!(mapped.example_shape(), read.example_shape());
    assert_eq!(mapped.targets(), read.targets());
    assert_eq!(mapped.fingerprint(), read.fingerprint());
    let inputs = mapped.example_shape().iter().product::<usize>();
    assert_eq!(mapped.input_len(), inputs);
    assert_eq!(mapped.targets().len(), mapped.len());
    for example in 0..mapped.len() {
        let (one, other) = (mapped.input(example), read.input(example));
        assert_eq!(one, other);
        let found = match one {
            Row::Bytes(bytes) => bytes.len(),
            Row::Floats(floats) => floats.len(),
        };
        assert_eq!(found, inputs);
    }
    if let Targets::Classes { labels, classes } = mapped.targets() {
        assert!(labels.iter().all(|&label| (label as usize) < *classes));
    }
    parts(&mapped);
    true
}

/// Checks subsets, splits and orders of `data`.
fn parts(data: &Dataset) {
    let mut shuffle = Shuffle::new(data.len(), data.fingerprint()).expect("an order");
    shuffle.begin_epoch();
    let order = shuffle.minibatch(0, data.len()).to_vec();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..data.len() as u32), "each example once");
    let subset = data.subset(&order).expect("examples of the set");
    for (at, &example) in order.iter().enumerate() {
        assert_eq!(subset.input(at), data.input(example as usize));
    }
    assert!(data.subset(&[data.len() as u32]).is_err());
    for (training, validation) in [data.split(0.25, 1), data.split_stratified(0.25, 1)].into_iter().flatten()
    {
        assert_eq!(training.len() + validation.len(), data.len());
    }
}

/// The error of `outcome`, which is one line.
fn message<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
    one_line(outcome.expect_err("one was refused, and the other not"))
}

fn one_line(error: impl std::fmt::Display) -> String {
    let line = error.to_string();
    assert!(!line.is_empty() && !line.contains('\n'), "an error is one line: {line:?}");
    line
}
