//! Files and memory become the same dataset.

mod common;

use std::fs::File;

use common::{Folder, idx};
use minibatch_data::{Dataset, Row, Targets, write_idx_f32, write_idx_u8};
use proptest::prelude::*;

fn labels_of(data: &Dataset) -> &[u32] {
    match data.targets() {
        Targets::Classes { labels, .. } => labels,
        other => panic!("expected classes, found {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_survive_the_way_through_files(
        (shape, inputs, labels) in (prop::collection::vec(1_usize..5, 1..4), 1_usize..9).prop_flat_map(
            |(shape, len)| {
                let values = len * shape.iter().product::<usize>();
                let inputs = prop::collection::vec(any::<u8>(), values);
                (Just(shape), inputs, prop::collection::vec(any::<u8>(), len))
            }
        ),
    ) {
        let folder = Folder::new();
        let (images_path, labels_path) = (folder.path().join("images"), folder.path().join("labels"));
        let dims = [&[labels.len()], &shape[..]].concat();
        write_idx_u8(&mut File::create(&images_path).unwrap(), &dims, &inputs).unwrap();
        write_idx_u8(&mut File::create(&labels_path).unwrap(), &[labels.len()], &labels).unwrap();

        let mapped = Dataset::map(&images_path, &labels_path).unwrap();
        let read = Dataset::read(&images_path, &labels_path).unwrap();
        let labels: Vec<u32> = labels.into_iter().map(u32::from).collect();
        let memory = Dataset::from_classes(inputs.clone(), &shape, labels.clone()).unwrap();
        for data in [&mapped, &read, &memory] {
            prop_assert_eq!(data.len(), labels.len());
            prop_assert_eq!(data.example_shape(), &shape[..]);
            prop_assert_eq!(labels_of(data), &labels[..]);
            prop_assert_eq!(data.classes(), labels.iter().max().map(|&max| max as usize + 1));
            prop_assert_eq!(data.fingerprint(), memory.fingerprint());
            for (i, expected) in inputs.chunks(data.input_len()).enumerate() {
                prop_assert_eq!(data.input(i), Row::Bytes(expected));
            }
        }
    }

    #[test]
    fn floats_survive_the_way_through_files(
        (inputs, values, width) in (1_usize..9, 1_usize..4).prop_flat_map(|(len, width)| {
            let number = || prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO;
            (prop::collection::vec(number(), len * 3), prop::collection::vec(number(), len * width), Just(width))
        }),
    ) {
        let len = inputs.len() / 3;
        let folder = Folder::new();
        let (inputs_path, values_path) = (folder.path().join("inputs"), folder.path().join("values"));
        write_idx_f32(&mut File::create(&inputs_path).unwrap(), &[len, 3], &inputs).unwrap();
        write_idx_f32(&mut File::create(&values_path).unwrap(), &[len, width], &values).unwrap();

        let data = Dataset::map(&inputs_path, &values_path).unwrap();
        let memory = Dataset::from_values(inputs.clone(), &[3], values, width).unwrap();
        prop_assert_eq!(data.targets(), memory.targets());
        prop_assert_eq!(data.fingerprint(), memory.fingerprint());
        prop_assert_eq!(data.classes(), None);
        for (i, expected) in inputs.chunks(3).enumerate() {
            prop_assert_eq!(data.input(i), Row::Floats(expected));
        }
    }
}

#[test]
fn every_element_type_is_an_input() {
    let folder = Folder::new();
    let labels = folder.file("labels", &idx(0x08, &[2], &[0, 1]));
    let cases: [(u8, Vec<u8>, [f32; 2]); 5] = [
        (0x09, vec![0x80, 0x7f], [-128.0, 127.0]),
        (0x0B, [i16::MIN.to_be_bytes(), 258_i16.to_be_bytes()].concat(), [-32768.0, 258.0]),
        (0x0C, [(-3_i32).to_be_bytes(), 16_777_217_i32.to_be_bytes()].concat(), [-3.0, 16_777_216.0]),
        (0x0D, [1.5_f32.to_be_bytes(), (-0.1_f32).to_be_bytes()].concat(), [1.5, -0.1]),
        (0x0E, [0.1_f64.to_be_bytes(), 1e-300_f64.to_be_bytes()].concat(), [0.1, 0.0]),
    ];
    for (element, payload, expected) in cases {
        let images = folder.file("images", &idx(element, &[2, 1], &payload));
        let data = Dataset::map(&images, &labels).unwrap();
        assert_eq!(
            [data.input(0), data.input(1)],
            expected.each_ref().map(|v| Row::Floats(std::slice::from_ref(v)))
        );
    }
}

#[test]
fn every_integer_type_is_a_label_and_floats_are_values() {
    let folder = Folder::new();
    let images = folder.file("images", &idx(0x08, &[3, 1], &[1, 2, 3]));
    let open = |bytes: Vec<u8>| Dataset::map(&images, &folder.file("labels", &bytes)).unwrap();
    assert_eq!(labels_of(&open(idx(0x08, &[3], &[7, 0, 200]))), &[7, 0, 200]);
    assert_eq!(labels_of(&open(idx(0x09, &[3], &[7, 0, 100]))), &[7, 0, 100]);
    assert_eq!(labels_of(&open(idx(0x0B, &[3], &[0, 7, 1, 0, 0, 2]))), &[7, 256, 2]);
    // A row as in QMNIST: the class, then the numbers that identify the writer.
    let row = |class: u8, writer: u8| [&[0, 0, 0, class, 0xff, 0, 0, writer][..], &[0; 24]].concat();
    let qmnist = open(idx(0x0C, &[3, 8], &[row(5, 9), row(0, 8), row(3, 7)].concat()));
    assert_eq!((labels_of(&qmnist), qmnist.classes()), (&[5, 0, 3][..], Some(6)));
    // One column, and one-hot rows.
    assert_eq!(labels_of(&open(idx(0x08, &[3, 1], &[7, 0, 200]))), &[7, 0, 200]);
    let one_hot = open(idx(0x08, &[3, 4], &[0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0]));
    assert_eq!((labels_of(&one_hot), one_hot.classes()), (&[2, 0, 1][..], Some(4)));
    let one_hot = open(idx(0x0C, &[3, 2], &[0, 0, 0, 1, 0, 0, 0, 0].repeat(3)));
    assert_eq!((labels_of(&one_hot), one_hot.classes()), (&[0, 0, 0][..], Some(2)));
    let values = [0.5_f64, -1.0, 2.0].map(f64::to_be_bytes).concat();
    let expected = Targets::Values { data: vec![0.5, -1.0, 2.0], width: 1 };
    assert_eq!(open(idx(0x0E, &[3], &values)).targets(), &expected);
}

fn numbered(len: u32) -> Dataset {
    let pixels = (0..len).flat_map(|i| [i as u8, 0]).collect::<Vec<u8>>();
    Dataset::from_classes(pixels, &[2], (0..len).map(|i| i % 10).collect()).unwrap()
}

#[test]
fn a_subset_shows_the_chosen_examples() {
    let data = numbered(20);
    let odd = data.subset(&[1, 3, 5, 17]).unwrap();
    let last = odd.subset(&[3, 0]).unwrap();
    assert_eq!((last.len(), last.classes()), (2, Some(10)));
    assert_eq!([last.input(0), last.input(1)], [Row::Bytes(&[17, 0]), Row::Bytes(&[1, 0])]);
    assert_eq!(labels_of(&last), &[7, 1]);

    let values = Dataset::from_values(vec![0_u8; 3], &[1], vec![0., 1., 2., 3., 4., 5.], 2).unwrap();
    let chosen = values.subset(&[2, 0]).unwrap();
    assert_eq!(chosen.targets(), &Targets::Values { data: vec![4., 5., 0., 1.], width: 2 });

    assert!(data.subset(&[]).is_err());
    let error = odd.subset(&[4]).unwrap_err().to_string();
    assert_eq!(error, "indices of a subset: expected below 4, found 4");
}

#[test]
fn a_split_is_a_seeded_partition() {
    let data = numbered(50);
    let ids = |data: &Dataset| -> Vec<u8> {
        (0..data.len())
            .map(|i| match data.input(i) {
                Row::Bytes(row) => row[0],
                Row::Floats(_) => unreachable!(),
            })
            .collect()
    };
    let (training, validation) = data.split(0.2, 7).unwrap();
    assert_eq!((training.len(), validation.len()), (40, 10));
    assert!(ids(&validation).is_sorted() && ids(&training).is_sorted());
    let mut all = [ids(&training), ids(&validation)].concat();
    all.sort_unstable();
    assert_eq!(all, (0..50).collect::<Vec<u8>>());
    assert_eq!(ids(&data.split(0.2, 7).unwrap().1), ids(&validation));
    assert_ne!(ids(&data.split(0.2, 8).unwrap().1), ids(&validation));
    for fraction in [0.0, 1.0, -0.5, 0.001, 0.999, f64::NAN, f64::INFINITY] {
        assert!(data.split(fraction, 7).is_err(), "{fraction}");
    }
}

/// Every class has its share of the validation set to within one example, in sets of every shape.
#[test]
fn a_stratified_split_keeps_the_shares_of_the_classes() {
    let labels = |data: &Dataset| match data.targets() {
        Targets::Classes { labels, .. } => labels.clone(),
        _ => unreachable!(),
    };
    let mut state = 5_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    for case in 0..200 {
        let (classes, examples) = (1 + random(9), 2 + random(200) as usize);
        // Some classes are rare, some have no example.
        let drawn: Vec<u32> = (0..examples).map(|_| random(classes).min(random(classes))).collect();
        let data = Dataset::from_classes(vec![0_u8; examples], &[1], drawn.clone()).unwrap();
        let fraction = (1 + random(98)) as f64 / 100.0;
        let Ok((training, validation)) = data.split_stratified(fraction, case) else {
            data.split(fraction, case).unwrap_err();
            continue;
        };
        let sizes = (training.len(), validation.len());
        let plain = data.split(fraction, case).unwrap();
        assert_eq!(sizes, (plain.0.len(), plain.1.len()));
        for class in 0..classes {
            let count = |labels: &[u32]| labels.iter().filter(|&&label| label == class).count();
            let share = (count(&drawn) * validation.len()) as f64 / examples as f64;
            let (found, left) = (count(&labels(&validation)), count(&labels(&training)));
            assert!((found as f64 - share).abs() < 1.0, "{found} of class {class}, its share is {share}");
            assert_eq!(found + left, count(&drawn));
        }
    }
}

#[test]
fn a_stratified_split_is_seeded_and_random_within_a_class() {
    let inputs: Vec<u8> = (0..60).collect();
    let data = Dataset::from_classes(inputs.clone(), &[1], (0..60).map(|i| i % 3).collect()).unwrap();
    let held_out = |data: &Dataset, seed| -> Vec<u8> {
        let (_, validation) = data.split_stratified(0.2, seed).unwrap();
        (0..validation.len())
            .map(|i| match validation.input(i) {
                Row::Bytes(row) => row[0],
                Row::Floats(_) => unreachable!(),
            })
            .collect()
    };
    let first = held_out(&data, 7);
    assert!(first.is_sorted());
    assert_eq!((0..3).map(|k| first.iter().filter(|&&i| i % 3 == k).count()).collect::<Vec<_>>(), [4, 4, 4]);
    assert_eq!(first, held_out(&data, 7));
    assert_ne!(first, held_out(&data, 8));
    // Values are split as ever.
    let values = Dataset::from_values(inputs, &[1], vec![0.5; 60], 1).unwrap();
    let plain = values.split(0.2, 7).unwrap().1;
    assert_eq!(held_out(&values, 7).len(), 12);
    assert_eq!(values.split_stratified(0.2, 7).unwrap().1.fingerprint(), plain.fingerprint());
}

#[test]
fn the_fingerprint_tells_data_apart() {
    let base = || (vec![1_u8, 2, 3, 4], vec![2_usize], vec![0_u32, 1]);
    let fingerprint = |(inputs, shape, labels): (Vec<u8>, Vec<usize>, Vec<u32>)| {
        Dataset::from_classes(inputs, &shape, labels).unwrap().fingerprint()
    };
    let (inputs, shape, labels) = base();
    let variants = [
        fingerprint(base()),
        fingerprint((vec![1, 2, 3, 5], shape.clone(), labels.clone())),
        fingerprint((vec![3, 4, 1, 2], shape.clone(), labels.clone())),
        fingerprint((inputs.clone(), vec![1, 2], labels.clone())),
        fingerprint((inputs.clone(), shape.clone(), vec![1, 0])),
        fingerprint((inputs.clone(), shape.clone(), vec![0, 2])),
        Dataset::from_values(inputs.clone(), &shape, vec![0.0, 1.0], 1).unwrap().fingerprint(),
        Dataset::from_classes(vec![1_f32, 2., 3., 4.], &shape, labels.clone()).unwrap().fingerprint(),
        Dataset::from_classes(inputs, &shape, labels).unwrap().with_classes(3).unwrap().fingerprint(),
    ];
    for (i, a) in variants.iter().enumerate() {
        assert!(!variants[..i].contains(a), "variant {i}");
    }
    // Checkpoints record the fingerprint, so it must not change.
    assert_eq!(variants[0], 7529368020746619070);
    let whole = numbered(6).subset(&[0, 1, 2, 3, 4, 5]).unwrap();
    assert_eq!(whole.fingerprint(), numbered(6).fingerprint());
}

#[test]
fn classes_can_be_raised_but_not_lowered() {
    let data = numbered(3);
    assert_eq!(data.clone().with_classes(10).unwrap().classes(), Some(10));
    let error = data.with_classes(2).unwrap_err().to_string();
    assert_eq!(error, "classes: expected 3 to 1048576, found 2");
}

#[test]
fn writers_refuse_shapes_that_do_not_fit() {
    for dims in [&[][..], &[3], &[2, 0], &[1; 256], &[usize::MAX, 2]] {
        let mut out = Vec::new();
        let error = write_idx_u8(&mut out, dims, &[1, 2]).unwrap_err();
        assert_eq!((error.kind(), out.len()), (std::io::ErrorKind::InvalidInput, 0), "{dims:?}");
    }
}
