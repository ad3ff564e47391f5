//! SIGINT, SIGTERM and SIGHUP.

use crate::world::{Run, World};
use serde_json::Value;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --seed 5";

/// Starts the command, with its output to pipes.
fn start(world: &World, arguments: &str) -> Child {
    world.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A command whose output a thread reads as it comes. With a full pipe the command would stand still.
struct Running {
    id: u32,
    end: JoinHandle<io::Result<Output>>,
}

impl Running {
    fn start(world: &World, arguments: &str) -> Running {
        let child = start(world, arguments);
        Running { id: child.id(), end: std::thread::spawn(|| child.wait_with_output()) }
    }

    fn ended(self) -> Run {
        Run::new(self.end.join().unwrap().unwrap())
    }
}

fn signal(name: &str, id: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn an_interrupted_run_is_saved_and_says_how_to_go_on() {
    let world = World::new();
    // The file is there from the first epoch on. Signals are caught by then.
    let running =
        Running::start(&world, &format!("{TRAIN} --epochs 200000 --checkpoint my.ckpt --threads 1"));
    world.wait_for("my.ckpt");
    signal("INT", running.id);
    let run = running.ended();
    assert_eq!((run.code, &*run.stderr), (Some(130), ""), "{}", run.stdout);
    let (_, stopped) = run.stdout.split_once("\nStopped by SIGINT at ").expect(&run.stdout);
    let (_, command) = stopped.split_once(" Saved my.ckpt; to go on:\n  ").expect(stopped);
    let (_, options) = command.trim_end().split_once(" train ").expect(command);
    assert_eq!(options, "--resume my.ckpt --data set --threads 1");

    // The printed command, pasted into a shell, with a number of epochs that it will reach.
    let epochs = world.json("info my.ckpt")[0]["history"].as_array().unwrap().len() + 2;
    let shell = format!("{} --epochs {epochs}", command.trim_end());
    let status = world.shell(&shell).output().unwrap().status;
    assert!(status.success(), "{shell}");
    world.run(&format!("{TRAIN} --epochs {epochs} --checkpoint whole.ckpt")).succeeded();
    let hash = |file: &str| world.json(&format!("info {file}"))[0]["compared_hash"].clone();
    assert_eq!(hash("my.ckpt"), hash("whole.ckpt"));
}

#[test]
fn a_terminated_run_tells_it_in_json_too() {
    let world = World::new();
    let arguments =
        format!("{TRAIN} --epochs 1000000 --checkpoint run.ckpt --checkpoint-every 7steps --keep 2 --json");
    let running = Running::start(&world, &arguments);
    world.wait_for("run.ckpt.1");
    signal("TERM", running.id);
    let run = running.ended();
    assert_eq!((run.code, &*run.stderr), (Some(143), ""), "{}", run.stdout);
    let stopped: Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&stopped["event"], &stopped["signal"], &stopped["saved"]),
        (&"stopped".into(), &"SIGTERM".into(), &"run.ckpt".into())
    );
    let command = stopped["resume"].as_str().unwrap();
    assert!(
        command.ends_with(" train --resume run.ckpt --data set --checkpoint-every 7steps --keep 2 --json"),
        "{command}"
    );
    let info = &world.json("info run.ckpt")[0];
    assert_eq!(info["history"].as_array().unwrap().len() as u64, stopped["epochs"].as_u64().unwrap());
}

/// A closed terminal.
#[test]
fn a_run_that_is_hung_up_is_saved() {
    let world = World::new();
    let arguments = format!("{TRAIN} --epochs 1000000 --checkpoint run.ckpt --json");
    // If the tests run under `nohup`, the processes that they start ignore SIGHUP.
    let line = format!("exec env --default-signal=HUP {}", world.program(&arguments));
    let child = world.shell(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let running = Running { id: child.id(), end: std::thread::spawn(|| child.wait_with_output()) };
    world.wait_for("run.ckpt");
    // A shell may send it again.
    signal("HUP", running.id);
    let _ = Command::new("kill").args(["-HUP", &running.id.to_string()]).stderr(Stdio::null()).status();
    let run = running.ended();
    assert_eq!((run.code, &*run.stderr), (Some(129), ""), "{}", run.stdout);
    let stopped: Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&stopped["signal"], &stopped["saved"]), (&"SIGHUP".into(), &"run.ckpt".into()));
    let info = &world.json("info run.ckpt")[0];
    assert_eq!(info["history"].as_array().unwrap().len() as u64, stopped["epochs"].as_u64().unwrap());
}

/// `nohup` starts a run like this.
#[test]
fn a_run_that_ignores_hanging_up_goes_on() {
    let world = World::new();
    let arguments = format!("{TRAIN} --epochs 1000000 --checkpoint run.ckpt --json");
    let line = format!("trap '' HUP; exec {}", world.program(&arguments));
    let mut child = world.shell(&line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line.contains("\"epoch\"")));
    signal("HUP", child.id());
    // A pipe holds fewer lines, so some of these are from after the signal.
    assert_eq!(lines.by_ref().take(2000).filter(|line| line.contains("\"epoch\"")).count(), 2000);
    signal("TERM", child.id());
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

/// An epoch that is printed isn't lost, however seldom the run is saved.
#[test]
fn a_run_whose_reader_goes_away_is_saved() {
    let world = World::new();
    let arguments =
        format!("{TRAIN} --epochs 1000000 --checkpoint run.ckpt --checkpoint-every 1000000epochs --json");
    let mut child = start(&world, &arguments);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let epoch = lines.by_ref().filter(|line| line.contains("\"epoch\"")).nth(4).unwrap();
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(141));
    let info = &world.json("info run.ckpt")[0];
    assert_eq!(info["history"][4], serde_json::from_str::<Value>(&epoch).unwrap());
}

#[test]
fn without_a_checkpoint_nothing_is_saved() {
    let world = World::new();
    let mut child = start(&world, &format!("{TRAIN} --epochs 1000000"));
    world.wait_for_line(&mut child, "epoch ");
    signal("INT", child.id());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(std::fs::read_dir(world.path("")).unwrap().count() == 1, "the dataset alone");
}

/// A step of this run takes seconds. The first signal waits for the step's end, the second doesn't.
#[test]
fn a_second_signal_ends_the_run_at_once() {
    let world = World::new();
    world
        .run("train --data set --recipe tutorial --hidden 2500,2500 --batch-size 205 --epochs 1 --checkpoint run.ckpt")
        .succeeded();
    let before = std::fs::read(world.path("run.ckpt")).unwrap();
    let mut child =
        start(&world, "train --data set --resume run.ckpt --epochs 9 --isa portable --threads 1 --keep 2");
    world.wait_for_line(&mut child, "resumed ");
    // The first step comes soon after the plan.
    std::thread::sleep(Duration::from_millis(300));
    signal("TERM", child.id());
    std::thread::sleep(Duration::from_millis(100));
    signal("INT", child.id());
    let sent = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(sent.elapsed() < Duration::from_secs(2), "{:?}", sent.elapsed());
    assert_eq!(std::fs::read(world.path("run.ckpt")).unwrap(), before);
    world.run("info run.ckpt").succeeded();
}
