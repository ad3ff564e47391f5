//! NumPy's files as data, written here byte by byte.

use crate::world::{TEST, TRAINING, World};
use std::fs::{self, File};
use std::io::Write;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A `.npy` file of version 1.
fn npy(descr: &str, fortran: bool, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let shape: String = shape.iter().map(|dimension| format!("{dimension}, ")).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({shape}), }}");
    let mut file = b"\x93NUMPY\x01\x00\xf6\x00".to_vec();
    file.extend(format!("{header:<245}\n").bytes());
    file.extend(bytes);
    file
}

fn npz(world: &World, name: &str, arrays: &[(&str, Vec<u8>)]) {
    let mut archive = ZipWriter::new(File::create(world.path(name)).unwrap());
    for (key, bytes) in arrays {
        archive.start_file(format!("{key}.npy"), SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// Rows of three numbers, of which the first two tell the class.
fn rows() -> Vec<[f64; 3]> {
    (0..120).map(|i| [f64::from(i * 37 % 100) / 10.0, f64::from(i * 53 % 90) / 30.0, 0.5]).collect()
}

fn class(row: &[f64; 3]) -> u8 {
    u8::from(row[0] + row[1] > 6.0)
}

fn hash(world: &World, arguments: &str) -> String {
    world.json(arguments).last().unwrap()["weight_hash"].as_str().unwrap().to_owned()
}

/// Every type and order holds the same numbers, and so does a table of text.
#[test]
fn arrays_of_every_type_and_order_are_the_same_table() {
    let world = World::empty();
    // Tenths aren't exact, and these are.
    let all: Vec<[f64; 4]> = rows()
        .iter()
        .map(|row| [(row[0] * 4.0).round(), (row[1] * 4.0).round(), 2.0, f64::from(class(row))])
        .collect();
    let flat: Vec<f64> = all.concat();
    let by_column: Vec<f64> = (0..4).flat_map(|column| all.iter().map(move |row| row[column])).collect();
    let bytes = |to: &dyn Fn(f64) -> Vec<u8>| flat.iter().flat_map(|&x| to(x)).collect::<Vec<u8>>();
    let half = |x: f64| {
        // Whole numbers to 2,048 are exact in half precision.
        let exponent = if x == 0.0 { 0 } else { (x.log2().floor() as u16) + 15 };
        let fraction = if x == 0.0 { 0.0 } else { x / 2f64.powi(i32::from(exponent) - 15) - 1.0 };
        exponent << 10 | (fraction * 1024.0) as u16
    };
    let text: String = all.iter().map(|[a, b, c, class]| format!("{a},{b},{c},{class}\n")).collect();
    fs::write(world.path("text.csv"), text).unwrap();
    let expected = hash(&world, "train text.csv --target 4 --drop 3 --epochs 3");
    let files = [
        ("f8", npy("<f8", false, &[120, 4], &bytes(&|x| x.to_le_bytes().to_vec()))),
        ("f8-big", npy(">f8", false, &[120, 4], &bytes(&|x| x.to_be_bytes().to_vec()))),
        ("f4", npy("<f4", false, &[120, 4], &bytes(&|x| (x as f32).to_le_bytes().to_vec()))),
        ("f2", npy("<f2", false, &[120, 4], &bytes(&|x| half(x).to_le_bytes().to_vec()))),
        ("i2", npy(">i2", false, &[120, 4], &bytes(&|x| (x as i16).to_be_bytes().to_vec()))),
        ("u8", npy("<u8", false, &[120, 4], &bytes(&|x| (x as u64).to_le_bytes().to_vec()))),
        ("u1", npy("|u1", false, &[120, 4], &bytes(&|x| vec![x as u8]))),
        (
            "fortran",
            npy("<f8", true, &[120, 4], &by_column.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()),
        ),
    ];
    for (name, bytes) in files {
        fs::write(world.path(&format!("{name}.npy")), bytes).unwrap();
        assert_eq!(
            hash(&world, &format!("train {name}.npy --target 4 --drop 3 --epochs 3")),
            expected,
            "{name}"
        );
    }
}

#[test]
fn an_archive_of_rows_is_learned_and_answered() {
    let world = World::empty();
    let x: Vec<u8> = rows().concat().iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
    let y: Vec<u8> = rows().iter().map(class).collect();
    npz(
        &world,
        "rows.npz",
        &[("features", npy("<f4", false, &[120, 3], &x)), ("labels", npy("|u1", false, &[120], &y))],
    );
    npz(&world, "new.npz", &[("x", npy("<f4", false, &[120, 3], &x))]);
    let run = world.run("train rows.npz --test-split 0.2 --epochs 20 --checkpoint run.ckpt");
    assert!(
        run.stdout.contains("\ntarget            y: 0, 1\n") && run.stderr.contains("'x3' is the same"),
        "{}",
        run.stderr
    );
    assert!(world.json("eval run.ckpt rows.npz")[0]["test"]["accuracy"].as_f64().unwrap() > 0.9);
    let table = world.run("predict run.ckpt new.npz").succeeded().to_owned();
    assert_eq!(table.lines().next(), Some("x1,x2,x3,predicted_y,output_0,output_1"));
    let right = table
        .lines()
        .skip(1)
        .zip(rows())
        .filter(|(line, row)| line.split(',').nth(3) == Some(&class(row).to_string()));
    assert!(right.count() > 108, "{table}");
    world.run("predict run.ckpt rows.npz --x-key features").succeeded();
}

/// The images of a folder of IDX files, in an archive.
#[test]
fn an_archive_of_images_gives_the_bits_of_the_idx_files() {
    let world = World::new();
    let part =
        |file: &str, offset: usize| fs::read(world.path(&format!("set/{file}"))).unwrap()[offset..].to_vec();
    let images = |name, count| npy("|u1", false, &[count, 4, 5], &part(name, 16));
    let labels = |name, count| npy("|u1", false, &[count], &part(name, 8));
    npz(
        &world,
        "set.npz",
        &[
            ("x_train", images("train-images-idx3-ubyte", TRAINING)),
            ("y_train", labels("train-labels-idx1-ubyte", TRAINING)),
            ("x_test", images("t10k-images-idx3-ubyte", TEST)),
            ("y_test", labels("t10k-labels-idx1-ubyte", TEST)),
        ],
    );
    let options = "--hidden 5 --epochs 2 --checkpoint";
    assert_eq!(
        hash(&world, &format!("train set.npz {options} a.ckpt")),
        hash(&world, &format!("train set {options} b.ckpt"))
    );
    assert_eq!(world.json("eval a.ckpt set.npz")[0]["test"], world.json("eval b.ckpt set")[0]["test"]);
    fs::write(world.path("test.npy"), images("t10k-images-idx3-ubyte", TEST)).unwrap();
    let found = world.json("predict a.ckpt test.npy");
    let expected = world.json("predict b.ckpt set/t10k-images-idx3-ubyte");
    assert_eq!(found.len(), TEST);
    assert!(found.iter().zip(&expected).all(|(a, b)| a["ranked"] == b["ranked"]));
}

#[test]
fn bad_arrays_are_refused() {
    let world = World::empty();
    let write = |name: &str, bytes: &[u8]| fs::write(world.path(name), bytes).unwrap();
    let good = npy("<f4", false, &[3, 2], &[0; 24]);
    write("cut.npy", &good[..good.len() - 3]);
    write("long.npy", &[&good[..], b"x"].concat());
    write("header.npy", &good[..40]);
    write("objects.npy", &npy("|O", false, &[3], b"\x80\x04"));
    write("texts.npy", &npy("<U5", false, &[3], &[0; 60]));
    write("cube.npy", &npy("<f4", false, &[2, 2, 2], &[0; 32]));
    write("huge.npy", &npy("<f8", false, &[1 << 40, 1 << 40], &[]));
    write("no-archive.npz", b"PK\x03\x04 and more");
    npz(&world, "no-y.npz", &[("x", npy("<f4", false, &[3, 2], &[0; 24]))]);
    npz(
        &world,
        "short.npz",
        &[("x", npy("<f4", false, &[3, 2], &[0; 24])), ("y", npy("|u1", false, &[2], &[0, 1]))],
    );
    npz(
        &world,
        "images.npz",
        &[("x", npy("|u1", false, &[3, 2, 2], &[0; 12])), ("y", npy("|u1", false, &[2], &[0, 1]))],
    );
    npz(
        &world,
        "negative.npz",
        &[("x", npy("|u1", false, &[2, 2, 2], &[0; 8])), ("y", npy("|i1", false, &[2], &[0, 255]))],
    );
    for (arguments, expected) in [
        (
            "train cut.npy --target 2",
            "cut.npy: expected 24 bytes of elements, for the shape [3, 2], found 21; save it again",
        ),
        (
            "train long.npy --target 2",
            "long.npy: expected 24 bytes of elements, for the shape [3, 2], found more; save it again",
        ),
        ("train header.npy --target 2", "header.npy: expected the header of a NumPy array, found "),
        (
            "train objects.npy --target 2",
            "objects.npy: expected an array of numbers, found the type |O; it holds Python objects, which aren't loaded because that can run code; save numbers",
        ),
        (
            "train texts.npy --target 2",
            "texts.npy: expected an array of numbers, found the type <U5; save real numbers, integers or truth values",
        ),
        (
            "train cube.npy --target 2",
            "cube.npy: expected an array of one or two dimensions, found 3 of them: [2, 2, 2]; images are taken from an archive of u8",
        ),
        (
            "train huge.npy --target 2",
            "huge.npy: expected an array that fits into memory, found the shape [1099511627776, 1099511627776]",
        ),
        ("train no-archive.npz --target y", "no-archive.npz: expected an archive of arrays (.npz), found "),
        (
            "train no-y.npz",
            "no-y.npz: expected an array 'y', found the arrays x; --x-key and --y-key name others",
        ),
        ("train short.npz", "short.npz: column 'y': expected 3 rows, as the other array has, found 2"),
        ("train images.npz", "images.npz: expected 3 targets, one for each example, found 2"),
        (
            "train negative.npz",
            "negative.npz: expected classes as whole numbers from 0, or one-hot rows, found others; values to learn are floats",
        ),
    ] {
        let run = world.run(arguments);
        assert_eq!(run.code, Some(1), "{arguments}");
        assert!(run.stderr.starts_with(&format!("error: {expected}")), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}
