//! `train --tensorboard`: event files, read by a small reader of their format.

use crate::world::World;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --seed 5 --epochs 3";

/// Steps of an epoch on the dataset of [`World`], without and with a validation set of 15%.
const STEPS: u64 = 13;
const STEPS_OF_SPLIT: u64 = 11;

/// The content of an event.
#[derive(Debug, PartialEq)]
enum Content {
    Version(String),
    Started,
    Scalars(BTreeMap<String, f32>),
}

/// The event files of a folder in the order of their names: each with its events and their steps.
fn event_files(world: &World, folder: &str) -> Vec<Vec<(u64, Content)>> {
    let entries = fs::read_dir(world.path(folder)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let seconds = name.strip_prefix("events.out.tfevents.").unwrap().split('.').next().unwrap();
            assert!(seconds.len() == 10 && seconds.parse::<u64>().unwrap() > 1_700_000_000, "{name}");
            records(&fs::read(path).unwrap()).iter().map(|record| event(record)).collect()
        })
        .collect()
}

/// The payloads of a file of records, whose checksums are right.
fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_at(8);
        let (check, rest) = rest.split_at(4);
        assert_eq!(check, checksum(length), "the checksum of a length");
        let (payload, rest) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        let (check, rest) = rest.split_at(4);
        assert_eq!(check, checksum(payload), "the checksum of a payload");
        records.push(payload.to_vec());
        bytes = rest;
    }
    records
}

/// The masked CRC-32C of some bytes, bit by bit.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    let crc = !crc;
    crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// The fields of a message, with their numbers. Whole numbers are 8 bytes here.
fn fields(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let content = match key & 7 {
            0 => varint(&mut bytes).to_le_bytes().to_vec(),
            kind => {
                let length = match kind {
                    1 => 8,
                    2 => varint(&mut bytes) as usize,
                    5 => 4,
                    kind => panic!("a field of kind {kind}"),
                };
                let (content, rest) = bytes.split_at(length);
                bytes = rest;
                content.to_vec()
            }
        };
        fields.push(((key >> 3) as u8, content));
    }
    fields
}

fn event(record: &[u8]) -> (u64, Content) {
    let fields = fields(record);
    let [(1, time), (2, step), (kind, content)] = &fields[..] else { panic!("{fields:?}") };
    assert!(f64::from_le_bytes(time[..].try_into().unwrap()) > 1.7e9);
    let content = match kind {
        3 => Content::Version(String::from_utf8(content.clone()).unwrap()),
        5 => Content::Scalars(scalars(content)),
        7 => {
            assert_eq!(content, &[8, 1], "a process that has started");
            Content::Started
        }
        kind => panic!("an event with field {kind}"),
    };
    (u64::from_le_bytes(step[..].try_into().unwrap()), content)
}

fn scalars(summary: &[u8]) -> BTreeMap<String, f32> {
    fields(summary)
        .into_iter()
        .map(|(number, value)| {
            let value = fields(&value);
            let [(1, tag), (2, number_of_4)] = &value[..] else { panic!("{value:?}") };
            assert_eq!(number, 1);
            let number = f32::from_le_bytes(number_of_4[..].try_into().unwrap());
            (String::from_utf8(tag.clone()).unwrap(), number)
        })
        .collect()
}

/// The scalars that the JSON object of an epoch calls for.
fn expected(epoch: &Value) -> BTreeMap<String, f32> {
    let mut expected = BTreeMap::new();
    let mut add = |tag: String, value: &Value| {
        if let Some(value) = value.as_f64() {
            expected.insert(tag, value as f32);
        }
    };
    add("cost/training".to_owned(), &epoch["cost"]);
    add("accuracy/training".to_owned(), &epoch["accuracy"]);
    for set in ["validation", "test"] {
        for figure in ["cost", "accuracy", "rmse"] {
            add(format!("{figure}/{set}"), &epoch[set][figure]);
        }
    }
    add("run/learning_rate".to_owned(), &epoch["learning_rate"]);
    add("run/samples_per_second".to_owned(), &epoch["samples_per_second"]);
    for layer in epoch["layers"].as_array().into_iter().flatten() {
        for figure in ["flat", "dead", "saturated", "error", "update"] {
            add(format!("{figure}/layer_{}", layer["layer"]), &layer[figure]);
        }
    }
    expected
}

/// The events of a file whose run printed `printed`, in order. `step` is the number of steps of an epoch.
fn expected_events(printed: &[Value], step: u64) -> Vec<(u64, Content)> {
    let epochs: Vec<&Value> = printed.iter().filter(|event| event["event"] == "epoch").collect();
    let at = |epoch: &Value| step * epoch["epoch"].as_u64().unwrap();
    let mut events = vec![(0, Content::Version("brain.Event:2".to_owned()))];
    let first = at(epochs[0]);
    if first > step {
        events.push((first - step + 1, Content::Started));
    }
    events.extend(epochs.into_iter().map(|epoch| (at(epoch), Content::Scalars(expected(epoch)))));
    events
}

#[test]
fn events_have_the_scalars_that_are_printed() {
    let world = World::new();
    let printed = world.json(&format!("{TRAIN} --validation-split 0.15 --inspect --tensorboard runs/one"));
    let files = event_files(&world, "runs/one");
    assert_eq!(files, [expected_events(&printed, STEPS_OF_SPLIT)]);
    let Content::Scalars(scalars) = &files[0][1].1 else { panic!("{files:?}") };
    let tags: Vec<&str> = scalars.keys().map(String::as_str).collect();
    assert_eq!(
        tags,
        [
            "accuracy/test",
            "accuracy/training",
            "accuracy/validation",
            "cost/test",
            "cost/training",
            "cost/validation",
            "dead/layer_1",
            "dead/layer_2",
            "error/layer_1",
            "error/layer_2",
            "flat/layer_1",
            "flat/layer_2",
            "run/learning_rate",
            "run/samples_per_second",
            "saturated/layer_1",
            "saturated/layer_2",
            "update/layer_1",
            "update/layer_2",
        ]
    );
}

#[test]
fn values_have_root_mean_squared_errors() {
    let world = World::new();
    world.write_values();
    let printed = world.json("train --data set --task regression --epochs 1 --batch-size 16 --tensorboard t");
    let files = event_files(&world, "t");
    assert_eq!(files, [expected_events(&printed, STEPS)]);
    assert!(matches!(&files[0][1].1, Content::Scalars(scalars) if scalars.contains_key("rmse/test")));
}

#[test]
fn a_resumed_run_adds_a_file_and_a_new_one_leaves_a_folder_alone() {
    let world = World::new();
    let first = world.json(&format!("{TRAIN} --checkpoint run.ckpt --tensorboard t"));
    let refused = world.run(&format!("{TRAIN} --tensorboard t"));
    let message =
        "error: --tensorboard t: there are events of a run already; name another folder, or remove them";
    assert_eq!((refused.code, &*refused.stderr), (Some(2), message));
    let second = world.json("train --data set --resume run.ckpt --epochs 5 --tensorboard t");
    assert_eq!(event_files(&world, "t"), [first, second].map(|printed| expected_events(&printed, STEPS)));
}

#[test]
fn a_folder_that_cannot_be_written_is_told_in_one_line() {
    let world = World::new();
    fs::write(world.path("file"), "").unwrap();
    let refused = world.run(&format!("{TRAIN} --tensorboard file"));
    assert_eq!(refused.code, Some(1));
    let start = "error: file: the event file can't be written: ";
    assert!(refused.stderr.starts_with(start) && refused.stderr.lines().count() == 1, "{}", refused.stderr);
}

#[test]
fn a_recorded_configuration_leaves_the_folder_out() {
    let world = World::new();
    world.run(&format!("{TRAIN} --checkpoint run.ckpt --tensorboard t")).succeeded();
    let configuration = world.run("info run.ckpt --config");
    assert!(!configuration.succeeded().contains("tensorboard"), "{}", configuration.stdout);
}
