//! IDX files under the names and in the forms that sets have them.

use crate::world::{TEST, World};
use flate2::Compression;
use flate2::write::GzEncoder;
use minibatch_data::{Dataset, write_idx_u8};
use std::fs::{self, File};
use std::io::Write;

fn hash(world: &World, options: &str) -> String {
    let out = world.json(&format!("train {options} --hidden 5 --epochs 2 --seed 1"));
    out.last().unwrap()["weight_hash"].as_str().unwrap().to_owned()
}

/// Packed files, files of EMNIST's names, and one-hot labels are the same set.
#[test]
fn the_same_set_in_other_forms_gives_the_same_bits() {
    let world = World::new();
    let plain = hash(&world, "--data set");
    assert_eq!(hash(&world, "set"), plain);
    let files = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ];
    for folder in ["packed", "emnist", "one-hot", "beside"] {
        fs::create_dir(world.path(folder)).unwrap();
    }
    for file in files {
        let bytes = fs::read(world.path(&format!("set/{file}"))).unwrap();
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&bytes).unwrap();
        fs::write(world.path(&format!("packed/{file}.gz")), packed.finish().unwrap()).unwrap();
        let emnist = file.replace("t10k", "test");
        fs::write(world.path(&format!("emnist/emnist-letters-{emnist}")), &bytes).unwrap();
        fs::write(world.path(&format!("emnist/emnist-digits-{emnist}")), b"another set").unwrap();
        // A folder has the dashed name, and the file its dotted twin.
        fs::create_dir(world.path(&format!("beside/{file}"))).unwrap();
        fs::write(world.path(&format!("beside/{}", file.replace("-idx", ".idx"))), &bytes).unwrap();
        let mut out = File::create(world.path(&format!("one-hot/{file}"))).unwrap();
        match file.contains("labels") {
            true => {
                let hot: Vec<u8> = bytes[8..]
                    .iter()
                    .flat_map(|&label| (0..3).map(move |class| u8::from(class == label)))
                    .collect();
                write_idx_u8(&mut out, &[bytes.len() - 8, 3], &hot).unwrap();
            }
            false => out.write_all(&bytes).unwrap(),
        }
    }
    for options in ["packed", "emnist --prefix emnist-letters", "one-hot", "beside"] {
        assert_eq!(hash(&world, options), plain, "{options}");
    }
    // A single prefix needn't be named.
    for file in files {
        fs::remove_file(world.path(&format!("emnist/emnist-digits-{}", file.replace("t10k", "test"))))
            .unwrap();
    }
    assert_eq!(hash(&world, "emnist"), plain);
}

#[test]
fn transposed_images_are_turned() {
    let world = World::new();
    let (images, labels) = ("set/t10k-images-idx3-ubyte", "set/t10k-labels-idx1-ubyte");
    let turned = Dataset::read(&world.path(images), &world.path(labels)).unwrap().transposed().unwrap();
    assert_eq!(turned.example_shape(), [5, 4]);
    assert_eq!(
        turned.transposed().unwrap().fingerprint(),
        Dataset::read(&world.path(images), &world.path(labels)).unwrap().fingerprint()
    );
    let plan = &world.json("train set --transpose --epochs 1 --checkpoint run.ckpt")[0];
    assert_eq!(plan["example_shape"].as_array().unwrap().len(), 2);
    assert_eq!(plan["example_shape"][0], 5);
    world.run("eval run.ckpt set --transpose").succeeded();
}

/// A test set may be alone in its folder, be named file by file, and lack a class.
#[test]
fn a_test_set_alone_is_enough_for_eval() {
    let world = World::new();
    world.run("train set --hidden 5 --epochs 2 --checkpoint run.ckpt").succeeded();
    let whole = world.json("eval run.ckpt set")[0]["test"].clone();
    fs::create_dir(world.path("test")).unwrap();
    for file in ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
        fs::copy(world.path(&format!("set/{file}")), world.path(&format!("test/{file}"))).unwrap();
    }
    assert_eq!(world.json("eval run.ckpt test")[0]["test"], whole);
    let files = "--test-images test/t10k-images-idx3-ubyte --test-labels test/t10k-labels-idx1-ubyte";
    assert_eq!(world.json(&format!("eval run.ckpt {files}"))[0]["test"], whole);
    write_idx_u8(&mut File::create(world.path("test/t10k-labels-idx1-ubyte")).unwrap(), &[TEST], &[0; TEST])
        .unwrap();
    assert_eq!(world.json("eval run.ckpt test")[0]["test"]["examples"], TEST);
}

#[test]
fn labels_with_gaps_and_classes_saved_as_floats_are_told() {
    let world = World::new();
    let labels: Vec<u8> = (0..205).map(|i| 1 + 100 * (i % 3) as u8).collect();
    write_idx_u8(&mut File::create(world.path("set/train-labels-idx1-ubyte")).unwrap(), &[205], &labels)
        .unwrap();
    let note = "note: 202 outputs, one for each class from 0 to 201, of which the training set has 3; the first is class 1; \
                number classes from 0, without gaps, for no more outputs than they need";
    assert!(world.run("train set --epochs 1").stderr.contains(note));
}
