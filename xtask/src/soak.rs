//! `cargo xtask soak`: a run of the built command whose checkpoints are written constantly, watched from outside.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use xtask_tools::built_command;

/// Train while checkpoints are written constantly, and watch memory, descriptors and threads
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    minutes: u32,
}

/// The command. Adam has the larger file, and the epochs are more than will be reached.
const TRAIN: &str = "train --dataset synthetic --synthetic-size 20000,1000 --hidden 64 --optimizer adam \
                     --checkpoint-every 20steps --keep 3 --epochs 1000000000 --json --checkpoint";

/// Bytes by which memory may differ from one half of the time to the other. An epoch's record has 64.
const NOISE: u64 = 1 << 20;

/// The resources of a process at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sample {
    /// Bytes of memory of its own, without mapped files.
    memory: u64,
    descriptors: usize,
    threads: usize,
    /// Files in the folder of the checkpoint.
    files: usize,
}

impl Sample {
    /// The most of each resource.
    fn most(samples: &[Sample]) -> Sample {
        samples.iter().fold(Sample::default(), |most, sample| Sample {
            memory: most.memory.max(sample.memory),
            descriptors: most.descriptors.max(sample.descriptors),
            threads: most.threads.max(sample.threads),
            files: most.files.max(sample.files),
        })
    }
}

/// Trains, watches, stops the run as a user would, and looks at the files that it left.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(Path::new("/proc/self/status").exists(), "soak reads /proc, which this system doesn't have");
    let program = built_command(&xtask_tools::workspace_root())?;
    let folder = tempfile::tempdir()?;
    let checkpoint = folder.path().join("run.ckpt");
    let mut command = Command::new(&program);
    command.args(TRAIN.split_whitespace()).arg(&checkpoint).stdin(Stdio::null()).stdout(Stdio::null());
    println!("$ minibatch {TRAIN} run.ckpt");
    let mut child = command.spawn().with_context(|| program.display().to_string())?;
    let watched = watch(&mut child, &checkpoint, Duration::from_secs(60 * u64::from(args.minutes)));
    if watched.is_err() {
        // The child may have ended by itself.
        let _ = child.kill();
    } else {
        let status =
            Command::new("kill").args(["-TERM", &child.id().to_string()]).status().context("kill")?;
        ensure!(status.success(), "kill: {status}");
    }
    let status = child.wait()?;
    let (samples, checkpoints) = watched?;
    ensure!(status.code() == Some(143), "expected 143 after SIGTERM, found {status}");
    let info = Command::new(&program).arg("info").arg(&checkpoint).stdout(Stdio::null()).status()?;
    ensure!(info.success(), "the checkpoint that the run left can't be read");
    let left = files(folder.path())?;
    judge(&samples, checkpoints)?;
    println!("stopped by SIGTERM, left {left} files, the newest of them intact");
    Ok(())
}

/// Samples once a second. Returns them with the number of checkpoints that were seen.
fn watch(child: &mut Child, checkpoint: &Path, time: Duration) -> Result<(Vec<Sample>, usize)> {
    let folder = checkpoint.parent().context("a folder")?;
    let (started, mut samples, mut seen) = (Instant::now(), Vec::new(), HashSet::new());
    let mut sampled = Duration::ZERO;
    while started.elapsed() < time {
        if let Some(status) = child.try_wait()? {
            bail!("the run ended by itself: {status}");
        }
        // Each checkpoint is a new file under the old name.
        seen.extend(fs::metadata(checkpoint).ok().and_then(|file| file.modified().ok()));
        if started.elapsed() >= sampled {
            sampled += Duration::from_secs(1);
            samples.push(sample(child.id(), folder)?);
        }
        sleep(Duration::from_millis(5));
    }
    Ok((samples, seen.len()))
}

fn sample(process: u32, folder: &Path) -> Result<Sample> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("/proc")?;
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).context("/proc")?.count();
    Ok(Sample {
        memory: 1024 * field(&status, "RssAnon:")?,
        descriptors,
        threads: field(&status, "Threads:")? as usize,
        files: files(folder)?,
    })
}

/// A number of the process's status: `RssAnon: 12345 kB`.
fn field(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.with_context(|| format!("/proc/…/status has no {name}"))
}

fn files(folder: &Path) -> Result<usize> {
    Ok(fs::read_dir(folder).with_context(|| folder.display().to_string())?.count())
}

/// Holds the second half of the time against the first, from when the run is at its full size on.
fn judge(samples: &[Sample], checkpoints: usize) -> Result<()> {
    let (_start, samples) = samples.split_at(samples.len() / 6);
    let (first, second) = samples.split_at(samples.len() / 2);
    let (before, after) = (Sample::most(first), Sample::most(second));
    let show = |Sample { memory, descriptors, threads, files }| {
        let mebibytes = memory as f64 / f64::from(1 << 20);
        format!("{mebibytes:.2} MiB, {descriptors} descriptors, {threads} threads, {files} files")
    };
    let seconds = samples.len();
    println!("{checkpoints} checkpoints seen; the most of the first {} s: {}", seconds / 2, show(before));
    println!("the most of the {} s after: {}", seconds - seconds / 2, show(after));
    ensure!(checkpoints >= samples.len(), "expected a checkpoint a second at least, found {checkpoints}");
    ensure!(after.memory <= before.memory + NOISE, "memory grows");
    ensure!(after.descriptors <= before.descriptors, "descriptors are left open");
    ensure!(after.threads <= before.threads, "threads are left running");
    ensure!(after.files <= before.files, "files are left lying about");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_found() {
        let flat = Sample { memory: 20 << 20, descriptors: 5, threads: 3, files: 6 };
        // A file is open while it is written.
        let writing = Sample { descriptors: 6, files: 7, ..flat };
        let mut samples = [flat, writing].repeat(30);
        assert!(judge(&samples, 60).is_ok());
        assert!(judge(&samples, 7).is_err(), "hardly a checkpoint");
        samples[0].memory = 200 << 20;
        assert!(judge(&samples, 60).is_ok(), "a start isn't looked at");
        for grown in [
            Sample { memory: 22 << 20, ..flat },
            Sample { descriptors: 7, ..flat },
            Sample { threads: 4, ..flat },
            Sample { files: 8, ..flat },
        ] {
            let mut samples = samples.clone();
            samples[59] = grown;
            assert!(judge(&samples, 60).is_err(), "{grown:?}");
        }
    }

    #[test]
    fn the_status_of_a_process_is_read() {
        assert_eq!(field("Name:\tx\nThreads:\t3\nRssAnon:\t    1234 kB\n", "RssAnon:").unwrap(), 1234);
        assert!(field("Threads:\t3\n", "RssAnon:").is_err());
    }
}
