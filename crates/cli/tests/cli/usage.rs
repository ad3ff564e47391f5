//! Wrong usage and missing data: one line that says what to do, and the right exit code.

use crate::world::World;
use minibatch_data::write_idx_f32;
use std::fs::{self, File};

/// Arguments, and the message after `error: `.
const WRONG: &[(&str, &str)] = &[
    ("", "a command is missing; `minibatch --help` lists them"),
    ("trian", "unrecognized subcommand 'trian'; tip: a similar subcommand exists: 'train'; see `--help`"),
    (
        "train --learning-rat 1",
        "unexpected argument '--learning-rat' found; tip: a similar argument exists: '--learning-rate'; see `--help`",
    ),
    ("train set", "unexpected argument 'set' found; see `--help`"),
    ("train --epochs", "a value is required for '--epochs <N>' but none was supplied; see `--help`"),
    (
        "train --epochs 3 --epochs 4",
        "the argument '--epochs <N>' cannot be used multiple times; see `--help`",
    ),
    (
        "train --epochs 0",
        "invalid value '0' for '--epochs <N>': expected a whole number from 1; see `--help`",
    ),
    (
        "train --epochs 1.5",
        "invalid value '1.5' for '--epochs <N>': expected a whole number from 1; see `--help`",
    ),
    (
        "train --batch-size 0",
        "invalid value '0' for '--batch-size <N>': expected a whole number from 1; see `--help`",
    ),
    (
        "train --data set --batch-size 206",
        "batch size is 206: expected 1 to 205, the number of training examples",
    ),
    (
        "train --threads 0",
        "invalid value '0' for '--threads <N>': expected a whole number from 1; see `--help`",
    ),
    ("train --data set --threads 5000", "5000 threads asked for: expected 1 to 4096"),
    (
        "train --hidden 8,,8",
        "invalid value '' for '--hidden <N,…>': expected a whole number from 1; see `--help`",
    ),
    (
        "train --hidden 8,-8",
        "invalid value '-8' for '--hidden <N,…>': expected a whole number from 1; see `--help`",
    ),
    (
        "train --data set --hidden 4000000000",
        "layer 1 is too large: 20 × 4000000000 weights, at most 8589934592 are supported",
    ),
    (
        "train --seed -1",
        "invalid value '-1' for '--seed <N>': expected a whole number from 0 to 18446744073709551615; see `--help`",
    ),
    (
        "train --learning-rate 0",
        "invalid value '0' for '--learning-rate <ETA>': expected a finite number above 0, such as 3.0; see `--help`",
    ),
    (
        "train --learning-rate -3",
        "invalid value '-3' for '--learning-rate <ETA>': expected a finite number above 0, such as 3.0; see `--help`",
    ),
    (
        "train --learning-rate NaN",
        "invalid value 'NaN' for '--learning-rate <ETA>': expected a finite number above 0, such as 3.0; see `--help`",
    ),
    (
        "train --learning-rate inf",
        "invalid value 'inf' for '--learning-rate <ETA>': expected a finite number above 0, such as 3.0; see `--help`",
    ),
    (
        "train --learning-rate 1e39",
        "invalid value '1e39' for '--learning-rate <ETA>': expected a finite number above 0, such as 3.0; see `--help`",
    ),
    (
        "train --checkpoint-every 5 --checkpoint run.ckpt",
        "invalid value '5' for '--checkpoint-every <N>': expected a number from 1 and a unit, such as 500steps, 30s, \
         5min or 1epoch; see `--help`",
    ),
    (
        "train --keep 0",
        "invalid value '0' for '--keep <K>': expected a whole number from 1 to 65535; see `--help`",
    ),
    ("train --keep 2", "--checkpoint-every and --keep need --checkpoint FILE"),
    (
        "train --dataset mnits",
        "invalid value 'mnits' for '--dataset <NAME>'; possible values: mnist, fashion-mnist, kmnist, synthetic; \
         tip: a similar value exists: 'mnist'; see `--help`",
    ),
    (
        "train --data set --checkpoint nowhere/run.ckpt",
        "--checkpoint nowhere/run.ckpt: no folder nowhere; create it first",
    ),
    ("train --data set --checkpoint set", "--checkpoint set: expected a regular file or a new name"),
    ("info", "the following required arguments were not provided: <FILE>; see `--help`"),
];

#[test]
fn wrong_usage_is_told_in_one_line() {
    let world = World::new();
    for (arguments, message) in WRONG {
        let run = world.run(arguments);
        let expected = (Some(2), "", format!("error: {message}"));
        assert_eq!((run.code, &*run.stdout, run.stderr), expected, "minibatch {arguments}");
    }
}

#[test]
fn an_unknown_instruction_set_suggests_one() {
    let run = World::empty().run("train --isa portabel");
    assert_eq!(run.code, Some(2));
    let start = "error: invalid value 'portabel' for '--isa <SET>'; possible values: ";
    assert!(run.stderr.starts_with(start), "{}", run.stderr);
    assert!(
        run.stderr.ends_with("; tip: a similar value exists: 'portable'; see `--help`"),
        "{}",
        run.stderr
    );
}

#[test]
fn help_and_version_are_no_errors() {
    let world = World::empty();
    assert!(world.run("--help").succeeded().contains("Usage: minibatch <COMMAND>"));
    assert!(world.run("train --help").succeeded().contains("--learning-rate <ETA>"));
    assert_eq!(world.run("--version").succeeded(), concat!("minibatch ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn missing_data_name_the_way_out() {
    let world = World::new();
    fs::create_dir(world.path("empty")).unwrap();
    fs::create_dir(world.path("packed")).unwrap();
    fs::write(world.path("packed/train-images-idx3-ubyte.gz"), "").unwrap();
    fs::remove_file(world.path("set/t10k-labels-idx1-ubyte")).unwrap();
    for (arguments, message) in [
        (
            "",
            "data/mnist: expected a folder with train-images-idx3-ubyte, found no such folder; \
             `cargo xtask fetch-mnist --dataset mnist` fetches the set, and `--dataset synthetic` needs no files",
        ),
        (
            "--dataset fashion-mnist",
            "data/fashion-mnist: expected a folder with train-images-idx3-ubyte, found no such folder; \
             `cargo xtask fetch-mnist --dataset fashion-mnist` fetches the set, and `--dataset synthetic` needs no files",
        ),
        (
            "--data empty",
            "empty: expected train-images-idxN-TYPE or train-images.idxN-TYPE, found an empty folder; \
             `cargo xtask fetch-mnist --dataset mnist --dir empty` fetches the set, and `--dataset synthetic` needs no files",
        ),
        (
            "--data set",
            "set: expected t10k-labels-idxN-TYPE or t10k-labels.idxN-TYPE, found t10k-images-idx3-ubyte, \
             train-images-idx3-ubyte, train-labels-idx1-ubyte; \
             `cargo xtask fetch-mnist --dataset mnist --dir set` fetches the set, and `--dataset synthetic` needs no files",
        ),
        (
            "--data packed",
            "packed: expected train-images-idxN-TYPE or train-images.idxN-TYPE, found only \
             train-images-idx3-ubyte.gz; unpack it with `gunzip -k packed/train-images-idx3-ubyte.gz`",
        ),
    ] {
        let run = world.run(&format!("train {arguments}"));
        let expected = (Some(1), "", format!("error: {message}"));
        assert_eq!((run.code, &*run.stdout, run.stderr), expected, "{arguments}");
    }
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let world = World::new();
    let images = world.path("set/train-images-idx3-ubyte");
    let bytes = fs::read(&images).unwrap();
    fs::write(&images, &bytes[..bytes.len() - 1]).unwrap();
    let run = world.run("train --data set");
    assert_eq!((run.code, &*run.stdout), (Some(1), ""));
    assert!(run.stderr.starts_with("error: set/train-images-idx3-ubyte: at byte "), "{}", run.stderr);

    let world = World::new();
    for (name, examples) in [("train", crate::world::TRAINING), ("t10k", crate::world::TEST)] {
        let file = world.path(&format!("set/{name}-labels-idx1-ubyte"));
        write_idx_f32(&mut File::create(file).unwrap(), &[examples], &vec![0.5; examples]).unwrap();
    }
    let run = world.run("train --data set");
    assert_eq!(
        run.stderr,
        "error: set: expected labels that are classes, found values; `--task regression` trains on them"
    );
    assert_eq!((run.code, &*run.stdout), (Some(1), ""));
}
