//! Pipes and devices where a file is needed.

use crate::world::{Run, World};
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A path that isn't a regular file is refused at once, wherever it is named.
#[test]
fn pipes_and_devices_are_refused_and_nobody_waits() {
    let world = World::new();
    world.run("train --data set --recipe tutorial --hidden 5 --epochs 1 --checkpoint run.ckpt").succeeded();
    fs::create_dir(world.path("pipes")).unwrap();
    for name in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
        let pipe = world.path(&format!("pipes/{name}-ubyte"));
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    let (images, found) =
        ("pipes/train-images-idx3-ubyte", "expected a regular file, found a pipe or device");
    let tested = "pipes/t10k-images-idx3-ubyte";
    for (arguments, path) in [
        ("train --data pipes".to_owned(), images),
        ("eval run.ckpt --data pipes".to_owned(), tested),
        (format!("predict run.ckpt {images}"), images),
        ("predict run.ckpt --data pipes --index 0".to_owned(), tested),
        ("predict run.ckpt /dev/zero".to_owned(), "/dev/zero"),
    ] {
        let started = Instant::now();
        let mut child = world.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() && started.elapsed() < Duration::from_secs(30) {
            thread::sleep(Duration::from_millis(2));
        }
        // The kill does nothing to a command that has ended.
        child.kill().unwrap();
        let run = Run::new(child.wait_with_output().unwrap());
        assert_eq!((run.code, run.stderr), (Some(1), format!("error: {path}: {found}")), "{arguments}");
    }
}
