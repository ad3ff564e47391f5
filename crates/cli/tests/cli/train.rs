//! `minibatch train`.

use crate::world::{Run, TEST, TRAINING, World, figure};
use minibatch::Isa;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// A run of enough epochs to tell the classes apart.
const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --epochs 4";

const PLAN: &str = "\
data              set
training set      205 images of 4×5, 3 classes
test set          60 images of 4×5, evaluated after every epoch
network           20-8-6-3, 243 parameters
activation        sigmoid in every layer
cost              quadratic, ½‖a − y‖² averaged over the minibatch
optimiser         plain stochastic gradient descent
learning rate η   0.5
minibatch size B  10 (21 steps an epoch, reshuffled every epoch)
epochs            2
initial values    weights and biases from N(0, 1)
seed              7
threads           1
instruction set   portable
checkpoint        none
recipe            tutorial
";

#[test]
fn the_plan_says_every_setting() {
    let run = World::new().run(
        "train --data set --recipe tutorial --hidden 8,6 --learning-rate 0.5 --batch-size 10 --epochs 2 --seed 7 --threads 1 --isa portable",
    );
    let (plan, _) = run.succeeded().split_once("\n\n").unwrap();
    assert_eq!(plan, PLAN.trim_end());
}

#[test]
fn the_defaults_are_the_article_s() {
    let world = World::new();
    let plan = &world.json("train --data set")[0];
    for (setting, expected) in [
        ("layers", "[20,32,3]"),
        ("activations", r#"["sigmoid","sigmoid"]"#),
        ("cost", r#""quadratic""#),
        ("optimizer", r#""sgd""#),
        ("learning_rate", "3.0"),
        ("batch_size", "16"),
        ("epochs", "30"),
        ("initializer", r#""standard-normal""#),
        ("checkpoint", "null"),
    ] {
        assert_eq!(plan[setting].to_string(), expected, "{setting}");
    }
}

#[test]
fn a_line_per_epoch_then_the_end() {
    let world = World::new();
    let run = world.run(TRAIN);
    let (_, epochs_and_end) = run.succeeded().split_once("\n\n").unwrap();
    let (epochs, end) = epochs_and_end.split_once("\n\n").unwrap();
    let events = world.json(TRAIN);
    let lines: Vec<&str> = epochs.lines().collect();
    assert_eq!(lines.len(), 4);
    for (line, event) in lines.iter().zip(&events[1..]) {
        let (start, rate) = line.strip_suffix(" samples/s").unwrap().rsplit_once(' ').unwrap();
        assert!(rate.replace(',', "").parse::<f64>().unwrap() > 0.0, "{line}");
        let test = &event["test"];
        let accuracy = 100.0 * test["correct"].as_f64().unwrap() / TEST as f64;
        let expected = format!(
            "epoch {}/4 cost {} test accuracy {accuracy:.2}% ({}/{TEST})",
            event["epoch"],
            figure(&event["cost"]),
            test["correct"],
        );
        assert_eq!(start.split_whitespace().collect::<Vec<_>>().join(" "), expected);
    }
    let hash = events[5]["weight_hash"].as_str().unwrap();
    let [time, metrics, saved] = end.lines().collect::<Vec<_>>()[..] else { panic!("{end}") };
    assert!(time.starts_with("Trained in 0."), "{time}");
    assert!(metrics.starts_with("Test set: log loss "), "{metrics}");
    assert_eq!(saved, format!("Nothing saved (`--checkpoint FILE` keeps the network), weight hash {hash}."));
}

#[test]
fn json_lines_tell_the_run() {
    let events = World::new().json(TRAIN);
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["plan", "epoch", "epoch", "epoch", "epoch", "end"]);
    assert_eq!(events[0]["training_examples"], TRAINING);
    let (epochs, end) = (&events[1..5], &events[5]);
    let costs: Vec<f64> = epochs.iter().map(|epoch| epoch["cost"].as_f64().unwrap()).collect();
    assert!(costs.is_sorted_by(|a, b| a > b), "{costs:?}");
    let best = epochs.iter().map(|epoch| epoch["test"]["accuracy"].as_f64().unwrap()).fold(0.0, f64::max);
    assert!(best > 0.9, "{best}");
    assert_eq!(end["best_test_accuracy"], best);
    assert!(end["seconds"].as_f64() > end["training_seconds"].as_f64());
    assert_eq!(end["saved"], Value::Null);
}

/// The results of a run that must not depend on the machine.
fn results(events: &[Value]) -> Vec<Value> {
    let field = |name: &str| events.iter().map(|event| event[name].clone()).collect::<Vec<_>>();
    ["cost", "test", "metrics", "weight_hash"].iter().flat_map(|name| field(name)).collect()
}

#[test]
fn threads_and_instruction_sets_change_no_digit() {
    let world = World::new();
    let run = |options: &str| results(&world.json(&format!("{TRAIN} {options}")));
    let expected = run("--threads 1 --isa portable");
    for isa in Isa::fused() {
        for threads in 1..=3 {
            let options = format!("--threads {threads} --isa {isa}");
            assert_eq!(run(&options), expected, "{options}");
        }
    }
    assert_ne!(run("--seed 1"), expected);
}

#[test]
fn the_second_opinion_trains_too() {
    let events = World::new().json(&format!("{TRAIN} --isa matrixmultiply"));
    assert!(events[5]["best_test_accuracy"].as_f64().unwrap() > 0.9);
}

#[test]
fn no_progress_bar_in_a_pipe() {
    let run = World::new().run(TRAIN);
    assert!(!run.succeeded().contains(['\r', '\x1b', '━']));
}

#[test]
fn a_named_dataset_lies_in_data() {
    let world = World::empty();
    world.write_set("data/fashion-mnist");
    let plan = &world.json("train --dataset fashion-mnist --epochs 1")[0];
    assert_eq!(plan["data"], "data/fashion-mnist");
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let world = World::new();
    let mut command = world.command("train --data set --recipe tutorial --epochs 1000000 --threads 1");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "data              set\n");
    let run = Run::new(child.wait_with_output().unwrap());
    assert_eq!((run.code, &*run.stderr), (Some(141), ""));
}

#[test]
fn nobody_to_complain_to_is_no_reason_to_panic() {
    for (arguments, code) in [("train --epochs 0", 2), ("train --data nowhere", 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = World::empty().command(arguments).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_can_t_be_written_is_an_error() {
    let world = World::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let run = Run::new(world.command("train --data set").stdout(full).output().unwrap());
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.starts_with("error: cannot write to standard output: No space left"),
        "{}",
        run.stderr
    );
}
