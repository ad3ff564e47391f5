//! Reads exported graphs with rten and holds their outputs against the library's: `onnx-reader FOLDER`, which the example `networks` of
//! crates/exchange has filled.
//!
//! Outputs are equal if they differ by at most 1e-5 of the largest of their row, or, of a network with one output, of the mean size of
//! all.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rten::{Model, Value};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;
use serde_json::Value as Json;

const TOLERANCE: f64 = 1e-5;

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).context("expected a folder")?;
    let folder = Path::new(&folder);
    let cases: Vec<Json> = serde_json::from_slice(&fs::read(folder.join("cases.json"))?)?;
    let mut worst = (0.0, String::new());
    for case in &cases {
        let name = case["name"].as_str().context("a name")?;
        let difference = difference(folder, name, case).with_context(|| name.to_owned())?;
        ensure!(difference <= TOLERANCE, "{name}: the outputs differ by {difference:.1e}");
        if difference >= worst.0 {
            worst = (difference, name.to_owned());
        }
    }
    println!(
        "{:14} {:4} networks agree; the largest difference is {:.1e} ({})",
        "rten",
        cases.len(),
        worst.0,
        worst.1
    );
    Ok(())
}

/// The largest difference between the outputs of a graph and the library's, as a share of their size.
fn difference(folder: &Path, name: &str, case: &Json) -> Result<f64> {
    let model = Model::load_file(folder.join(format!("{name}.onnx")))?;
    let shape: Vec<usize> = serde_json::from_value(case["shape"].clone())?;
    let file = case["inputs"].as_str().context("inputs")?;
    let bytes = fs::read(folder.join(file))?;
    let numbers = if file == "pixels.bin" { bytes.len() } else { bytes.len() / 4 };
    let rows = numbers / shape.iter().product::<usize>();
    let shape: Vec<usize> = [rows].into_iter().chain(shape).collect();
    let inputs = match file {
        "pixels.bin" => Value::from(Tensor::from_data(&shape, bytes)),
        _ => Value::from(Tensor::from_data(&shape, floats(&bytes))),
    };
    let outputs =
        model.run(vec![(model.input_ids()[0], inputs.into())], &[model.node_id("outputs")?], None)?;
    let Value::FloatTensor(found) = &outputs[0] else { anyhow::bail!("the outputs are no numbers") };
    let found = found.to_vec();
    let expected = floats(&fs::read(folder.join(format!("{name}.bin")))?);
    ensure!(found.len() == expected.len(), "{} outputs, expected {}", found.len(), expected.len());
    let width = expected.len() / rows;
    let squares: f64 = expected.iter().map(|x| f64::from(*x).powi(2)).sum();
    let least = if width == 1 { (squares / rows as f64).sqrt() } else { 1e-30 };
    let of_row = |(found, expected): (&[f32], &[f32])| {
        let size = expected.iter().fold(least, |size, x| size.max(f64::from(x.abs())));
        let pairs = found.iter().zip(expected);
        pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs() / size).fold(0.0, f64::max)
    };
    Ok(found.chunks(width).zip(expected.chunks(width)).map(of_row).fold(0.0, f64::max))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}
