//! Bad input: every case of `bad_input.txt` is refused in one line, with the right exit code, and leaves no trace.
//!
//! The file is a table of command lines and their answers. With `UPDATE_SNAPSHOTS=1` the test writes the answers
//! anew. Read them before they are committed.

use crate::pictures::picture;
use crate::world::{Run, TEST, TRAINING, World};
use flate2::Crc;
use minibatch::{Checkpoint, Isa};
use minibatch_data::{write_idx_f32, write_idx_u8};
use std::fs;
use std::path::Path;
use std::time::Duration;

#[test]
fn bad_input_is_told_in_one_line_and_leaves_no_trace() {
    check(&world(), "bad_input.txt", include_str!("bad_input.txt"), 258);
}

/// Checks the answers to all command lines in `table`, the content of `file`. It has at least so many cases; fewer would mean that it
/// wasn't read to its end.
pub(crate) fn check(world: &World, file: &str, table: &str, least: usize) {
    let before = listing(&world.path(""));
    // The list of instruction sets is the only one that depends on the machine.
    let fused = Isa::fused().into_iter().map(Isa::name).collect::<Vec<_>>().join(", ");
    let (mut answers, mut cases, mut wrong) = (String::new(), 0, Vec::new());
    let mut lines = table.lines();
    while let Some(line) = lines.next() {
        answers.push_str(line);
        answers.push('\n');
        let Some(arguments) = line.strip_prefix("$ minibatch") else { continue };
        cases += 1;
        // The old answer. A new case has none yet.
        lines.next();
        let Run { code, stdout, stderr } = world.run(arguments);
        let stderr = without_memory(&stderr.replace(&fused, "avx512, avx2, portable"));
        let code = code.unwrap_or_else(|| panic!("{line}: ended by a signal"));
        if !matches!(code, 1 | 2) || !stdout.is_empty() || !stderr.starts_with("error: ") {
            wrong.push(format!("{line}: exit code {code}, {stderr}, {stdout}"));
        }
        assert_eq!(listing(&world.path("")), before, "{line}: a file is left, or changed");
        answers.push_str(&format!("{code} {stderr}\n"));
    }
    assert!(
        wrong.is_empty(),
        "accepted, or answered otherwise than in one line of error:\n{}",
        wrong.join("\n")
    );
    assert!(cases >= least, "{cases} cases");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(file);
        fs::write(table, answers).unwrap();
        return;
    }
    for (number, (expected, found)) in (1..).zip(table.lines().zip(answers.lines())) {
        assert_eq!(found, expected, "line {number} of {file}");
    }
}

/// A message without the size of the machine's memory.
pub(crate) fn without_memory(message: &str) -> String {
    match (message.split_once("expected to fit into the "), message.split_once(" of memory that are left")) {
        (Some((start, _)), Some((_, end))) => {
            format!("{start}expected to fit into the … of memory that are left{end}")
        }
        _ => message.to_owned(),
    }
}

/// The entries of a folder, and the time of the last write to each.
fn listing(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let metadata = entry.metadata().unwrap();
        let (path, written) = (entry.path(), metadata.modified().unwrap());
        if metadata.is_dir() {
            all.extend(listing(&path));
        }
        all.push(format!(
            "{} {} {written:?}",
            path.display(),
            if metadata.is_dir() { 0 } else { metadata.len() }
        ));
    }
    all.sort_unstable();
    all
}

const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

/// Good and bad sets, checkpoints and pictures.
fn world() -> World {
    let world = World::new();
    sets(&world);
    checkpoints(&world);
    pictures(&world);
    world
}

fn sets(world: &World) {
    let good = |file: &str| fs::read(world.path(&format!("set/{file}"))).unwrap();
    // A copy of the set with another file in it.
    let variant = |name: &str, file: &str, bytes: &[u8]| {
        world.write_set(name);
        fs::write(world.path(&format!("{name}/{file}")), bytes).unwrap();
    };
    let idx = |element: u8, dims: &[u32], data: &[u8]| {
        let dims_bytes = dims.iter().flat_map(|dim| dim.to_be_bytes());
        [0, 0, element, dims.len() as u8]
            .into_iter()
            .chain(dims_bytes)
            .chain(data.iter().copied())
            .collect::<Vec<u8>>()
    };
    let floats = |dims: &[usize], data: &[f32]| {
        let mut bytes = Vec::new();
        write_idx_f32(&mut bytes, dims, data).unwrap();
        bytes
    };
    let (images, labels) = (good(IMAGES), good(LABELS));
    let (n, shape) = (TRAINING as u32, [TRAINING as u32, 4, 5]);

    fs::create_dir(world.path("empty")).unwrap();
    fs::create_dir(world.path("packed")).unwrap();
    fs::write(world.path(&format!("packed/{IMAGES}.gz")), "").unwrap();
    variant("twice", "train-images-idx3-float", &images);
    world.write_set("three-files");
    fs::remove_file(world.path("three-files/t10k-labels-idx1-ubyte")).unwrap();

    variant("cut", IMAGES, &images[..images.len() - 1]);
    variant("cut-early", IMAGES, &images[..6]);
    variant("nothing", IMAGES, &[]);
    variant("too-long", IMAGES, &[&images[..], b"more"].concat());
    variant("jpeg", IMAGES, b"\xff\xd8\xff\xe0\0\x10JFIF");
    variant("gzip", IMAGES, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    variant("type-0a", IMAGES, &idx(0x0a, &shape, &images[16..]));
    // Sets with an image too few, of elements of every size.
    for (name, element, size) in
        [("i8", 9, 1), ("i16", 0x0b, 2), ("i32", 0x0c, 4), ("f32", 0x0d, 4), ("f64", 0x0e, 8)]
    {
        variant(&format!("cut-{name}"), IMAGES, &idx(element, &shape, &vec![0; (TRAINING - 1) * 20 * size]));
    }
    variant("rank-0", IMAGES, &idx(0x08, &[], &[1]));
    variant("no-images", IMAGES, &idx(0x08, &[0, 4, 5], &[]));
    variant("no-labels", LABELS, &idx(0x08, &[0], &[]));
    variant("no-pixels", IMAGES, &idx(0x08, &[n, 0, 5], &[]));
    variant("huge", IMAGES, &idx(0x0e, &[u32::MAX, u32::MAX, u32::MAX], &[]));
    variant("promises", IMAGES, &idx(0x08, &[60_000, 28, 28], &images[16..]));
    variant("swapped", IMAGES, &labels);
    variant("swapped-labels", LABELS, &images);
    variant("folder", "t10k-labels-idx2-int", &[]);
    fs::remove_file(world.path("folder/t10k-labels-idx1-ubyte")).unwrap();
    fs::remove_file(world.path("folder/t10k-labels-idx2-int")).unwrap();
    fs::create_dir(world.path("folder/t10k-labels-idx1-ubyte")).unwrap();
    let mut values = vec![0.5; TRAINING * 20];
    values[7] = f32::NAN;
    variant("nan-image", IMAGES, &floats(&[TRAINING, 4, 5], &values));
    values[7] = 0.5;
    let mut doubles: Vec<u8> = vec![0; TRAINING * 20 * 8];
    doubles[8..16].copy_from_slice(&1e300_f64.to_be_bytes());
    variant("far-image", IMAGES, &idx(0x0e, &shape, &doubles));

    variant("few-labels", LABELS, &idx(0x08, &[n - 5], &labels[8..labels.len() - 5]));
    variant("negative-label", LABELS, &idx(0x09, &[n], &[&labels[8..labels.len() - 1], &[0xff]].concat()));
    let shorts = [&[0; TRAINING * 2 - 2][..], &[0xff, 0xfe]].concat();
    variant("negative-short", LABELS, &idx(0x0b, &[n], &shorts));
    let mut far = vec![0; TRAINING * 4];
    far[40..44].copy_from_slice(&3_000_000_i32.to_be_bytes());
    variant("far-label", LABELS, &idx(0x0c, &[n], &far));
    variant("several-labels", LABELS, &idx(0x08, &[n, 3], &[1, 0, 1].repeat(TRAINING)));
    variant("no-label", LABELS, &idx(0x0c, &[n, 2], &[0; TRAINING * 8]));
    let ids: Vec<u8> = (0..n).flat_map(|i| [(i + 7).to_be_bytes(), (i % 3).to_be_bytes()].concat()).collect();
    variant("ids", LABELS, &idx(0x0c, &[n, 2], &ids));
    variant("three-columns", LABELS, &idx(0x0b, &[n, 3], &[0, 5, 0, 7, 0, 1].repeat(TRAINING)));
    variant("bytes-as-qmnist", LABELS, &idx(0x08, &[n, 8], &[5, 0, 0, 0, 2, 2, 0, 0].repeat(TRAINING)));
    variant("cube", LABELS, &idx(0x08, &[n, 1, 1], &labels[8..]));
    let floats_of_classes: Vec<f32> = labels[8..].iter().map(|&label| f32::from(label)).collect();
    variant("float-classes", LABELS, &floats(&[TRAINING], &floats_of_classes));
    let tested = floats(&[TEST], &floats_of_classes[..TEST]);
    fs::write(world.path("float-classes/t10k-labels-idx1-ubyte"), tested).unwrap();
    fs::create_dir(world.path("prefixes")).unwrap();
    for prefix in ["emnist-letters", "emnist-digits"] {
        for file in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
            fs::write(world.path(&format!("prefixes/{prefix}-{file}")), good(file)).unwrap();
        }
    }
    let mut nan = vec![1.0; TRAINING];
    nan[9] = f32::NAN;
    variant("nan-label", LABELS, &floats(&[TRAINING], &nan));
    variant("test-values", "t10k-labels-idx1-ubyte", &floats(&[TEST], &[0.5; TEST]));
    variant("other-shape", "t10k-images-idx3-ubyte", &idx(0x08, &[TEST as u32, 5, 5], &[9; TEST * 25]));
    variant("other-width", "t10k-labels-idx1-ubyte", &floats(&[TEST, 2], &[0.5; TEST * 2]));
    fs::write(world.path(&format!("other-width/{LABELS}")), floats(&[TRAINING], &[0.5; TRAINING])).unwrap();

    // Good sets: values, another shape, another set of the same shape, and one of more classes.
    variant(
        "values",
        LABELS,
        &floats(&[TRAINING], &(0..TRAINING).map(|i| i as f32 - 3.0).collect::<Vec<_>>()),
    );
    fs::write(world.path("values/t10k-labels-idx1-ubyte"), floats(&[TEST], &[0.5; TEST])).unwrap();
    fs::create_dir(world.path("square")).unwrap();
    for (half, examples) in [("train", 32), ("t10k", 3)] {
        let create =
            |kind: &str| fs::File::create(world.path(&format!("square/{half}-{kind}-ubyte"))).unwrap();
        let pixels: Vec<u8> = (0..examples * 16).map(|i| (i * 37 % 256) as u8).collect();
        let labels: Vec<u8> = (0..examples).map(|i| (i % 3) as u8).collect();
        write_idx_u8(&mut create("images-idx3"), &[examples, 4, 4], &pixels).unwrap();
        write_idx_u8(&mut create("labels-idx1"), &[examples], &labels).unwrap();
    }
    let mut changed = images.clone();
    changed[16] ^= 1;
    variant("changed", IMAGES, &changed);
    let mut five = good("t10k-labels-idx1-ubyte");
    five[8] = 4;
    variant("five-classes", "t10k-labels-idx1-ubyte", &five);
}

fn checkpoints(world: &World) {
    for (set, options) in [("set", ""), ("square", ""), ("values", "--task regression")] {
        let options = format!("{options} --hidden 5 --epochs 2 --seed 1 --isa portable --threads 1");
        world.run(&format!("train --data {set} {options} --checkpoint {set}.ckpt")).succeeded();
        // The messages tell checksums, and times are the only part of a checkpoint that is never the same.
        let path = world.path(&format!("{set}.ckpt"));
        let mut recorded = Checkpoint::load(&path).unwrap();
        recorded.history.iter_mut().for_each(|epoch| epoch.seconds = 0.5);
        recorded.elapsed = Duration::ZERO;
        recorded.save(&path).unwrap();
        recorded.network.save(&world.path("network.ckpt")).unwrap();
    }
    let good = fs::read(world.path("set.ckpt")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(world.path(name), bytes).unwrap();
    for format in ["onnx", "safetensors", "npz", "json"] {
        assert_eq!(world.run(&format!("export set.ckpt --output good.{format}")).code, Some(0));
    }
    let tensors = fs::read(world.path("good.safetensors")).unwrap();
    write("cut.safetensors", &tensors[..tensors.len() - 1]);
    write("text.json", b"{\"version\": 2}");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchange/tests/fixtures");
    for name in ["skip.onnx", "torch.safetensors", "keras-list.npz"] {
        fs::copy(fixtures.join(name), world.path(name)).unwrap();
    }
    write("text.ckpt", b"not a checkpoint");
    write("nothing.ckpt", b"");
    write("cut.ckpt", &good[..good.len() - 9]);
    write("cut-early.ckpt", &good[..13]);
    write("too-long.ckpt", &[&good[..], b"more"].concat());
    let mut flipped = good.clone();
    flipped[8] ^= 1;
    write("flipped.ckpt", &flipped);
    // A torn page: zeros.
    let mut torn = good.clone();
    let half = torn.len() / 2;
    torn[half..].fill(0);
    write("torn.ckpt", &torn);
    // A lock's place, and the places of older checkpoints, are taken.
    write("notes.lock", b"a plan");
    write("kept.ckpt.1", &good);
    fs::create_dir(world.path("kept.ckpt.2")).unwrap();
    // A page can't be written over a folder.
    fs::create_dir(world.path("page.html")).unwrap();
}

fn pictures(world: &World) {
    let write = |name: &str, bytes: &[u8]| fs::write(world.path(name), bytes).unwrap();
    let digit: Vec<u8> = (0..784).map(|i| if i % 28 == 14 { 255 } else { 0 }).collect();
    let good = picture(&digit, 0, 1);
    write("good.png", &good);
    write("short.png", &good[..good.len() / 2]);
    write("head.png", &good[..20]);
    let mut damaged = good.clone();
    damaged[good.len() / 2] ^= 0x10;
    write("damaged.png", &damaged);
    // The header says more pixels than any camera takes, and its checksum is right.
    let mut giant = good.clone();
    giant[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let mut sum = Crc::new();
    sum.update(&giant[12..29]);
    giant[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    write("giant.png", &giant);
    write("blank.png", &picture(&[0; 784], 0, 1));
    write("clear.png", &picture(&[0; 784], 2, 1));
    write("photo.png", b"\xff\xd8\xff\xe0 and more");
    write("text.png", b"a digit");
    write("nothing.png", b"");
    assert!(world.run("predict square.ckpt good.png").succeeded().starts_with("good.png: "));
}

#[cfg(unix)]
#[test]
fn a_path_with_line_feeds_stays_in_one_line() {
    let run = Run::new(World::empty().command("info").arg("a\nb\x1b[31m").output().unwrap());
    let message = "a\\nb\\u{1b}[31m: expected a checkpoint, found no such file; `minibatch train --checkpoint a\\nb\\u{1b}[31m` makes one";
    assert_eq!((run.code, &*run.stdout, run.stderr), (Some(1), "", format!("error: {message}")));
}

/// Every command ends quietly when its reader has gone.
#[test]
fn a_closed_pipe_ends_every_command_quietly() {
    let world = World::new();
    world.run("train --data set --recipe tutorial --hidden 5 --epochs 1 --checkpoint run.ckpt").succeeded();
    for arguments in [
        "train --data set --recipe tutorial --epochs 1",
        "train --data set --recipe tutorial --epochs 1 --json",
        "eval run.ckpt --data set",
        "info run.ckpt",
        "report run.ckpt --data set",
        "predict run.ckpt set/t10k-images-idx3-ubyte",
        "predict run.ckpt --data set --index 1 --json",
        "verify run.ckpt --data set",
        "gradcheck",
        "--help",
        "train --data set --recipe tutorial --epochs 1 --checkpoint run.ckpt --overwrite",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = Run::new(world.command(arguments).stdout(writer).output().unwrap());
        assert_eq!((run.code, &*run.stderr), (Some(141), ""), "{arguments}");
    }
}
