//! Networks of every activation, output and preparation, exported in every format, with the library's own outputs:
//! `networks FOLDER MNIST`. `cargo xtask exchange` holds what other programs make of the files against the outputs.
//!
//! The folder gets `cases.json`, the inputs as raw bytes of f32 or u8, and for each case its files and the outputs as bytes of f32.
#![forbid(unsafe_code)]

use minibatch::activation::{Identity, Sigmoid, Softmax, Softplus};
use minibatch::cost::Mse;
use minibatch::data::{
    Dataset, Missing, Preparation, Row, Scale, Table, TableOptions, TargetKind, locate_test,
};
use minibatch::{Activation, Initializer, Network, Pool, activation};
use minibatch_exchange::{Format, export};
use serde_json::{Value, json};
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Neurons of the hidden layer.
const HIDDEN: usize = 24;

fn main() -> Outcome<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, data] = &*arguments else { return Err("expected FOLDER and MNIST".into()) };
    fs::create_dir_all(folder)?;
    let (images, labels) = locate_test(data, None)?;
    let test = Dataset::map(&images, &labels)?;
    let mut maker = Maker { folder, pool: Pool::detect()?, cases: Vec::new() };
    maker.pixels(&test)?;
    maker.numbers(&test)?;
    for scale in Scale::ALL {
        maker.table(&test, scale)?;
    }
    maker.categories()?;
    maker.committee(&test)?;
    Ok(fs::write(folder.join("cases.json"), serde_json::to_string_pretty(&maker.cases)?)?)
}

struct Maker<'f> {
    folder: &'f Path,
    pool: Pool,
    cases: Vec<Value>,
}

/// The hidden activations: all that aren't for outputs alone.
fn hidden() -> impl Iterator<Item = Arc<dyn Activation>> {
    activation::built_in().into_iter().filter(|one| !one.is_row_wise())
}

/// The activations of outputs: a kind of each range.
fn outputs() -> [Arc<dyn Activation>; 4] {
    [Arc::new(Softmax), Arc::new(Sigmoid), Arc::new(Identity), Arc::new(Softplus)]
}

fn network(
    inputs: usize,
    hidden: &Arc<dyn Activation>,
    output: &Arc<dyn Activation>,
    outputs: usize,
) -> Outcome<Network> {
    let cost = minibatch::cost::built_in().into_iter().find(|cost| cost.matches(&**output));
    Ok(Network::builder(inputs)
        .layer_named(HIDDEN, Arc::clone(hidden))
        .layer_named(outputs, Arc::clone(output))
        .cost_named(cost.unwrap_or_else(|| Arc::new(Mse)))
        .initializer(Initializer::GlorotNormal)
        .seed(11)
        .build()?)
}

impl Maker<'_> {
    /// Pixels as bytes.
    fn pixels(&mut self, test: &Dataset) -> Outcome<()> {
        let bytes: Vec<u8> = (0..test.len()).flat_map(|i| bytes(test, i).to_vec()).collect();
        fs::write(self.folder.join("pixels.bin"), &bytes)?;
        for hidden in hidden() {
            for output in outputs() {
                let mut network = network(test.input_len(), &hidden, &output, 10)?;
                network.set_profile(test.profile())?;
                let name = format!("pixels-{}-{}", hidden.name(), output.name());
                let answers = network.predict_rows(&self.pool, &*bytes)?;
                self.case(&name, &[("main", &network)], &answers, "pixels.bin", &[28, 28])?;
            }
        }
        Ok(())
    }

    /// Numbers without a preparation.
    fn numbers(&mut self, test: &Dataset) -> Outcome<()> {
        let numbers: Vec<f32> = (0..test.len()).flat_map(|i| centred(test, i)).collect();
        fs::write(self.folder.join("numbers.bin"), le(&numbers))?;
        for hidden in hidden() {
            for output in outputs() {
                let network = network(test.input_len(), &hidden, &output, 10)?;
                let name = format!("numbers-{}-{}", hidden.name(), output.name());
                let answers = network.predict_rows(&self.pool, &*numbers)?;
                self.case(&name, &[("main", &network)], &answers, "numbers.bin", &[784])?;
            }
        }
        Ok(())
    }

    /// The pixels as a table of numbers, to learn classes and values.
    fn table(&mut self, test: &Dataset, scale: Scale) -> Outcome<()> {
        let inked = inked(test);
        let mut text = String::new();
        let names: Vec<String> = inked.iter().map(|k| format!("p{k}")).collect();
        writeln!(text, "{},digit,mean", names.join(","))?;
        let mut cells = Vec::new();
        for i in 0..test.len() {
            let all: Vec<f32> = centred(test, i).collect();
            let row: Vec<f32> = inked.iter().map(|&k| all[k]).collect();
            row.iter().try_for_each(|x| write!(text, "{x},"))?;
            let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / row.len() as f64;
            writeln!(text, "d{},{mean}", i % 10)?;
            cells.extend(row);
        }
        fs::write(self.folder.join("table.bin"), le(&cells))?;
        let training: Vec<u32> = (0..test.len() as u32).step_by(3).collect();
        for target in ["digit", "mean"] {
            let drop =
                ["digit", "mean"].into_iter().filter(|name| *name != target).map(str::to_owned).collect();
            let options = TableOptions { targets: vec![target.to_owned()], drop, ..TableOptions::default() };
            let table = Table::from_reader("table".as_ref(), text.as_bytes(), &options)?;
            let (preparation, _) = Preparation::learn(&table, TargetKind::Look, &training, scale)?;
            let inputs = preparation.rows(&table).inputs;
            let all =
                if target == "mean" { [outputs()[2].clone()].to_vec() } else { outputs()[..2].to_vec() };
            for hidden in hidden() {
                for output in &all {
                    let mut network = network(preparation.inputs(), &hidden, output, preparation.outputs())?;
                    network.set_preparation(preparation.clone())?;
                    let name = format!("table-{}-{target}-{}-{}", scale.name(), hidden.name(), output.name());
                    let answers = network.predict_rows(&self.pool, &*inputs)?;
                    self.case(&name, &[("main", &network)], &answers, "table.bin", &[inked.len()])?;
                }
            }
        }
        Ok(())
    }

    /// A table with categories and with missing numbers.
    fn categories(&mut self) -> Outcome<()> {
        let mut text = "size,colour,weight,shape,kind,big,late\n".to_owned();
        let mut cells = Vec::new();
        for i in 0..200_usize {
            let (size, colour) = (i as f32 * 0.37 - 9.0, i * 7 % 5);
            let weight = (i % 6 != 2).then_some(i as f32 * i as f32 * 0.01);
            let shown = weight.map_or_else(String::new, |weight| weight.to_string());
            let (shape, kind, big, late) = (["a", "b"][i / 3 % 2], i % 3, i / 7 % 2, i / 100);
            writeln!(text, "{size},c{colour},{shown},{shape},k{kind},{big},{late}")?;
            cells.extend([size, colour as f32, weight.unwrap_or(f32::NAN), (i / 3 % 2) as f32]);
        }
        fs::write(self.folder.join("categories.bin"), le(&cells))?;
        let training: Vec<u32> = (0..200).collect();
        // Three classes, two for one output, and two labels.
        for (targets, outputs_of) in [(&["kind"][..], 3), (&["big"][..], 1), (&["big", "late"][..], 2)] {
            let other = ["kind", "big", "late"].into_iter().filter(|name| !targets.contains(name));
            let options = TableOptions {
                targets: targets.iter().map(|&name| name.to_owned()).collect(),
                drop: other.map(str::to_owned).collect(),
                missing: Missing::Median,
                ..TableOptions::default()
            };
            let kind = if targets.len() > 1 { TargetKind::Labels } else { TargetKind::Look };
            let table = Table::from_reader("table".as_ref(), text.as_bytes(), &options)?;
            for scale in Scale::ALL {
                let (preparation, _) = Preparation::learn(&table, kind, &training, scale)?;
                let inputs = preparation.rows(&table).inputs;
                let output = &outputs()[usize::from(outputs_of < 3)];
                let mut network = network(preparation.inputs(), &outputs()[1], output, outputs_of)?;
                network.set_preparation(preparation)?;
                let answers = network.predict_rows(&self.pool, &*inputs)?;
                let name = format!("categories-{}-{}", targets.join("-"), scale.name());
                self.case(&name, &[("main", &network)], &answers, "categories.bin", &[4])?;
            }
        }
        Ok(())
    }

    /// A committee of three.
    fn committee(&mut self, test: &Dataset) -> Outcome<()> {
        let bytes: Vec<u8> = (0..test.len()).flat_map(|i| bytes(test, i).to_vec()).collect();
        let mut networks = Vec::new();
        for hidden in hidden().take(3) {
            let mut network = network(test.input_len(), &hidden, &outputs()[0], 10)?;
            network.set_profile(test.profile())?;
            networks.push(network);
        }
        let mut mean = vec![0.0; test.len() * 10];
        for network in &networks {
            for (sum, x) in mean.iter_mut().zip(network.predict_rows(&self.pool, &*bytes)?) {
                *sum += x / networks.len() as f32;
            }
        }
        let named: Vec<(&str, &Network)> = ["one", "two", "three"].into_iter().zip(&networks).collect();
        self.case("committee", &named, &mean, "pixels.bin", &[28, 28])
    }

    /// Writes a case: its files, and the library's outputs. `shape` is that of an example.
    fn case(
        &mut self,
        name: &str,
        networks: &[(&str, &Network)],
        answers: &[f32],
        inputs: &str,
        shape: &[usize],
    ) -> Outcome<()> {
        for format in [Format::Onnx, Format::Safetensors, Format::Npz] {
            let bytes = export(format, networks)?.bytes;
            fs::write(self.folder.join(format!("{name}.{}", format.name())), bytes)?;
        }
        fs::write(self.folder.join(format!("{name}.bin")), le(answers))?;
        let network = networks[0].1;
        let labels: Vec<String> = network.layers().iter().map(|layer| layer.activation().label()).collect();
        let values = network.preparation().and_then(|preparation| preparation.values());
        let values: Option<Vec<[f64; 2]>> =
            values.map(|columns| columns.iter().map(|column| [column.mean, column.deviation]).collect());
        self.cases.push(json!({
            "name": name, "inputs": inputs, "shape": shape, "activations": labels, "values": values,
            "networks": networks.iter().map(|(name, _)| name).collect::<Vec<_>>(), "classes": network.class_names(),
        }));
        Ok(())
    }
}

fn bytes(test: &Dataset, i: usize) -> &[u8] {
    match test.input(i) {
        Row::Bytes(bytes) => bytes,
        Row::Floats(_) => &[],
    }
}

/// The pixels that have ink in one image of twenty or more. Those that hardly ever do are scaled to numbers in the hundreds, for which
/// f32 itself has no five digits.
fn inked(test: &Dataset) -> Vec<usize> {
    let often = |&k: &usize| (0..test.len()).filter(|&i| bytes(test, i)[k] > 0).count() * 20 >= test.len();
    (0..test.input_len()).filter(often).collect()
}

/// Pixels as numbers on both sides of 0.
fn centred(test: &Dataset, i: usize) -> impl Iterator<Item = f32> {
    bytes(test, i).iter().map(|&byte| (f32::from(byte) - 33.0) / 79.0)
}

/// Numbers as bytes, the lowest first.
fn le(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}
