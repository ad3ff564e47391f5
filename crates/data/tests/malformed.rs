//! Every refusal of a file, with its message.

mod common;

use std::path::Path;

use common::{Folder, idx};
use minibatch_data::{Dataset, Error, Header, IdxFile};
use proptest::prelude::*;

/// The error's message without the folder.
fn message(error: &Error, folder: &Folder) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text.replace(&format!("{}/", folder.path().display()), "")
}

/// Opens `bytes` mapped and read, and asserts that both fail with `expected` after the path.
fn assert_refused(bytes: &[u8], expected: &str) {
    let folder = Folder::new();
    let path = folder.file("file", bytes);
    for opened in [IdxFile::map(&path), IdxFile::read(&path)] {
        assert_eq!(message(&opened.unwrap_err(), &folder), format!("file: {expected}"));
    }
}

#[test]
fn headers() {
    const MAGIC: &str = "expected an IDX magic number (00 00, element type, rank)";
    const TRUNCATED: &str = "the file is truncated: fetch it again";
    let valid = idx(0x08, &[2, 3], &[0; 6]);
    let long = [&valid[..], &[7]].concat();
    let cases: &[(&[u8], String)] = &[
        (b"", format!("at byte 0: {MAGIC}, found the end of the file after 0 bytes; {TRUNCATED}")),
        (&valid[..3], format!("at byte 3: {MAGIC}, found the end of the file after 3 bytes; {TRUNCATED}")),
        (&[0x1f, 0x8b, 8, 0, 0], "cannot unpack: unexpected end of file".to_owned()),
        (b"\x89PNG\r\n", format!("at byte 0: {MAGIC}, found 89 50 4e 47; this is not an IDX file")),
        (
            &idx(0x0A, &[1], &[0]),
            "at byte 2: expected an element type (08, 09, 0b, 0c, 0d or 0e), found 0a; \
             this is not an IDX file"
                .into(),
        ),
        (
            &idx(0x08, &[], &[0]),
            "at byte 3: expected a rank of at least 1, found 0; the file holds no array".into(),
        ),
        (
            &valid[..11],
            format!(
                "at byte 11: expected 2 dimensions up to byte 12, \
                 found the end of the file after 11 bytes; {TRUNCATED}"
            ),
        ),
        (
            &idx(0x08, &[2, 0, 3], &[]),
            "at byte 8: expected dimension 2 of 3 to be at least 1, found 0; the set is empty".into(),
        ),
        (
            &idx(0x0E, &[u32::MAX, u32::MAX, 2], &[0; 8]),
            "at byte 4: expected dimensions whose product can be addressed, \
             found 4294967295 × 4294967295 × 2; this is not an IDX file"
                .into(),
        ),
        (
            &valid[..17],
            format!(
                "at byte 17: expected 18 bytes (12 of header, 2 × 3 elements of 1), found 17; {TRUNCATED}"
            ),
        ),
        (
            &long,
            "at byte 18: expected 18 bytes (12 of header, 2 × 3 elements of 1), found 19; \
             the file has trailing bytes: fetch it again"
                .into(),
        ),
    ];
    for (bytes, expected) in cases {
        assert_refused(bytes, expected);
    }
}

#[test]
fn every_truncation_is_refused() {
    for element in [0x08, 0x0C, 0x0E] {
        let size = if element == 0x08 { 1 } else { 4 * (element as usize - 0x0B).min(2) };
        let whole = idx(element, &[2, 2], &vec![1; 4 * size]);
        assert!(Header::parse(&whole, whole.len() as u64).is_ok());
        let folder = Folder::new();
        for len in 0..whole.len() {
            let path = folder.file("file", &whole[..len]);
            for opened in [IdxFile::map(&path), IdxFile::read(&path)] {
                let Err(Error::Malformed { defect, .. }) = opened else {
                    panic!("{len} of {} bytes were taken: {opened:?}", whole.len());
                };
                assert_eq!(defect.offset, len as u64);
            }
        }
    }
}

#[test]
fn pairs() {
    let images = idx(0x08, &[2, 1, 2], &[1, 2, 3, 4]);
    let labels = idx(0x08, &[2], &[0, 1]);
    let f32s = |values: &[f32]| values.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<u8>>();
    let swapped = "are the files of images and labels swapped?";
    let label_kinds = "at byte 3: expected labels: a class for each example, one-hot rows, QMNIST's 8 columns of i32, or \
                       floats";
    let cases: &[(&[u8], &[u8], String)] = &[
        (
            &images,
            &idx(0x08, &[3], &[0; 3]),
            "labels: holds 3 labels, but images holds 2 examples; take both files from the same set".into(),
        ),
        (
            &labels,
            &labels,
            format!(
                "images: at byte 3: expected images: a rank of at least 2 (examples, then their shape), \
                 found rank 1; {swapped}"
            ),
        ),
        (&images, &images, format!("labels: {label_kinds}, found [2, 1, 2] elements of type U8; {swapped}")),
        (
            &images,
            &idx(0x08, &[2, 2], &[1, 2, 1, 0]),
            format!(
                "labels: {label_kinds}, found [2, 2] integers of type U8; save the column of the classes alone; values to learn \
                 are floats"
            ),
        ),
        (
            &images,
            &idx(0x09, &[2], &[1, 0xff]),
            "labels: at byte 9: expected a label from 0 to 1048575, found -1; classes are counted from 0, and values to learn are floats"
                .into(),
        ),
        (
            &images,
            &idx(0x0C, &[2, 1], &[0, 0, 0, 0, 0, 0x10, 0, 0]),
            "labels: at byte 16: expected a label from 0 to 1048575, found 1048576; \
             classes are counted from 0, and values to learn are floats"
                .into(),
        ),
        (
            &idx(0x0D, &[2, 1], &f32s(&[1.0, f32::NAN])),
            &labels,
            "images: at byte 16: expected a finite number within the range of f32, found NaN; \
             clean the data before training on it"
                .into(),
        ),
        (
            &images,
            &idx(0x0E, &[2], &[1e300_f64.to_be_bytes(), 0_f64.to_be_bytes()].concat()),
            "labels: at byte 8: expected a finite number within the range of f32, found inf; \
             clean the data before training on it"
                .into(),
        ),
    ];
    for (images, labels, expected) in cases {
        let folder = Folder::new();
        let (images, labels) = (folder.file("images", images), folder.file("labels", labels));
        for opened in [Dataset::map(&images, &labels), Dataset::read(&images, &labels)] {
            assert_eq!(message(&opened.unwrap_err(), &folder), *expected);
        }
    }
}

#[test]
fn paths_that_are_no_files() {
    let folder = Folder::new();
    let error = |path: &Path| message(&IdxFile::map(path).unwrap_err(), &folder);
    assert!(error(&folder.path().join("none")).starts_with("none: cannot open: "));
    let not_a_file = IdxFile::read(&folder.path()).unwrap_err().to_string();
    assert!(not_a_file.ends_with(": expected a regular file, found a folder"), "{not_a_file}");
}

#[test]
fn memory() {
    let zeros = |len| vec![0_u8; len];
    let refused = |result: Result<Dataset, Error>, expected: &str| {
        assert_eq!(result.unwrap_err().to_string(), expected);
    };
    refused(
        Dataset::from_classes(zeros(11), &[2, 2], vec![0, 1, 2]),
        "inputs: expected 3 examples of shape [2, 2], none of its dimensions 0, found 11 values",
    );
    for shape in [&[][..], &[0][..], &[usize::MAX, 2][..]] {
        assert!(Dataset::from_classes(zeros(0), shape, vec![0]).is_err());
    }
    refused(Dataset::from_classes(zeros(0), &[2], vec![]), "labels: expected at least one, found 0");
    refused(
        Dataset::from_classes(zeros(2), &[2], vec![1 << 20]),
        "labels: expected labels below 1048576, found 1048576",
    );
    refused(
        Dataset::from_classes(vec![0.0, f32::INFINITY], &[2], vec![0]),
        "inputs: expected finite numbers, found inf at index 1",
    );
    refused(
        Dataset::from_values(zeros(2), &[1], vec![0.0; 3], 2),
        "target values: expected a multiple of 2 values per example, at least one of each, found 3",
    );
    refused(
        Dataset::from_values(zeros(2), &[1], vec![0.0; 3], 0),
        "target values per example: expected at least 1, found 0",
    );
    assert!(Dataset::from_values(zeros(2), &[1], vec![], 1).is_err());
    refused(
        Dataset::from_values(zeros(1), &[1], vec![f32::NAN], 1),
        "target values: expected finite numbers, found NaN at index 0",
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), len in any::<u64>()) {
        let _ = Header::parse(&bytes, len);
        prop_assert!(Header::parse(&bytes, bytes.len() as u64).is_err() || bytes[..2] == [0, 0]);
    }

    /// Magic numbers that are almost right reach the checks behind them.
    #[test]
    fn random_headers_are_taken_only_if_the_length_agrees(
        element in 0x07_u8..0x10,
        dims in prop::collection::vec(prop_oneof![0_u32..4, any::<u32>()], 0..5),
        payload in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let bytes = idx(element, &dims, &payload);
        if let Ok(header) = Header::parse(&bytes, bytes.len() as u64) {
            let elements: usize = dims.iter().map(|&dim| dim as usize).product();
            prop_assert_eq!(elements * header.element().size(), payload.len());
            prop_assert_eq!(header.payload_len(), payload.len());
        }
    }
}
