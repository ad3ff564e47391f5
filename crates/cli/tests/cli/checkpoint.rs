//! `--checkpoint`, `minibatch eval` and `minibatch info`.

use crate::world::{World, figure};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --epochs 3 --seed 5 --checkpoint run.ckpt";

#[test]
fn what_was_saved_is_what_was_trained() {
    let world = World::new();
    let events = world.json(TRAIN);
    let [plan, epochs @ .., end] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&plan["checkpoint"], &end["saved"]), (&"run.ckpt".into(), &"run.ckpt".into()));

    let evaluation = &world.json("eval run.ckpt --data set")[0];
    assert_eq!((&evaluation["event"], &evaluation["epochs"]), (&"evaluation".into(), &3.into()));
    assert_eq!(evaluation["test"], epochs[2]["test"]);

    let info = &world.json("info run.ckpt")[0];
    assert_eq!(info["weight_hash"], end["weight_hash"]);
    assert_eq!(info["history"].as_array().unwrap(), epochs);
    for setting in ["parameters", "cost", "optimizer", "learning_rate", "batch_size", "epochs", "seed"] {
        assert_eq!(info[setting], plan[setting], "{setting}");
    }
    assert_eq!((&info["initializer"], &info["initializer_seed"]), (&plan["initializer"], &plan["seed"]));
}

#[test]
fn info_and_eval_read_well() {
    let world = World::new();
    let trained = world.run(TRAIN).succeeded().to_owned();
    assert!(trained.contains("\ncheckpoint        run.ckpt after every epoch\n"), "{trained}");
    assert!(trained.contains("\nSaved run.ckpt, weight hash "), "{trained}");
    let json = &world.json("info run.ckpt")[0];
    let text = |name: &str| json[name].as_str().unwrap();
    let expected = format!(
        "\
checkpoint        run.ckpt
network           20-8-3, 195 parameters
  layer 1         20 → 8, sigmoid, 168 parameters
  layer 2         8 → 3, sigmoid, 27 parameters
cost              quadratic, ½‖a − y‖² averaged over the minibatch
optimiser         plain stochastic gradient descent
learning rate η   3
minibatch size B  16
epochs            3 of 3
initial values    weights and biases from N(0, 1), seed 5
seed              5
arithmetic        {}
training data     205 examples, fingerprint {}
weight hash       {}
compared hash     {}

",
        text("arithmetic"),
        text("data_fingerprint"),
        text("weight_hash"),
        text("compared_hash"),
    );
    // `info` prints the epochs as training did.
    let (_, epochs) = trained.split_once("\n\n").unwrap();
    let (epochs, _) = epochs.split_once("\n\n").unwrap();
    assert_eq!(world.run("info run.ckpt").succeeded(), format!("{expected}{epochs}\n"));

    let test = &json["history"][2]["test"];
    let (cost, accuracy) = (figure(&test["cost"]), 100.0 * test["accuracy"].as_f64().unwrap());
    let expected = format!(
        "\
checkpoint        run.ckpt, trained for 3 epochs
network           20-8-3
data              set
test set          60 images of 4×5
cost              {cost}
test accuracy     {accuracy:.2}% ({}/60)
",
        test["correct"]
    );
    // The tables that follow are tested in metrics.rs.
    let evaluated = world.run("eval run.ckpt --data set");
    assert!(evaluated.succeeded().starts_with(&expected), "{}", evaluated.stdout);
}

#[test]
fn an_epoch_that_is_printed_is_saved() {
    let world = World::new();
    let mut command = world.command(&TRAIN.replace("--epochs 3", "--epochs 1000000 --json"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _plan = lines.next().unwrap().unwrap();
    let epoch = lines.next().unwrap().unwrap();
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(141));
    let info = &world.json("info run.ckpt")[0];
    assert_eq!(info["history"][0], serde_json::from_str::<serde_json::Value>(&epoch).unwrap());
}

#[test]
fn a_file_that_another_run_writes_is_left_alone() {
    let world = World::new();
    let _lock = minibatch::checkpoint::Lock::acquire(&world.path("run.ckpt")).unwrap();
    let run = world.run(TRAIN);
    let message = format!(
        "error: run.ckpt is being written by another run (process {}): wait for it to end or choose another file",
        std::process::id()
    );
    assert_eq!((run.code, &*run.stdout, run.stderr), (Some(1), "", message));
}
