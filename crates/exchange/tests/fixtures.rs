//! Files that PyTorch, scikit-learn and onnx wrote answer as their makers do. `reference/exchange_fixtures.py` made them.

use minibatch::{Isa, Network, Pool, Registry};
use minibatch_exchange::{Format, Options, import};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The cases and the inputs that their outputs are for.
fn cases() -> (Vec<f32>, Vec<Value>) {
    let text = fs::read(folder().join("cases.json")).unwrap();
    let all: Value = serde_json::from_slice(&text).unwrap();
    (numbers(&all["inputs"]), all["cases"].as_array().unwrap().clone())
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

/// The numbers in a list of rows.
fn numbers(rows: &Value) -> Vec<f32> {
    let row =
        |row: &Value| row.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect::<Vec<_>>();
    rows.as_array().unwrap().iter().flat_map(row).collect()
}

fn read(case: &Value) -> Result<Network, String> {
    let path = folder().join(case["file"].as_str().unwrap());
    let registry = Registry::default();
    let told = |key: &str| case[key].as_str().map(|label| registry.activation(label).unwrap());
    let options = Options {
        activation: told("activation"),
        output_activation: told("output_activation"),
        ..Options::default()
    };
    let imported = import(Format::of_path(&path).unwrap(), &fs::read(&path).unwrap(), &options);
    imported.map(|mut imported| imported.networks.remove("main").unwrap()).map_err(|error| error.to_string())
}

#[test]
fn files_of_others_answer_as_their_makers_do() {
    let (inputs, cases) = cases();
    let pool = Pool::new(Isa::detect(), 1).unwrap();
    let mut read_ones = 0;
    for case in &cases {
        let file = &case["file"];
        match (read(case), case["refused"].as_str()) {
            (Ok(network), None) => {
                let expected = numbers(&case["outputs"]);
                let found = network.predict_rows(&pool, &inputs).unwrap();
                assert_eq!(found.len(), expected.len(), "{file}");
                let largest = expected.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
                for (found, expected) in found.iter().zip(&expected) {
                    assert!(
                        (found - expected).abs() <= 1e-5 * largest,
                        "{file}: {found}, expected {expected}"
                    );
                }
                read_ones += 1;
            }
            (Err(said), Some(why)) => assert!(said.contains(why), "{file}: {said}"),
            (outcome, why) => panic!("{file}: {outcome:?}, expected {why:?}"),
        }
    }
    assert!(read_ones >= 15 && cases.len() >= 18, "{read_ones} of {} files read", cases.len());
}

#[test]
fn activations_of_graphs_are_recognised() {
    let (_, cases) = cases();
    for (file, expected) in [
        ("torch-gelu.onnx", "gelu"),
        ("torch-silu.onnx", "silu"),
        ("torch-mish.onnx", "mish"),
        ("torch-elu.onnx", "elu(0.7)"),
        ("torch-leaky-relu.onnx", "leaky-relu(0.2)"),
        ("torch-selu.onnx", "selu"),
        ("torch-softplus.onnx", "softplus"),
        ("scaled.onnx", "tanh"),
        ("gelu.onnx", "gelu"),
    ] {
        let case = cases.iter().find(|case| case["file"] == file).unwrap();
        let network = read(case).unwrap();
        assert_eq!(network.layers()[0].activation().label(), expected);
    }
}

/// A graph isn't told otherwise than it says.
#[test]
fn what_is_told_of_a_graph_must_be_true() {
    let bytes = fs::read(folder().join("torch-gelu.onnx")).unwrap();
    let with = |label: &str| {
        let options = Options { activation: Registry::default().activation(label), ..Options::default() };
        import(Format::Onnx, &bytes, &options).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with("gelu"), Ok(()));
    assert_eq!(with("relu"), Err("layer 1: expected relu, as --activation says, found gelu".to_owned()));
}
