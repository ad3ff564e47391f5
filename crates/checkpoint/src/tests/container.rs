use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    FORMAT_VERSION, FormatError, MAX_SECTIONS, NOT_COMPARED, OPTIONAL, Part, Sections, Tag, decode,
    encode_into,
};

/// A section table entry as a hostile writer may set it.
#[derive(Clone)]
struct Raw {
    tag: [u8; 4],
    flags: u32,
    length: u64,
    payload: Vec<u8>,
}

fn raw(tag: &[u8; 4], flags: u32, payload: &[u8]) -> Raw {
    Raw { tag: *tag, flags, length: payload.len() as u64, payload: payload.to_vec() }
}

/// A file with all checksums right, whatever the rest.
fn forge_version(version: u32, count: u32, sections: &[Raw]) -> Vec<u8> {
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

fn forge(sections: &[Raw]) -> Vec<u8> {
    forge_version(FORMAT_VERSION, sections.len() as u32, sections)
}

fn full() -> Vec<u8> {
    let mut file = Vec::new();
    encode_into(&mut file, &Tag::ALL, |tag, payload| payload.put_value(&u32::from_le_bytes(tag.bytes())))
        .unwrap();
    file
}

fn error(file: &[u8]) -> FormatError {
    decode(file).expect_err("must be refused")
}

#[test]
fn the_forger_agrees_with_the_encoder() {
    let sections: Vec<Raw> =
        Tag::ALL.iter().map(|tag| raw(&tag.bytes(), tag.flags(), &tag.bytes())).collect();
    assert_eq!(forge(&sections), full());
}

#[test]
fn every_single_byte_change_is_refused_and_located() {
    let file = full();
    let intact = decode(&file).unwrap();
    let header = intact.entries()[0].offset;
    for at in 0..file.len() {
        let mut damaged = file.clone();
        for change in 1..=255 {
            damaged[at] = file[at] ^ change;
            let error = error(&damaged);
            match error {
                FormatError::Magic { .. } => assert!(at < 8),
                FormatError::SectionCount { .. } => assert!((12..16).contains(&at)),
                FormatError::Truncated { part: Part::Header, .. } => assert!((12..16).contains(&at)),
                FormatError::Checksum { part: Part::Header, offset: 0, .. } => {
                    assert!((8..header).contains(&at));
                }
                FormatError::Checksum { part: Part::Section(tag), offset, expected, found } => {
                    let hit = intact.entries().iter().find(|e| e.tag == tag).unwrap();
                    assert!((hit.offset..hit.offset + hit.length).contains(&at));
                    assert_eq!(offset, hit.offset as u64);
                    assert_eq!(expected, hit.checksum);
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
    let intact = decode(&file).unwrap();
    for length in 0..file.len() {
        let (part, offset, expected) = match intact.entries().iter().find(|e| length < e.offset + e.length) {
            Some(entry) if length >= intact.entries()[0].offset => {
                (Part::Section(entry.tag), entry.offset, entry.length)
            }
            // Without the section count, the shortest header there can be.
            _ => (Part::Header, 0, if length < 16 { 24 } else { intact.entries()[0].offset }),
        };
        let found = (length - offset) as u64;
        let expected =
            FormatError::Truncated { part, offset: offset as u64, expected: expected as u64, found };
        assert_eq!(error(&file[..length]), expected);
    }
}

#[test]
fn every_appended_byte_is_refused() {
    let mut file = full();
    let expected = file.len() as u64;
    for byte in 0..=255 {
        file.push(byte);
        assert_eq!(error(&file), FormatError::TrailingBytes { expected, found: expected + 1 });
        file.pop();
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
    for version in 1..=FORMAT_VERSION {
        assert!(decode(&forge_version(version, 0, &[])).is_ok(), "version {version}");
    }
}

#[test]
fn huge_counts_and_lengths_are_refused_before_they_are_used() {
    for found in [MAX_SECTIONS as u32 + 1, 1 << 24, u32::MAX] {
        assert_eq!(error(&forge_version(1, found, &[])), FormatError::SectionCount { found });
    }
    for length in [5, 1 << 32, 1 << 40, i64::MAX as u64, u64::MAX - 3, u64::MAX] {
        let hostile = Raw { length, ..raw(b"SETT", 0, b"1234") };
        let expected =
            FormatError::Truncated { part: Part::Section(*b"SETT"), offset: 48, expected: length, found: 4 };
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
    assert!(
        matches!(error(&forge(&[short, long])), FormatError::Checksum { part: Part::Section(tag), .. } if &tag == b"SETT")
    );
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
        let at = 16 + 24 * (sections.len() as u64 - 1);
        let tag = sections[sections.len() - 1].tag;
        assert_eq!(error(&forge(sections)), FormatError::Tag { offset: at, tag });
    }
}

#[test]
fn unknown_sections_are_skipped_only_if_optional() {
    let known = raw(b"SETT", 0, b"1234");
    let file =
        forge(&[known.clone(), raw(b"AAAA", OPTIONAL, b"x"), raw(b"B2B2", OPTIONAL | NOT_COMPARED, b"y")]);
    let sections = decode(&file).unwrap();
    assert_eq!(sections.entries().len(), 3);
    assert_eq!(sections.get(Tag::Settings), Some(&b"1234"[..]));
    for flags in [0, NOT_COMPARED] {
        let file = forge(&[known.clone(), raw(b"AAAA", flags, b"x")]);
        assert_eq!(error(&file), FormatError::UnknownSection { tag: *b"AAAA" });
    }
}

#[test]
fn flags_are_fixed_for_known_sections_and_bounded_for_others() {
    let tries = Tag::ALL.map(|tag| (tag.bytes(), Some(tag.flags()))).into_iter().chain([(*b"AAAA", None)]);
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

#[test]
fn missing_sections_are_named() {
    let file = forge(&[raw(b"SETT", 0, b"")]);
    let error = decode(&file).unwrap().require(Tag::Parameters).unwrap_err();
    assert_eq!(error.to_string(), "section PARM is missing");
}

fn compared(file: &[u8]) -> u64 {
    decode(file).map(|sections: Sections<'_>| sections.compared_hash()).unwrap()
}

#[test]
fn the_compared_hash_sees_all_but_what_is_marked() {
    let base = [raw(b"SETT", 0, b"1234"), raw(b"TIME", 3, b"noon")];
    let hash = compared(&forge(&base));
    let with = |index: usize, section: Raw| {
        let mut sections = base.to_vec();
        sections[index] = section;
        compared(&forge(&sections))
    };
    assert_eq!(with(1, raw(b"TIME", 3, b"midnight")), hash);
    assert_eq!(with(1, raw(b"XTRA", 3, b"")), hash);
    assert_eq!(compared(&forge(&base[..1])), hash);
    assert_ne!(with(0, raw(b"SETT", 0, b"1235")), hash);
    assert_ne!(with(0, raw(b"PARM", 0, b"1234")), hash);
    assert_ne!(with(1, raw(b"XTRA", OPTIONAL, b"")), hash);
    // The hash goes over the table entries, as the document states.
    let file = forge(&base);
    assert_eq!(hash, xxh3_64(&file[16..40]));
}

#[test]
fn errors_are_one_clear_line() {
    let mut file = full();
    let last = file.len() - 1;
    file[last] ^= 1;
    let text = error(&file).to_string();
    assert!(text.starts_with("section TIME at offset 216 is damaged: checksum expected "), "{text}");
    let text = error(&full()[..100]).to_string();
    assert_eq!(
        text,
        "header at offset 0 is cut short: expected 192 bytes, found 100; restore an intact copy"
    );
    let text = error(b"PK\x03\x04....").to_string();
    assert_eq!(text, r#"not a minibatch checkpoint: offset 0 holds "PK\x03\x04....", expected "MINIBTCH""#);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_sections_round_trip(
        payloads in prop::collection::vec(prop::option::of(prop::collection::vec(any::<f32>(), 0..50)), Tag::ALL.len()),
        mut buffer in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let given = |tag: Tag| payloads[tag as usize].as_ref();
        let mut tags: Vec<Tag> = Tag::ALL.into_iter().filter(|tag| given(*tag).is_some()).collect();
        // Order and repetition of the caller's list do not matter.
        tags.reverse();
        tags.extend(tags.clone());
        encode_into(&mut buffer, &tags, |tag, payload| {
            payload.put_f32s(given(tag).unwrap());
            Ok::<(), FormatError>(())
        }).unwrap();
        let sections = decode(&buffer).unwrap();
        for tag in Tag::ALL {
            let bytes = given(tag).map(|values| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
            prop_assert_eq!(sections.get(tag), bytes.as_deref());
        }
    }

    #[test]
    fn any_bytes_after_the_magic_are_handled(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        count in 0_u32..4,
        lengths in prop::collection::vec(any::<u64>(), 3),
    ) {
        let mut file = b"MINIBTCH\x01\0\0\0".to_vec();
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
