//! Commands that need more memory than there is: they say so in one line before they ask for it.

use crate::bad_input::without_memory;
use crate::world::{Run, World};
use png::{BitDepth, ColorType, Encoder};
use std::fs::File;
use std::io::Write;

/// Runs the command with so many MB of address space.
fn limited(world: &World, megabytes: u32, arguments: &str) -> Run {
    let line = format!("ulimit -v {megabytes}000; exec {}", world.program(arguments));
    Run::new(world.shell(&line).output().unwrap())
}

#[test]
fn what_memory_can_t_hold_is_refused() {
    let world = World::new();
    let network = "ask for fewer neurons, or smaller minibatches";
    for (arguments, message) in [
        (
            "train --data set --recipe tutorial --hidden 100000000",
            format!("a network 20-100000000-3 in training: expected to fit into the … of memory that are left, found 28.0 GB; {network}"),
        ),
        (
            "train --dataset synthetic --synthetic-size 20000,10 --hidden 100000 --batch-size 20000",
            format!("a network 784-100000-10 in training: expected to fit into the … of memory that are left, found 16.5 GB; {network}"),
        ),
        (
            "train --dataset synthetic --synthetic-size 5000000,5000000",
            "--synthetic-size 5000000,5000000: expected to fit into the … of memory that are left, found 7.9 GB; ask for fewer images".to_owned(),
        ),
    ] {
        let run = limited(&world, 4000, arguments);
        let stderr = without_memory(&run.stderr);
        assert_eq!((run.code, &*run.stdout, stderr), (Some(2), "", format!("error: {message}")));
    }
}

/// A lack of memory is no wrong usage if no option asks for a size.
#[test]
fn a_machine_too_small_for_the_defaults_is_a_failed_run() {
    let world = World::new();
    for (options, code) in [("", 1), ("--hidden 32", 2)] {
        let mut refused = 0;
        for megabytes in (10..40).step_by(2) {
            let run = limited(
                &world,
                megabytes,
                &format!("train --data set --recipe tutorial --epochs 1 {options}"),
            );
            if run.stderr.contains("a network 20-32-3") {
                assert_eq!(run.code, Some(code), "{}", run.stderr);
                refused += 1;
            }
        }
        assert!(refused > 0, "train {options} needs less than it takes to say so");
    }
}

/// A command under any limit ends well, or with a line of its own. None is aborted.
#[test]
fn no_limit_aborts_a_command() {
    let world = World::empty();
    let set = "--dataset synthetic --synthetic-size 400,100";
    world
        .run(&format!("train {set} --hidden 2500 --optimizer adam --epochs 1 --checkpoint run.ckpt"))
        .succeeded();
    for arguments in [
        format!(
            "train {set} --hidden 2500 --optimizer adam --epochs 1 --checkpoint new.ckpt --overwrite --keep 2"
        ),
        format!("train {set} --hidden 300,300 --epochs 1 --batch-size 400 --threads 2"),
        format!("train {set} --resume run.ckpt --epochs 1"),
        format!("verify {set} run.ckpt"),
        format!("eval {set} run.ckpt"),
        format!("predict {set} run.ckpt --index 0,1,2"),
        "info run.ckpt".to_owned(),
    ] {
        let (mut refused, mut ended) = (0, 0);
        // The loader itself fails where the program, 12 MB of code, has no room.
        for megabytes in [20, 25, 45, 70, 100, 125, 160, 250, 2000] {
            let run = limited(&world, megabytes, &arguments);
            let told = format!("{megabytes} MB, {arguments}: {:?}, {}", run.code, run.stderr);
            match run.code {
                Some(0) => ended += 1,
                Some(1 | 2) => {
                    assert!(run.stderr.starts_with("error: ") && !run.stdout.contains("Saved"), "{told}");
                    refused += 1;
                }
                _ => panic!("{told}"),
            }
        }
        assert!(ended > 0 && refused > 0, "{arguments}: {refused} refused, {ended} ended");
    }
}

/// The picture has 32 Mi pixels, the most there may be, of four bytes each.
#[test]
fn a_large_picture_takes_its_bytes_and_little_more() {
    const SIDE: u32 = 5792;
    let world = World::new();
    world
        .run("train --dataset synthetic --synthetic-size 100,10 --hidden 5 --epochs 1 --checkpoint run.ckpt")
        .succeeded();
    let mut encoder = Encoder::new(File::create(world.path("large.png")).unwrap(), SIDE, SIDE);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().unwrap();
    let mut rows = writer.stream_writer().unwrap();
    let row = |ink: bool| {
        let column =
            |column: u32| if ink && column / 300 == 9 { [0, 0, 0, 255] } else { [250, 240, 230, 255] };
        (0..SIDE).flat_map(column).collect::<Vec<u8>>()
    };
    let (paper, ink) = (row(false), row(true));
    (0..SIDE).for_each(|at| rows.write_all(if (1000..5000).contains(&at) { &ink } else { &paper }).unwrap());
    rows.finish().unwrap();
    writer.finish().unwrap();

    let run = limited(&world, 200, "predict run.ckpt large.png --threads 1");
    assert!(run.succeeded().starts_with("large.png: "), "{}", run.stdout);
    let run = limited(&world, 100, "predict run.ckpt large.png --threads 1");
    let message = "error: large.png: its 5792×5792 pixels: expected to fit into the … of memory that are left, found 143 MB; scale it down";
    assert_eq!((run.code, &*without_memory(&run.stderr)), (Some(1), message));
}
