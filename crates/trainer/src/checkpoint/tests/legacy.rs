//! Files of versions 1 and 2: every damage to their bytes, and contents under right checksums.

use crate::Registry;
use crate::checkpoint::{Checkpoint, Outline};
use minibatch_checkpoint::decode;
use std::fs;
use xxhash_rust::xxh3::xxh3_64;

const FILES: [&[u8]; 2] =
    [include_bytes!("../../../tests/golden/v1.ckpt"), include_bytes!("../../../tests/golden/v2.ckpt")];

#[test]
fn every_damage_is_refused() {
    for file in FILES {
        let mut changed = file.to_vec();
        for at in 0..file.len() {
            assert!(Checkpoint::decode(&file[..at]).is_err(), "{at} bytes");
            for change in 1..=255 {
                changed[at] = file[at] ^ change;
                let error = Checkpoint::decode(&changed).expect_err("a changed byte").to_string();
                assert!(!error.is_empty() && !error.contains('\n'), "byte {at}: {error}");
            }
            changed[at] = file[at];
        }
    }
}

/// A file of version 2 with these sections in the order of the file.
fn encode(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut file = b"MINIBTCH\x02\0\0\0".to_vec();
    file.extend((sections.len() as u32).to_le_bytes());
    for (tag, payload) in sections {
        file.extend(tag.bytes());
        file.extend(if *tag == "TIME" { 3_u32 } else { 0 }.to_le_bytes());
        file.extend((payload.len() as u64).to_le_bytes());
        file.extend(xxh3_64(payload).to_le_bytes());
    }
    file.extend(xxh3_64(&file).to_le_bytes());
    sections.iter().for_each(|(_, payload)| file.extend(payload));
    file
}

/// The golden file of version 2 after a change of one section. `None` removes it.
fn with(tag: &str, change: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> String {
    let entries = decode(FILES[1]).expect("intact");
    let tags = ["SETT", "PARM", "OPTM", "STEP", "PROG", "HIST", "TIME"];
    let mut sections = tags.map(|tag| (tag, entries.require(tag).expect("there").payload.to_vec())).to_vec();
    assert_eq!(encode(&sections), FILES[1]);
    let at = tags.iter().position(|known| *known == tag).expect("a tag");
    if change(&mut sections[at].1).is_none() {
        sections.remove(at);
    }
    Checkpoint::decode_with(&encode(&sections), &Registry::default())
        .map_or_else(|error| error.to_string(), |_| "read".to_owned())
}

/// A section, its change, and the beginning of the message.
type Case = (&'static str, fn(&mut Vec<u8>) -> Option<()>, &'static str);

#[test]
fn contents_are_checked() {
    let cases: [Case; 9] = [
        ("TIME", |_| Some(()), "read"),
        ("TIME", |_| None, "read"),
        ("SETT", |payload| payload.first_mut().map(|sizes| *sizes -= 1), "entry SETT is intact but"),
        ("SETT", |payload| payload.pop().map(drop), "entry SETT is intact but"),
        ("PARM", |_| None, "entry PARM is missing"),
        ("PARM", |payload| payload.pop().map(drop), "entry network/main/parameters holds"),
        ("OPTM", |payload| payload.pop().map(drop), "entry OPTM holds"),
        ("STEP", |_| None, "entry run/scalars is missing"),
        ("HIST", |payload| payload.pop().map(drop), "entry HIST is intact but"),
    ];
    for (tag, change, expected) in cases {
        let found = with(tag, change);
        assert!(found.contains(expected), "{tag}: {found}, expected {expected}");
    }
}

#[test]
fn the_recipe_is_that_of_the_file_written_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    let (old, new) = (dir.path().join("old.ckpt"), dir.path().join("new.ckpt"));
    for (file, moments) in FILES.into_iter().zip([0, 2]) {
        fs::write(&old, file).expect("it is written");
        fs::write(&new, b"").expect("it is written");
        fs::remove_file(&new).expect("it is removed");
        let mut checkpoint = Checkpoint::load(&old).expect("a checkpoint");
        checkpoint.save(&new).expect("it is written");
        let [outline, again] = [&old, &new].map(|path| Outline::read(path).expect("an outline"));
        assert_eq!((outline.sizes(), outline.moments()), (&[6, 4, 3][..], moments));
        assert_eq!((again.sizes(), again.moments()), (&[6, 4, 3][..], moments));
        assert!(outline.is_of_run(&again) && again.is_of_run(&outline));
        checkpoint.settings.seed += 1;
        fs::remove_file(&new).expect("it is removed");
        checkpoint.save(&new).expect("it is written");
        assert!(!outline.is_of_run(&Outline::read(&new).expect("an outline")));
    }
}
