use serde::{Deserialize, Serialize};

use crate::codec::{F32s, decode_value, encode_value, put_f32s};
use crate::{FormatError, Part};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Cost {
    Quadratic,
    CrossEntropy,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Recipe {
    seed: u64,
    rate: f32,
    cost: Cost,
    shuffled: bool,
    penalty: Option<f64>,
    layers: Vec<u32>,
    name: String,
}

fn recipe() -> Recipe {
    Recipe {
        seed: 0x0102_0304_0506_0708,
        rate: 3.0,
        cost: Cost::CrossEntropy,
        shuffled: true,
        penalty: None,
        layers: vec![784, 32, 10],
        name: "mnist".to_owned(),
    }
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_value("settings", value, &mut bytes).unwrap();
    bytes
}

fn cause<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> String {
    match decode_value::<T>("settings", bytes) {
        Err(FormatError::Value { part: Part::Entry(name), cause }) if &*name == "settings" => cause,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("must be refused"),
    }
}

#[test]
fn a_value_is_encoded_as_documented() {
    let bytes = encoded(&recipe());
    let mut expected = vec![8, 7, 6, 5, 4, 3, 2, 1];
    expected.extend(3.0_f32.to_le_bytes());
    expected.extend([1, 0, 0, 0]);
    expected.extend([1, 0]);
    expected.extend([3, 0, 0, 0, 0, 0, 0, 0, 0x10, 3, 0, 0, 32, 0, 0, 0, 10, 0, 0, 0]);
    expected.extend([5, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend(b"mnist");
    assert_eq!(bytes, expected);
    assert_eq!(decode_value::<Recipe>("settings", &bytes).unwrap(), recipe());
}

#[test]
fn truncated_and_trailing_values_are_refused() {
    let mut bytes = encoded(&recipe());
    for length in 0..bytes.len() {
        cause::<Recipe>(&bytes[..length]);
    }
    bytes.push(0);
    assert_eq!(cause::<Recipe>(&bytes), "1 bytes follow the value, which ends after 51");
}

#[test]
fn unknown_variants_and_impossible_values_are_refused() {
    assert_eq!(cause::<Cost>(&[2, 0, 0, 0]), "invalid value: integer `2`, expected variant index 0 <= i < 2");
    assert!(cause::<bool>(&[2]).contains("InvalidBooleanValue(2)"));
    assert!(cause::<Option<u8>>(&[2, 0]).contains("UnexpectedVariant"));
    assert!(cause::<String>(&[1, 0, 0, 0, 0, 0, 0, 0, 0xff]).contains("Utf8"));
}

#[test]
fn claimed_lengths_allocate_nothing() {
    // If such a length were believed, the allocation would abort the test.
    for length in [1_u64 << 40, 1 << 62, u64::MAX] {
        let mut hostile = length.to_le_bytes().to_vec();
        hostile.extend([0; 16]);
        assert_eq!(cause::<String>(&hostile), "it claims a length beyond its end");
        assert_eq!(cause::<Vec<f64>>(&hostile), "it ends inside a value");
        assert_eq!(cause::<Vec<Vec<String>>>(&hostile), "it ends inside a value");
        cause::<std::collections::BTreeMap<u64, String>>(&hostile);
    }
}

#[test]
fn values_of_every_size_pass_the_limit() {
    for length in [0, 1, 1015, 1016, 1017, 1020, 65_530, 70_000, 1_048_570, 5_000_000] {
        let text = "x".repeat(length);
        assert!(decode_value::<String>("history", &encoded(&text)).unwrap() == text);
    }
}

#[test]
fn numbers_keep_their_bits() {
    let values = [0.0, -0.0, f32::MIN_POSITIVE / 8.0, f32::MAX, -1.5e-7];
    let mut bytes = vec![7];
    put_f32s(&values, &mut bytes);
    assert_eq!(bytes.len(), 21);
    let mut numbers = F32s::new("weights", &bytes[1..], 5).unwrap();
    let (mut first, mut second) = ([0.0; 2], [0.0; 3]);
    numbers.read_into(&mut first).unwrap();
    numbers.read_into(&mut second).unwrap();
    numbers.finish().unwrap();
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!([bits(&first), bits(&second)].concat(), bits(&values));
}

#[test]
fn a_wrong_number_count_is_refused_before_anything_is_allocated() {
    let bytes = [0; 12];
    for (count, expected) in [(0, 0), (2, 8), (4, 16), (1 << 62, u64::MAX), (u64::MAX, u64::MAX)] {
        let error = F32s::new("weights", &bytes, count).unwrap_err();
        assert_eq!(error, FormatError::NumberCount { part: Part::entry("weights"), expected, found: 12 });
    }
    assert!(F32s::new("weights", &bytes[..11], 2).is_err());
    let mut numbers = F32s::new("weights", &bytes, 3).unwrap();
    numbers.read_into(&mut [0.0; 2]).unwrap();
    assert!(numbers.read_into(&mut [0.0; 2]).is_err());
    assert!(numbers.finish().is_err());
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_index() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut bytes = Vec::new();
        put_f32s(&[1.0, 2.0, 3.0, bad], &mut bytes);
        let mut numbers = F32s::new("moments", &bytes, 4).unwrap();
        numbers.read_into(&mut [0.0; 1]).unwrap();
        let error = numbers.read_into(&mut [0.0; 3]).unwrap_err();
        assert_eq!(error.to_string(), format!("entry moments: number 3 is {bad}, expected a finite one"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(2), ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_bytes_decode_to_what_encodes_to_them_or_not_at_all(bytes in prop::collection::vec(0_u8..4, 0..60)) {
        if let Ok(value) = decode_value::<Recipe>("settings", &bytes) {
            prop_assert_eq!(encoded(&value), bytes.clone());
        }
        if let Ok(value) = decode_value::<Vec<(u8, Option<bool>)>>("settings", &bytes) {
            prop_assert_eq!(encoded(&value), bytes);
        }
    }

    #[test]
    fn any_recipe_round_trips(
        seed in any::<u64>(), rate in -1e9_f32..1e9, shuffled in any::<bool>(),
        penalty in prop::option::of(-1e9_f64..1e9), layers in prop::collection::vec(any::<u32>(), 0..9), name in ".{0,20}",
    ) {
        let recipe = Recipe { seed, rate, cost: Cost::Quadratic, shuffled, penalty, layers, name };
        prop_assert_eq!(decode_value::<Recipe>("settings", &encoded(&recipe)).unwrap(), recipe);
    }
}
