//! Tables, from a file to an answer: train, eval, predict, resume, verify, info.

use crate::world::World;
use flate2::Compression;
use flate2::write::GzEncoder;
use minibatch::{Checkpoint, Network};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::Stdio;

/// A table whose class follows from a number and a colour.
fn plants() -> String {
    let row = |i: usize| {
        let (length, colour) = ((i * 37 % 100) as f64 / 10.0, ["red", "white", "pink"][i % 3]);
        let species = if length > 5.0 {
            "rose"
        } else if colour == "red" {
            "tulip"
        } else {
            "daisy"
        };
        format!("{length},{colour},{species},{}\n", 20.0 * length + 300.0)
    };
    format!("length,colour,species,price\n{}", (0..150).map(row).collect::<String>())
}

fn world() -> World {
    let world = World::empty();
    fs::write(world.path("plants.csv"), plants()).unwrap();
    world
}

const CLASSES: &str = "train plants.csv --target species --drop price --seed 3";

/// The output of a run that comes to a good end.
fn ok(world: &World, arguments: &str) -> String {
    world.run(arguments).succeeded().to_owned()
}

fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_table_is_learned_and_new_rows_are_answered() {
    let world = world();
    let out = ok(&world, &format!("{CLASSES} --test-split 0.2 --checkpoint run.ckpt"));
    for expected in [
        "training set      120 examples of 4 inputs, 3 classes\n",
        "test set          30 examples of 4 inputs, evaluated after every epoch\n",
        "columns           1 column of numbers and 1 column of categories become 4 inputs, scaling standard\n",
        "target            species: daisy, rose, tulip\n",
    ] {
        assert!(out.contains(expected), "{out}");
    }
    let eval = world.json("eval run.ckpt plants.csv");
    assert!(eval[0]["test"]["accuracy"].as_f64().unwrap() > 0.95, "{eval:?}");
    assert!(ok(&world, "eval run.ckpt plants.csv").contains("\n   tulip "));
    // Other columns, in another order, and one that isn't known.
    fs::write(world.path("new.csv"), "id,colour,length\nA;1,red,1.5\n\"B,2\",white,9\nC,white,0.5\n")
        .unwrap();
    let table = ok(&world, "predict run.ckpt new.csv");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "id,colour,length,predicted_species,output_daisy,output_rose,output_tulip");
    let starts = ["A;1,red,1.5,tulip,", "\"B,2\",white,9,rose,", "C,white,0.5,daisy,"];
    assert!(lines[1..].iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{table}");
    let json = world.json("predict run.ckpt new.csv --top 2");
    assert_eq!((json[1]["row"].as_u64(), json[1]["class"].as_str()), (Some(2), Some("rose")));
    assert_eq!(json[1]["ranked"].as_array().map(Vec::len), Some(2));
    let sum: f64 = lines[1].split(',').skip(4).map(|output| output.parse::<f64>().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{table}");
}

#[test]
fn packed_piped_and_plain_tables_give_the_same_bits() {
    let world = world();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(plants().as_bytes()).unwrap();
    fs::write(world.path("plants.csv.gz"), packed.finish().unwrap()).unwrap();
    fs::write(world.path("plants.tsv"), plants().replace(',', "\t")).unwrap();
    fs::write(world.path("plants.txt"), plants().replace(',', ";").replace('.', ",")).unwrap();
    let hash = |out: &str| events(out).last().unwrap()["weight_hash"].as_str().unwrap().to_owned();
    let plain = hash(&ok(&world, &format!("{CLASSES} --json")));
    for (file, more) in [("plants.csv.gz", ""), ("plants.tsv", ""), ("plants.txt", "--decimal-comma")] {
        let out = ok(&world, &format!("{} {more} --json", CLASSES.replace("plants.csv", file)));
        assert_eq!(hash(&out), plain, "{file}");
    }
    let mut child = world
        .command(&format!("{} --json", CLASSES.replace("plants.csv", "-")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(plants().as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(hash(&String::from_utf8(out.stdout).unwrap()), plain);
}

#[test]
fn values_are_told_in_their_own_units() {
    let world = world();
    let options = "--target price --drop species --test-split 0.2 --checkpoint run.ckpt --hidden 16 --activation relu --epochs 200";
    let out = world.json(&format!("train plants.csv {options}"));
    let test = &out.iter().rfind(|event| event["event"] == "epoch").unwrap()["test"];
    // Prices are from 300 to 500 and have a deviation of 58.
    let (rmse, r_squared) = (test["rmse"].as_f64().unwrap(), test["r_squared"].as_f64().unwrap());
    assert!((0.1..10.0).contains(&rmse) && r_squared > 0.97, "{test}");
    let expected = 1.0 - (rmse / 57.7).powi(2);
    assert!((r_squared - expected).abs() < 0.2 * (1.0 - expected), "{test}");
    fs::write(world.path("new.csv"), "colour,length\nred,5\n").unwrap();
    let table = ok(&world, "predict run.ckpt new.csv");
    let price: f64 = table.lines().nth(1).unwrap().split(',').next_back().unwrap().parse().unwrap();
    assert!(table.starts_with("colour,length,predicted_price\n") && (price - 400.0).abs() < 15.0, "{table}");
    let json = world.json("predict run.ckpt new.csv");
    assert!((json[0]["values"]["price"].as_f64().unwrap() - price).abs() < 1e-3);
}

/// A run goes on with the preparation in its file, and repeats to the bit.
#[test]
fn a_run_on_a_table_is_resumed_verified_and_described() {
    let world = world();
    let split = "--test-split 0.2 --validation-split 0.25";
    ok(&world, &format!("{CLASSES} {split} --epochs 4 --checkpoint run.ckpt"));
    ok(&world, &format!("train plants.csv --resume run.ckpt {split} --epochs 8"));
    assert!(ok(&world, &format!("verify run.ckpt plants.csv {split}")).contains("The bits agree"));
    let info = ok(&world, "info run.ckpt");
    assert!(
        info.contains("\ntarget            species: daisy, rose, tulip\n  in this order   length, colour\n"),
        "{info}"
    );
    let network: Network = Checkpoint::load(&world.path("run.ckpt")).unwrap().network;
    network.save(&world.path("network.ckpt")).unwrap();
    assert_eq!(Network::load(&world.path("network.ckpt")).unwrap().preparation(), network.preparation());
    // A new run on other rows keeps it.
    fs::write(world.path("more.csv"), plants().replace("0,red", "1,red")).unwrap();
    ok(&world, "train more.csv --from run.ckpt --epochs 1 --checkpoint tuned.ckpt");
    let tuned = Checkpoint::load(&world.path("tuned.ckpt")).unwrap().network;
    assert_eq!(tuned.preparation(), network.preparation());
}

/// Rows that training left out, and a delimiter that it was given, hold in all that follows.
#[test]
fn a_run_that_left_rows_out_goes_on() {
    let world = World::empty();
    let row = |i: usize| {
        let number = if i.is_multiple_of(7) { String::new() } else { format!("{}.5", i % 10) };
        format!("{number}#{}#{}\n", i % 4, ["no", "yes"][usize::from(i % 10 > 4)])
    };
    let rows: String = (0..60).map(row).collect();
    fs::write(world.path("table.csv"), format!("a#b#y\n{rows}")).unwrap();
    let options = "--target y --missing drop --delimiter # --test-split 0.2";
    world.run(&format!("train table.csv {options} --epochs 2 --checkpoint run.ckpt"));
    world.run("train --resume run.ckpt table.csv --test-split 0.2 --epochs 3");
    assert!(ok(&world, "verify run.ckpt table.csv --test-split 0.2").contains("The bits agree"));
    assert_eq!(world.json("eval run.ckpt table.csv")[0]["test"]["examples"], 51);
    assert!(
        world
            .run("predict run.ckpt table.csv")
            .stderr
            .contains("line 2, column 'a': expected a value, found nothing")
    );
}

#[test]
fn faults_of_a_table_are_noted() {
    let world = World::empty();
    let row = |i: usize| {
        format!("{i},7,{},{}\n", if i.is_multiple_of(9) { "NA" } else { "2.5" }, ["no", "yes"][i % 2])
    };
    let rows: String = (0..30).map(row).collect();
    fs::write(world.path("table.csv"), format!("id,same,x,y\n{rows}")).unwrap();
    let run = world.run("train table.csv --target y --missing drop --epochs 1 --checkpoint run.ckpt");
    for expected in [
        "note: 4 rows with missing values are left out; --missing median keeps them",
        "note: column 'same' is the same in all training rows and tells nothing; leave it out with --drop 'same'",
    ] {
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    }
    let run = world.run("train table.csv --target y --missing median --epochs 1 --checkpoint other.ckpt");
    assert!(run.stderr.contains("note: column 'id' numbers the rows"), "{}", run.stderr);
    fs::write(world.path("new.csv"), "x,id,same\nNA,1,7\n").unwrap();
    assert!(world.run("predict run.ckpt new.csv").stderr.contains("expected a value, found 'NA'"));
    ok(&world, "predict other.ckpt new.csv");
}

#[test]
fn a_category_that_training_did_not_have_counts_as_none() {
    let world = world();
    ok(&world, &format!("{CLASSES} --epochs 2 --checkpoint run.ckpt"));
    fs::write(world.path("new.csv"), "length,colour\n1,blue\n2,blue\n3,green\n").unwrap();
    let run = world.run("predict run.ckpt new.csv");
    let note = "note: column 'colour': 3 cells with a category that the training rows don't have, such as 'blue'; it counts as none; \
                check its spelling, or train on rows that have it";
    assert!(run.stderr.contains(note), "{}", run.stderr);
}

/// Without a test set the validation set judges.
#[test]
fn the_validation_set_judges_where_there_is_no_test_set() {
    let world = world();
    let out = ok(&world, &format!("{CLASSES} --early-stopping 3"));
    for expected in [
        "validation set    30 examples of 4 inputs",
        "test set          none",
        "Best by validation: epoch ",
        "Validation set: ",
    ] {
        assert!(out.contains(expected), "{out}");
    }
    let plan = &world.json(CLASSES)[0];
    assert_eq!((&plan["test_examples"], plan["validation_examples"].as_u64()), (&Value::Null, Some(30)));
    assert_eq!(plan["table"]["class_names"][1], "rose");
}

/// The recipe for tables: its choices are told, its configuration repeats the run, and so does `verify`.
#[test]
fn realmlp_is_a_recipe_for_tables() {
    let world = world();
    let train = "train plants.csv --target species --drop price --test-split 0.2 --epochs 12 --checkpoint";
    let out = ok(&world, &format!("{train} run.ckpt --recipe realmlp"));
    for expected in [
        "validation set    24 examples of 4 inputs, set aside from the training set\n",
        "become 4 inputs, scaling robust\n",
        "network           4-256-256-256-3, 133,635 parameters\n",
        "activation        selu, selu, selu, softmax\n",
        "optimiser         adam(0.9,0.95,1e-8)\n",
        "learning rate η   0.04\n",
        "; 0 in the output layer\n",
        "recipe            realmlp, which chose what Holzmüller et al. (2024) tuned for tables\n",
        "schedule of η     coslog4(4.0)\n",
        "factors of η      weights 1/√n of n inputs, biases 0.1\n",
        "input factors     learned, at 6·η\n",
        "label smoothing   0.1\n",
        "the best weights restored\n",
        "last minibatch    dropped where it is smaller\n",
    ] {
        assert!(out.contains(expected), "{expected:?} in {out}");
    }
    let hash = |file: &str| {
        let info: Value = serde_json::from_str(&ok(&world, &format!("info {file} --json"))).unwrap();
        info["weight_hash"].as_str().expect("a hash").to_owned()
    };
    fs::write(world.path("run.toml"), ok(&world, "info run.ckpt --config")).unwrap();
    ok(&world, "train plants.csv --config run.toml --checkpoint again.ckpt");
    assert_eq!(hash("run.ckpt"), hash("again.ckpt"));
    assert!(
        ok(&world, "verify run.ckpt plants.csv --test-split 0.2 --validation-split 0.2")
            .contains("The bits agree")
    );
    ok(&world, "train plants.csv --from run.ckpt --recipe realmlp --epochs 1");
    let out = ok(&world, "train plants.csv --target price --recipe realmlp --epochs 2 --json");
    let plan = &events(&out)[0];
    assert_eq!((&plan["input_scaling"], &plan["learning_rate"]), (&6.0.into(), &0.07.into()));
}

/// Columns of yes and no are labels: each has a sigmoid, an answer and a score.
#[test]
fn several_columns_of_yes_and_no_are_labels() {
    let world = World::empty();
    let row = |i: usize| {
        let x = (i * 37 % 100) as f64 / 10.0;
        let [loud, fast] = [x > 4.0, x < 7.0];
        format!("{x},{},{}\n", u8::from(loud), if fast { "yes" } else { "no" })
    };
    let text = format!("x,loud,fast\n{}", (0..200).map(row).collect::<String>());
    fs::write(world.path("songs.csv"), &text).unwrap();
    let out =
        ok(&world, "train songs.csv --target loud,fast --test-split 0.2 --seed 1 --checkpoint run.ckpt");
    for expected in [
        "training set      160 examples of 1 input, 2 labels each\n",
        "target            loud, fast: each yes or no\n",
        "network           1-32-2,",
        "activation        sigmoid in every layer\n",
        "cost              binary-cross-entropy\n",
        "Test set: micro F1 ",
    ] {
        assert!(out.contains(expected), "{expected:?} in {out}");
    }
    let metrics: Value = serde_json::from_str(&ok(&world, "eval run.ckpt songs.csv --json")).unwrap();
    let f1 = metrics["metrics"]["labels"]["micro_mean"]["f1"].as_f64().unwrap();
    assert!(f1 > 0.95, "{metrics}");
    assert!(
        ok(&world, "eval run.ckpt songs.csv")
            .contains("   label  precision     recall         F1   examples\n")
    );
    fs::write(world.path("new.csv"), "x\n1\n9.5\n").unwrap();
    let lines = ok(&world, "predict run.ckpt new.csv");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[0], "x,predicted_loud,predicted_fast,output_loud,output_fast");
    assert!(lines[1].starts_with("1,0,1,0.") && lines[2].starts_with("9.5,1,0,0."), "{lines:?}");
    let answers = events(&ok(&world, "predict run.ckpt new.csv --json"));
    assert_eq!((&answers[0]["labels"]["loud"], &answers[0]["labels"]["fast"]), (&false.into(), &true.into()));
    assert!(ok(&world, "verify run.ckpt songs.csv --test-split 0.2").contains("The bits agree"));
    // Asked for as values, they are.
    let text = text.replace("yes", "1").replace("no", "0");
    fs::write(world.path("numbers.csv"), text).unwrap();
    let out = ok(&world, "train numbers.csv --target loud,fast --task regression --epochs 1");
    assert!(
        out.contains("2 values each\n") && out.contains("errors are told in their own units, costs aren't\n")
    );
}

/// Two classes of a table have one sigmoid, unless softmax is asked for.
#[test]
fn two_classes_have_one_sigmoid() {
    let world = world();
    let rows: String = (0..120).map(|i| format!("{},{}\n", i % 10, ["low", "high"][(i % 10) / 5])).collect();
    fs::write(world.path("two.csv"), format!("x,y\n{rows}")).unwrap();
    let out = ok(&world, "train two.csv --target y --test-split 0.2 --checkpoint run.ckpt");
    for expected in
        ["2 classes\n", "target            y: high, low\n", "network           1-32-1,", "log loss 0."]
    {
        assert!(out.contains(expected), "{expected:?} in {out}");
    }
    fs::write(world.path("new.csv"), "x\n0\n9\n").unwrap();
    let lines = ok(&world, "predict run.ckpt new.csv");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[0], "x,predicted_y,output_high,output_low");
    assert!(lines[1].starts_with("0,low,0.") && lines[2].starts_with("9,high,0."), "{lines:?}");
    assert!(ok(&world, "eval run.ckpt two.csv").contains("class ↓ answer →"));
    assert!(ok(&world, "verify run.ckpt two.csv --test-split 0.2").contains("The bits agree"));
    let two = ok(&world, "train two.csv --target y --output-activation softmax --epochs 1");
    assert!(two.contains("network           1-32-2,"), "{two}");
    let by_layers = ok(&world, "train two.csv --target y --layers 1,4,1 --epochs 1");
    assert!(by_layers.contains("cost              binary-cross-entropy\n"), "{by_layers}");
}

/// The costs of one value are in its units: the mean square is the square of the RMSE.
#[test]
fn costs_are_told_in_the_units_of_the_target() {
    let world = world();
    let train = "train plants.csv --target price --test-split 0.2 --epochs 2 --json --cost";
    for (cost, power) in [("mse", 2), ("mae", 1), ("quadratic", 2)] {
        let out = events(&ok(&world, &format!("{train} {cost}")));
        let epoch = out.iter().rfind(|event| event["event"] == "epoch").expect("an epoch");
        let test = &epoch["test"];
        let figure = |name: &str| test[name].as_f64().unwrap_or_else(|| panic!("{name} in {epoch}"));
        let expected = match cost {
            "mse" => figure("rmse").powi(2),
            "mae" => figure("mae"),
            _ => figure("rmse").powi(2) / 2.0,
        };
        assert!((figure("cost") - expected).abs() < 1e-4 * expected, "{cost}, power {power}: {epoch}");
        // Prices are hundreds.
        assert!(epoch["cost"].as_f64().unwrap() > 10.0, "{epoch}");
    }
}

/// A column's name may have a comma in it; it then stands in quotes in an option's list.
#[test]
fn names_of_columns_may_have_commas() {
    let world = World::empty();
    let rows: String = (0..60).map(|i| format!("{},{},{}\n", i % 7, i % 2, ["a", "b", "c"][i % 3])).collect();
    fs::write(world.path("t.csv"), format!("\"width, mm\",\"is, new\",kind\n{rows}")).unwrap();
    fs::write(world.path("run.toml"), "target = 'kind'\ndrop = ['width, mm']\nepochs = 1\n").unwrap();
    let run = |arguments: &[&str]| {
        let out = world.command("").args(arguments).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let given = ["train", "t.csv", "--target", "kind", "--drop", r#""width, mm""#, "--epochs", "1", "--json"];
    let by_option = events(&run(&given));
    let by_file = events(&run(&["train", "t.csv", "--config", "run.toml", "--json"]));
    for events in [by_option, by_file] {
        assert_eq!(events[0]["table"]["names"], serde_json::json!(["is, new"]));
    }
}

/// Numbers in another unit are told, in one line for each column, by `eval` and `predict`.
#[test]
fn numbers_far_from_the_training_rows_are_noted() {
    let world = world();
    ok(&world, &format!("{CLASSES} --epochs 2 --checkpoint run.ckpt"));
    let text = plants();
    let metres = text.lines().map(|line| match line.split_once(',') {
        Some((length, rest)) if length != "length" => format!("{}00,{rest}\n", length.replace('.', "")),
        _ => format!("{line}\n"),
    });
    fs::write(world.path("metres.csv"), metres.collect::<String>()).unwrap();
    for command in ["eval run.ckpt metres.csv", "predict run.ckpt metres.csv"] {
        let run = world.run(command);
        assert_eq!(run.code, Some(0));
        let far = "note: column 'length': the mean is ";
        assert!(
            run.stderr.contains(far) && run.stderr.ends_with("; check that its unit is the same"),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.contains(" standard deviations above that of the training rows"),
            "{}",
            run.stderr
        );
    }
    let near = world.run("eval run.ckpt plants.csv");
    assert!(!near.stderr.contains("check that its unit"), "{}", near.stderr);
}
