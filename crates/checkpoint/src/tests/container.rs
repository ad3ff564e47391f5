//! The outer file, and the sections of versions 1 and 2.

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::checkpoint;
use crate::format::{MAX_SECTIONS, OLD_SECTIONS};
use crate::{FORMAT_VERSION, FormatError, NOT_COMPARED, OPTIONAL, Part, decode};

/// A section table entry as a hostile writer may set it.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) tag: [u8; 4],
    pub(super) flags: u32,
    pub(super) length: u64,
    pub(super) payload: Vec<u8>,
}

pub(super) fn raw(tag: &[u8; 4], flags: u32, payload: &[u8]) -> Raw {
    Raw { tag: *tag, flags, length: payload.len() as u64, payload: payload.to_vec() }
}

/// A file with all checksums right, whatever the rest.
pub(super) fn forge_version(version: u32, count: u32, sections: &[Raw]) -> Vec<u8> {
    let mut file = b"MINIBTCH".to_vec();
    file.extend(version.to_le_bytes());
    file.extend(count.to_le_bytes());
    for section in sections {
        file.extend(section.tag);
        file.extend(section.flags.to_le_bytes());
        file.extend(section.length.to_le_bytes());
        file.extend(xxh3_64(&section.payload).to_le_bytes());
    }
    file.extend(xxh3_64(&file).to_le_bytes());
    for section in sections {
        file.extend(&section.payload);
    }
    file
}

/// A file of version 2.
fn forge(sections: &[Raw]) -> Vec<u8> {
    forge_version(2, sections.len() as u32, sections)
}

fn full() -> Vec<u8> {
    forge(&OLD_SECTIONS.map(|(tag, flags)| raw(&tag, flags, &tag)))
}

pub(super) fn error(file: &[u8]) -> FormatError {
    decode(file).expect_err("must be refused")
}

/// The sections of [`full`]: tag, offset, length.
fn places() -> impl Iterator<Item = (String, usize, usize)> {
    let tag = |(tag, _): ([u8; 4], u32)| String::from_utf8_lossy(&tag).into_owned();
    OLD_SECTIONS.into_iter().enumerate().map(move |(i, old)| (tag(old), 192 + 4 * i, 4))
}

#[test]
fn every_single_byte_change_is_refused_and_located() {
    let file = full();
    assert!(decode(&file).is_ok());
    for at in 0..file.len() {
        let mut damaged = file.clone();
        for change in 1..=255 {
            damaged[at] = file[at] ^ change;
            match error(&damaged) {
                FormatError::Magic { .. } => assert!(at < 8),
                FormatError::SectionCount { .. } => assert!((12..16).contains(&at)),
                FormatError::Truncated { part: Part::Header, .. } => assert!((12..16).contains(&at)),
                FormatError::Checksum { part: Part::Header, offset: 0, .. } => {
                    assert!((8..192).contains(&at));
                }
                FormatError::Checksum { part: Part::Entry(name), offset, expected, found } => {
                    let (_, place, length) = places().find(|(tag, ..)| **tag == *name).unwrap();
                    assert!((place..place + length).contains(&at));
                    assert_eq!(offset, place as u64);
                    assert_ne!(found, expected);
                }
                other => panic!("byte {at}: {other}"),
            }
        }
    }
}

#[test]
fn every_truncation_is_refused_and_located() {
    let file = full();
    for length in 0..file.len() {
        let (part, offset, expected) = match places().find(|(_, at, size)| length < at + size) {
            Some((tag, at, size)) if length >= 192 => (Part::entry(&tag), at, size),
            // Without the section count, the shortest header there can be.
            _ => (Part::Header, 0, if length < 16 { 24 } else { 192 }),
        };
        let found = (length - offset) as u64;
        let expected =
            FormatError::Truncated { part, offset: offset as u64, expected: expected as u64, found };
        assert_eq!(error(&file[..length]), expected);
    }
}

#[test]
fn every_appended_byte_is_refused() {
    for mut file in [full(), checkpoint(1)] {
        let expected = file.len() as u64;
        for byte in 0..=255 {
            file.push(byte);
            assert_eq!(error(&file), FormatError::TrailingBytes { expected, found: expected + 1 });
            file.pop();
        }
    }
}

#[test]
fn other_files_are_called_so() {
    for other in [&b"\x89PNG\r\n\x1a\n etc"[..], b"#", b"MINIBTCG"] {
        assert!(matches!(error(other), FormatError::Magic { .. }), "{other:?}");
    }
    assert!(matches!(error(b""), FormatError::Truncated { part: Part::Header, found: 0, .. }));
}

#[test]
fn other_versions_are_refused_only_if_the_header_is_intact() {
    for found in [0, FORMAT_VERSION + 1, u32::MAX] {
        assert_eq!(error(&forge_version(found, 0, &[])), FormatError::Version { found });
    }
    for version in [1, 2] {
        assert_eq!(decode(&forge_version(version, 0, &[])).unwrap().version(), version);
    }
    // A reader of version 2 looks at the version before it looks at tags. So must later readers.
    let later = forge_version(FORMAT_VERSION + 1, 1, &[raw(b"ab\0D", 99, b"")]);
    assert_eq!(error(&later), FormatError::Version { found: FORMAT_VERSION + 1 });
}

#[test]
fn huge_counts_and_lengths_are_refused_before_they_are_used() {
    for found in [MAX_SECTIONS as u32 + 1, 1 << 24, u32::MAX] {
        assert_eq!(error(&forge_version(1, found, &[])), FormatError::SectionCount { found });
    }
    for length in [5, 1 << 32, 1 << 40, i64::MAX as u64, u64::MAX - 3, u64::MAX] {
        let hostile = Raw { length, ..raw(b"SETT", 0, b"1234") };
        let part = Part::entry("SETT");
        let expected = FormatError::Truncated { part, offset: 48, expected: length, found: 4 };
        assert_eq!(error(&forge(std::slice::from_ref(&hostile))), expected);
        // Two lengths whose sum wraps around to the true one.
        let second = Raw { length: 8_u64.wrapping_sub(length), ..raw(b"PARM", 0, b"5678") };
        assert!(matches!(
            error(&forge(&[hostile, second])),
            FormatError::Truncated { .. } | FormatError::Checksum { .. }
        ));
    }
}

#[test]
fn overlapping_and_gaping_sections_cannot_be_written() {
    // Offsets follow from lengths, so a short length shifts all later sections. That is damage, not an overlap.
    let short = Raw { length: 2, ..raw(b"SETT", 0, b"1234") };
    assert!(matches!(
        error(&forge(std::slice::from_ref(&short))),
        FormatError::TrailingBytes { expected: 50, found: 52 }
    ));
    let long = Raw { length: 6, ..raw(b"PARM", 0, b"5678") };
    let error = error(&forge(&[short, long]));
    assert!(matches!(error, FormatError::Checksum { part, .. } if part == Part::entry("SETT")));
}

#[test]
fn order_repetition_and_spelling_of_tags_are_checked() {
    let refused: [&[Raw]; 6] = [
        &[raw(b"PARM", 0, b""), raw(b"SETT", 0, b"")],
        &[raw(b"SETT", 0, b""), raw(b"SETT", 0, b"")],
        &[raw(b"ABCD", OPTIONAL, b""), raw(b"SETT", 0, b"")],
        &[raw(b"ABCD", OPTIONAL, b""), raw(b"ABCD", OPTIONAL, b"")],
        &[raw(b"ZZZZ", OPTIONAL, b""), raw(b"ABCD", OPTIONAL, b"")],
        &[raw(b"ab\0D", OPTIONAL, b"")],
    ];
    for sections in refused {
        let tag = sections[sections.len() - 1].tag;
        let name = String::from_utf8_lossy(&tag).into_owned();
        assert_eq!(error(&forge(sections)), FormatError::Name { name });
    }
}

#[test]
fn unknown_sections_are_skipped_only_if_optional() {
    let known = raw(b"SETT", 0, b"1234");
    let file =
        forge(&[known.clone(), raw(b"AAAA", OPTIONAL, b"x"), raw(b"B2B2", OPTIONAL | NOT_COMPARED, b"y")]);
    let entries = decode(&file).unwrap();
    assert_eq!(entries.iter().count(), 3);
    assert_eq!(*entries.require("SETT").unwrap().payload, *b"1234");
    for flags in [0, NOT_COMPARED] {
        let file = forge(&[known.clone(), raw(b"AAAA", flags, b"x")]);
        assert_eq!(error(&file), FormatError::Unknown { name: "AAAA".to_owned() });
    }
}

#[test]
fn flags_are_fixed_for_known_sections_and_bounded_for_others() {
    let tries = OLD_SECTIONS.map(|(tag, flags)| (tag, Some(flags))).into_iter().chain([(*b"AAAA", None)]);
    for (tag, fixed) in tries {
        for flags in (0..32).map(|bit| 1 << bit).chain([0, OPTIONAL | NOT_COMPARED, u32::MAX]) {
            let right = match fixed {
                Some(fixed) => flags == fixed,
                None => [OPTIONAL, OPTIONAL | NOT_COMPARED].contains(&flags),
            };
            assert_eq!(decode(&forge(&[raw(&tag, flags, b"")])).is_ok(), right, "{tag:?} {flags:#x}");
        }
    }
}

/// Version 3 has two sections, in their order, with their tags and without flags.
#[test]
fn the_two_sections_of_version_3_are_fixed() {
    let (directory, data) = (raw(b"DIRE", 0, &[0; 8]), raw(b"DATA", 0, b""));
    let forge = |sections: &[Raw]| forge_version(3, sections.len() as u32, sections);
    assert_eq!(decode(&forge(&[directory.clone(), data.clone()])).unwrap().iter().count(), 0);
    let name = |name: &str| FormatError::Name { name: name.to_owned() };
    assert_eq!(error(&forge(&[data.clone(), directory.clone()])), name("DATA"));
    assert_eq!(error(&forge(&[directory.clone(), directory.clone()])), name("DIRE"));
    assert_eq!(error(&forge(&[directory.clone(), raw(b"SETT", 0, b"")])), name("SETT"));
    for count in [0, 1, 3] {
        let sections = [directory.clone(), data.clone(), raw(b"TIME", 3, b"")];
        assert_eq!(error(&forge(&sections[..count])), FormatError::SectionCount { found: count as u32 });
    }
    for flags in (0..32).map(|bit| 1 << bit) {
        let flagged = Raw { flags, ..data.clone() };
        let expected = FormatError::Flags { name: "DATA".to_owned(), found: flags };
        assert_eq!(error(&forge(&[directory.clone(), flagged])), expected);
    }
    for (index, part) in [Part::Directory, Part::Data].into_iter().enumerate() {
        let mut sections = [directory.clone(), data.clone()];
        sections[index].length = 1 << 40;
        assert!(
            matches!(error(&forge(&sections)), FormatError::Truncated { part: found, .. } if found == part)
        );
    }
}

#[test]
fn errors_are_one_clear_line() {
    let mut file = full();
    let last = file.len() - 1;
    file[last] ^= 1;
    let text = error(&file).to_string();
    assert!(text.starts_with("entry TIME at offset 216 is damaged: checksum expected "), "{text}");
    let text = error(&full()[..100]).to_string();
    assert_eq!(
        text,
        "header at offset 0 is cut short: expected 192 bytes, found 100; restore an intact copy"
    );
    let text = error(b"PK\x03\x04....").to_string();
    assert_eq!(text, r#"not a minibatch checkpoint: offset 0 holds "PK\x03\x04....", expected "MINIBTCH""#);
    let text = error(&forge(&[raw(b"a\n\r\0", 0, b"")])).to_string();
    assert_eq!(text, r#"entry name "a\n\r\u{0}" is malformed, repeated or out of order"#);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_bytes_after_the_magic_are_handled(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        version in 1_u32..4,
        count in 0_u32..4,
        lengths in prop::collection::vec(any::<u64>(), 3),
    ) {
        let mut file = b"MINIBTCH".to_vec();
        file.extend(version.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(bytes);
        prop_assert!(decode(&file).is_err());
        // A forged table gets past the header's checksum.
        let table: Vec<Raw> = [b"SETT", b"PARM", b"OPTM"]
            .iter()
            .zip(lengths)
            .map(|(tag, length)| Raw { length, ..raw(tag, 0, b"12345678") })
            .collect();
        prop_assert_eq!(decode(&forge(&table)).is_ok(), table.iter().all(|section| section.length == 8));
    }
}
