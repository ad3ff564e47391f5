//! Entries that this version doesn't know.

use super::parts::Parts;
use super::real::real_by;
use crate::checkpoint::{Checkpoint, FormatError};
use crate::{Dataset, Isa, Pool, Trainer};
use minibatch_checkpoint::{CARRIED, NOT_COMPARED, OPTIONAL};

const CLASSES: &str = "network/main/classes";

fn with(name: &str, flags: u32) -> Vec<u8> {
    and(&real_by("adam"), name, flags)
}

fn and(file: &[u8], name: &str, flags: u32) -> Vec<u8> {
    let mut parts = Parts::of(file);
    parts.put_with(name, flags, "odd, even");
    parts.encode()
}

fn again(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut bytes = Vec::new();
    checkpoint.snapshot().encode_into(&mut bytes).expect("it encodes");
    bytes
}

#[test]
fn necessary_ones_are_refused_by_name() {
    for name in [CLASSES, "run/plateau", "later", "run/history/rate", "run/moments/a/b"] {
        for flags in [0, NOT_COMPARED] {
            let error = Checkpoint::decode(&with(name, flags)).expect_err("unknown");
            assert_eq!(error, FormatError::Unknown { name: name.to_owned() });
        }
    }
    // The unknown entry is told before what may be odd because of it.
    let mut parts = Parts::of(&real_by("adam"));
    parts.put("run/plateau", "cosine");
    parts.put("run/scalars", &(5_u64, vec![7.0]));
    let error = Checkpoint::decode(&parts.encode()).expect_err("unknown");
    assert_eq!(error, FormatError::Unknown { name: "run/plateau".to_owned() });
}

#[test]
fn known_ones_have_their_flags() {
    for name in Parts::of(&real_by("adam")).names(|_| true) {
        let mut parts = Parts::of(&real_by("adam"));
        let bytes = parts.bytes(&name).clone();
        let flags = if name == "run/times" { OPTIONAL } else { NOT_COMPARED };
        parts.put_with(&name, flags, &0_u8);
        *parts.bytes(&name) = bytes;
        let error = Checkpoint::decode(&parts.encode()).expect_err("other flags");
        assert_eq!(error, FormatError::Flags { name, found: flags });
    }
}

#[test]
fn optional_ones_are_dropped_or_carried_over() {
    let plain = real_by("adam");
    for flags in [OPTIONAL, OPTIONAL | NOT_COMPARED] {
        let read = Checkpoint::decode(&and(&plain, CLASSES, flags)).expect("optional");
        assert!(again(&read) == plain, "what isn't carried over is gone");
    }
    for flags in [OPTIONAL | CARRIED, OPTIONAL | NOT_COMPARED | CARRIED] {
        let file = and(&plain, CLASSES, flags);
        let read = Checkpoint::decode(&file).expect("optional");
        assert!(again(&read) == file, "what is carried over is written again, unchanged");
        let same = read.compared_hash() == Checkpoint::decode(&plain).expect("intact").compared_hash();
        assert_eq!(same, flags & NOT_COMPARED != 0);
    }
}

/// A run that goes on from a file, or repeats it, writes what is carried over.
#[test]
fn a_run_carries_over_what_its_checkpoint_had() {
    let file = with(CLASSES, OPTIONAL | CARRIED);
    let inputs: Vec<f32> = (0..21).map(|i| (i * 5 % 13) as f32 / 13.0).collect();
    let data = Dataset::from_classes(inputs, &[3], vec![0, 1, 0, 1, 1, 0, 1]).expect("a dataset");
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    let read = || Checkpoint::decode(&file).expect("intact");
    let resumed = Trainer::resume(&pool, &data, read()).expect("a run");
    let replayed = Trainer::replay(&pool, &data, &read()).expect("a run");
    for trainer in [resumed, replayed] {
        let mut bytes = Vec::new();
        trainer.encode_into(&mut bytes).expect("it encodes");
        assert_eq!(Parts::of(&bytes).bytes(CLASSES), Parts::of(&file).bytes(CLASSES));
        assert!(again(&trainer.checkpoint()) == bytes, "a copy of the state has it too");
    }
}
