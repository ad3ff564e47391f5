//! Layers, activations, costs, initialisers, validation, regression and data without files.

use crate::world::{TEST, TRAINING, World};
use minibatch_data::write_idx_f32;
use std::fs::File;

const SYNTHETIC: &str = "--dataset synthetic --synthetic-size 300,50";

/// Arguments after `train --data set`, and the message after `error: `: exit code 2.
const WRONG: &[(&str, &str)] = &[
    (
        "--activation leaky-relu(-1)",
        "invalid value 'leaky-relu(-1)' for '--activation <NAME>': leaky-relu is known, but not with that parameter; \
         leave it out, or give a number that it takes, as in leaky-relu(0.2), elu(1) or huber(0.5); see `--help`",
    ),
    (
        "--cost hubber",
        "invalid value 'hubber' for '--cost <NAME>'; possible values: quadratic, mse, mae, huber, \
         binary-cross-entropy, categorical-cross-entropy, hinge, poisson; tip: a similar value exists: 'huber'; see \
         `--help`",
    ),
    (
        "--optimizer adm",
        "invalid value 'adm' for '--optimizer <NAME>'; possible values: sgd, momentum, nesterov, adam, adamw; tip: a \
         similar value exists: 'adam'; see `--help`",
    ),
    (
        "--optimizer momentum(1)",
        "invalid value 'momentum(1)' for '--optimizer <NAME>': optimiser 'momentum(1)': expected momentum(μ) with 0 ≤ μ \
         < 1; see `--help`",
    ),
    (
        "--optimizer adamw --learning-rate 100",
        "learning rate is 100: expected below 1/λ of adamw(0.9,0.999,1e-8,0.01)",
    ),
    (
        "--cost categorical-cross-entropy",
        "cost categorical-cross-entropy can't follow output activation sigmoid: it takes softmax",
    ),
    ("--activation softmax", "layer 1 can't be softmax, which is for the output layer only"),
    ("--layers 20", "--layers 20: expected at least two layers, the inputs and the outputs, such as 20,3"),
    ("--layers 784,3,10", "--layers 784,3,10: expected 20 first, the inputs (4×5), and 3 last, the classes"),
    (
        "--hidden 3 --layers 20,3",
        "the argument '--hidden <N,…>' cannot be used with '--layers <N,…>'; see `--help`",
    ),
    (
        "--layers 20,3 --activation relu",
        "--activation relu: there is no hidden layer; --output-activation sets that of the output",
    ),
    (
        "--validation-split 1",
        "invalid value '1' for '--validation-split <F>': expected a number between 0 and 1, such as 0.1; see `--help`",
    ),
    (
        "--validation-split 0.001",
        "--validation-split 0.001: fraction for validation: expected between 0 and 1, leaving some of 205 examples on \
         each side, found 0.001",
    ),
    (
        "--task regresion",
        "invalid value 'regresion' for '--task <TASK>'; possible values: classification, regression; tip: a similar \
         value exists: 'regression'; see `--help`",
    ),
    ("--dataset synthetic", "--dataset synthetic is drawn in memory: leave out --data or --dataset"),
    ("--synthetic-size 3,3", "--synthetic-size needs --dataset synthetic"),
    (
        "--synthetic-size 0,3",
        "invalid value '0,3' for '--synthetic-size <N,N>': expected two numbers from 1 to 5000000, such as \
         60000,10000; see `--help`",
    ),
];

#[test]
fn wrong_options_are_told_in_one_line() {
    let world = World::new();
    for (arguments, message) in WRONG {
        let run = world.run(&format!("train --data set {arguments}"));
        let expected = (Some(2), "", format!("error: {message}"));
        assert_eq!((run.code, &*run.stdout, run.stderr), expected, "{arguments}");
    }
}

#[test]
fn every_choice_is_recorded_and_repeated() {
    let world = World::new();
    let chosen = "--layers 20,9,7,3 --activation leaky-relu(0.25) --output-activation softmax \
                  --cost categorical-cross-entropy --init he-normal --learning-rate 0.1 --validation-split 0.2";
    let events = world.json(&format!("train --data set {chosen} --epochs 3 --checkpoint run.ckpt"));
    assert_eq!(events[0]["activations"].to_string(), r#"["leaky-relu(0.25)","leaky-relu(0.25)","softmax"]"#);
    assert_eq!(
        (&events[0]["training_examples"], &events[0]["validation_examples"]),
        (&164.into(), &41.into())
    );
    assert_eq!(events[1]["validation"]["examples"], 41);
    assert!(events[4]["chosen"]["test"]["accuracy"].as_f64().unwrap() > 0.5);
    let info = &world.json("info run.ckpt")[0];
    assert_eq!(
        (&info["initializer"], &info["cost"]),
        (&"he-normal".into(), &"categorical-cross-entropy".into())
    );
    world.run("verify run.ckpt --data set --validation-split 0.2").succeeded();
    let run = world.run("verify run.ckpt --data set");
    assert!(run.stderr.ends_with("a run that set some aside with --validation-split needs that again"));
    world.run(&format!("train --data set --resume run.ckpt {chosen} --epochs 4")).succeeded();
    let run = world.run("train --data set --resume run.ckpt --validation-split 0.2 --cost mse --init zeros");
    let message = "error: run.ckpt can't go on with other settings: --cost is recorded as categorical-cross-entropy, \
                   asked for is mse; --init is recorded as he-normal, asked for is zeros; leave them out, or start a \
                   new run";
    assert_eq!((run.code, &*run.stderr), (Some(2), message));
}

#[test]
fn every_optimizer_is_recorded_repeated_and_gone_on_with() {
    let world = World::new();
    for (asked, recorded, rate) in [
        ("momentum", "momentum(0.9)", 0.3),
        ("nesterov(0.8)", "nesterov(0.8)", 0.3),
        ("adam(0.9,0.99)", "adam(0.9,0.99,1e-8)", 0.001),
        ("adamw", "adamw(0.9,0.999,1e-8,0.01)", 0.001),
    ] {
        let train = format!("train --data set --hidden 8 --optimizer {asked} --checkpoint run.ckpt");
        let plan = &world.json(&format!("{train} --epochs 4"))[0];
        assert_eq!((&plan["optimizer"], &plan["learning_rate"]), (&recorded.into(), &rate.into()));
        let whole = world.json("info run.ckpt")[0]["compared_hash"].clone();
        world.run("verify run.ckpt --data set --isa portable").succeeded();
        // With the same options, and without.
        world.run(&format!("{train} --epochs 2")).succeeded();
        world.run(&format!("{train} --resume run.ckpt --epochs 3")).succeeded();
        world.run("train --data set --resume run.ckpt --epochs 4 --threads 2").succeeded();
        let info = &world.json("info run.ckpt")[0];
        assert_eq!((&info["optimizer"], &info["compared_hash"]), (&recorded.into(), &whole));
        assert_eq!(info["optimizer_steps"], 4 * TRAINING.div_ceil(16));
    }
    let text = world.run("info run.ckpt");
    let line = "\noptimiser         adamw(0.9,0.999,1e-8,0.01), 2 moments of each parameter after 52 steps\n";
    assert!(text.succeeded().contains(line), "{}", text.stdout);
    let run = world.run("train --data set --resume run.ckpt --optimizer adam --epochs 5");
    let message = "error: run.ckpt can't go on with other settings: --optimizer is recorded as \
                   adamw(0.9,0.999,1e-8,0.01), asked for is adam(0.9,0.999,1e-8); leave them out, or start a new run";
    assert_eq!((run.code, &*run.stderr), (Some(2), message));
}

#[test]
fn synthetic_digits_need_no_files() {
    let world = World::empty();
    let events = world.json(&format!("train {SYNTHETIC} --epochs 1 --checkpoint run.ckpt"));
    assert_eq!(
        (&events[0]["data"], &events[0]["layers"].to_string()[..]),
        (&"synthetic".into(), "[784,32,10]")
    );
    let evaluated = &world.json(&format!("eval run.ckpt {SYNTHETIC}"))[0];
    assert_eq!(evaluated["test"], events[1]["test"]);
}

#[test]
fn values_are_learnt_by_regression() {
    let world = World::new();
    for (name, examples) in [("train", TRAINING), ("t10k", TEST)] {
        let file = world.path(&format!("set/{name}-labels-idx1-ubyte"));
        let values: Vec<f32> = (0..examples).map(|i| (i % 7) as f32 / 7.0).collect();
        write_idx_f32(&mut File::create(file).unwrap(), &[examples], &values).unwrap();
    }
    let events = world.json("train --data set --task regression --epochs 3 --checkpoint run.ckpt");
    assert_eq!(events[0]["activations"].to_string(), r#"["sigmoid","identity"]"#);
    let test = &events[3]["test"];
    // The quadratic cost is half the mean square.
    let rmse = test["rmse"].as_f64().unwrap();
    assert!((rmse * rmse / 2.0 - test["cost"].as_f64().unwrap()).abs() < 1e-6, "{test}");
    assert_eq!(&world.json("eval run.ckpt --data set")[0]["test"], test);
    world.run("verify run.ckpt --data set").succeeded();
}

#[test]
fn the_gradients_are_checked() {
    let checked = &World::empty().json("gradcheck --threads 1")[0];
    assert_eq!(checked["passed"], true);
    assert!(checked["pairs"].as_array().unwrap().len() > 40);
}
