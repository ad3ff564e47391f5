//! `export` and `import`, and the commands that take a network without a run.

use crate::world::World;
use minibatch_data::write_idx_f32;
use std::fs::{self, File};
use std::path::Path;

const FORMATS: [&str; 4] = ["onnx", "safetensors", "npz", "json"];

/// A world with a trained run, and the event of its end.
fn trained() -> (World, serde_json::Value) {
    let world = World::new();
    let train = "train --data set --hidden 8 --activation relu --epochs 3 --checkpoint run.ckpt";
    let end = world.json(train).pop().unwrap();
    (world, end)
}

#[test]
fn a_network_goes_out_and_comes_back() {
    let (world, end) = trained();
    let before = &world.json("eval run.ckpt --data set")[0];
    for format in FORMATS {
        let exported = world.run(&format!("export run.ckpt --format {format}"));
        // A graph takes pictures as they are. The other formats leave all to their reader.
        assert_eq!(
            exported.stderr.starts_with("note: the graph takes pictures of 4 × 5 pixels "),
            format == "onnx"
        );
        let size = fs::metadata(world.path(&format!("run.{format}"))).unwrap().len();
        assert_eq!(exported.code, Some(0));
        assert!(exported.stdout.starts_with(&format!("Exported 20-8-3 into run.{format}, ")), "{format}");
        assert!(size > 800, "{format}: {size} bytes");
        let imported = world.run(&format!("import run.{format} --output {format}.ckpt"));
        assert_eq!(imported.succeeded(), format!("Imported 20-8-3 into {format}.ckpt.\n"));
        // It says what it knows.
        let info = &world.json(&format!("info {format}.ckpt"))[0];
        assert_eq!(
            (&info["weight_hash"], &info["example_shape"]),
            (&end["weight_hash"], &serde_json::json!([4, 5]))
        );
        assert!(info.get("training_examples").is_none() && info.get("history").is_none(), "{info}");
        // It evaluates, predicts and is trained on.
        let mut after = world.json(&format!("eval {format}.ckpt --data set"))[0].clone();
        assert_eq!(after["test"], before["test"]);
        assert!(after.as_object_mut().unwrap().remove("epochs").is_none());
        let predicted = |file: &str| {
            let answers = world.json(&format!("predict {file} --data set --index 0-9"));
            answers.iter().map(|answer| answer["class"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(predicted(&format!("{format}.ckpt")), predicted("run.ckpt"));
        let tuned = |file: &str| {
            let end = world.json(&format!("train --data set --from {file} --epochs 1")).pop().unwrap();
            end["weight_hash"].clone()
        };
        assert_eq!(tuned(&format!("{format}.ckpt")), tuned("run.ckpt"));
    }
    let info = world.run("info onnx.ckpt");
    let expected =
        "checkpoint        onnx.ckpt, a network without a run\nnetwork           20-8-3, 195 parameters\n";
    assert!(info.succeeded().starts_with(expected), "{}", info.stdout);
    assert!(
        world
            .run("eval onnx.ckpt --data set")
            .succeeded()
            .starts_with("checkpoint        onnx.ckpt, a network without a run\n")
    );
}

#[test]
fn a_table_takes_its_preparation_along() {
    let world = World::empty();
    let mut table = "size,colour,kind\n".to_owned();
    for i in 0..60 {
        table.push_str(&format!(
            "{},{},{}\n",
            i * 37 % 60,
            ["red", "white", "pink"][i % 3],
            ["rose", "oak"][i / 30]
        ));
    }
    fs::write(world.path("plants.csv"), table).unwrap();
    world.run("train plants.csv --target kind --hidden 4 --epochs 3 --checkpoint run.ckpt").succeeded();
    let exported = world.run("export run.ckpt --format onnx");
    assert_eq!(exported.code, Some(0));
    let expected = "note: column 'colour' has categories: the graph takes the place of each in its list, from 0, and any other number \
                    for an unknown or missing one";
    assert_eq!(exported.stderr.trim_end(), expected);
    world.run("import run.onnx --output again.ckpt").succeeded();
    let predicted = |file: &str| world.run(&format!("predict {file} plants.csv")).succeeded().to_owned();
    assert_eq!(predicted("again.ckpt"), predicted("run.ckpt"));
    let info = world.run("info again.ckpt");
    assert!(info.succeeded().contains("\ntarget            kind: oak, rose\n"), "{}", info.stdout);
}

/// A committee is a file of several networks. The command makes none itself.
#[test]
fn a_committee_is_exported_as_one() {
    use minibatch::{Network, checkpoint::save_networks};
    let world = World::empty();
    let network = |seed| Network::builder(4).layer(3).seed(seed).build().unwrap();
    let networks = [("first".to_owned(), network(1)), ("second".to_owned(), network(2))];
    save_networks(&world.path("both.ckpt"), &networks.into()).unwrap();
    for format in FORMATS {
        let exported = world.run(&format!("export both.ckpt --format {format}"));
        let expected = format!("Exported a committee of 2 networks (4-3, 4-3) into both.{format}, ");
        assert!(exported.succeeded().starts_with(&expected), "{}", exported.stdout);
        let imported = world.run(&format!("import both.{format} --output {format}.ckpt"));
        assert!(imported.succeeded().starts_with("Imported a committee of 2 networks (4-3, 4-3) into "));
    }
}

/// A file that is there is replaced as a whole. An import replaces none.
#[test]
fn files_that_are_there_are_kept_or_replaced_whole() {
    let (world, _) = trained();
    fs::write(world.path("run.json"), "old").unwrap();
    world.run("export run.ckpt --output run.json").succeeded();
    assert!(fs::read_to_string(world.path("run.json")).unwrap().starts_with("{\"version\":1,"));
    let run = fs::read(world.path("run.ckpt")).unwrap();
    assert_eq!(world.run("import run.json --output run.ckpt").code, Some(2));
    assert_eq!(fs::read(world.path("run.ckpt")).unwrap(), run);
}

/// Files of other programs: what they don't tell is told, or assumed in a note. Without a run the outputs tell what is predicted.
#[test]
fn networks_of_others_are_used() {
    let world = World::empty();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchange/tests/fixtures");
    let told = "--activation relu --output-activation";
    let classes = "categorical-cross-entropy is taken, which goes with softmax";
    let values = "quadratic is taken, which goes with identity";
    write_idx_f32(&mut File::create(world.path("rows.idx")).unwrap(), &[2, 5], &[0.5; 10]).unwrap();
    for (file, options, note, key) in [
        ("torch.safetensors", format!("{told} softmax"), classes, "class"),
        ("sklearn-values.npz", format!("{told} identity"), values, "values"),
        ("scaled.onnx", String::new(), classes, "class"),
    ] {
        fs::copy(fixtures.join(file), world.path(file)).unwrap();
        let imported = world.run(&format!("import {file} --output {file}.ckpt {options}"));
        assert_eq!(imported.code, Some(0), "{}", imported.stderr);
        let expected = format!("note: the file names no cost; {note}; --cost names another");
        assert_eq!(imported.stderr.trim_end(), expected);
        let answers = world.json(&format!("predict {file}.ckpt rows.idx"));
        assert!(answers.len() == 2 && answers[0].get(key).is_some(), "{answers:?}");
        let info = world.run(&format!("info {file}.ckpt"));
        assert!(!info.succeeded().contains("training"), "{}", info.stdout);
    }
}
