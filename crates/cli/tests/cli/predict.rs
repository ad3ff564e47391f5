//! `minibatch predict`.

use crate::pictures::{KINDS, normalised, picture};
use crate::world::{TEST, World};
use minibatch::Dataset;
use minibatch_data::{Row, Targets, synthetic, write_idx_u8};
use serde_json::Value;
use std::fs::{self, File};

const PICTURES: usize = 100;

/// A set in MNIST's form, and ten kinds of pictures of those of its test digits that the network classifies correctly.
#[test]
fn foreign_pictures_are_classified_as_their_originals() {
    let world = World::empty();
    let drawn = synthetic::generate(8000, 300, 11).unwrap();
    fs::create_dir(world.path("digits")).unwrap();
    for (half, set) in [("train", &drawn.train), ("t10k", &drawn.test)] {
        let create = |kind: &str| File::create(world.path(&format!("digits/{half}-{kind}-ubyte"))).unwrap();
        let pixels: Vec<u8> = (0..set.len()).flat_map(|index| normalised(bytes(set, index))).collect();
        let Targets::Classes { labels, .. } = set.targets() else { panic!("digits are classes") };
        let labels: Vec<u8> = labels.iter().map(|&label| label as u8).collect();
        write_idx_u8(&mut create("images-idx3"), &[set.len(), 28, 28], &pixels).unwrap();
        write_idx_u8(&mut create("labels-idx1"), &[set.len()], &labels).unwrap();
    }
    world
        .run("train --data digits --hidden 32 --epochs 10 --seed 4 --checkpoint run.ckpt --threads 1")
        .succeeded();
    let images = world.path("digits/t10k-images-idx3-ubyte");
    let test = Dataset::map(&images, &world.path("digits/t10k-labels-idx1-ubyte")).unwrap();
    let indices = (0..test.len()).map(|index| index.to_string()).collect::<Vec<_>>().join(",");
    let originals = world.json(&format!("predict run.ckpt --data digits --index {indices}"));
    let right = originals.iter().filter(|one| one["class"] == one["label"]).take(PICTURES);

    let (mut names, mut expected) = (Vec::new(), Vec::new());
    for (i, original) in right.enumerate() {
        let index = original["index"].as_u64().unwrap() as usize;
        let name = format!("{i}.png");
        // Ten of each kind; the set's digits come in tens too, so that a kind must not go with a digit.
        let kind = (i + i / KINDS) % KINDS;
        fs::write(world.path(&name), picture(bytes(&test, index), kind, i as u32)).unwrap();
        names.push(name);
        expected.push((kind, original["class"].clone()));
    }
    assert_eq!(names.len(), PICTURES);
    let found = world.json(&format!("predict run.ckpt {}", names.join(" ")));
    let wrong: Vec<String> = (found.iter().zip(&expected).zip(&names))
        .filter(|((found, (_, class)), _)| found["class"] != *class)
        .map(|((found, (kind, class)), name)| {
            format!("{name}: kind {kind}, {class} taken for {}", found["class"])
        })
        .collect();
    assert!(wrong.len() <= PICTURES - 95, "{} wrong: {wrong:#?}", wrong.len());
}

fn bytes(set: &Dataset, index: usize) -> &[u8] {
    let Row::Bytes(bytes) = set.input(index) else { panic!("pixels are bytes") };
    bytes
}

/// A world with a set, and a network of its 20 inputs and one of 16.
fn trained() -> World {
    let world = World::new();
    world.run("train --data set --hidden 5 --epochs 1 --checkpoint run.ckpt").succeeded();
    fs::create_dir(world.path("square")).unwrap();
    for (half, examples) in [("train", 32), ("t10k", 3)] {
        let create = |kind: &str| File::create(world.path(&format!("square/{half}-{kind}-ubyte"))).unwrap();
        let pixels: Vec<u8> = (0..examples * 16).map(|i| (i * 37 % 256) as u8).collect();
        let labels: Vec<u8> = (0..examples).map(|i| (i % 3) as u8).collect();
        write_idx_u8(&mut create("images-idx3"), &[examples, 4, 4], &pixels).unwrap();
        write_idx_u8(&mut create("labels-idx1"), &[examples], &labels).unwrap();
    }
    world.run("train --data square --hidden 5 --epochs 1 --checkpoint square.ckpt").succeeded();
    world
}

#[test]
fn every_format_tells_the_same() {
    let world = trained();
    let all = world.json("predict run.ckpt set/t10k-images-idx3-ubyte");
    assert_eq!(all.len(), TEST);
    let lines = |arguments: &str| {
        let run = world.run(&format!("predict run.ckpt --data set --index 7,0 {arguments}"));
        run.succeeded().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let json: Vec<Value> =
        lines("--format jsonl").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines("--json"), lines("--format jsonl"));
    for (one, index) in json.iter().zip([7, 0]) {
        assert_eq!((&one["index"], &one["ranked"]), (&index.into(), &all[index]["ranked"]));
        assert_eq!(
            (&one["class"], &one["output"]),
            (&one["ranked"][0]["class"], &one["ranked"][0]["output"])
        );
        let outputs: Vec<f64> =
            one["ranked"].as_array().unwrap().iter().map(|one| one["output"].as_f64().unwrap()).collect();
        assert!(outputs.len() == 3 && outputs.is_sorted_by(|a, b| a >= b), "{outputs:?}");
    }
    let csv = lines("--format csv");
    assert_eq!(csv[0], "image,index,label,class,output_0,output_1,output_2");
    for (line, one) in csv[1..].iter().zip(&json) {
        let fields: Vec<&str> = line.split(',').collect();
        let start = format!("set,{},{},{},", one["index"], one["label"], one["class"]);
        assert!(line.starts_with(&start), "{line}");
        let class = one["class"].as_u64().unwrap() as usize;
        assert_eq!(fields[4 + class].parse::<f64>().unwrap(), one["output"].as_f64().unwrap());
    }
    let text = lines("--top 2");
    let (class, label) = (&json[0]["class"], &json[0]["label"]);
    assert!(
        text.len() == 2 && text[0].starts_with(&format!("set[7]: {class} (labelled {label})  [{class} 0."))
    );
    let run = world.run("predict run.ckpt --data set --index 7");
    assert!(run.succeeded().contains("\n\nclass  output\n"), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 6);
}

/// The first image is good: nothing is printed of it either.
#[test]
fn what_cannot_be_predicted_is_told_in_one_line() {
    let world = trained();
    let digit: Vec<u8> = (0..784).map(|i| if i % 28 == 14 { 255 } else { 0 }).collect();
    let good = picture(&digit, 0, 1);
    fs::write(world.path("good.png"), &good).unwrap();
    fs::write(world.path("short.png"), &good[..good.len() / 2]).unwrap();
    fs::write(world.path("head.png"), &good[..20]).unwrap();
    let mut damaged = good.clone();
    damaged[good.len() / 2] ^= 0x10;
    fs::write(world.path("damaged.png"), damaged).unwrap();
    fs::write(world.path("blank.png"), picture(&[0; 784], 0, 1)).unwrap();
    fs::write(world.path("clear.png"), picture(&[0; 784], 2, 1)).unwrap();
    fs::write(world.path("photo.png"), b"\xff\xd8\xff\xe0 and more").unwrap();
    fs::write(world.path("text.png"), "a digit").unwrap();
    fs::write(world.path("empty.png"), "").unwrap();
    assert!(world.run("predict square.ckpt good.png").succeeded().starts_with("good.png: "));

    const EARLY: &str = "expected a whole PNG file, found its end too early; the file is truncated";
    const NOTHING: &str =
        "expected a digit in one tone on a background of another, found nothing that stands out";
    const FOREIGN: &str = "expected a PNG picture or an IDX file of images, found";
    for (arguments, code, message) in [
        ("square.ckpt good.png short.png", 1, format!("short.png: {EARLY}")),
        ("square.ckpt good.png head.png", 1, format!("head.png: {EARLY}")),
        ("square.ckpt good.png damaged.png", 1, "damaged.png: the PNG file is damaged: ".to_owned()),
        ("square.ckpt good.png blank.png", 1, format!("blank.png: {NOTHING}")),
        ("square.ckpt good.png clear.png", 1, format!("clear.png: {NOTHING}")),
        ("square.ckpt good.png photo.png", 1, format!("photo.png: {FOREIGN} a JPEG file; convert it to PNG")),
        (
            "square.ckpt good.png text.png",
            1,
            format!("text.png: {FOREIGN} a file that begins with 61 20 64 69 67 69 74; convert it to PNG"),
        ),
        ("square.ckpt good.png empty.png", 1, format!("empty.png: {FOREIGN} an empty file")),
        ("square.ckpt good.png none.png", 1, "none.png: cannot open: ".to_owned()),
        ("square.ckpt good.png set", 1, "set: expected a regular file, found a folder".to_owned()),
        (
            "run.ckpt good.png",
            1,
            "good.png: pictures need a network whose inputs are a square image, as 28×28 = 784; that of run.ckpt \
             has 20"
                .to_owned(),
        ),
        (
            "square.ckpt good.png set/t10k-images-idx3-ubyte",
            1,
            "set/t10k-images-idx3-ubyte: expected images of 16 pixels, the inputs of square.ckpt, found 20 (4×5)"
                .to_owned(),
        ),
        (
            "square.ckpt good.png set/t10k-labels-idx1-ubyte",
            1,
            "set/t10k-labels-idx1-ubyte: expected images, found an IDX file of rank 1: labels?".to_owned(),
        ),
        (
            "square.ckpt --data set --index 0",
            1,
            "set: expected images of 16 pixels, the inputs of square.ckpt, found 20 (4×5)".to_owned(),
        ),
        (
            "run.ckpt --data set --index 0,60",
            2,
            "--index 60: expected 0 to 59, the test images of set".to_owned(),
        ),
        ("run.ckpt --data set", 2, "".to_owned()),
        ("run.ckpt --data set good.png", 2, "--data needs --index N, the images of it".to_owned()),
        ("run.ckpt --index 0 good.png", 2, "the argument ".to_owned()),
        (
            "run.ckpt --data set --index 0 --format csv --top 1",
            2,
            "--top: the CSV table has the outputs of all classes".to_owned(),
        ),
        ("none.ckpt good.png", 1, "cannot read none.ckpt: ".to_owned()),
    ] {
        let run = world.run(&format!("predict {arguments}"));
        assert_eq!((run.code, &*run.stdout), (Some(code), ""), "{arguments}: {}", run.stderr);
        assert!(run.stderr.starts_with(&format!("error: {message}")), "{arguments}: {}", run.stderr);
    }
}
