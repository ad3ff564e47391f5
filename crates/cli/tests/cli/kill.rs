//! SIGKILL at any moment: a saved run goes on as if nothing had happened.
#![allow(clippy::print_stdout, reason = "cargo xtask kill shows it")]

use crate::world::World;
use std::env;
use std::process::Stdio;
use std::time::{Duration, Instant};

const TRAIN: &str = "train --data set --recipe tutorial --hidden 16 --seed 5 --epochs 250";
/// The interval is so small that a checkpoint is being written at almost every moment.
const SAVE: &str = "--checkpoint-every 3steps --keep 3";

/// Kills runs until so many have been killed. Each run is resumed until it ends. Then a new one begins.
#[allow(clippy::print_stdout, reason = "what the long form did is worth knowing")]
fn kill(kills: usize, seed: u64) {
    let world = World::new();
    let started = Instant::now();
    world.run(&format!("{TRAIN} --checkpoint whole.ckpt {SAVE}")).succeeded();
    // Most attempts should be killed, and not all at the start.
    let whole = started.elapsed();
    let hash = |file: &str| world.json(&format!("info {file}"))[0]["compared_hash"].clone();
    let expected = hash("whole.ckpt");
    let mut state = seed;
    // The next number of SplitMix64, as a fraction.
    let mut fraction = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / 2_f64.powi(64)
    };
    let (mut killed, mut ended, mut resumed) = (0, 0, 0);
    while killed < kills || ended == 0 {
        let there = world.path("run.ckpt").exists();
        resumed += usize::from(there);
        let start = if there {
            "train --data set --resume run.ckpt"
        } else {
            // A kill between the best and the newest of the first epoch leaves the best alone.
            &format!("{TRAIN} --checkpoint run.ckpt --overwrite")
        };
        let mut child = world
            .command(&format!("{start} {SAVE}"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if killed < kills {
            // Every second run is killed only once it has a checkpoint, however slowly it starts.
            while killed % 2 == 1 && !world.path("run.ckpt").exists() && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(whole.mul_f64(0.3 * fraction()));
            // A kill after the run's end does nothing, as the exit code shows.
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            None => killed += 1,
            Some(0) => {
                assert_eq!(hash("run.ckpt"), expected, "seed {seed}, after {killed} kills");
                ended += 1;
                // A short run leaves fewer files if they are slow to write.
                let files = ["run.ckpt", "run.ckpt.1", "run.ckpt.2", "run.best.ckpt"];
                for file in files.into_iter().filter(|file| world.path(file).exists()) {
                    world.run(&format!("info {file}")).succeeded();
                    std::fs::remove_file(world.path(file)).unwrap();
                }
            }
            Some(code) => panic!(
                "seed {seed}, after {killed} kills: exit code {code}, {}",
                String::from_utf8_lossy(&output.stderr)
            ),
        }
        assert!(started.elapsed() < Duration::from_secs(60) + 10 * whole * kills as u32, "no progress");
    }
    assert!(resumed > 0);
    println!(
        "{killed} kills, {resumed} times resumed, {ended} runs ended, all with the bits of the uninterrupted one"
    );
}

#[test]
fn killed_anywhere_a_run_ends_with_the_same_bits() {
    kill(12, 1);
}

/// The long form of the test, for `cargo xtask kill`, kills as many runs as wanted.
#[test]
#[ignore = "takes a minute: cargo xtask kill"]
fn killed_anywhere_and_often() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    kill(number("MINIBATCH_KILLS").unwrap_or(200) as usize, number("MINIBATCH_KILL_SEED").unwrap_or(0));
}
