//! `train --early-stopping`, to the end and across interruptions.

use crate::world::World;
use serde_json::Value;
use std::fs;

const TRAIN: &str =
    "train --data set --recipe tutorial --hidden 8 --validation-split 0.3 --learning-rate 30 --seed 5";

/// The epochs of a run's events, and its end.
fn parts(events: &[Value]) -> (&[Value], &Value) {
    let (end, rest) = events.split_last().unwrap();
    (&rest[1..], end)
}

#[test]
fn a_run_stops_early_and_answers_with_its_best_epoch() {
    let world = World::new();
    let train = format!("{TRAIN} --monitor accuracy --epochs 60");
    let events = world.json(&format!("{train} --early-stopping 3 --keep 1 --checkpoint run.ckpt"));
    let (epochs, end) = parts(&events);
    let figures: Vec<f64> =
        epochs.iter().map(|epoch| epoch["validation"]["accuracy"].as_f64().unwrap()).collect();
    let largest = figures.iter().copied().fold(0.0, f64::max);
    let best = 1 + figures.iter().position(|figure| *figure == largest).unwrap();
    assert_eq!((figures.len(), &end["stopped_early"]), (best + 3, &true.into()), "{figures:?}");
    assert_eq!((&end["result_epoch"], &end["chosen"]["epoch"]), (&best.into(), &best.into()));

    // Training answers are counted, and shown.
    assert!(epochs.iter().all(|epoch| epoch["accuracy"].as_f64().is_some_and(|accuracy| accuracy <= 1.0)));
    let last = epochs.last().unwrap();
    let accuracy = last["correct"].as_f64().unwrap() / 143.0;
    assert!((last["accuracy"].as_f64().unwrap() - accuracy).abs() < 1e-9, "{last}");
    let line = format!("  accuracy {:>5.2}%  ", 100.0 * last["accuracy"].as_f64().unwrap());
    assert!(world.run("info run.ckpt").succeeded().contains(&line));

    // What reads the file answers with that epoch, and so does the file of the best epoch.
    let info = |file: &str| world.json(&format!("info {file}")).remove(0);
    assert_eq!(info("run.ckpt")["weight_hash"], end["weight_hash"]);
    assert_eq!(info("run.ckpt")["result_epoch"], best);
    let kept = info("run.best.ckpt");
    assert_eq!((&kept["weight_hash"], &kept["result_epoch"]), (&end["weight_hash"], &best.into()));
    assert_eq!(kept["history"].as_array().unwrap().len(), best);
    let eval = &world.json("eval run.ckpt --data set")[0];
    assert_eq!((&eval["test"], &eval["epochs"]), (&epochs[best - 1]["test"], &best.into()));
    let predict = |file: &str| world.json(&format!("predict {file} --data set --index 0,1,2"));
    assert_eq!(predict("run.ckpt")[1]["classes"], predict("run.best.ckpt")[1]["classes"]);
    world.run("verify run.ckpt --data set --validation-split 0.3 --threads 1").succeeded();
    let text = world.run("info run.ckpt");
    let line = format!(", of the weights after epoch {best}, the best\n");
    assert!(text.succeeded().contains(&line), "{}", text.stdout);
    let line = "early stopping    after 3 epochs without a gain of the validation accuracy, the best weights restored\n";
    assert!(text.stdout.contains(line), "{}", text.stdout);

    // The run has ended, and is told why.
    let before = info("run.ckpt")["compared_hash"].clone();
    let resume = "train --data set --recipe tutorial --validation-split 0.3 --resume run.ckpt";
    let run = world.run(resume);
    let line = format!(
        "\nStopped early: 3 epochs without a gain of the validation accuracy since epoch {best}; `--early-stopping` with more of \
         them goes on.\n"
    );
    assert!(run.succeeded().contains(&line) && !run.stdout.contains("\nepoch 1"), "{}", run.stdout);
    assert_eq!(info("run.ckpt")["compared_hash"], before);

    // With more patience it ends as a run that had it from the start.
    let more = world.json(&format!("{resume} --early-stopping 6"));
    assert!(more.len() > 2, "it goes on: {more:?}");
    world.json(&format!("{train} --early-stopping 6 --checkpoint patient.ckpt"));
    assert_eq!(info("run.ckpt")["compared_hash"], info("patient.ckpt")["compared_hash"]);
}

#[test]
fn an_extended_run_stops_where_an_uninterrupted_one_does() {
    let world = World::new();
    let stopping = "--early-stopping 2 --least-gain 0.01 --monitor accuracy";
    let hash = |file: &str| world.json(&format!("info {file}"))[0]["compared_hash"].clone();
    let events = world.json(&format!("{TRAIN} --epochs 40 {stopping} --checkpoint whole.ckpt"));
    let epochs = parts(&events).0.len();
    assert!(2 < epochs && epochs < 40, "{epochs}");
    for cut in 1..epochs {
        let file = format!("cut{cut}.ckpt");
        let events = world.json(&format!("{TRAIN} --epochs {cut} {stopping} --checkpoint {file}"));
        assert_eq!(parts(&events).1["stopped_early"], false);
        world
            .run(&format!("train --data set --recipe tutorial --validation-split 0.3 --resume {file} --epochs 40 --threads 1"))
            .succeeded();
        assert_eq!(hash(&file), hash("whole.ckpt"), "cut after epoch {cut}");
    }
}

#[test]
fn the_rule_of_a_recorded_run_stays() {
    let world = World::new();
    let train = format!("{TRAIN} --epochs 1");
    world.run(&format!("{train} --early-stopping 2 --checkpoint run.ckpt")).succeeded();
    world.run(&format!("{train} --checkpoint plain.ckpt")).succeeded();
    let resume = "train --data set --recipe tutorial --validation-split 0.3 --epochs 2 --resume";
    for (options, message) in [
        ("run.ckpt --monitor accuracy", "--monitor is recorded as cost, asked for is accuracy"),
        ("run.ckpt --least-gain 1", "--least-gain is recorded as 0, asked for is 1"),
        ("plain.ckpt --early-stopping 3", "--early-stopping is recorded as none, asked for is 3"),
    ] {
        let run = world.run(&format!("{resume} {options}"));
        assert!(run.code == Some(2) && run.stderr.contains(message), "{options}: {}", run.stderr);
    }
    world.run(&format!("{resume} run.ckpt --early-stopping 2 --monitor cost")).succeeded();
}

/// Results that are equal have the name of one epoch, in the text and in JSON: the restored one, or else the chosen one.
#[test]
fn of_equal_results_one_epoch_is_named() {
    let world = World::new();
    let rows: String = (0..120).map(|i| format!("{}.{},{}\n", i % 2, i % 7, ["no", "yes"][i % 2])).collect();
    fs::write(world.path("easy.csv"), format!("x,y\n{rows}")).unwrap();
    let mut told_apart = 0;
    for (options, answers_with) in [
        // The last of equal validation errors, by the recipe.
        ("easy.csv --target y --recipe realmlp --test-split 0.3 --epochs 6", Some(6)),
        // The epoch of the lowest validation cost, which comes after others with the same accuracy.
        ("set --recipe tutorial --epochs 12 --validation-split 0.3 --early-stopping 12", None),
        // The first of equal validation accuracies, and no epoch restored.
        ("set --recipe tutorial --epochs 12 --validation-split 0.3 --seed 2", None),
        ("set --recipe tutorial --epochs 12 --validation-split 0.3 --seed 3", None),
    ] {
        let events = world.json(&format!("train {options}"));
        let (epochs, end) = parts(&events);
        let test = |number: usize| epochs[number - 1]["test"]["accuracy"].as_f64().unwrap();
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let (best, chosen) = (number(&end["best_epoch"]), number(&end["chosen"]["epoch"]));
        let largest = (1..=epochs.len()).map(test).fold(0.0, f64::max);
        assert_eq!((test(best), &end["best_test_accuracy"]), (largest, &largest.into()), "{options}");
        assert!(best == chosen || test(chosen) < largest, "{options}: {best} and {chosen}");
        if let Some(restored) = end.get("result_epoch") {
            assert_eq!(number(restored), chosen, "{options}");
        }
        assert!(answers_with.is_none_or(|expected| chosen == expected), "{options}: {chosen}");
        // The first of the best on the test set is another epoch, which was named before.
        let first = (1..=epochs.len()).find(|&epoch| test(epoch) == largest).unwrap();
        told_apart += usize::from(first != best);
        let text = world.run(&format!("train {options}"));
        let lines = [format!(", after epoch {best}.\n"), format!("\nBest by validation: epoch {chosen}, ")];
        assert!(lines.iter().all(|line| text.succeeded().contains(line)), "{options}: {}", text.stdout);
    }
    assert!(told_apart >= 2, "{told_apart} of the runs have such ties");
    let text = world.run("train easy.csv --target y --recipe realmlp --test-split 0.3 --early-stopping 3");
    let stopped = "\nStopped early: 3 epochs without a gain of the validation accuracy; ";
    assert!(text.succeeded().contains(stopped), "{}", text.stdout);
}
