//! Disks that fail during a run: the earlier checkpoint stays whole, the cause is named, the run goes on.

use crate::world::{Run, World};
use std::fs;
use std::process::{Command, Stdio};

const TRAIN: &str =
    "train --data set --recipe tutorial --hidden 64 --seed 5 --epochs 3 --checkpoint run.ckpt";

#[test]
fn a_file_that_can_t_grow_leaves_the_one_before() {
    let world = World::new();
    world.run(TRAIN).succeeded();
    let before = fs::read(world.path("run.ckpt")).unwrap();
    // A limit of 512 or 1024 bytes, as the shell counts. Its signal must not end the run, be it ignored or not.
    let again = format!("{TRAIN} --overwrite");
    for (arguments, prepare) in [
        ("train --data set --resume run.ckpt --epochs 6", "trap '' XFSZ; "),
        ("train --data set --resume run.ckpt --epochs 6", ""),
        (&again, ""),
    ] {
        let line = format!("{prepare}ulimit -f 1; exec {}", world.program(arguments));
        let run = Run::new(world.shell(&line).output().unwrap());
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        // The run warns once, not after every epoch. It doesn't warn at all if it ends before the writer reports. At the end, the
        // failure is an error.
        let cause =
            "cannot write the new content of run.ckpt: File too large (os error 27); the file is unchanged";
        let warnings = run.stderr.matches(&format!("warning: {cause}; the run goes on")).count();
        assert!(warnings <= 1, "{}", run.stderr);
        assert!(run.stderr.ends_with(&format!("error: {cause}")), "{}", run.stderr);
        // The run still goes on to the last epoch.
        let last = if arguments == again { "epoch 3/3" } else { "epoch 6/6" };
        assert!(run.stdout.contains(last) && !run.stdout.contains("Saved"), "{}", run.stdout);
        assert_eq!(fs::read(world.path("run.ckpt")).unwrap(), before);
        assert_eq!(fs::read_dir(world.path("")).unwrap().count(), 2, "no temporary file stays");
    }
    world.run("train --data set --resume run.ckpt --epochs 4").succeeded();
    // Standard output may be a file at its limit, too.
    let line = format!("ulimit -f 1; exec {} > out.txt", world.program("info run.ckpt --json"));
    fs::write(world.path("out.txt"), [b' '; 4096]).unwrap();
    let appended = line.replace("> out.txt", ">> out.txt");
    let run = Run::new(world.shell(&appended).output().unwrap());
    let message = "error: cannot write to standard output: File too large (os error 27)";
    assert_eq!((run.code, &*run.stderr), (Some(1), message));
}

#[test]
fn a_folder_that_goes_and_comes_back_costs_nothing() {
    let world = World::new();
    fs::create_dir(world.path("out")).unwrap();
    let arguments =
        TRAIN.replace("--checkpoint ", "--checkpoint out/").replace("--epochs 3", "--epochs 1000000");
    let mut child = world.command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    world.wait_for("out/run.ckpt");
    fs::rename(world.path("out"), world.path("away")).unwrap();
    let warning = world.wait_for_error(&mut child, "warning: ");
    // The folder may have gone during any step of writing.
    assert!(
        warning.starts_with("warning: cannot ")
            && warning.contains(" out/run.ckpt: No such file or directory (os error 2); the "),
        "{warning}"
    );
    let before = fs::read(world.path("away/run.ckpt")).unwrap();
    assert!(minibatch::Checkpoint::decode(&before).is_ok());
    fs::create_dir(world.path("out")).unwrap();
    world.wait_for("out/run.ckpt");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(fs::read(world.path("away/run.ckpt")).unwrap(), before);
    let epochs = world.json("info out/run.ckpt")[0]["history"].as_array().unwrap().len();
    world.run(&format!("train --data set --resume out/run.ckpt --epochs {}", epochs + 1)).succeeded();
}

/// If the folder is gone for good, the last checkpoint is lost, and the exit code says so.
#[test]
fn a_last_checkpoint_that_can_t_be_written_is_a_failure() {
    let world = World::new();
    fs::create_dir(world.path("out")).unwrap();
    let arguments =
        TRAIN.replace("--checkpoint ", "--checkpoint out/").replace("--epochs 3", "--epochs 1000000");
    let errors = fs::File::create(world.path("errors.txt")).unwrap();
    let child = world.command(&arguments).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
    world.wait_for("out/run.ckpt");
    fs::rename(world.path("out"), world.path("away")).unwrap();
    let told = || fs::read_to_string(world.path("errors.txt")).unwrap();
    while !told().contains("warning: ") {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let run = Run::new(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(1));
    let last = told();
    let cause = "error: cannot create the temporary file beside out/run.ckpt: No such file or directory (os error 2); \
                 the file is unchanged";
    assert_eq!(last.lines().last(), Some(cause), "{last}");
    world.run("info away/run.ckpt").succeeded();
}

/// A machine that starts no threads is no fault of the command line.
#[test]
fn threads_that_can_t_be_started_are_a_failed_run() {
    let world = World::new();
    for (arguments, message) in [
        ("gradcheck --threads 2", "error: could not start 2 threads: "),
        (
            "train --data set --recipe tutorial --threads 1 --checkpoint run.ckpt",
            "error: cannot start the background writer of run.ckpt: ",
        ),
    ] {
        // No address space holds such a stack.
        let run = world.command(arguments).env("RUST_MIN_STACK", "1000000000000000").output().unwrap();
        let run = Run::new(run);
        if arguments.contains("gradcheck") && std::thread::available_parallelism().unwrap().get() == 1 {
            continue;
        }
        assert_eq!((run.code, &*run.stdout), (Some(1), ""), "{}", run.stderr);
        assert!(run.stderr.starts_with(message), "{}", run.stderr);
    }
}
