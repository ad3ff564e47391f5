//! The places of a run's files. A run replaces no file of somebody else's there, and follows no link.

use crate::world::{Run, World};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --epochs 1";

/// A run that is refused as wrong usage, with this message.
fn refused(world: &World, arguments: &str, message: &str) {
    let run = world.run(arguments);
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (Some(2), "", &*format!("error: {message}")));
}

fn epochs(world: &World, file: &str) -> usize {
    world.json(&format!("info {file}"))[0]["history"].as_array().unwrap().len()
}

fn seed(world: &World, file: &str) -> u64 {
    world.json(&format!("info {file}"))[0]["seed"].as_u64().unwrap()
}

/// The names in a folder besides the data, each with its file's content or its link's target.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("set"))
        .map(|path| {
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            let content = match kind {
                _ if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                _ if kind.is_file() => fs::read(&path).unwrap(),
                other => format!("{other:?}").into_bytes(),
            };
            (path.file_name().unwrap().to_str().unwrap().to_owned(), content)
        })
        .collect();
    all.sort_unstable();
    all
}

fn names(world: &World) -> Vec<String> {
    contents(&world.path("")).into_iter().map(|(name, _)| name).collect()
}

/// A run of two epochs in `run.ckpt`, with the first and the best kept beside it.
fn kept_run(world: &World) {
    world.run(&format!("{TRAIN} --seed 5 --checkpoint run.ckpt --keep 3")).succeeded();
    world.run("train --data set --resume run.ckpt --epochs 2 --keep 3").succeeded();
    assert_eq!(names(world), ["run.best.ckpt", "run.ckpt", "run.ckpt.1"]);
}

/// The same command, entered again after a run or after its kill.
#[test]
fn another_run_is_replaced_only_when_asked_to() {
    let world = World::new();
    kept_run(&world);
    let before = contents(&world.path(""));
    let again = format!("{TRAIN} --seed 6 --checkpoint run.ckpt --keep 3");
    refused(
        &world,
        &again,
        "--checkpoint run.ckpt: expected a new name, found a checkpoint; `--resume run.ckpt` goes on with its run, \
         `--overwrite` replaces it",
    );
    // The run's file is gone, but not the files kept beside it.
    fs::rename(world.path("run.ckpt"), world.path("moved")).unwrap();
    refused(
        &world,
        &again,
        "--keep: expected no older or best checkpoint beside run.ckpt yet, found run.ckpt.1; `--resume run.ckpt.1` goes on \
         with its run, `--overwrite` replaces it",
    );
    fs::rename(world.path("moved"), world.path("run.ckpt")).unwrap();
    assert_eq!(contents(&world.path("")), before);

    // The run goes back to an older checkpoint of its own. That's a replacement, too, but the best stays the best.
    let back = "train --data set --resume run.ckpt.1 --checkpoint run.ckpt --epochs 2 --keep 3";
    let message = "--checkpoint run.ckpt: expected a new name, found a checkpoint; `--resume run.ckpt` goes on with its run, \
                   `--overwrite` replaces it";
    refused(&world, back, message);
    world.run(&format!("{back} --overwrite")).succeeded();
    assert_eq!(names(&world), ["run.best.ckpt", "run.ckpt", "run.ckpt.1"]);
    assert_eq!((epochs(&world, "run.ckpt"), epochs(&world, "run.ckpt.1")), (2, 1));

    let run = world.run(&format!("{again} --overwrite"));
    let line = "the newest 3 and the best on the test set kept, replacing the run that is there\n";
    assert!(run.succeeded().contains(line), "{}", run.stdout);
    // Nothing of the other run is left.
    assert_eq!(names(&world), ["run.best.ckpt", "run.ckpt"]);
    assert_eq!((seed(&world, "run.ckpt"), seed(&world, "run.best.ckpt")), (6, 6));
    world.run("train --data set --resume run.ckpt --epochs 2 --keep 3").succeeded();
    assert_eq!(seed(&world, "run.ckpt.1"), 6);
    // `--overwrite` with nothing to replace is no fault.
    let run = world.run(&format!("{TRAIN} --checkpoint new.ckpt --overwrite"));
    assert!(!run.succeeded().contains("replacing"), "{}", run.stdout);
}

#[test]
fn kept_ones_of_another_run_are_not_taken_for_a_resumed_run_s() {
    let world = World::new();
    kept_run(&world);
    world.run(&format!("{TRAIN} --seed 7 --checkpoint run.ckpt --overwrite")).succeeded();
    // Without --keep the kept ones aren't replaced.
    assert_eq!((seed(&world, "run.ckpt.1"), seed(&world, "run.best.ckpt")), (5, 5));
    let before = contents(&world.path(""));
    refused(
        &world,
        "train --data set --resume run.ckpt --epochs 2 --keep 3",
        "--keep: expected older and best checkpoints of the run in run.ckpt, found one of another run, or a damaged one, in \
         run.ckpt.1; move it away, or `--overwrite` replaces it",
    );
    assert_eq!(contents(&world.path("")), before);
    world.run("train --data set --resume run.ckpt --epochs 2 --keep 3 --overwrite").succeeded();
    assert_eq!((epochs(&world, "run.ckpt"), epochs(&world, "run.ckpt.1")), (2, 1));
    assert!(names(&world).iter().all(|name| seed(&world, name) == 7), "{:?}", names(&world));
    // The run's own checkpoints are no obstacle.
    world.run("train --data set --resume run.ckpt --epochs 3 --keep 3").succeeded();
    assert_eq!((epochs(&world, "run.ckpt"), epochs(&world, "run.ckpt.2")), (3, 1));
}

/// Links, folders, pipes and texts stand at the names that a run derives from its file's. `--overwrite` replaces runs only.
#[test]
fn what_is_no_run_s_is_left_alone() {
    let world = World::new();
    fs::write(world.path("thesis.txt"), "years of work").unwrap();
    world.run(&format!("{TRAIN} --checkpoint old.ckpt")).succeeded();
    let make = |name: &str, found: &str| match found {
        "a symbolic link" => symlink("thesis.txt", world.path(name)).unwrap(),
        "a folder" => fs::create_dir(world.path(name)).unwrap(),
        "a pipe, socket or device" => {
            assert!(Command::new("mkfifo").arg(world.path(name)).status().unwrap().success());
        }
        _ => fs::write(world.path(name), "a plan").unwrap(),
    };
    for name in ["run.ckpt.lock", "run.ckpt.1", "run.ckpt.2", "run.best.ckpt"] {
        let (expected, text) = match name {
            "run.ckpt.lock" => ("the lock of a run", "a file that is no lock"),
            _ => ("a checkpoint", "a file that is no checkpoint"),
        };
        for found in ["a symbolic link", "a folder", "a pipe, socket or device", text] {
            make(name, found);
            let before = contents(&world.path(""));
            let message = format!(
                "{name}: expected {expected} or nothing at all, found {found}; move it away, or choose another file for the run"
            );
            for options in ["--keep 3", "--keep 3 --overwrite"] {
                refused(&world, &format!("{TRAIN} --checkpoint run.ckpt {options}"), &message);
            }
            assert_eq!(contents(&world.path("")), before);
            let path = world.path(name);
            if found == "a folder" {
                fs::remove_dir(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
    }
    // Without --keep, the lock is the only one of these names that is the run's.
    fs::create_dir(world.path("run.ckpt.1")).unwrap();
    world.run(&format!("{TRAIN} --checkpoint run.ckpt")).succeeded();
    // A folder that comes there while the run goes on stays, too. The run is kept all the same.
    fs::remove_dir(world.path("run.ckpt.1")).unwrap();
    let mut child = world
        .command("train --data set --resume run.ckpt --epochs 1000000 --keep 2 --checkpoint-every 1steps");
    let child =
        child.stdout(std::process::Stdio::null()).stderr(fs::File::create(world.path("errors")).unwrap());
    let mut child = child.spawn().unwrap();
    world.wait_for("run.ckpt.1");
    while fs::create_dir(world.path("run.ckpt.1")).is_err() {
        let _ = fs::remove_file(world.path("run.ckpt.1"));
    }
    let told = "warning: run.ckpt.1: expected a checkpoint or nothing at all, found a folder; ";
    while !fs::read_to_string(world.path("errors")).unwrap().contains(told) {
        assert!(child.try_wait().unwrap().is_none(), "{}", fs::read_to_string(world.path("errors")).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap();
    assert!(world.path("run.ckpt.1").is_dir());
    world.run("info run.ckpt").succeeded();
}

#[test]
fn a_link_stands_for_the_file_that_it_leads_to() {
    let world = World::new();
    fs::create_dir(world.path("disk")).unwrap();
    world.run(&format!("{TRAIN} --seed 5 --checkpoint disk/run.ckpt")).succeeded();
    symlink("disk/run.ckpt", world.path("link.ckpt")).unwrap();
    refused(
        &world,
        &format!("{TRAIN} --checkpoint link.ckpt"),
        "--checkpoint disk/run.ckpt: expected a new name, found a checkpoint; `--resume disk/run.ckpt` goes on with its run, \
         `--overwrite` replaces it",
    );
    // The run goes on in its place, by whatever name the file is given.
    let run = world.run("train --data set --resume link.ckpt --epochs 2 --keep 2");
    assert!(run.succeeded().contains("\nSaved disk/run.ckpt, "), "{}", run.stdout);
    world.run("train --data set --resume disk/run.ckpt --checkpoint link.ckpt --epochs 3").succeeded();
    assert_eq!((epochs(&world, "disk/run.ckpt"), epochs(&world, "disk/run.ckpt.1")), (3, 1));
    world.run(&format!("{TRAIN} --seed 6 --checkpoint link.ckpt --overwrite")).succeeded();
    assert_eq!(
        (seed(&world, "disk/run.ckpt"), names(&world)),
        (6, vec!["disk".to_owned(), "link.ckpt".to_owned()])
    );
    assert!(world.path("link.ckpt").is_symlink());

    assert!(Command::new("mkfifo").arg(world.path("disk/pipe")).status().unwrap().success());
    fs::write(world.path("disk/thesis.txt"), "years of work").unwrap();
    let no_checkpoint = "expected a checkpoint or nothing at all, found";
    for (target, message) in [
        ("disk", "--checkpoint to: expected a regular file or a new name, found a folder".to_owned()),
        (
            "disk/pipe",
            "--checkpoint to: expected a regular file or a new name, found a pipe or device".to_owned(),
        ),
        (
            "/dev/null",
            "--checkpoint to: expected a regular file or a new name, found a pipe or device".to_owned(),
        ),
        (
            "disk/thesis.txt",
            format!(
                "disk/thesis.txt: {no_checkpoint} a file that is no checkpoint; move it away, or choose another file for the run"
            ),
        ),
        (
            "nothing",
            format!(
                "to: {no_checkpoint} a symbolic link that leads to no file; move it away, or choose another file for the run"
            ),
        ),
        (
            "to",
            format!(
                "to: {no_checkpoint} a symbolic link that leads to no file; move it away, or choose another file for the run"
            ),
        ),
    ] {
        symlink(target, world.path("to")).unwrap();
        let before = [contents(&world.path("")), contents(&world.path("disk"))];
        refused(&world, &format!("{TRAIN} --checkpoint to --overwrite"), &message);
        assert_eq!([contents(&world.path("")), contents(&world.path("disk"))], before);
        fs::remove_file(world.path("to")).unwrap();
    }
    refused(
        &world,
        &format!("{TRAIN} --checkpoint /dev/null --overwrite"),
        "--checkpoint /dev/null: expected a regular file or a new name, found a pipe or device",
    );
}

/// A rename would replace a write-protected checkpoint, because only its folder's permissions count there.
#[test]
fn a_write_protected_checkpoint_is_not_replaced() {
    let world = World::new();
    kept_run(&world);
    for file in ["run.ckpt", "run.ckpt.1"] {
        let protect = |mode| fs::set_permissions(world.path(file), fs::Permissions::from_mode(mode)).unwrap();
        protect(0o444);
        let before = contents(&world.path(""));
        let message = format!(
            "{file}: the checkpoint there is write-protected; `chmod u+w {file}` lets a run replace it, --checkpoint FILE names \
             another"
        );
        for arguments in [
            &format!("{TRAIN} --checkpoint run.ckpt --keep 3 --overwrite"),
            "train --data set --resume run.ckpt --keep 3",
        ] {
            refused(&world, arguments, &message);
        }
        assert_eq!(contents(&world.path("")), before);
        protect(0o644);
    }
    // A write-protected checkpoint is still read.
    fs::set_permissions(world.path("run.ckpt"), fs::Permissions::from_mode(0o400)).unwrap();
    world.run("train --data set --resume run.ckpt --checkpoint on.ckpt --epochs 3").succeeded();
}

/// The run ends at the start, and not at its first checkpoint, which may come after hours.
#[test]
fn a_name_too_long_for_its_temporary_one_is_refused() {
    let world = World::new();
    let name = "n".repeat(240);
    let message = format!(
        "{name}: the name is too long: that of the temporary file beside it has 22 bytes more; choose a shorter one"
    );
    refused(&world, &format!("{TRAIN} --checkpoint {name}"), &message);
    let name = "n".repeat(233);
    world.run(&format!("{TRAIN} --checkpoint {name} --keep 2")).succeeded();
    world.run(&format!("info {name}")).succeeded();
}

/// Paths are bytes, and JSON is text.
#[test]
fn a_path_that_is_no_text_is_shown_in_json() {
    let world = World::new();
    let odd = |name: &[u8]| OsStr::from_bytes(name).to_owned();
    fs::rename(world.path("set"), world.path("").join(odd(b"s\xff"))).unwrap();
    let images = odd(b"s\xff/t10k-images-idx3-ubyte");
    let (set, file) = (odd(b"s\xff"), odd(b"r\xfe.ckpt"));
    let commands: [(&str, Vec<&OsStr>); 6] = [
        ("train --hidden 5 --epochs 1", vec!["--data".as_ref(), &set, "--checkpoint".as_ref(), &file]),
        ("train --epochs 2", vec!["--data".as_ref(), &set, "--resume".as_ref(), &file]),
        ("eval", vec!["--data".as_ref(), &set, &file]),
        ("info", vec![&file]),
        ("verify", vec!["--data".as_ref(), &set, &file]),
        ("predict", vec![&file, &images]),
    ];
    for (arguments, paths) in commands {
        for json in [true, false] {
            let mut command = world.command(arguments);
            command.args(&paths).args(json.then_some("--json"));
            command.args((!json && arguments.starts_with("train --hidden")).then_some("--overwrite"));
            let run = Run::new(command.output().unwrap());
            let text = run.succeeded();
            assert!(text.contains('\u{fffd}'), "{arguments}: {text}");
            let lines = text.lines().filter(|_| json);
            lines.for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).unwrap()));
        }
    }
}
