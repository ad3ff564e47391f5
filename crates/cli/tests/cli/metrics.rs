//! Metrics and findings, as `eval` and the end of `train` show them, and `--inspect`.

use crate::world::{TEST, TRAINING, World, figure};
use minibatch_data::{write_idx_f32, write_idx_u8};
use serde_json::Value;
use std::fs::{self, File};

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --epochs 4 --checkpoint run.ckpt";

/// The columns of a line.
fn columns(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn percent(value: &Value) -> String {
    format!("{:.2}%", 100.0 * value.as_f64().unwrap())
}

#[test]
fn the_end_of_train_and_eval_measure_alike() {
    let world = World::new();
    let end = world.json(TRAIN).pop().unwrap();
    let evaluated = &world.json("eval run.ckpt --data set")[0];
    assert_eq!(evaluated["metrics"], end["metrics"]);
    let classes = &evaluated["metrics"]["classes"];
    assert_eq!(classes["accuracy"], evaluated["test"]["accuracy"]);
    let confusion = classes["confusion"].as_array().unwrap();
    let counts = |row: &Value| row.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>();
    assert_eq!(confusion.iter().map(counts).sum::<u64>(), TEST as u64);
    for threads in 1..=3 {
        assert_eq!(&world.json(&format!("eval run.ckpt --data set --threads {threads}"))[0], evaluated);
    }

    let text = world.run("eval run.ckpt --data set").succeeded().to_owned();
    let (summary, tables) = text.split_once("\n\n").unwrap();
    let (scores, matrix) = tables.split_once("\n\n").unwrap();
    let rows: Vec<_> = summary.lines().skip(6).collect();
    let top = &classes["top"][0];
    assert_eq!((&top["k"], classes["top"].as_array().unwrap().len()), (&2.into(), 1));
    let expected = [
        format!("top-k accuracy    top-2 {}", percent(&top["accuracy"])),
        format!("log loss          {}", figure(&classes["log_loss"])),
        format!("calibration       expected error {}", figure(&classes["calibration_error"])),
    ];
    assert_eq!(rows, expected);

    let scores: Vec<_> = scores.lines().map(columns).collect();
    assert_eq!(scores[0], ["class", "precision", "recall", "F1", "examples"]);
    let by_class = classes["by_class"].as_array().unwrap();
    assert_eq!(scores.len(), 1 + by_class.len() + 2);
    for (line, score) in scores[1..].iter().zip(by_class) {
        let [precision, recall, f1] = ["precision", "recall", "f1"].map(|name| percent(&score[name]));
        assert_eq!(line[..4], [&score["class"].to_string(), &precision, &recall, &f1]);
        assert_eq!(line[4], score["support"].to_string());
    }
    for (line, name) in scores[4..].iter().zip(["macro", "weighted"]) {
        let mean = &classes[format!("{name}_mean")];
        let [precision, recall, f1] = ["precision", "recall", "f1"].map(|name| percent(&mean[name]));
        assert_eq!(*line, [name, &precision, &recall, &f1, &TEST.to_string()]);
    }
    let matrix: Vec<_> = matrix.lines().map(columns).collect();
    assert_eq!(matrix[1], ["0", "1", "2"]);
    for (class, (line, row)) in matrix[2..].iter().zip(confusion).enumerate() {
        let cells =
            row.as_array().unwrap().iter().map(|n| if *n == 0 { "·".to_owned() } else { n.to_string() });
        assert_eq!(*line, [class.to_string()].into_iter().chain(cells).collect::<Vec<_>>());
    }

    let text = world.run(&TRAIN.replace(" --checkpoint run.ckpt", ""));
    let line = text.succeeded().lines().find(|line| line.starts_with("Test set: ")).unwrap();
    let worst = by_class
        .iter()
        .min_by(|a, b| a["recall"].as_f64().unwrap().total_cmp(&b["recall"].as_f64().unwrap()));
    let worst = worst.unwrap();
    let expected = format!(
        "Test set: log loss {}, top-2 {}, mean F1 {}; lowest recall {}, of class {}.",
        figure(&classes["log_loss"]),
        percent(&top["accuracy"]),
        percent(&classes["macro_mean"]["f1"]),
        percent(&worst["recall"]),
        worst["class"],
    );
    assert_eq!(line, expected);
}

/// Writes a set of 25 classes, whose examples are of three inputs.
fn write_many_classes(world: &World) {
    fs::create_dir(world.path("many")).unwrap();
    for (half, examples) in [("train", 200), ("t10k", 100)] {
        let create = |kind: &str| File::create(world.path(&format!("many/{half}-{kind}-ubyte"))).unwrap();
        let inputs: Vec<u8> = (0..3 * examples).map(|i| (i * 37 % 251) as u8).collect();
        let labels: Vec<u8> = (0..examples).map(|i| (i % 25) as u8).collect();
        write_idx_u8(&mut create("images-idx3"), &[examples, 1, 3], &inputs).unwrap();
        write_idx_u8(&mut create("labels-idx1"), &[examples], &labels).unwrap();
    }
}

#[test]
fn of_many_classes_the_worst_are_shown() {
    let world = World::empty();
    write_many_classes(&world);
    world.run("train --data many --hidden 50 --epochs 1 --checkpoint run.ckpt").succeeded();
    let text = world.run("eval run.ckpt --data many").succeeded().to_owned();
    assert!(text.contains("\nthe 20 of 25 classes with the lowest recall\n"), "{text}");
    let (_, mistakes) = text.split_once("\nthe most frequent mistakes\n").unwrap();
    let classes = &world.json("eval run.ckpt --data many")[0]["metrics"]["classes"];
    let first = &classes["mistakes"][0];
    assert_eq!(
        columns(mistakes.lines().nth(1).unwrap()),
        ["class", "answer", "examples"].map(|name| first[name].to_string())
    );
    assert_eq!(classes["confusion"].as_array().unwrap().len(), 25);
}

/// Two values: the first is large and easily learnt, the second is tiny beside the network's errors.
fn write_values(world: &World) {
    for (half, examples) in [("train", TRAINING), ("t10k", TEST)] {
        let labels = fs::read(world.path(&format!("set/{half}-labels-idx1-ubyte"))).unwrap();
        let labels = labels[8..].iter().enumerate();
        let values: Vec<f32> =
            labels.flat_map(|(i, &class)| [10.0 * f32::from(class), 1e-4 * (i % 3) as f32]).collect();
        let mut file = File::create(world.path(&format!("set/{half}-labels-idx1-ubyte"))).unwrap();
        write_idx_f32(&mut file, &[examples, 2], &values).unwrap();
    }
}

#[test]
fn a_wild_output_is_not_hidden_by_a_good_one() {
    let world = World::new();
    write_values(&world);
    let train = "train --data set --recipe tutorial --task regression --hidden 8 --epochs 20 --learning-rate 0.01 --seed 1 --checkpoint run.ckpt";
    let end = world.json(train).pop().unwrap();
    let evaluated = &world.json("eval run.ckpt --data set")[0];
    assert_eq!(evaluated["metrics"], end["metrics"]);
    let (test, values) = (&evaluated["test"], &evaluated["metrics"]["values"]);
    let r_squared = |fit: &Value| fit["r_squared"].as_f64().unwrap();
    let [first, second] = [0, 1].map(|output| r_squared(&values["by_output"][output]));
    assert!(first > 0.9 && second < -1000.0, "{first}, {second}");
    assert!((r_squared(test) - (first + second) / 2.0).abs() < 1e-6 * second.abs(), "{test}");
    assert_eq!(test["r_squared"], values["mean"]["r_squared"]);
    // Taken together, the outputs look well learnt: the squares of the first are nearly all there is.
    let rmse = test["rmse"].as_f64().unwrap();
    let pooled =
        1.0 - 2.0 * rmse * rmse / (values["by_output"][0]["rmse"].as_f64().unwrap().powi(2) / (1.0 - first));
    assert!(pooled > 0.9, "{pooled}");

    let text = world.run("eval run.ckpt --data set").succeeded().to_owned();
    let (summary, table) = text.split_once("\n\n").unwrap();
    assert!(summary.lines().last().unwrap().contains(", R² -"), "{summary}");
    let table: Vec<_> = table.lines().map(columns).collect();
    assert_eq!(table[0], ["output", "RMSE", "MAE", "R²"]);
    assert_eq!((table[1][0], table[2][0], table[3][0], table.len()), ("0", "1", "mean", 4));
    assert_eq!(table[1][1..], ["rmse", "mae", "r_squared"].map(|name| figure(&values["by_output"][0][name])));
    assert!(table[2][3].starts_with('-') && table[2][3].contains(','), "{table:?}");
    let text = world.run(&train.replace(" --checkpoint run.ckpt", "")).succeeded().to_owned();
    assert!(text.contains("\nTest set: lowest R² -") && text.contains(", of output 1 (RMSE 0."), "{text}");
    // The history is repeated with the same R².
    world.run("verify run.ckpt --data set").succeeded();
}

/// A checkpoint of an early build has the R² of all outputs together.
#[test]
fn a_recorded_r_squared_of_all_outputs_is_no_difference() {
    let world = World::new();
    write_values(&world);
    world.run("train --data set --task regression --hidden 8 --epochs 2 --checkpoint run.ckpt").succeeded();
    let path = world.path("run.ckpt");
    let mut old = minibatch::Checkpoint::load(&path).unwrap();
    for epoch in &mut old.history {
        let test = epoch.test.as_mut().unwrap();
        test.score = minibatch::Score::Values(minibatch::Fit { r_squared: 0.97, ..test.fit().unwrap() });
    }
    old.save(&path).unwrap();
    world.run("verify run.ckpt --data set").succeeded();
    let mut forged = old.clone();
    let test = forged.history[1].test.as_mut().unwrap();
    test.score = minibatch::Score::Values(minibatch::Fit { mae: 0.5, ..test.fit().unwrap() });
    forged.save(&path).unwrap();
    assert_eq!(world.run("verify run.ckpt --data set").code, Some(1));
}

/// Weights that are 0 and hardly move: one class is answered, the cost stays, rectifiers are dead.
#[test]
fn what_went_wrong_is_told() {
    let world = World::new();
    let train = "train --data set --recipe tutorial --hidden 8 --activation relu --init zeros --learning-rate 1e-30 --epochs 7";
    let run = world.run(&format!("{train} --checkpoint run.ckpt"));
    run.succeeded();
    let labels = fs::read(world.path("set/t10k-labels-idx1-ubyte")).unwrap();
    let of_class = |class| labels[8..].iter().filter(|label| **label == class).count();
    // The answer is the first of equal outputs.
    let classes = [1, 2].map(|class| {
        let examples = of_class(class);
        assert!(examples >= 10);
        format!(
            "note: class {class} is never answered, though {examples} of 60 test examples are of it; more examples of it in \
             training, --class-weights balanced or another --seed may help"
        )
    });
    let lowest = figure(&world.json(train)[1]["cost"]);
    let expected = [
        classes[0].clone(),
        classes[1].clone(),
        format!(
            "note: the training cost hasn't fallen for 6 epochs, its lowest was {lowest}; another --learning-rate may help, \
             usually a smaller one"
        ),
        "note: of the 8 units of layer 1, 8 dead (0 for each example), tried on 205 training examples; a smaller \
         --learning-rate or --activation leaky-relu may help"
            .to_owned(),
    ];
    assert_eq!(run.stderr.lines().collect::<Vec<_>>(), expected);
    let findings = world.json(train).pop().unwrap()["findings"].clone();
    let kinds: Vec<&str> =
        findings.as_array().unwrap().iter().map(|f| f["finding"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["neglected-class", "neglected-class", "stalled-cost", "idle-units"]);
    let eval = world.run("eval run.ckpt --data set");
    assert_eq!((eval.code, eval.stderr), (Some(0), classes.join("\n")));

    // A run that learns has none.
    let run = world.run("train --data set --recipe tutorial --hidden 8 --epochs 4");
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
}

#[test]
fn layers_are_inspected_after_each_epoch() {
    let world = World::new();
    let plain = world.json("train --data set --recipe tutorial --hidden 8 --epochs 3 --optimizer adam");
    let inspected =
        world.json("train --data set --recipe tutorial --hidden 8 --epochs 3 --optimizer adam --inspect");
    assert_eq!(inspected[4]["weight_hash"], plain[4]["weight_hash"]);
    for (with, without) in inspected[1..4].iter().zip(&plain[1..4]) {
        assert_eq!((&with["cost"], without.get("layers")), (&without["cost"], None));
        let layers = with["layers"].as_array().unwrap();
        assert_eq!(layers.iter().map(|layer| layer["units"].as_u64().unwrap()).collect::<Vec<_>>(), [8, 3]);
        for layer in layers {
            let number = |name: &str| layer[name].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&number("flat")) && number("error") > 0.0, "{layer}");
            assert!(number("update") > 0.0 && number("update") < 1.0, "{layer}");
        }
    }
    let run =
        world.run("train --data set --recipe tutorial --hidden 8 --epochs 2 --optimizer adam --inspect");
    let lines: Vec<&str> = run.succeeded().lines().filter(|line| line.starts_with("  layer ")).collect();
    assert_eq!(lines.len(), 4);
    let layer = &inspected[2]["layers"][1];
    let expected = format!(
        "layer 2 |σ′| < 0.01 at {}, dead {} and saturated {} of 3 ‖δ‖ {} ‖ΔW‖/‖W‖ {}",
        percent(&layer["flat"]),
        layer["dead"],
        layer["saturated"],
        figure(&layer["error"]),
        figure(&layer["update"]),
    );
    assert_eq!(columns(lines[3]).join(" "), expected);
}
