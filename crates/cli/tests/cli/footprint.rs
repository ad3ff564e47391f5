//! The footprint of the default job: the time until it trains, and its memory beyond the mapped data.

use crate::world::World;
use minibatch_data::write_idx_u8;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// A dataset of MNIST's size.
fn write_digits(world: &World) {
    fs::create_dir_all(world.path("digits")).unwrap();
    for (name, examples) in [("train", 60_000), ("t10k", 10_000)] {
        let images: Vec<u8> =
            (0..examples * 784).map(|i| if i % 5 == 0 { (i % 251) as u8 } else { 0 }).collect();
        let labels: Vec<u8> = (0..examples).map(|i| (i % 10) as u8).collect();
        let create =
            |kind: &str| File::create(world.path("digits").join(format!("{name}-{kind}-ubyte"))).unwrap();
        write_idx_u8(&mut create("images-idx3"), &[examples, 28, 28], &images).unwrap();
        write_idx_u8(&mut create("labels-idx1"), &[examples], &labels).unwrap();
    }
}

/// The default job on this dataset, and the lines that it prints.
fn start(world: &World) -> (Child, std::io::Lines<BufReader<ChildStdout>>) {
    let mut command = world.command("train --data digits --epochs 1000 --json");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

/// Bytes of a process's memory that are resident, without files that were mapped for their contents.
fn resident_beyond_data(process: u32) -> usize {
    let maps = fs::read_to_string(format!("/proc/{process}/smaps")).unwrap();
    let (mut of_data, mut sum) = (false, 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("Rss:") if !of_data => sum += words.next().unwrap().parse::<usize>().unwrap() * 1024,
            // The head of a mapping: its addresses, …, its file.
            Some(first) if !first.ends_with(':') => of_data = line.ends_with("-ubyte"),
            _ => {}
        }
    }
    sum
}

#[test]
fn little_memory_beyond_the_mapped_data() {
    let world = World::empty();
    write_digits(&world);
    let (mut child, mut lines) = start(&world);
    // The plan, and an epoch with its evaluation.
    let seen = lines.by_ref().take(2).map(Result::unwrap).last().unwrap();
    let resident = resident_beyond_data(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen.contains("\"epoch\""), "{seen}");
    assert!((1 << 20..24 << 20).contains(&resident), "{} KiB resident beyond the data", resident / 1024);
}

/// The time goes from before the process is made to the plan, which is printed before the first step.
#[test]
#[ignore = "a measurement, for a release build on a quiet machine: cargo test --release -p minibatch-cli -- --ignored starts"]
fn starts_in_40_milliseconds() {
    let world = World::empty();
    write_digits(&world);
    let mut times: Vec<Duration> = (0..11)
        .map(|_| {
            let started = Instant::now();
            let (mut child, mut lines) = start(&world);
            let plan = lines.next().unwrap().unwrap();
            let elapsed = started.elapsed();
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(plan.contains("\"event\""), "{plan}");
            elapsed
        })
        .collect();
    times.sort();
    assert!(times[5] < Duration::from_millis(40), "median {:?} of {times:?}", times[5]);
}
