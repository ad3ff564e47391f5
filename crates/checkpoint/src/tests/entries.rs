//! The directory and the entries of version 3.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::container::{error, forge_version, raw};
use crate::{
    CARRIED, Entries, Entry, Error, FormatError, Front, NOT_COMPARED, OPTIONAL, Part, decode, encode_into,
    is_name,
};

/// An entry as a hostile writer may set it.
#[derive(Clone)]
struct Line {
    name: Vec<u8>,
    flags: u32,
    length: u64,
    checksum: u64,
    payload: Vec<u8>,
}

fn line(name: &str, flags: u32, payload: &[u8]) -> Line {
    let (length, checksum) = (payload.len() as u64, xxh3_64(payload));
    Line { name: name.into(), flags, length, checksum, payload: payload.to_vec() }
}

fn forge(lines: &[Line]) -> Vec<u8> {
    let mut directory = (lines.len() as u64).to_le_bytes().to_vec();
    for Line { name, flags, length, checksum, .. } in lines {
        directory.extend((name.len() as u64).to_le_bytes());
        directory.extend(name);
        directory.extend(flags.to_le_bytes());
        directory.extend(length.to_le_bytes());
        directory.extend(checksum.to_le_bytes());
    }
    forge_around(&directory, &lines.iter().flat_map(|line| line.payload.clone()).collect::<Vec<_>>())
}

/// A file with this directory and these data.
fn forge_around(directory: &[u8], data: &[u8]) -> Vec<u8> {
    forge_version(3, 2, &[raw(b"DIRE", 0, directory), raw(b"DATA", 0, data)])
}

const NAMES: [(&str, u32); 4] =
    [("network/a/x", 0), ("network/b", OPTIONAL), ("run", NOT_COMPARED), ("run-0", OPTIONAL | CARRIED)];

fn full() -> Vec<u8> {
    let mut file = Vec::new();
    encode_into(&mut file, &NAMES, |index, payload| payload.put_value(&(index as u32, NAMES[index].0)))
        .unwrap();
    file
}

#[test]
fn the_forger_agrees_with_the_encoder() {
    let lines = NAMES.map(|(name, flags)| line(name, flags, name.as_bytes()));
    let mut file = Vec::new();
    encode_into(&mut file, &NAMES, |index, payload| {
        payload.put_bytes(NAMES[index].0.as_bytes());
        Ok(())
    })
    .unwrap();
    assert_eq!(forge(&lines), file);
}

#[test]
fn every_single_byte_change_is_refused_and_located() {
    let file = full();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    fs::write(&path, &file).unwrap();
    let front = Front::open(&path).unwrap();
    let data = front.records()[0].offset;
    for at in 0..file.len() {
        let mut damaged = file.clone();
        for change in 1..=255 {
            damaged[at] = file[at] ^ change;
            match error(&damaged) {
                FormatError::Magic { .. } => assert!(at < 8),
                FormatError::SectionCount { .. } | FormatError::Truncated { part: Part::Header, .. } => {
                    assert!((12..16).contains(&at));
                }
                FormatError::Checksum { part: Part::Header, offset: 0, .. } => {
                    assert!((8..72).contains(&at));
                }
                FormatError::Checksum { part: Part::Directory, offset: 72, .. } => {
                    assert!((72..data).contains(&at));
                }
                FormatError::Checksum { part: Part::Entry(name), offset, expected, found } => {
                    let hit = front.records().iter().find(|record| *record.name == *name).unwrap();
                    assert!((hit.offset..hit.offset + hit.length).contains(&at));
                    assert_eq!((offset, expected), (hit.offset as u64, hit.checksum));
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
    let entries = decode(&file).unwrap();
    let data = file.len() - entries.iter().map(|entry| entry.payload.len()).sum::<usize>();
    for length in 0..file.len() {
        let (part, offset, expected) = match length {
            0..16 => (Part::Header, 0, 24),
            16..72 => (Part::Header, 0, 72),
            _ if length < data => (Part::Directory, 72, data - 72),
            _ => (Part::Data, data, file.len() - data),
        };
        let found = (length - offset) as u64;
        let expected =
            FormatError::Truncated { part, offset: offset as u64, expected: expected as u64, found };
        assert_eq!(error(&file[..length]), expected);
    }
}

#[test]
fn names_are_spelt_and_ordered() {
    let long = "a".repeat(256);
    for name in ["", "/", "a/", "/a", "a//b", "A", "a_b", "a b", "a\n", "ä", "a.b", &long] {
        assert!(!is_name(name), "{name}");
        let shown: String = name.chars().take(64).collect();
        assert_eq!(error(&forge(&[line(name, OPTIONAL, b"")])), FormatError::Name { name: shown });
        assert!(encode_into(&mut Vec::new(), &[(name, 0)], |_, _| Ok(())).is_err());
    }
    for name in ["a", "-", "0/a-b/9", &long[1..]] {
        assert!(is_name(name) && decode(&forge(&[line(name, 0, b"")])).is_ok(), "{name}");
    }
    for [first, second] in [["b", "a"], ["a", "a"], ["a/b", "a-b"]] {
        let lines = [line(first, 0, b"1"), line(second, 0, b"2")];
        assert_eq!(error(&forge(&lines)), FormatError::Name { name: second.to_owned() });
        assert!(encode_into(&mut Vec::new(), &[(first, 0), (second, 0)], |_, _| Ok(())).is_err());
    }
    let no_text = Line { name: vec![b'a', 0xff], ..line("", 0, b"") };
    assert!(matches!(error(&forge(&[no_text])), FormatError::Value { part: Part::Directory, .. }));
}

#[test]
fn flags_are_bounded() {
    for flags in (0..32).map(|bit| 1 << bit).chain([0, 3, 5, 6, 7, 8 | OPTIONAL, u32::MAX]) {
        let valid = flags < 8 && (flags & CARRIED == 0 || flags & OPTIONAL != 0);
        assert_eq!(decode(&forge(&[line("a", flags, b"")])).is_ok(), valid, "{flags:#x}");
        assert_eq!(encode_into(&mut Vec::new(), &[("a", flags)], |_, _| Ok(())).is_ok(), valid, "{flags:#x}");
    }
}

#[test]
fn lengths_are_proven_before_they_are_used() {
    for length in [5, 1 << 32, 1 << 40, i64::MAX as u64, u64::MAX - 3, u64::MAX] {
        let hostile = Line { length, ..line("a", 0, b"1234") };
        let part = Part::entry("a");
        // The directory has a count, and for the entry a name's length, a letter and 20 bytes.
        let expected = FormatError::Truncated { part, offset: 72 + 37, expected: length, found: 4 };
        assert_eq!(error(&forge(std::slice::from_ref(&hostile))), expected);
        // Two lengths whose sum wraps around to the true one.
        let second = Line { length: 8_u64.wrapping_sub(length), ..line("b", 0, b"5678") };
        assert!(matches!(
            error(&forge(&[hostile, second])),
            FormatError::Truncated { .. } | FormatError::Checksum { .. }
        ));
    }
    // A gap after the last payload, and payloads that share bytes.
    let short = Line { length: 2, ..line("a", 0, b"1234") };
    let cause = "the data are 4 bytes long, its entries 2".to_owned();
    assert_eq!(
        error(&forge(std::slice::from_ref(&short))),
        FormatError::Value { part: Part::Directory, cause }
    );
    let long = Line { length: 6, ..line("b", 0, b"5678") };
    let overlapping = error(&forge(&[short, long]));
    assert!(matches!(overlapping, FormatError::Checksum { part, .. } if part == Part::entry("a")));
}

/// A directory that claims more lines or longer names than it has. If a length were believed, the allocation would abort the test.
#[test]
fn a_directory_that_claims_too_much_is_refused() {
    for claimed in [1_u64, 1 << 32, 1 << 40, 1 << 62, u64::MAX] {
        let counts = forge_around(&claimed.to_le_bytes(), b"");
        assert!(matches!(error(&counts), FormatError::Value { part: Part::Directory, .. }), "{claimed}");
        let names = forge_around(&[1_u64.to_le_bytes(), claimed.to_le_bytes()].concat(), b"");
        assert!(matches!(error(&names), FormatError::Value { part: Part::Directory, .. }), "{claimed}");
    }
    let trailing = forge_around(&[0; 9], b"");
    assert!(matches!(error(&trailing), FormatError::Value { part: Part::Directory, .. }));
    assert!(matches!(error(&forge_around(b"", b"")), FormatError::Value { part: Part::Directory, .. }));
}

/// Checksums of payloads are verified though the checksum of all data is right, and the other way round.
#[test]
fn both_checksums_of_a_payload_are_verified() {
    let wrong = Line { checksum: 1, ..line("a", 0, b"1234") };
    assert!(
        matches!(error(&forge(&[wrong])), FormatError::Checksum { part, .. } if part == Part::entry("a"))
    );
    let mut file = forge(&[line("a", 0, b"1234")]);
    file[16 + 24 + 16] ^= 1;
    let checksum = xxh3_64(&file[..64]);
    file[64..72].copy_from_slice(&checksum.to_le_bytes());
    assert!(matches!(error(&file), FormatError::Checksum { part: Part::Data, offset: 109, .. }));
}

#[test]
fn many_entries_stand_in_a_file() {
    let names: Vec<(String, u32)> = (0..5_000).map(|i| (format!("network/n{i:04}/x"), 0)).collect();
    let mut file = Vec::new();
    encode_into(&mut file, &names, |index, payload| payload.put_value(&(index as u64))).unwrap();
    let entries = decode(&file).unwrap();
    assert_eq!(entries.iter().count(), 5_000);
    assert_eq!(entries.value::<u64>("network/n4321/x").unwrap(), 4321);
}

#[test]
fn unknown_entries_follow_their_flags() {
    let known = |name: &str| (name == "run").then_some(NOT_COMPARED);
    let carried = |lines: &[Line]| -> Result<Vec<String>, FormatError> {
        let file = forge(lines);
        Ok(decode(&file)?.check(known)?.into_iter().map(|entry| entry.name.into_owned()).collect())
    };
    let run = line("run", NOT_COMPARED, b"1");
    let with = |name, flags| [run.clone(), line(name, flags, b"2")];
    assert_eq!(carried(&with("run/x", OPTIONAL)).unwrap(), [""; 0]);
    assert_eq!(carried(&with("run/x", OPTIONAL | CARRIED)).unwrap(), ["run/x"]);
    assert_eq!(carried(&with("run/x", OPTIONAL | CARRIED | NOT_COMPARED)).unwrap(), ["run/x"]);
    for flags in [0, NOT_COMPARED] {
        let error = carried(&with("run/x", flags)).unwrap_err();
        assert_eq!(error, FormatError::Unknown { name: "run/x".to_owned() });
        assert!(error.to_string().contains("run/x is unknown") && error.to_string().contains("update"));
    }
    let error = carried(&[line("run", 0, b"")]).unwrap_err();
    assert_eq!(error, FormatError::Flags { name: "run".to_owned(), found: 0 });
}

#[test]
fn missing_entries_are_named() {
    let file = full();
    let error = decode(&file).unwrap().require("run/seed").unwrap_err();
    assert_eq!(error.to_string(), "entry run/seed is missing");
}

#[test]
fn the_compared_hash_sees_all_but_what_is_marked() {
    let compared = |lines: &[Line]| decode(&forge(lines)).unwrap().compared_hash().unwrap();
    let base = [line("a", 0, b"1234"), line("time", 3, b"noon")];
    let hash = compared(&base);
    let with = |index: usize, changed: Line| {
        let mut lines = base.to_vec();
        lines[index] = changed;
        compared(&lines)
    };
    assert_eq!(with(1, line("time", 3, b"midnight")), hash);
    assert_eq!(with(1, line("x", 3, b"")), hash);
    assert_eq!(compared(&base[..1]), hash);
    assert_ne!(with(0, line("a", 0, b"1235")), hash);
    assert_ne!(with(0, line("b", 0, b"1234")), hash);
    assert_ne!(with(1, line("x", OPTIONAL, b"")), hash);
    // The hash goes over the directory's lines, as the document states.
    assert_eq!(hash, xxh3_64(&forge(&base)[80..80 + 29]));
    // Entries that are put together have the hash of a file that holds them.
    let entry = |line: &Line| Entry {
        name: String::from_utf8(line.name.clone()).unwrap().into(),
        flags: line.flags,
        payload: line.payload.clone().into(),
    };
    assert_eq!(Entries::new(base.iter().rev().map(entry).collect()).compared_hash().unwrap(), hash);
}

#[test]
fn single_entries_are_read_from_the_front() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let mut file = full();
    *file.last_mut().unwrap() ^= 1;
    fs::write(&path, &file).unwrap();
    let mut front = Front::open(&path).unwrap();
    assert_eq!((front.version(), front.bytes(), front.records().len()), (3, file.len() as u64, 4));
    assert_eq!(front.value::<(u32, String)>("network/b").unwrap(), (1, "network/b".to_owned()));
    let error = front.value::<(u32, String)>("run-0").unwrap_err().to_string();
    assert!(error.contains("entry run-0 at offset ") && error.contains(" is damaged"), "{error}");
    let missing = front.value::<u64>("run/x").unwrap_err();
    assert!(matches!(missing, Error::Format { source: FormatError::Missing { .. }, .. }));
}

#[test]
fn a_buffer_that_has_grown_stays() {
    let mut file = full();
    let (place, room) = (file.as_ptr(), file.capacity());
    let again =
        |index: usize, payload: &mut crate::Payload<'_>| payload.put_value(&(index as u32, NAMES[index].0));
    encode_into(&mut file, &NAMES, again).unwrap();
    assert_eq!((file.as_ptr(), file.capacity()), (place, room));
    assert_eq!(file, full());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_entries_round_trip(
        payloads in prop::collection::btree_map("[a-z0-9-]{1,9}(/[a-z0-9-]{1,9}){0,3}", (0_u32..4, prop::collection::vec(any::<u8>(), 0..50)), 0..20),
        mut buffer in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let names: Vec<(&String, u32)> = payloads.iter().map(|(name, (flags, _))| (name, *flags)).collect();
        encode_into(&mut buffer, &names, |index, payload| {
            payload.put_bytes(&payloads[names[index].0].1);
            Ok(())
        }).unwrap();
        let entries = decode(&buffer).unwrap();
        let read: BTreeMap<String, (u32, Vec<u8>)> =
            entries.iter().map(|entry| (entry.name.to_string(), (entry.flags, entry.payload.to_vec()))).collect();
        prop_assert_eq!(read, payloads);
    }

    #[test]
    fn any_directory_is_handled(bytes in prop::collection::vec(0_u8..4, 0..120), data in prop::collection::vec(any::<u8>(), 0..9)) {
        let file = forge_around(&bytes, &data);
        prop_assert_eq!(decode(&file).is_ok(), bytes == [0; 8] && data.is_empty());
    }
}
