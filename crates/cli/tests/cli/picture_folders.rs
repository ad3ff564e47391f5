//! Folders of pictures, one sub-folder for each class: train, eval, predict.

use crate::world::World;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use std::fs;
use std::path::Path;

const FORMATS: [ImageFormat; 5] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::WebP];

/// A picture that is light at the left, or at the top, with a little of something else.
pub(crate) fn drawn(class: usize, seed: u32, [width, height]: [u32; 2]) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| {
        let light = if class == 0 { 2 * x < width } else { 2 * y < height };
        Luma([(if light { 180 } else { 40 }) + ((x * 7 + y * 13 + seed * 29) % 40) as u8])
    })
}

pub(crate) fn write(path: &Path, picture: impl Into<DynamicImage>, format: ImageFormat) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture: DynamicImage = picture.into();
    // Some formats have no grey.
    picture.into_rgb8().save_with_format(path, format).unwrap();
}

/// 60 pictures of `left` and 60 of `top`, of all formats, and 20 of each to test on.
pub(crate) fn world() -> World {
    let world = World::empty();
    for (set, count) in [("pictures", 60), ("test", 20)] {
        for (class, name) in ["left", "top"].into_iter().enumerate() {
            for seed in 0..count {
                let format = FORMATS[seed % FORMATS.len()];
                let path = format!("{set}/{name}/{seed}.{}", format.extensions_str()[0]);
                write(&world.path(&path), drawn(class, seed as u32 + count as u32, [12, 10]), format);
            }
        }
    }
    world
}

#[test]
fn a_folder_of_pictures_is_learned_and_new_ones_are_named() {
    let world = world();
    let out = world.json("train pictures --test test --hidden 8 --epochs 30 --checkpoint run.ckpt");
    assert_eq!(
        out[0]["example_shape"].as_array().unwrap().iter().map(|x| x.as_u64().unwrap()).collect::<Vec<_>>(),
        [10, 12]
    );
    assert_eq!((&out[0]["training_examples"], &out[0]["test_examples"]), (&120.into(), &40.into()));
    let epoch = &out[out.len() - 2];
    assert_eq!(epoch["test"]["accuracy"], 1.0, "{epoch}");
    assert_eq!(world.json("eval run.ckpt test")[0]["test"]["accuracy"], 1.0);
    assert!(world.run("eval run.ckpt test").stdout.contains("\n    left "));
    // Larger pictures are scaled, and a colour has its grey level.
    write(&world.path("large.png"), drawn(1, 5, [120, 100]), ImageFormat::Png);
    let colored =
        RgbImage::from_fn(12, 10, |x, _| if x < 6 { Rgb([255, 250, 120]) } else { Rgb([90, 20, 10]) });
    write(&world.path("colored.bmp"), colored, ImageFormat::Bmp);
    let found = world.json("predict run.ckpt large.png colored.bmp");
    assert_eq!((&found[0]["name"], &found[1]["name"]), (&"top".into(), &"left".into()), "{found:?}");
    let text = world.run("predict run.ckpt large.png colored.bmp");
    assert!(text.stdout.starts_with("large.png: top  [top 0."), "{}", text.stdout);
    // The run goes on, and repeats.
    world.run("train pictures --test test --resume run.ckpt --epochs 31").succeeded();
    assert!(world.run("verify run.ckpt pictures --test test").succeeded().contains("The bits agree"));
}

#[test]
fn pictures_are_split_scaled_and_taken_in_colour() {
    let world = world();
    let plan = &world.json("train pictures --epochs 1 --size 5x6")[0];
    assert_eq!((&plan["training_examples"], &plan["validation_examples"]), (&96.into(), &24.into()));
    assert_eq!(plan["layers"][0], 30);
    let plan = &world.json("train pictures --epochs 1 --test-split 0.25 --rgb --checkpoint run.ckpt")[0];
    assert_eq!((&plan["test_examples"], &plan["layers"][0]), (&30.into(), &360.into()));
    write(&world.path("large.png"), drawn(1, 5, [120, 100]), ImageFormat::Png);
    assert_eq!(world.json("predict run.ckpt large.png").len(), 1);
    assert_eq!(world.json("eval run.ckpt test")[0]["test"]["examples"], 40);
}

/// Each message is one line.
#[test]
fn bad_folders_of_pictures_are_refused() {
    let world = world();
    write(&world.path("sizes/a/1.png"), drawn(0, 1, [12, 10]), ImageFormat::Png);
    write(&world.path("sizes/b/1.png"), drawn(0, 1, [10, 12]), ImageFormat::Png);
    write(&world.path("one/a/1.png"), drawn(0, 1, [12, 10]), ImageFormat::Png);
    write(&world.path("empty/a/1.png"), drawn(0, 1, [12, 10]), ImageFormat::Png);
    fs::create_dir(world.path("empty/b")).unwrap();
    write(&world.path("text/a/1.png"), drawn(0, 1, [12, 10]), ImageFormat::Png);
    write(&world.path("text/b/1.png"), drawn(0, 1, [12, 10]), ImageFormat::Png);
    fs::write(world.path("text/b/notes.txt"), "notes").unwrap();
    write(&world.path("cut/a/1.png"), drawn(0, 1, [12, 10]), ImageFormat::Png);
    write(&world.path("cut/b/1.jpg"), drawn(0, 1, [12, 10]), ImageFormat::Jpeg);
    let bytes = fs::read(world.path("cut/b/1.jpg")).unwrap();
    fs::write(world.path("cut/b/1.jpg"), &bytes[..60]).unwrap();
    world.run("train pictures --epochs 1 --checkpoint run.ckpt").succeeded();
    write(&world.path("other/right/1.png"), drawn(0, 1, [12, 10]), ImageFormat::Png);
    for (arguments, code, expected) in [
        (
            "train sizes",
            1,
            "sizes/b/1.png: expected 10×12 pixels, as sizes/a/1.png has, found 12×10; --size 10x12 scales all of them",
        ),
        ("train one", 1, "one: expected a sub-folder for each of two classes or more, found 'a' alone"),
        ("train empty", 1, "empty/b: expected pictures, found none"),
        (
            "train text",
            1,
            "text/b/notes.txt: expected a picture (PNG, JPEG, GIF, BMP or WebP), found another file",
        ),
        ("train pictures --target left", 2, "--target is for tables; name one as DATA"),
        (
            "train pictures --size 10",
            2,
            "invalid value '10' for '--size <ROWSxCOLUMNS>': expected two numbers from 1 to 4096, such as 28x28; see `--help`",
        ),
        (
            "eval run.ckpt other",
            1,
            "other/right: expected a class that the network knows, left, top, found 'right'",
        ),
        (
            "train pictures --test-split 0.001",
            2,
            "--test-split 0.001: fraction to test on: expected between 0 and 1, leaving some of 120 examples on each side, found 0.001",
        ),
    ] {
        let run = world.run(arguments);
        assert_eq!((run.code, run.stderr), (Some(code), format!("error: {expected}")), "{arguments}");
    }
    let run = world.run("train cut");
    assert!(
        run.stderr.starts_with("error: cut/b/1.jpg: the JPG file is damaged: ") && run.code == Some(1),
        "{}",
        run.stderr
    );
}
