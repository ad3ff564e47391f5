//! Augmentation of pictures.

use super::common::{Numbers, bits};
use super::{network, settings};
use minibatch::activation::{Softmax, Tanh};
use minibatch::augment::{Affine, Augment, Augmentation, Elastic, Minibatch, Mixup, Shift, Values};
use minibatch::cost::CategoricalCrossEntropy;
use minibatch::data::{Inputs, Order};
use minibatch::{Checkpoint, Dataset, Isa, Network, Pool, Registry, Settings, Trainer};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const EXAMPLES: usize = 32;

/// Pictures of random bytes, half of them 0, or the same as numbers.
fn pictures(shape: &[usize], floats: bool) -> Dataset {
    let mut numbers = Numbers::new(29);
    let mut bytes = numbers.bytes(EXAMPLES * shape.iter().product::<usize>());
    bytes.iter_mut().filter(|byte| **byte < 128).for_each(|byte| *byte = 0);
    let labels = (0..EXAMPLES).map(|i| i as u32 % 4).collect();
    let inputs = match floats {
        true => Inputs::Floats(bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect()),
        false => Inputs::Bytes(bytes),
    };
    Dataset::from_classes(inputs, shape, labels).expect("a dataset")
}

/// Augmentation that keeps what it sees, and changes nothing.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<Example>>>);

/// The number of the step, the index, the inputs as bits or bytes, the targets.
type Example = (u64, u32, Vec<u32>, Vec<f32>);

impl Augmentation for Seen {
    fn name(&self) -> &'static str {
        "seen"
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Augment> {
        Some(Augment::new(self.clone()))
    }

    fn augment(&self, minibatch: &mut Minibatch<'_>) {
        let inputs = Mutex::new(vec![Vec::new(); minibatch.rows()]);
        let place = |index: u32, minibatch: &Minibatch<'_>| {
            (0..minibatch.rows()).find(|&row| minibatch.index(row) == index).expect("a row")
        };
        let rows: Vec<u32> = (0..minibatch.rows()).map(|row| minibatch.index(row)).collect();
        minibatch.for_each_example(|example| {
            let values = match example.values() {
                Values::Bytes { from, to } => {
                    to.copy_from_slice(from);
                    from.iter().map(|&byte| byte.into()).collect()
                }
                Values::Numbers { from, to } => {
                    to.copy_from_slice(from);
                    from.iter().map(|number| number.to_bits()).collect()
                }
            };
            let row = rows.iter().position(|&index| index == example.index()).expect("a row");
            inputs.lock().expect("no panic")[row] = values;
        });
        let inputs = inputs.into_inner().expect("no panic");
        let mut seen = self.0.lock().expect("no panic");
        for index in rows {
            let row = place(index, minibatch);
            let targets = minibatch.targets(row).to_vec();
            seen.push((minibatch.step(), index, inputs[row].clone(), targets));
        }
    }
}

fn augment(texts: &[&str]) -> Vec<Augment> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

/// What two epochs of steps get to see of the data, changed by `texts`.
fn seen(data: &Dataset, texts: &[&str], seed: u64) -> Vec<Example> {
    let seen = Seen::default();
    let mut augment = augment(texts);
    augment.push(Augment::new(seen.clone()));
    let settings = Settings { augment, seed, batch_size: 8, epochs: 2, ..settings("sgd") };
    let pool = Pool::oversubscribed(Isa::detect(), 1).expect("a pool");
    let network = network(&[data.input_len(), 5, 4]);
    Trainer::new(&pool, data, network, settings).expect("a trainer").fit(None, &mut ()).expect("epochs");
    let seen = seen.0.lock().expect("no panic").clone();
    assert_eq!(seen.len(), 2 * EXAMPLES);
    seen
}

/// Every example moves by a whole number of pixels, all distances come about as often, and each step draws anew.
#[test]
fn a_shift_moves_pictures() {
    let shape = [6, 7];
    let data = pictures(&shape, false);
    let plain = seen(&data, &[], 4);
    let shifted = seen(&data, &["shift(1)"], 4);
    let mut counts = [[0; 3]; 3];
    for (before, after) in plain.iter().zip(&shifted) {
        assert_eq!((before.0, before.1, &before.3), (after.0, after.1, &after.3));
        let is = |right: isize, down: isize| {
            (0..6).all(|y| {
                (0..7).all(|x| {
                    let (from_x, from_y) = (x - right, y - down);
                    let inside = (0..7).contains(&from_x) && (0..6).contains(&from_y);
                    let expected = if inside { before.2[(from_y * 7 + from_x) as usize] } else { 0 };
                    after.2[(y * 7 + x) as usize] == expected
                })
            })
        };
        let shifts = (0..9).map(|i| (i % 3 - 1, i / 3 - 1));
        let found: Vec<_> = shifts.filter(|&(right, down)| is(right, down)).collect();
        let [(right, down)] = found[..] else { panic!("{found:?}") };
        counts[(down + 1) as usize][(right + 1) as usize] += 1;
    }
    assert!(counts.iter().flatten().all(|count| (1..=20).contains(count)), "64 in nine: {counts:?}");
    assert_ne!(shifted, seen(&data, &["shift(1)"], 5), "another seed");
    // A second shift draws by itself.
    let twice = seen(&data, &["shift(1)", "shift(1)"], 4);
    assert!(twice.iter().zip(&shifted).any(|(twice, once)| twice.2 != once.2));
    assert!(shifted.iter().zip(&seen(&data, &["shift(2)"], 4)).any(|(one, two)| one.2 != two.2));
}

/// Parameters that do nothing leave every bit, of bytes and of numbers.
#[test]
fn nothing_changes_nothing() {
    for shape in [&[6, 7][..], &[5, 4, 3]] {
        for floats in [false, true] {
            let data = pictures(shape, floats);
            let plain = seen(&data, &[], 4);
            for text in ["shift(0)", "affine(0,0,0,0)", "elastic(0)", "elastic(0,2,0,0,0,0)"] {
                assert!(seen(&data, &[text], 4) == plain, "{text}");
            }
            for text in ["affine", "elastic(9,2)", "elastic(0,2,10)"] {
                let changed = seen(&data, &[text], 4);
                let others = changed.iter().zip(&plain).filter(|(a, b)| a.2 != b.2).count();
                assert!(others > 60, "{text}: {others} of 64");
                assert!(changed[..32].iter().zip(&changed[32..]).all(|(a, b)| a.1 != b.1 || a.2 != b.2));
            }
        }
    }
}

/// Pictures of numbers and of bytes are changed alike, but for the rounding to bytes.
#[test]
fn numbers_are_changed_as_bytes_are() {
    for text in ["shift", "affine", "elastic(9,2,10,6,0.1,1)"] {
        let (bytes, floats) =
            (seen(&pictures(&[9, 8], false), &[text], 4), seen(&pictures(&[9, 8], true), &[text], 4));
        for (bytes, floats) in bytes.iter().zip(&floats) {
            for (&byte, &bits) in bytes.2.iter().zip(&floats.2) {
                let off = (f64::from(f32::from_bits(bits)) * 255.0 - f64::from(byte)).abs();
                assert!(off < 0.501, "{text}: {off}");
            }
        }
    }
}

/// Mixup by hand: with the share that the targets tell, each example is mixed with the next, as they are after the shift.
#[test]
fn mixup_mixes_neighbours() {
    for floats in [false, true] {
        let data = pictures(&[4, 5], floats);
        for before in [&[][..], &["shift"], &["mixup(1)"]] {
            let plain = seen(&data, before, 4);
            let mixed = seen(&data, &[before, &["mixup(1)"]].concat(), 4);
            let mut shares = BTreeSet::new();
            for (plain, mixed) in plain.chunks(8).zip(mixed.chunks(8)) {
                let number = |bits: u32| match floats || before.contains(&"mixup(1)") {
                    true => f32::from_bits(bits),
                    false => bits as f32 / 255.0,
                };
                // The share that explains all targets of the minibatch.
                let shares_of = |row: usize| {
                    let (own, other) = (&plain[row].3, &plain[(row + 1) % 8].3);
                    let at = (0..4)
                        .max_by(|&a, &b| (own[a] - other[a]).abs().total_cmp(&(own[b] - other[b]).abs()));
                    let at = at.expect("four targets");
                    let apart = own[at] - other[at];
                    (apart.abs() > 0.2).then(|| (mixed[row].3[at] - other[at]) / apart)
                };
                let all: Vec<f32> = (0..8).filter_map(shares_of).collect();
                let share = all[0];
                assert!(all.iter().all(|found| (found - share).abs() < 1e-5), "{all:?}");
                shares.insert((share * 1e6) as i32);
                for row in 0..8 {
                    for (i, &bits) in mixed[row].2.iter().enumerate() {
                        let (own, other) = (number(plain[row].2[i]), number(plain[(row + 1) % 8].2[i]));
                        let expected = share * own + (1.0 - share) * other;
                        assert!((f32::from_bits(bits) - expected).abs() < 1e-5, "{before:?}");
                    }
                }
            }
            assert_eq!(shares.len(), 8, "a share for each minibatch");
        }
    }
}

/// The first shares of seed 4, as a script of a few lines computed them from Philox, Box and Muller, Marsaglia and Tsang.
#[test]
fn shares_are_written_down() {
    let data = pictures(&[2, 2], false);
    // In each minibatch the first example has the class 0, and the next the class 1.
    let seen = Seen::default();
    let settings = Settings {
        augment: vec![Augment::new(Mixup::default()), Augment::new(seen.clone())],
        order: Order::InOrder,
        batch_size: 8,
        epochs: 1,
        seed: 4,
        ..settings("sgd")
    };
    let pool = Pool::oversubscribed(Isa::detect(), 1).expect("a pool");
    let mut trainer = Trainer::new(&pool, &data, network(&[4, 5, 4]), settings).expect("a trainer");
    trainer.epoch().expect("an epoch");
    let seen = seen.0.lock().expect("no panic");
    let shares: Vec<f32> = seen.chunks(8).map(|minibatch| minibatch[0].3[0]).collect();
    assert_eq!(shares, [0.011_013_625, 0.015_445_635, 0.971_506_24, 0.997_362_85]);
}

/// Pictures are refused by name where the examples are none.
#[test]
fn other_shapes_are_refused() {
    let pool = Pool::oversubscribed(Isa::detect(), 1).expect("a pool");
    for shape in [&[20][..], &[2, 2, 5], &[1, 5, 2, 2]] {
        let data = pictures(shape, false);
        for text in ["shift", "affine", "elastic"] {
            let augment = augment(&["mixup", text]);
            let settings = Settings { augment: augment.clone(), ..settings("sgd") };
            let network = network(&[20, 5, 4]);
            let error = Trainer::new(&pool, &data, network, settings).expect_err("no pictures").to_string();
            let expected = format!(
                "the examples' shape is {shape:?}: expected pictures, [rows, columns] or [rows, columns, 1 to 4 \
                 channels], for the augmentation {}",
                augment[1]
            );
            assert_eq!(error, expected);
        }
        let settings = Settings { augment: augment(&["mixup"]), ..settings("sgd") };
        Trainer::new(&pool, &data, network(&[20, 5, 4]), settings).expect("mixup takes any examples");
    }
}

#[test]
fn texts_of_augmentation() {
    for (text, written) in [
        ("shift", "shift(1.0)"),
        ("shift(2)", "shift(2.0)"),
        ("affine", "affine(10.0,6.0,0.1,1.0)"),
        ("affine(5)", "affine(5.0,6.0,0.1,1.0)"),
        ("elastic", "elastic(26.0,4.5,0.0,0.0,0.0,0.0)"),
        ("elastic(34,4,10,6,0.1,1)", "elastic(34.0,4.0,10.0,6.0,0.1,1.0)"),
        ("mixup", "mixup(0.2)"),
    ] {
        let augment: Augment = text.parse().expect(text);
        assert_eq!(augment.to_string(), written);
        assert_eq!(Registry::default().augment(written).expect(written), augment);
    }
    for text in [
        "shift(-1)",
        "shift(0.5)",
        "shift(4001)",
        "shift(NaN)",
        "affine(181)",
        "affine(0,61)",
        "affine(0,0,0.95)",
        "affine(0,0,0,-1)",
        "elastic(-1)",
        "elastic(26,0)",
        "elastic(26,NaN)",
        "elastic(26,4.5,NaN)",
        "elastic(1,2,3,4,0.5,6,7)",
        "mixup(0)",
        "mixup(inf)",
        "rotate",
    ] {
        text.parse::<Augment>().expect_err(text);
    }
    assert!(Shift::new(4001).is_none() && Mixup::new(0.0).is_none());
    assert!(Elastic::new(1.0, 1.0, Affine::new(1.0, 1.0, 0.1, 1.0)).is_some());
}

/// The bits don't depend on threads, instruction sets, cuts and files, for each way of training.
#[test]
fn augmentation_is_repeatable() {
    let lists: [&[&str]; 4] = [
        &["shift"],
        &["elastic(9,2,10,6,0.1,1)"],
        &["shift(2)", "elastic(9,2)", "mixup(1)", "affine"],
        &["mixup", "shift"],
    ];
    let mut ways = BTreeSet::new();
    for (shape, hidden) in [(&[5, 4][..], 16), (&[28, 28], 32), (&[14, 14], 256)] {
        for floats in [false, true] {
            let data = pictures(shape, floats);
            for list in lists {
                let settings = Settings {
                    augment: augment(list),
                    learning_rate: 0.05,
                    batch_size: 12,
                    epochs: 2,
                    ..settings("sgd")
                };
                let layers =
                    Network::builder(data.input_len()).layer_with(hidden, Tanh).layer_with(4, Softmax);
                let network = layers.cost(CategoricalCrossEntropy).seed(9).build().expect("a network");
                let mut first = None;
                for isa in Isa::fused() {
                    // The scalar set is slow.
                    let threads =
                        if isa == Isa::PORTABLE { vec![(1, 20)] } else { vec![(1, 20), (2, 20), (4, 2)] };
                    for (threads, cut) in threads {
                        let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                        let mut trainer =
                            Trainer::new(&pool, &data, network.clone(), settings.clone()).expect("a trainer");
                        let crew = format!("{trainer:?}");
                        ways.extend(
                            ["Alone(", "Phases(", "Shares("].into_iter().find(|way| crew.contains(way)),
                        );
                        while trainer.history().len() < 2 {
                            trainer.advance(cut).expect("steps");
                            if threads == 4 {
                                let mut file = Vec::new();
                                trainer.encode_into(&mut file).expect("a checkpoint");
                                let read = Checkpoint::decode(&file).expect("a checkpoint");
                                assert_eq!(read.settings, settings);
                                trainer = Trainer::resume(&pool, &data, read).expect("a resumed run");
                            }
                        }
                        let bits = bits(trainer.network());
                        let first = first.get_or_insert_with(|| bits.clone());
                        assert!(*first == bits, "{list:?} of {shape:?} on {pool:?}");
                    }
                }
            }
        }
    }
    assert_eq!(ways.len(), 3, "all ways of training: {ways:?}");
}
