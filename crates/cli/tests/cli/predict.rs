//! `minibatch predict`.

use crate::pictures::{KINDS, Spoilt, normalised, picture};
use crate::world::{TEST, TRAINING, World};
use minibatch::Dataset;
use minibatch_data::{Row, Targets, synthetic, write_idx_f32, write_idx_u8};
use serde_json::Value;
use std::fs::{self, File};

const PICTURES: usize = 204;

/// A set in MNIST's form, and seventeen kinds of pictures of the test digits that the network classifies correctly.
#[test]
fn foreign_pictures_are_classified_as_their_originals() {
    let world = World::empty();
    let drawn = synthetic::generate(20_000, 400, 11).unwrap();
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
        .run("train --data digits --hidden 64 --epochs 15 --seed 4 --checkpoint run.ckpt --threads 1")
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
        // There are twelve of each kind. The set's digits come in tens.
        let kind = i % KINDS;
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
    assert!(100 * wrong.len() <= 3 * PICTURES, "{} wrong: {wrong:#?}", wrong.len());
}

fn bytes(set: &Dataset, index: usize) -> &[u8] {
    let Row::Bytes(bytes) = set.input(index) else { panic!("pixels are bytes") };
    bytes
}

#[test]
fn every_format_tells_the_same() {
    let world = World::new();
    world.run("train --data set --recipe tutorial --hidden 5 --epochs 1 --checkpoint run.ckpt").succeeded();
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
    let ranges = |index: &str| world.json(&format!("predict run.ckpt --data set --index {index}"));
    assert_eq!(ranges("2-4,59,7-7"), ranges("2,3,4,59,7"));
    assert_eq!(ranges("0-59").len(), TEST);
    let text = lines("--top 2");
    let (class, label) = (&json[0]["class"], &json[0]["label"]);
    assert!(
        text.len() == 2 && text[0].starts_with(&format!("set[7]: {class} (labelled {label})  [{class} 0."))
    );
    let run = world.run("predict run.ckpt --data set --index 7");
    assert!(run.succeeded().contains("\n\nclass  output\n"), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 6);
}

/// For a regression network, `predict` prints values, and no classes.
#[test]
fn values_are_predicted_as_values() {
    let world = World::new();
    for (half, examples) in [("train", TRAINING), ("t10k", TEST)] {
        let file = world.path(&format!("set/{half}-labels-idx1-ubyte"));
        let values: Vec<f32> = (0..2 * examples).map(|i| (i % 8) as f32 / 8.0).collect();
        write_idx_f32(&mut File::create(file).unwrap(), &[examples, 2], &values).unwrap();
    }
    world.run("train --data set --task regression --hidden 5 --epochs 1 --checkpoint run.ckpt").succeeded();
    let json = world.json("predict run.ckpt --data set --index 3,0");
    assert_eq!((&json[0]["index"], &json[0]["target"]), (&3.into(), &serde_json::json!([0.75, 0.875])));
    let values: Vec<f64> =
        json[0]["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();

    let text = |arguments: &str| world.run(&format!("predict run.ckpt {arguments}")).succeeded().to_owned();
    assert_eq!(
        text("--data set --index 3"),
        format!(
            "set[3]\n\n output       value      target\n      0  {:>10.6}    0.750000\n      1  {:>10.6}    0.875000\n",
            values[0], values[1]
        )
    );
    let lines = text("--data set --index 3,0");
    let first = format!("set[3]: {:.6}, {:.6} (target 0.750000, 0.875000)", values[0], values[1]);
    assert_eq!((lines.lines().count(), lines.lines().next()), (2, Some(&*first)));
    let csv = text("--data set --index 3 --format csv");
    let expected = format!(
        "image,index,target_0,target_1,value_0,value_1\nset,3,0.75,0.875,{},{}\n",
        values[0] as f32, values[1] as f32
    );
    assert_eq!(csv, expected);
    // A file alone has no targets.
    let csv = text("set/t10k-images-idx3-ubyte --format csv");
    assert_eq!((csv.lines().count(), csv.lines().next()), (1 + TEST, Some("image,index,value_0,value_1")));
}

/// A picture is treated as the training set was: here dark on light, 4 × 5, and no digits.
#[test]
fn a_picture_is_treated_as_the_training_set_was() {
    let world = World::new();
    // The images of the set, dark on light.
    let invert = |file: &str| {
        let mut bytes = fs::read(world.path(file)).unwrap();
        bytes[16..].iter_mut().for_each(|pixel| *pixel = 200 + *pixel / 8);
        (0..(bytes.len() - 16) / 20).for_each(|i| bytes[16 + i * 20 + 7..][..6].fill(i as u8 % 90));
        fs::write(world.path(file), &bytes).unwrap();
        bytes
    };
    invert("set/train-images-idx3-ubyte");
    let test = invert("set/t10k-images-idx3-ubyte");
    world.run("train --data set --hidden 5 --epochs 2 --checkpoint run.ckpt").succeeded();
    let expected = world.json("predict run.ckpt set/t10k-images-idx3-ubyte")[3].clone();
    let png = |name: &str, size: [u32; 2], pixels: &[u8]| {
        let mut encoder = png::Encoder::new(File::create(world.path(name)).unwrap(), size[0], size[1]);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    };
    let image = &test[16 + 3 * 20..][..20];
    // Its own size goes in as it is, and three times as large comes to the same but for rounding.
    png("own.png", [5, 4], image);
    let larger: Vec<u8> = (0..15 * 12).map(|i| image[i / 15 / 3 * 5 + i % 15 / 3]).collect();
    png("larger.png", [15, 12], &larger);
    let found = world.json("predict run.ckpt own.png");
    assert_eq!(found[0]["ranked"], expected["ranked"]);
    let found = world.json("predict run.ckpt larger.png");
    assert_eq!(found[0]["class"], expected["class"]);
    let difference = found[0]["output"].as_f64().unwrap() - expected["output"].as_f64().unwrap();
    assert!(difference.abs() < 1e-5, "{found:?}");
    // The other polarity is told.
    png("inverted.png", [5, 4], &image.iter().map(|pixel| 255 - pixel).collect::<Vec<u8>>());
    let run = world.run("predict run.ckpt inverted.png");
    assert!(run.stderr.contains("they are light on dark, and those were dark on light"), "{}", run.stderr);
    // One picture that is refused doesn't lose the others' answers.
    fs::write(world.path("broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let run = world.run("predict run.ckpt own.png broken.png larger.png missing.png");
    assert_eq!((run.code, run.stdout.lines().count()), (Some(1), 2), "{}", run.stdout);
    let errors: Vec<&str> = run.stderr.lines().map(|line| &line[..15]).collect();
    assert_eq!(errors, ["error: broken.p", "error: missing."], "{}", run.stderr);
}

/// Inputs on another scale than the training set's are told, by `eval` too.
#[test]
fn inputs_far_from_the_training_set_are_told() {
    let world = World::new();
    world.run("train --data set --hidden 5 --epochs 2 --checkpoint run.ckpt").succeeded();
    let bytes = fs::read(world.path("set/t10k-images-idx3-ubyte")).unwrap();
    let floats: Vec<f32> = bytes[16..].iter().map(|&byte| f32::from(byte)).collect();
    let mut file = File::create(world.path("set/t10k-images-idx3-ubyte")).unwrap();
    write_idx_f32(&mut file, &[floats.len() / 20, 4, 5], &floats).unwrap();
    for command in ["eval run.ckpt --data set", "predict run.ckpt set/t10k-images-idx3-ubyte"] {
        let run = world.run(command);
        assert!(
            run.stderr.contains("inputs far from those that the network was trained on"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn two_digits_in_a_picture_are_told() {
    let world = World::empty();
    let drawn = synthetic::generate(2_000, 20, 11).unwrap();
    let digit = |index: usize| normalised(bytes(&drawn.test, index));
    fs::create_dir(world.path("digits")).unwrap();
    for (half, set) in [("train", &drawn.train), ("t10k", &drawn.test)] {
        let create = |kind: &str| File::create(world.path(&format!("digits/{half}-{kind}-ubyte"))).unwrap();
        let pixels: Vec<u8> = (0..set.len()).flat_map(|index| normalised(bytes(set, index))).collect();
        let labels: Vec<u8> = (0..set.len()).map(|index| (index % 10) as u8).collect();
        write_idx_u8(&mut create("images-idx3"), &[set.len(), 28, 28], &pixels).unwrap();
        write_idx_u8(&mut create("labels-idx1"), &[set.len()], &labels).unwrap();
    }
    world.run("train --data digits --hidden 16 --epochs 1 --checkpoint run.ckpt").succeeded();
    let png = |name: &str, width: usize, pixels: &[u8]| {
        let size = [width as u32, (pixels.len() / width) as u32];
        let mut encoder = png::Encoder::new(File::create(world.path(name)).unwrap(), size[0], size[1]);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    };
    let note =
        "shows two digits or more; the answer is for the largest one; cut the picture to have the others";
    let (mut two, mut one) = (0, 0);
    for index in 0..10 {
        let (left, right) = (digit(index), digit(index + 10));
        let row =
            |i: usize| left[28 * i..][..28].iter().chain(&right[28 * i..][..28]).map(|pixel| 255 - pixel);
        png("two.png", 56, &(0..28).flat_map(row).collect::<Vec<u8>>());
        png("one.png", 28, &left.iter().map(|pixel| 255 - pixel).collect::<Vec<u8>>());
        two += usize::from(world.run("predict run.ckpt two.png").stderr.contains(note));
        one += usize::from(world.run("predict run.ckpt one.png").stderr.contains(note));
    }
    assert_eq!((two, one), (10, 0));
}

/// 97% of each kind of picture stay right, of 200 digits of MNIST's test set that a network of 98% reads right when they are clean.
#[test]
#[ignore = "needs MNIST in data/mnist, and takes a minute"]
fn pictures_of_mnist_are_read() {
    const DIGITS: usize = 200;
    let world = World::empty();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = root.join("data/mnist");
    let preset = root.join("benches/presets/mnist-98.toml");
    let options = format!("--config {} --data {}", preset.display(), data.display());
    let out = world.json(&format!("train {options} --checkpoint run.ckpt"));
    assert!(out.last().unwrap()["best_test_accuracy"].as_f64().unwrap() > 0.98);
    let test =
        Dataset::map(&data.join("t10k-images-idx3-ubyte"), &data.join("t10k-labels-idx1-ubyte")).unwrap();
    let Targets::Classes { labels, .. } = test.targets() else { panic!("digits are classes") };
    // The indices of the digits that are read right.
    let right = |draw: &dyn Fn(&[u8], u32) -> Vec<u8>, indices: &[usize]| -> Vec<usize> {
        let names: Vec<String> = indices.iter().map(|index| format!("{index}.png")).collect();
        for (name, &index) in names.iter().zip(indices) {
            fs::write(world.path(name), draw(bytes(&test, index), index as u32)).unwrap();
        }
        let run = world.run(&format!("predict run.ckpt --json {}", names.join(" ")));
        let found: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let is_right = |index: usize| {
            let image = format!("{index}.png");
            found.iter().any(|one| one["image"] == image && one["class"] == labels[index])
        };
        indices.iter().copied().filter(|&index| is_right(index)).collect()
    };
    let mut clean = right(&|digit, seed| picture(digit, 0, seed), &(0..DIGITS + 40).collect::<Vec<_>>());
    clean.truncate(DIGITS);
    assert_eq!(clean.len(), DIGITS);
    let kept: Vec<usize> =
        (0..KINDS).map(|kind| right(&|digit, seed| picture(digit, kind, seed), &clean).len()).collect();
    assert!(kept.iter().all(|&count| 100 * count >= 97 * DIGITS), "right of {DIGITS}, by kind: {kept:?}");

    // Pictures of the size of MNIST's own, where a line is as thick as a stroke is wide, and a little larger ones.
    let mut low = Vec::new();
    for side in [28, 40, 56] {
        for spoilt in Spoilt::all() {
            for is_dark in [false, true] {
                let count = right(&|digit, seed| spoilt.picture(digit, side, is_dark, seed), &clean).len();
                if 100 * count < 97 * DIGITS {
                    low.push((side, spoilt, is_dark, count));
                }
            }
        }
    }
    assert!(low.is_empty(), "right of {DIGITS}: {low:#?}");
}
