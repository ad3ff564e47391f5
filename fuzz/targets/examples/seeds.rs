//! Writes the seeds of the corpora into the folder that it is given: real files, options that the manuals name, and bytes that
//! choose each of the kernels. `cargo run -p fuzz-targets --example seeds fuzz/corpus`
#![forbid(unsafe_code)]

use minibatch::data::{Dataset, synthetic, write_idx_f32, write_idx_u8};
use minibatch::{Isa, Network, Pool, Registry, Settings, Trainer};
use minibatch_exchange::{Format, export};
use std::path::Path;
use std::{env, fs};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let folder = env::args_os().nth(1).ok_or("expected a folder")?;
    let folder = Path::new(&folder);
    idx(folder)?;
    checkpoints(folder)?;
    pictures(folder)?;
    tables(folder)?;
    arrays(folder)?;
    exchanged(folder)?;
    options(folder)?;
    kernels(folder)
}

fn write(folder: &Path, target: &str, name: &str, bytes: &[u8]) -> Outcome {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), bytes)?)
}

/// Labels and images as the target takes them.
fn idx(folder: &Path) -> Outcome {
    let pair = |name: &str, labels: &[u8], images: &[u8]| {
        let length = u16::try_from(labels.len())?.to_le_bytes();
        write(folder, "idx", name, &[&length, labels, images].concat())
    };
    let (mut bytes, mut floats) = (Vec::new(), Vec::new());
    write_idx_u8(&mut bytes, &[3, 2, 2], &[0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])?;
    write_idx_f32(&mut floats, &[3, 2], &[0.5, -1.0, 0.0, 2.0, 3.5, -0.25])?;
    // Header, type, rank, and the dimensions before the elements.
    let array = |element: u8, dims: &[u32], elements: &[u8]| {
        let header = [0, 0, element, dims.len() as u8].into_iter();
        let dims = dims.iter().flat_map(|dim| dim.to_be_bytes());
        header.chain(dims).chain(elements.iter().copied()).collect::<Vec<u8>>()
    };
    pair("classes", &array(0x08, &[3], &[0, 1, 2]), &bytes)?;
    pair("signed-classes", &array(0x09, &[3], &[0, 1, 1]), &floats)?;
    pair("short-classes", &array(0x0B, &[3], &[0, 1, 0, 0, 0, 2]), &bytes)?;
    pair("columns-of-integers", &array(0x0C, &[3, 2], &[0, 0, 0, 1, 9, 9, 9, 9].repeat(3)), &bytes)?;
    pair("values", &array(0x0D, &[3], &[0x3f, 0x80, 0, 0].repeat(3)), &floats)?;
    pair("double-values", &array(0x0E, &[3, 2], &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0].repeat(6)), &bytes)?;
    let doubles = array(0x0E, &[3, 1], &[0xbf, 0xe0, 0, 0, 0, 0, 0, 0].repeat(3));
    pair("double-inputs", &array(0x08, &[3], &[2, 1, 0]), &doubles)?;
    pair("one-too-few", &array(0x08, &[2], &[0, 1]), &bytes)?;
    pair("a-byte-too-few", &array(0x08, &[3], &[0, 1]), &bytes)?;
    pair("swapped", &bytes, &array(0x08, &[3], &[0, 1, 2]))?;
    pair("not-a-number", &array(0x0D, &[3], &[0x7f, 0xc0, 0, 0].repeat(3)), &floats)?;
    pair("gzip", &[0x1f, 0x8b, 8, 0], &bytes)?;
    pair(
        "far-too-large",
        &array(0x08, &[3], &[0, 1, 2]),
        &array(0x0E, &[u32::MAX, u32::MAX, u32::MAX], &[]),
    )?;
    let drawn = synthetic::generate(2, 1, 1)?.train;
    let pixels: Vec<u8> = (0..2)
        .flat_map(|i| match drawn.input(i) {
            minibatch::Row::Bytes(bytes) => bytes.to_vec(),
            minibatch::Row::Floats(_) => Vec::new(),
        })
        .collect();
    let mut images = Vec::new();
    write_idx_u8(&mut images, &[2, 28, 28], &pixels)?;
    pair("digits", &array(0x08, &[2], &[4, 9]), &images)
}

/// Exported networks, and files of other programs, each after the byte of what is told.
fn exchanged(folder: &Path) -> Outcome {
    let mut named = Network::builder(3)
        .layer_named(2, Registry::default().activation("gelu").ok_or("gelu")?)
        .layer(2)
        .seed(1)
        .build()?;
    named.set_class_names(vec!["no".to_owned(), "yes".to_owned()])?;
    let other = Network::builder(3).layer(4).layer(2).seed(2).build()?;
    named.set_profile(Dataset::from_classes(vec![0_u8, 9, 255], &[1, 3], vec![0])?.profile())?;
    for format in Format::ALL {
        let target = format.name();
        let save =
            |name: &str, choice: u8, bytes: &[u8]| write(folder, target, name, &[&[choice], bytes].concat());
        let one = export(format, &[("main", &named)])?.bytes;
        save("one", 0, &one)?;
        save("one-told", 1, &one)?;
        save("two", 0, &export(format, &[("a", &other), ("b", &other)])?.bytes)?;
        save("cut", 0, &one[..one.len() - 9])?;
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/exchange/tests/fixtures");
    for entry in fs::read_dir(fixtures)? {
        let path = entry?.path();
        let (Some(format), Some(name)) = (Format::of_path(&path), path.file_stem()) else { continue };
        // Of these the activations are told by their file or by the choice.
        let choice = u8::from(format != Format::Onnx);
        if format != Format::Json {
            write(folder, format.name(), &name.to_string_lossy(), &[&[choice], &*fs::read(&path)?].concat())?;
        }
    }
    let square: &[u8] = b"{\"0.bias\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]},\
        \"0.weight\":{\"dtype\":\"F64\",\"shape\":[1,1],\"data_offsets\":[2,10]}}";
    let header = (square.len() as u64).to_le_bytes();
    let file = [&[3][..], &header, square, &[0, 0x80, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]].concat();
    write(folder, "safetensors", "square", &file)
}

/// Tables of every form, each after the byte that chooses how it is read.
fn tables(folder: &Path) -> Outcome {
    let save =
        |name: &str, choice: u8, text: &[u8]| write(folder, "table", name, &[&[choice], text].concat());
    save("classes", 0, b"a,b,t\n1,x,p\n2.5,y,q\n-3e2,x,p\n")?;
    save("values", 0b10_0000, b"a,b,t\n1,2,0.5\n2,3,1.5\n4,9,-2\n")?;
    save("no-header", 1, b"1,5.1,3.5\n0,4.9,3\n1,4.7,3.2\n")?;
    save("decimal-comma", 0b1000, b"a;t\n1,5;x\n2,25;y\n-,5;x\n")?;
    save("missing", 0b10, b"a,b,t\n1,x,p\n,NA,q\nnan,y,p\n4,x,q\n")?;
    save("dropped", 0b100, b"a,b,t\n1,x,p\n,NA,q\n3,y,p\n4,x,q\n")?;
    save(
        "quotes",
        0b110_0000,
        b"\xef\xbb\xbf\"a\",\"b, \"\"c\"\"\",t\r\n1,\"x\ny\",p\r\n2,z,q\r\n\r\n3,z,q\r\n",
    )?;
    save("tabs", 0b100_0000, b"a\tb\tt\n1\t2\t3\n4\t5\t6\n7\t8\t9\n")?;
    save("bars", 0, b"a|t\n1|2026-01-01\n2|2026-01-02\n")?;
    save("ragged", 0, b"a,b,t\n1,2\n")?;
    save("infinite", 0, b"a,t\n1e39,1\n2,0\n")?;
    save("gzip", 0, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0])?;
    let many: String = (0..130).map(|i| format!("{}.5,c{},{}\n", i * 7, i % 3, i % 2)).collect();
    save("many-numbers", 0, format!("a,b,t\n{many}").as_bytes())?;
    let texts: String = (0..110).map(|i| format!("{i},text{i}\n")).collect();
    save("free-text", 0, format!("t,b\n{texts}").as_bytes())
}

/// Arrays of every type and order, as files and in archives, each after the byte that chooses how it is read.
fn arrays(folder: &Path) -> Outcome {
    let save =
        |name: &str, choice: u8, file: &[u8]| write(folder, "numpy", name, &[&[choice], file].concat());
    let array = |descr: &str, order: &str, shape: &str, elements: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let length = u16::try_from(header.len()).expect("a short header").to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), elements].concat()
    };
    let bytes: Vec<u8> = (0..96_u32).map(|i| (i * 37 % 96) as u8).collect();
    for order in ["<", ">"] {
        for (kind, size) in [
            ("i1", 1),
            ("i2", 2),
            ("i4", 4),
            ("i8", 8),
            ("u1", 1),
            ("u2", 2),
            ("u4", 4),
            ("u8", 8),
            ("b1", 1),
        ] {
            let name = format!("{kind}-{}", if order == "<" { "little" } else { "big" });
            save(&name, 0, &array(&format!("{order}{kind}"), "False", "(4, 3)", &bytes[..12 * size]))?;
        }
        for (kind, size) in [("f2", 2), ("f4", 4), ("f8", 8)] {
            let name = format!("{kind}-{}", if order == "<" { "little" } else { "big" });
            save(&name, 0, &array(&format!("{order}{kind}"), "True", "(4, 3)", &bytes[..12 * size]))?;
        }
    }
    save("single", 0, &array("<f4", "False", "()", &[0, 0, 0x80, 0x3f]))?;
    save("flat", 0, &array("|u1", "False", "(7,)", &bytes[..7]))?;
    save("cut", 0, &array("<f4", "False", "(7,)", &bytes[..7]))?;
    save("objects", 0, &array("|O", "False", "(7,)", &bytes))?;
    save("far-too-large", 0, &array("|u1", "False", &format!("({},)", u64::MAX), &bytes))?;
    let mut second = array("<f4", "False", "(3,)", &bytes[..12]);
    second[6] = 2;
    second.splice(10..10, [0, 0]);
    save("version-2", 0, &second)?;
    let archive = |arrays: &[Vec<u8>]| -> Result<Vec<u8>, std::num::TryFromIntError> {
        let part = |array: &Vec<u8>| Ok([&u16::try_from(array.len())?.to_le_bytes(), &array[..]].concat());
        arrays.iter().map(part).collect::<Result<Vec<_>, _>>().map(|parts| parts.concat())
    };
    let rows = array("<f4", "False", "(4, 3)", &[0, 0, 0x80, 0x3f].repeat(12));
    let classes = array("<i8", "False", "(4,)", &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(2));
    let images = array("|u1", "True", "(4, 2, 3)", &bytes[..24]);
    let hot = array("|b1", "False", "(4, 2)", &[1, 0, 0, 1, 1, 0, 0, 1]);
    let values = array(">f8", "False", "(4, 2)", &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0].repeat(8));
    let wide = array("<f4", "False", "(4, 1152921504606846975)", &bytes[..16]);
    save("rows", 1, &archive(&[rows.clone(), classes.clone()])?)?;
    save("rows-packed", 0b11, &archive(&[rows.clone(), classes.clone()])?)?;
    save("rows-by-key", 0b1_1101, &archive(&[rows.clone(), classes.clone()])?)?;
    save("rows-without-key", 0b101, &archive(&[rows.clone(), classes.clone()])?)?;
    save("rows-of-values", 1, &archive(&[rows.clone(), values])?)?;
    save("rows-alone", 1, &archive(std::slice::from_ref(&rows))?)?;
    save("images", 0b10, &archive(&[images.clone(), classes.clone(), images.clone(), classes.clone()])?)?;
    save("images-one-hot", 1, &archive(&[images.clone(), hot])?)?;
    save("images-by-key", 0b1_1111, &archive(&[images.clone(), classes.clone(), images, classes.clone()])?)?;
    save("wide-targets", 1, &archive(&[rows, wide])?)?;
    save("no-archive", 0, b"PK\x05\x06")
}

/// Runs of every optimiser, activation and cost, in the middle of an epoch and at its end.
fn checkpoints(folder: &Path) -> Outcome {
    let save = |name: &str, trainer: &Trainer| {
        let mut bytes = Vec::new();
        trainer.encode_into(&mut bytes)?;
        write(folder, "checkpoint", name, &bytes)
    };
    let pool = Pool::new(Isa::detect(), 1)?;
    let inputs: Vec<f32> = (0..21).map(|i| (i * 5 % 13) as f32 / 13.0).collect();
    let classes = Dataset::from_classes(inputs.clone(), &[3], vec![0, 1, 0, 1, 1, 0, 1])?;
    let values = Dataset::from_values(inputs, &[3], (0..14).map(|i| (i % 2) as f32).collect(), 2)?;
    let optimizers = ["sgd", "momentum(0.9)", "nesterov(0.8)", "adam", "adamw", "centred-rmsprop", "nadam"];
    for (i, optimizer) in optimizers.into_iter().enumerate() {
        let data = if i % 2 == 0 { &classes } else { &values };
        let settings = Settings {
            optimizer: optimizer.parse()?,
            batch_size: 2,
            epochs: 3,
            learning_rate: 0.05,
            seed: 8,
            ..Settings::default()
        };
        let network = Network::builder(3).layer(4).layer(2).build()?;
        let mut trainer = Trainer::new(&pool, data, network, settings.clone())?;
        save(&format!("{}-new", settings.optimizer.name()), &trainer)?;
        trainer.epoch()?;
        let evaluation = trainer.evaluate(data)?;
        trainer.record(data, evaluation)?;
        save(&format!("{}-epoch", settings.optimizer.name()), &trainer)?;
        trainer.advance(1)?;
        save(&format!("{}-step", settings.optimizer.name()), &trainer)?;
    }
    let registry = Registry::default();
    for cost in registry.costs() {
        let cost = registry.cost(&cost.label()).ok_or("a cost")?;
        for output in registry.activations().filter(|output| cost.accepts(output.range())) {
            let output = registry.activation(&output.label()).ok_or("an activation")?;
            let hidden = if output.is_row_wise() {
                registry.activation("gelu").ok_or("an activation")?
            } else {
                output.clone()
            };
            let name = format!("{}-{}", cost.name(), output.name());
            let network =
                Network::builder(3).layer_named(17, hidden).layer_named(2, output).cost_named(cost.clone());
            let settings = Settings { batch_size: 3, epochs: 2, learning_rate: 0.01, ..Settings::default() };
            let mut trainer = Trainer::new(&pool, &classes, network.build()?, settings)?;
            if trainer.advance(1).is_ok() {
                save(&name, &trainer)?;
            }
        }
    }
    let other = Pool::new(Isa::MATRIXMULTIPLY, 1)?;
    let network = Network::builder(3).layer(2).build()?;
    let settings = Settings { batch_size: 7, ..Settings::default() };
    save("matrixmultiply", &Trainer::new(&other, &classes, network, settings)?)?;
    for version in ["v1", "v2", "v3", "v3-networks"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/trainer/tests/golden");
        write(folder, "checkpoint", version, &fs::read(path.join(version).with_extension("ckpt"))?)?;
    }
    Ok(())
}

/// A ring of ink in every kind of PNG file, and bytes that the target makes files of.
fn pictures(folder: &Path) -> Outcome {
    use png::{BitDepth, ColorType, Encoder};
    let kinds = [
        ("grey-1", ColorType::Grayscale, BitDepth::One),
        ("grey-2", ColorType::Grayscale, BitDepth::Two),
        ("grey-4", ColorType::Grayscale, BitDepth::Four),
        ("grey-8", ColorType::Grayscale, BitDepth::Eight),
        ("grey-16", ColorType::Grayscale, BitDepth::Sixteen),
        ("grey-alpha-8", ColorType::GrayscaleAlpha, BitDepth::Eight),
        ("rgb-8", ColorType::Rgb, BitDepth::Eight),
        ("rgba-8", ColorType::Rgba, BitDepth::Eight),
        ("rgba-16", ColorType::Rgba, BitDepth::Sixteen),
        ("indexed-2", ColorType::Indexed, BitDepth::Two),
        ("indexed-8", ColorType::Indexed, BitDepth::Eight),
    ];
    for (name, color, depth) in kinds {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 24, 30);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            encoder.set_palette([[250, 240, 230], [10, 20, 30], [90, 0, 90], [0, 90, 90]].concat());
            encoder.set_trns(vec![0, 255, 128]);
        }
        let row = (24 * color.samples() * depth as usize).div_ceil(8);
        let ink = |at: usize| {
            let (x, y) = ((at % row) as f32 / row as f32 - 0.5, (at / row) as f32 / 30.0 - 0.5);
            let on_ring = (0.2..0.4).contains(&x.hypot(y));
            if color == ColorType::Indexed { u8::from(on_ring) } else { u8::from(!on_ring) * 0xff }
        };
        let samples: Vec<u8> = (0..row * 30).map(ink).collect();
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&samples)?;
        writer.finish()?;
        write(folder, "picture", name, &file)?;
    }
    let mut state = 1_u64;
    for number in 0..24 {
        write(folder, "picture", &format!("made-{number}"), &drawn(&mut state, 400))?;
    }
    Ok(())
}

/// Command lines, a word a line.
fn options(folder: &Path) -> Outcome {
    let lines = [
        "--help",
        "--version",
        "train",
        "train --help",
        "train --hidden 128,64 --activation relu --output-activation softmax --cost categorical-cross-entropy --init he-normal --learning-rate 0.1",
        "train --layers 4,5,3 --optimizer adam(0.9,0.999,1e-8) --batch-size 8 --epochs 2 --seed 7 --json",
        "train --layers 4,2 --task regression --cost huber(0.5) --output-activation identity --optimizer momentum(0.95)",
        "train --resume run.ckpt --epochs 60 --checkpoint-every 500steps --keep 3 --threads 2 --isa portable",
        "train --checkpoint run.ckpt --checkpoint-every 5min --data some/folder --validation-split 0.1 --threads 1",
        "train --dataset synthetic --synthetic-size 600,100 --activation leaky-relu(0.2) --optimizer adamw(0.9,0.99,1e-7,0.02)",
        "train --optimizer nesterov --cost hinge --output-activation tanh --init glorot-uniform --batch-size 64",
        "train --cost binary-cross-entropy --activation elu(0.5) --init lecun-normal --dataset fashion-mnist --keep 2",
        "train --cost poisson --output-activation softplus --hidden 16,8,4 --activation selu",
        "train --hidden 0",
        "train --learning-rate -1",
        "train --optimiser adam",
        "eval run.ckpt --dataset kmnist --json",
        "info run.ckpt --json",
        "predict run.ckpt digit.png --top 3 --format csv",
        "predict run.ckpt --index 0,1,2 --data some/folder --threads 2",
        "verify run.ckpt --dataset mnist --isa avx2",
        "gradcheck --seed 3 --threads 1 --json",
    ];
    for (number, line) in lines.into_iter().enumerate() {
        write(folder, "options", &format!("line-{number:02}"), line.replace(' ', "\n").as_bytes())?;
    }
    Ok(())
}

/// Bytes, enough to choose by, after each first byte that chooses another kernel.
fn kernels(folder: &Path) -> Outcome {
    let mut state = 2_u64;
    for number in 0..120 {
        let mut bytes = drawn(&mut state, 120);
        bytes[0] = number;
        write(folder, "kernels", &format!("drawn-{number:03}"), &bytes)?;
    }
    Ok(())
}

fn drawn(state: &mut u64, count: usize) -> Vec<u8> {
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 56) as u8
    };
    (0..count).map(|_| next(state)).collect()
}
