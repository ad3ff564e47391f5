//! `train --log`: a row for each epoch.

use crate::world::World;
use serde_json::Value;
use std::fs;

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --seed 5 --epochs 3";

/// The columns that docs/log-format.md describes.
const COLUMNS: [&str; 14] = [
    "time",
    "elapsed",
    "epoch",
    "step",
    "learning_rate",
    "training_seconds",
    "cost",
    "accuracy",
    "validation_cost",
    "validation_accuracy",
    "validation_rmse",
    "test_cost",
    "test_accuracy",
    "test_rmse",
];

/// The rows of a log of JSON lines.
fn rows(world: &World, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(world.path(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn rows_are_the_epochs_that_are_printed() {
    let world = World::new();
    let events = world.json(&format!("{TRAIN} --validation-split 0.15 --log run.jsonl"));
    let epochs: Vec<_> = events.iter().filter(|event| event["event"] == "epoch").collect();
    let rows = rows(&world, "run.jsonl");
    assert_eq!((rows.len(), epochs.len()), (3, 3));
    for (row, epoch) in rows.iter().zip(epochs) {
        let columns: Vec<_> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(COLUMNS.iter().all(|column| columns.contains(column)), "{columns:?}");
        assert_eq!(columns.len(), COLUMNS.len());
        assert_eq!(row["epoch"], epoch["epoch"]);
        assert_eq!(row["step"].as_u64().unwrap(), 11 * row["epoch"].as_u64().unwrap());
        assert_eq!(row["learning_rate"], 3.0);
        assert_eq!(row["cost"], epoch["cost"]);
        for set in ["validation", "test"] {
            assert_eq!(row[format!("{set}_cost")], epoch[set]["cost"]);
            assert_eq!(row[format!("{set}_accuracy")], epoch[set]["accuracy"]);
            assert_eq!(row[format!("{set}_rmse")], Value::Null);
        }
    }
    let times: Vec<_> = rows.iter().map(|row| row["time"].as_f64().unwrap()).collect();
    assert!(times.is_sorted() && times[0] > 1.7e9, "{times:?}");
}

#[test]
fn csv_has_a_header_and_the_same_numbers() {
    let world = World::new();
    world.run(&format!("{TRAIN} --log run.csv")).succeeded();
    world.run(&format!("{TRAIN} --log run.jsonl")).succeeded();
    let text = fs::read_to_string(world.path("run.csv")).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), &lines[0][..]), (4, &COLUMNS[..]));
    for (line, row) in lines[1..].iter().zip(rows(&world, "run.jsonl")) {
        for (cell, column) in line.iter().zip(COLUMNS).filter(|(_, column)| !is_time(column)) {
            let (cell, number) = (cell.parse().ok(), row[column].as_f64());
            // This reader of JSON may be one unit off in the last digit.
            let is_same = |(a, b): (f64, f64)| (a - b).abs() <= 1e-15 * b.abs();
            assert!(
                cell == number || cell.zip(number).is_some_and(is_same),
                "{column}: {cell:?}, {number:?}"
            );
        }
    }
}

/// Whether two runs of the same bits may have different values in a column.
fn is_time(column: &str) -> bool {
    ["time", "elapsed", "training_seconds"].contains(&column)
}

#[test]
fn a_resumed_run_adds_and_a_new_one_leaves_a_log_alone() {
    let world = World::new();
    for ending in ["jsonl", "csv"] {
        let log = format!("--log run.{ending} --checkpoint {ending}.ckpt");
        world.run(&format!("{TRAIN} {log}")).succeeded();
        let before = fs::read_to_string(world.path(&format!("run.{ending}"))).unwrap();
        let refused = world.run(&format!("{TRAIN} --log run.{ending}"));
        let message =
            format!("error: --log run.{ending}: there is a log already; name another file, or remove it");
        assert_eq!((refused.code, refused.stderr), (Some(2), message));
        world
            .run(&format!("train --data set --resume {ending}.ckpt --epochs 5 --log run.{ending}"))
            .succeeded();
        let after = fs::read_to_string(world.path(&format!("run.{ending}"))).unwrap();
        let added = after.strip_prefix(&before).unwrap();
        assert_eq!((added.lines().count(), added.contains("epoch,")), (2, false), "{ending}");
    }
    let epochs: Vec<_> = rows(&world, "run.jsonl").iter().map(|row| row["epoch"].clone()).collect();
    assert_eq!(epochs, [1, 2, 3, 4, 5]);
}

#[test]
fn values_have_root_mean_squared_errors() {
    let world = World::new();
    world.write_values();
    let events = world.json("train --data set --task regression --epochs 1 --log run.jsonl");
    let epoch = events.iter().find(|event| event["event"] == "epoch").unwrap();
    let row = &rows(&world, "run.jsonl")[0];
    assert_eq!((&row["test_rmse"], &row["test_accuracy"]), (&epoch["test"]["rmse"], &Value::Null));
}

#[test]
fn another_ending_is_refused() {
    let world = World::new();
    let refused = world.run(&format!("{TRAIN} --log run.txt"));
    let message = "error: --log run.txt: expected a name that ends with .jsonl or .csv";
    assert_eq!((refused.code, &*refused.stderr), (Some(2), message));
    assert!(!world.path("run.txt").exists());
}
