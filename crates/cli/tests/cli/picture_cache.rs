//! `train --cache`: pictures that are decoded once, with the same bits.

use crate::picture_folders::{drawn, world, write};
use crate::world::World;
use image::ImageFormat;
use serde_json::Value;
use std::fs;

const RUN: &str = "train pictures --test test --hidden 4 --epochs 1";

/// The weight hash of a run with these arguments, and what became of its cache.
fn trained(world: &World, arguments: &str) -> (String, Value, Value) {
    let out = world.json(arguments);
    let hash = out.last().unwrap()["weight_hash"].as_str().unwrap().to_owned();
    (hash, out[0]["cache"]["training"].clone(), out[0]["cache"]["test"].clone())
}

#[test]
fn a_cache_gives_the_same_bits_as_the_pictures() {
    let world = world();
    for options in ["", " --size 5x6", " --rgb"] {
        let run = format!("{RUN}{options}");
        let (expected, none, _) = trained(&world, &run);
        assert_eq!(none, Value::Null);
        let made = if options.is_empty() { "made" } else { "other-options" };
        let run = format!("{run} --cache kept/here");
        assert_eq!(trained(&world, &run), (expected.clone(), made.into(), made.into()), "{options}");
        assert_eq!(trained(&world, &run), (expected, "used".into(), "used".into()), "{options}");
    }
    // One file of each kind is left, and none that is temporary.
    let mut names: Vec<String> = fs::read_dir(world.path("kept/here"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let files = |set: &str| {
        ["images-idx4-ubyte", "labels-idx1-int", "pictures.json"].map(|name| format!("{set}-{name}"))
    };
    assert_eq!(names, [&["lock".to_owned()], &files("test")[..], &files("train")[..]].concat());
    // The files are an IDX dataset by themselves.
    let plan = &world.json("train --data kept/here --hidden 8 --epochs 1")[0];
    assert_eq!((&plan["training_examples"], &plan["test_examples"]), (&120.into(), &40.into()));
}

#[test]
fn a_cache_is_made_anew_when_anything_differs() {
    let world = world();
    let run = format!("{RUN} --cache kept");
    let (before, ..) = trained(&world, &run);
    let plan = world.run(&run);
    let line = plan.succeeded().lines().find(|line| line.starts_with("pictures ")).unwrap();
    assert!(line.ends_with(" taken from the cache in kept"), "{line}");
    // The same pixels at another time, and then another picture.
    for (seed, is_same) in [(60, true), (7, false)] {
        fs::remove_file(world.path("pictures/left/0.png")).unwrap();
        write(&world.path("pictures/left/0.png"), drawn(0, seed, [12, 10]), ImageFormat::Png);
        let (hash, training, test) = trained(&world, &run);
        assert_eq!((training, test), ("other-pictures".into(), "used".into()));
        assert_eq!(hash == before, is_same);
        assert_eq!(hash, trained(&world, RUN).0);
    }
    let one = world.path("pictures/top/5.png");
    fs::rename(&one, world.path("pictures/left/5-too.png")).unwrap();
    let line = "decoded anew and kept, as the cache was of other pictures in kept; those to test on: taken from the cache";
    let shown = world.run(&run);
    assert!(shown.succeeded().contains(line), "{}", shown.stdout);
    let (whole, expected) = (trained(&world, RUN).0, "damaged");
    let damage = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = world.path(&format!("kept/{name}"));
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
        assert_eq!(trained(&world, &run), (whole.clone(), expected.into(), "used".into()), "{name}");
    };
    damage("train-images-idx3-ubyte", &|bytes| bytes.truncate(1000));
    damage("train-images-idx3-ubyte", &|bytes| bytes[1000] ^= 1);
    damage("train-images-idx3-ubyte", &|bytes| bytes.clear());
    damage("train-labels-idx1-int", &|bytes| bytes[11] ^= 1);
    damage("train-labels-idx1-int", &|bytes| bytes[8] = 0x7f);
    damage("train-pictures.json", &|bytes| bytes.truncate(100));
    damage("train-pictures.json", &|bytes| bytes.fill(0xff));
    damage("train-pictures.json", &|bytes| {
        // The list of a run that was stopped before its files were there.
        let mut list: Value = serde_json::from_slice(bytes).unwrap();
        list["fingerprint"] = "".into();
        *bytes = list.to_string().into_bytes();
    });
    fs::remove_file(world.path("kept/train-labels-idx1-int")).unwrap();
    assert_eq!(trained(&world, &run).1, "damaged");
}

#[test]
fn a_run_is_resumed_with_its_cache_and_verified_without() {
    let world = world();
    let (_, made, _) = trained(&world, &format!("{RUN} --cache kept --checkpoint run.ckpt"));
    assert_eq!(made, "made");
    let config = world.run("info run.ckpt --config");
    assert!(
        config.succeeded().starts_with("epochs = 1\nhidden = 4\ntest = \"test\"\n\n"),
        "{}",
        config.stdout
    );
    let resumed = "train pictures --test test --resume run.ckpt --epochs 2 --cache kept";
    assert_eq!(trained(&world, resumed).1, "used");
    assert!(world.run("verify run.ckpt pictures --test test").succeeded().contains("The bits agree"));
}

/// Each message is one line.
#[test]
fn a_bad_place_for_a_cache_is_refused() {
    let world = world();
    world.write_set("set");
    fs::write(world.path("file"), "text").unwrap();
    fs::write(world.path("rows.csv"), "a,b\n1,x\n2,y\n").unwrap();
    fs::create_dir_all(world.path("blocked/train-pictures.json/more")).unwrap();
    let among = "expected a folder outside the pictures, found one among them";
    let pictures = "--cache is for folders of pictures; name one as DATA";
    for (arguments, code, expected) in [
        ("train set --cache kept", 2, pictures.to_owned()),
        ("train --data set --cache kept", 2, pictures.to_owned()),
        ("train rows.csv --target b --cache kept", 2, pictures.to_owned()),
        ("train pictures --cache pictures/kept", 2, format!("--cache pictures/kept: {among}")),
        ("train pictures --cache pictures", 2, format!("--cache pictures: {among}")),
        (
            "train pictures --cache file",
            1,
            "file: expected a folder to keep decoded pictures in, found a file; name another with --cache".to_owned(),
        ),
        (
            "train pictures --cache set",
            1,
            "set: expected a folder to keep decoded pictures in, found train-images-idx3-ubyte of another source; name \
             another with --cache"
                .to_owned(),
        ),
    ] {
        let run = world.run(arguments);
        assert_eq!((run.code, run.stderr), (Some(code), format!("error: {expected}")), "{arguments}");
    }
    for (arguments, start) in [
        ("train pictures --cache file/kept", "error: file/kept: cannot create: "),
        ("train pictures --cache blocked", "error: blocked/train-pictures.json: cannot write: "),
    ] {
        let run = world.run(arguments);
        assert_eq!(run.code, Some(1), "{arguments}");
        assert!(run.stderr.starts_with(start) && run.stderr.lines().count() == 1, "{}", run.stderr);
    }
    assert!(!world.path("kept").exists() && !world.path("pictures/kept").exists());
    // A picture that can't be decoded is named, and no half of a file is left.
    fs::write(world.path("pictures/top/z.png"), "text").unwrap();
    let run = world.run("train pictures --cache kept");
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.starts_with("error: pictures/top/z.png: expected a picture"), "{}", run.stderr);
    let left = fs::read_dir(world.path("kept")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["lock", "train-pictures.json"]);
    fs::remove_file(world.path("pictures/top/z.png")).unwrap();
    assert_eq!(trained(&world, "train pictures --epochs 1 --cache kept").1, "damaged");
}
