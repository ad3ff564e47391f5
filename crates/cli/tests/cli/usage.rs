//! The help, the version and wrong usage of the command.

use crate::world::World;
use std::fs;

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

/// What a quiet run keeps and what it says on standard error are those of another run.
#[test]
fn a_quiet_run_prints_nothing() {
    let world = World::new();
    let train = "train --data set --recipe tutorial --epochs 2 --inspect";
    let quiet = world.run(&format!("{train} --quiet --log quiet.jsonl --checkpoint quiet.ckpt"));
    let loud = world.run(&format!("{train} --log loud.jsonl --checkpoint loud.ckpt"));
    assert_eq!((quiet.code, &*quiet.stdout, &quiet.stderr), (Some(0), "", &loud.stderr));
    assert!(loud.stdout.contains("epoch 2/2"), "{}", loud.stdout);
    let rows = fs::read_to_string(world.path("quiet.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), 2);
    let hash = |file: &str| world.json(&format!("info {file}"))[0]["compared_hash"].clone();
    assert_eq!(hash("quiet.ckpt"), hash("loud.ckpt"));
}

#[test]
fn help_and_version_are_no_errors() {
    let world = World::empty();
    assert!(world.run("--help").succeeded().contains("Usage: minibatch <COMMAND>"));
    assert!(world.run("train --help").succeeded().contains("--learning-rate <ETA>"));
    assert_eq!(world.run("--version").succeeded(), concat!("minibatch ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// Standard output and standard error of the tests are pipes.
#[test]
fn no_command_writes_colours_or_control_codes_into_a_pipe() {
    let world = World::new();
    let train = "train --data set --recipe tutorial --epochs 2 --inspect --validation-split 0.2";
    let mut lines: Vec<String> = ["train", "eval", "info", "predict", "verify", "gradcheck"]
        .iter()
        .flat_map(|name| [format!("{name} --help"), format!("{name} -h"), format!("{name} --no-such-option")])
        .collect();
    lines.extend(["--help", "-h", "--version", "help train", "", "trian"].map(str::to_owned));
    lines.extend([
        format!("{train} --checkpoint run.ckpt"),
        format!("{train} --json"),
        "eval run.ckpt set".to_owned(),
        "eval run.ckpt nowhere".to_owned(),
        "info run.ckpt".to_owned(),
        "info run.ckpt --config".to_owned(),
        "predict run.ckpt --data set --index 0-3".to_owned(),
        "verify run.ckpt --data set --validation-split 0.2".to_owned(),
        "gradcheck --threads 1".to_owned(),
    ]);
    for line in lines {
        let run = world.run(&line);
        assert!(!format!("{}{}", run.stdout, run.stderr).is_empty(), "{line}");
        for (name, text) in [("standard output", &run.stdout), ("standard error", &run.stderr)] {
            let is_plain = |c: char| c == '\n' || !c.is_control();
            assert!(text.chars().all(is_plain), "{line}: {name} has {text:?}");
        }
    }
}
