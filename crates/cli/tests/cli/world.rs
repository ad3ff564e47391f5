//! A folder of its own for each test, with a dataset in it, and runs of the command there.

use minibatch_data::{write_idx_f32, write_idx_u8};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Examples of the training set: no multiple of the minibatch size, so that the last minibatch is a smaller one.
pub(crate) const TRAINING: usize = 205;
/// Examples of the test set.
pub(crate) const TEST: usize = 60;
/// Classes.
const CLASSES: usize = 3;
/// Rows and columns of an image.
const SHAPE: [usize; 2] = [4, 5];

/// A temporary folder with a dataset in `set`.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    /// A new folder with a dataset.
    pub(crate) fn new() -> World {
        let world = World::empty();
        world.write_set("set");
        world
    }

    /// A new folder without a dataset.
    pub(crate) fn empty() -> World {
        World { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the dataset into a folder, which is created.
    pub(crate) fn write_set(&self, name: &str) {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        write_half(&folder, "train", TRAINING);
        write_half(&folder, "t10k", TEST);
    }

    /// Gives the examples of `set` values as targets, one for each.
    pub(crate) fn write_values(&self) {
        for (name, examples) in [("train", TRAINING), ("t10k", TEST)] {
            let file = self.path(&format!("set/{name}-labels-idx1-ubyte"));
            let values: Vec<f32> = (0..examples).map(|i| (i % 7) as f32 / 7.0).collect();
            write_idx_f32(&mut File::create(file).unwrap(), &[examples], &values).unwrap();
        }
    }

    /// The command with `arguments`, split at spaces, about to run in this folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("minibatch"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        command
    }

    /// The command with `arguments` as a shell takes it.
    pub(crate) fn program(&self, arguments: &str) -> String {
        format!("'{}' {arguments}", assert_cmd::cargo::cargo_bin!("minibatch").display())
    }

    /// A line of shell, about to run in this folder.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.folder.path());
        command
    }

    /// Waits until a file is there.
    pub(crate) fn wait_for(&self, name: &str) {
        let started = Instant::now();
        while !self.path(name).exists() {
            assert!(started.elapsed() < Duration::from_secs(30), "no {name}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until standard output has a line that begins with `start`. The pipe stays open, and is read to its end.
    pub(crate) fn wait_for_line(&self, child: &mut Child, start: &str) {
        wait_for_line(child.stdout.take().unwrap(), start);
    }

    /// Waits until standard error has a line that begins with `start`. The pipe stays open, and is read to its end.
    pub(crate) fn wait_for_error(&self, child: &mut Child, start: &str) -> String {
        wait_for_line(child.stderr.take().unwrap(), start)
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, arguments: &str) -> Run {
        Run::new(self.command(arguments).output().unwrap())
    }

    /// Runs the command to a good end, and returns the JSON objects that it printed.
    pub(crate) fn json(&self, arguments: &str) -> Vec<Value> {
        let run = self.run(&format!("{arguments} --json"));
        run.succeeded().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A run that has ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    /// Standard error without the note of debug builds.
    pub(crate) stderr: String,
}

/// Parts of the notes on what a run has learned badly. Runs as short as those of the tests may have some.
const FINDINGS: [&str; 6] = [
    "note: class ",
    "note: of the ",
    "note: the training cost ",
    "note: the cost on the validation set ",
    "note: the values to learn are whole numbers ",
    " classes are never or hardly ever answered",
];

impl Run {
    pub(crate) fn new(output: Output) -> Run {
        let stderr = String::from_utf8(output.stderr).unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: lines_without(&stderr, &["note: this is a debug build"]),
        }
    }

    /// Standard output, after a good end.
    pub(crate) fn succeeded(&self) -> &str {
        assert_eq!((self.code, &*self.stderr_without_findings()), (Some(0), ""), "{}", self.stdout);
        &self.stdout
    }

    /// Standard error without the notes on what the run has learned badly.
    pub(crate) fn stderr_without_findings(&self) -> String {
        lines_without(&self.stderr, &FINDINGS)
    }
}

/// The lines that contain none of `parts`.
fn lines_without(text: &str, parts: &[&str]) -> String {
    let others = text.lines().filter(|line| !parts.iter().any(|part| line.contains(part)));
    others.collect::<Vec<_>>().join("\n")
}

/// A figure to four significant digits, as the command shows those from 0.0001 to below 1,000.
pub(crate) fn figure(value: &Value) -> String {
    let x = value.as_f64().unwrap();
    assert!((1e-4..999.0).contains(&x.abs()), "{x}");
    format!("{x:.*}", (3 - x.abs().log10().floor() as i32) as usize)
}

/// The first line of `pipe` that begins with `start`. A thread reads the rest, so that the writer never stops.
fn wait_for_line(pipe: impl Read + Send + 'static, start: &str) -> String {
    let mut lines = BufReader::new(pipe).lines();
    let found = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with(start));
    std::thread::spawn(move || lines.for_each(drop));
    found.unwrap_or_else(|| panic!("no line begins with {start}"))
}

/// Images whose class can be seen: a bright row, among noise.
fn write_half(folder: &Path, name: &str, examples: usize) {
    let [rows, columns] = SHAPE;
    let mut state = examples as u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..examples {
        let class = noise() % CLASSES as u8;
        labels.push(class);
        for row in 0..rows {
            for _ in 0..columns {
                images.push(if row == usize::from(class) { 155 + noise() % 100 } else { noise() % 120 });
            }
        }
    }
    let create = |kind: &str| File::create(folder.join(format!("{name}-{kind}-ubyte"))).unwrap();
    write_idx_u8(&mut create("images-idx3"), &[examples, rows, columns], &images).unwrap();
    write_idx_u8(&mut create("labels-idx1"), &[examples], &labels).unwrap();
}
