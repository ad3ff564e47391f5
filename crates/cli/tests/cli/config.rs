//! A run as a file: `train --config`, and `info --config`, which prints such a file.

use crate::world::World;
use std::fs;

/// The weight hash at the end of `train` with `options`.
fn trained(world: &World, options: &str) -> String {
    let end = world.json(&format!("train --data set {options}")).pop().unwrap();
    end["weight_hash"].as_str().unwrap().to_owned()
}

/// The lines of a configuration in order of their keys, without comments.
fn settings(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    lines.sort_unstable();
    lines
}

/// The file decides the run, also where a recipe chose.
#[test]
fn a_printed_configuration_trains_the_same_network() {
    let runs = [
        "--hidden 8 --epochs 2",
        "--hidden 6,5 --activation tanh --optimizer adamw --epochs 2 --batch-size 8 --seed 7 --threads 2",
        "--hidden 8 --activation relu --cost hinge --output-activation identity --optimizer momentum(0.8) --epochs 2",
        "--layers 20,7,3 --recipe auto --epochs 3 --schedule cosine --label-smoothing 0.1 --dropout 0.2 --l2 0.001",
        "--hidden 8 --epochs 3 --augment shift(1) --clip norm(1) --average ema(0.9) --validation-split 0.2 --early-stopping 2",
    ];
    for options in runs {
        let world = World::new();
        let hash = trained(&world, &format!("{options} --checkpoint run.ckpt"));
        let printed = world.run("info run.ckpt --config");
        fs::write(world.path("run.toml"), printed.succeeded()).unwrap();
        assert_eq!(trained(&world, "--config run.toml --checkpoint again.ckpt"), hash, "{}", printed.stdout);
        // The repeated run has the same settings, all of them said.
        let again = world.run("info again.ckpt --config");
        assert_eq!(settings(again.succeeded()), settings(&printed.stdout));
    }
}

#[test]
fn options_go_before_the_file() {
    let world = World::new();
    fs::write(world.path("run.toml"), "hidden = [6, 5]\nepochs = 2\nlearning-rate = 0.5\n").unwrap();
    let plan = &world.json("train --data set --config run.toml --hidden 4 --learning-rate 0.25")[0];
    assert_eq!((plan["layers"].to_string(), &plan["learning_rate"]), ("[20,4,3]".to_owned(), &0.25.into()));
    assert_eq!(plan["epochs"], 2);
    let same = trained(&world, "--hidden 6,5 --epochs 2 --learning-rate 0.5");
    assert_eq!(trained(&world, "--config run.toml"), same);
}

#[test]
fn a_file_that_is_wrong_is_refused_by_key_or_line() {
    let world = World::new();
    let refused = |text: &str| {
        fs::write(world.path("run.toml"), text).unwrap();
        let run = world.run("train --data set --config run.toml");
        assert_eq!((run.code, &*run.stdout), (Some(2), ""), "{text}");
        run.stderr
    };
    let unknown = refused("epochs = 1\nlearning_rate = 1\n");
    assert_eq!(unknown, "error: run.toml: unknown key 'learning_rate'; the closest is 'learning-rate'");
    assert!(refused("epochs = 1\nhidden = [\n").starts_with("error: run.toml: line "), "{unknown}");
    assert_eq!(refused("json = 1\n"), "error: run.toml: key 'json': expected true or false");
    let missing = world.run("train --data set --config none.toml");
    assert!(missing.stderr.starts_with("error: none.toml: can't be read: "), "{}", missing.stderr);
}
