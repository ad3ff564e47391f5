//! One example, many, bytes and numbers, one thread and several: outputs have the bits of the training pass.

mod common;

use common::Numbers;
use minibatch::activation::{Gelu, Identity, Relu, Softmax};
use minibatch::cost::{CategoricalCrossEntropy, Mse};
use minibatch::{Dataset, Isa, Mat, Matrix, Network, NetworkBuilder, Pool, Predictor};

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

fn networks() -> Vec<(&'static str, NetworkBuilder)> {
    let digits = Network::builder(70).layer_with(130, Relu).layer_with(33, Relu).layer_with(3, Softmax);
    vec![
        ("the default's shape", Network::builder(784).layer(32).layer(10)),
        ("rectifiers and a softmax", digits.cost(CategoricalCrossEntropy)),
        ("one layer", Network::builder(17).layer(21)),
        ("one input, one output", Network::builder(1).layer_with(1, Identity).cost(Mse)),
        ("pre-activations kept", Network::builder(64).layer_with(48, Gelu).layer_with(65, Gelu).cost(Mse)),
    ]
}

/// Rows of bytes. About one byte in `one_in` isn't 0, and the first row is all 0.
fn sparse_bytes(numbers: &mut Numbers, rows: usize, inputs: usize, one_in: usize) -> Vec<u8> {
    let byte = |i: usize, numbers: &mut Numbers| match numbers.below(one_in) {
        0 if i >= inputs => numbers.below(256) as u8,
        _ => 0,
    };
    (0..rows * inputs).map(|i| byte(i, numbers)).collect()
}

fn values(matrix: &Matrix) -> Vec<f32> {
    (0..matrix.rows()).flat_map(|row| matrix.row(row).to_vec()).collect()
}

/// The outputs of the training pass.
fn trained_outputs(network: &Network, pool: &Pool, x: &[f32]) -> Vec<f32> {
    let rows = x.len() / network.inputs();
    let y = Matrix::from_fn(rows, network.outputs(), |_, j| if j == 0 { 1.0 } else { 0.0 });
    let gradients =
        network.gradients(pool, Mat::row_major(x, rows, network.inputs()), y.view()).expect("gradients");
    let a = gradients.layers[gradients.layers.len() - 1].activations();
    (0..rows).flat_map(|row| a.row(row).to_vec()).collect()
}

#[test]
fn every_way_gives_the_bits_of_the_training_pass() {
    let mut numbers = Numbers::new(9);
    for (name, builder) in networks() {
        let network = builder.seed(5).build().expect("a network");
        let n = network.inputs();
        let mut of_fused = None;
        for isa in Isa::available() {
            for (rows, one_in) in [(1, 1), (3, 5), (23, 5)] {
                let bytes = sparse_bytes(&mut Numbers::new(rows as u64), rows, n, one_in);
                let floats: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
                let one = Pool::new(isa, 1).expect("a pool");
                let expected = bits(&trained_outputs(&network, &one, &floats));
                let mut predictor = Predictor::new(network.clone(), isa);
                let mut single = Vec::new();
                for (bytes, floats) in bytes.chunks(n).zip(floats.chunks(n)) {
                    let output = bits(predictor.predict(bytes).expect("an output"));
                    assert_eq!(
                        output,
                        bits(predictor.predict(floats).expect("an output")),
                        "{name} on {isa}"
                    );
                    single.extend(output);
                }
                assert_eq!(single, expected, "{name} on {isa}: one of {rows} at a time");
                let labels = (0..rows).map(|_| numbers.below(network.outputs()) as u32).collect::<Vec<_>>();
                let of_bytes = Dataset::from_classes(bytes.clone(), &[n], labels.clone()).expect("a dataset");
                let of_floats = Dataset::from_classes(floats.clone(), &[n], labels).expect("a dataset");
                let last: Vec<u32> = (0..rows as u32).rev().collect();
                let reversed = of_floats.subset(&last).expect("a subset").subset(&last).expect("a subset");
                // Column by column.
                let columns = Matrix::from_fn(n, rows, |j, i| floats[i * n + j]);
                for threads in [1, 2, 3] {
                    let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                    let check = |what: &str, outputs: Result<Vec<f32>, minibatch::Error>| {
                        let found = bits(&outputs.expect("outputs"));
                        assert_eq!(found, expected, "{name} on {pool:?}: {what} of {rows}");
                    };
                    check("bytes", network.predict_rows(&pool, &bytes));
                    let mut outputs = Matrix::from_fn(rows, network.outputs(), |_, _| f32::NAN);
                    let done = network.predict_into(&pool, &bytes, &mut outputs);
                    check("outputs of one's own", done.map(|()| values(&outputs)));
                    check("numbers", network.predict_rows(&pool, &floats));
                    check("a matrix", network.predict_rows(&pool, Mat::row_major(&floats, rows, n)));
                    check("columns", network.predict_rows(&pool, columns.view().transposed()));
                    check("a dataset of bytes", network.predict_rows(&pool, &of_bytes));
                    check("a dataset of numbers", network.predict_rows(&pool, &of_floats));
                    check("a subset", network.predict_rows(&pool, &reversed));
                }
                if rows == 23 && isa != Isa::MATRIXMULTIPLY {
                    assert_eq!(*of_fused.get_or_insert(expected.clone()), expected, "{name} on {isa}");
                }
            }
        }
    }
}

#[test]
fn evaluations_have_the_same_bits_on_every_thread_count() {
    let mut numbers = Numbers::new(2);
    for (name, builder) in networks() {
        let network = builder.seed(5).build().expect("a network");
        let (n, rows) = (network.inputs(), 600);
        let bytes = sparse_bytes(&mut numbers, rows, n, 4);
        let labels = (0..rows).map(|_| numbers.below(network.outputs()) as u32).collect();
        let data = Dataset::from_classes(bytes, &[n], labels).expect("a dataset");
        let evaluate = |isa, threads| {
            let pool = Pool::oversubscribed(isa, threads).expect("a pool");
            network.evaluate(&pool, &data).expect("an evaluation")
        };
        let expected = evaluate(Isa::detect(), 1);
        for isa in Isa::fused() {
            for threads in [1, 2, 4] {
                assert_eq!(evaluate(isa, threads), expected, "{name} on {isa}, {threads} threads");
            }
        }
        let labels = match data.targets() {
            minibatch_data::Targets::Classes { labels, .. } => labels,
            _ => unreachable!("classes"),
        };
        let mut predictor = Predictor::new(network.clone(), Isa::detect());
        let correct = labels
            .iter()
            .enumerate()
            .filter(|&(i, &label)| predictor.class(data.input(i)).expect("a class") == label as usize);
        assert_eq!(expected.correct(), Some(correct.count()), "{name}");
    }
}

#[test]
fn an_example_of_another_size_is_refused() {
    let network = Network::builder(4).layer(2).build().expect("a network");
    let mut predictor = Predictor::new(network.clone(), Isa::detect());
    for error in [predictor.predict(&[1u8; 3][..]).err(), predictor.predict(&[1.0f32; 5][..]).err()] {
        assert!(error.expect("an error").to_string().contains("inputs"), "names what is wrong");
    }
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    let error = network.predict(&pool, &[1u8; 6]).expect_err("one row and a half").to_string();
    assert!(error.contains("inputs in the last row") && error.contains('2'), "{error}");
    for mut outputs in [Matrix::zeros(2, 2), Matrix::zeros(1, 3)] {
        let error =
            network.predict_into(&pool, &[1u8; 4], &mut outputs).expect_err("another shape").to_string();
        assert!(error.contains("outputs"), "{error}");
    }
}

/// A layer wider than all the values that are to go through the layers at a time.
#[test]
fn a_very_wide_layer_is_computed_too() {
    let network = Network::builder(2).layer_with(70_000, Relu).layer(2).build().expect("a network");
    let pool = Pool::new(Isa::detect(), 2).expect("a pool");
    let inputs = [0.25, -0.5, 1.0, 0.0, -1.0, 2.0];
    let outputs = network.predict_rows(&pool, &inputs[..]).expect("outputs");
    let mut predictor = Predictor::new(network.clone(), Isa::detect());
    for (x, outputs) in inputs.chunks_exact(2).zip(outputs.chunks_exact(2)) {
        assert_eq!(bits(predictor.predict(x).expect("outputs")), bits(outputs));
    }
    let data = Dataset::from_classes(&inputs[..], &[2], vec![0, 1, 0]).expect("a dataset");
    assert_eq!(network.evaluate(&pool, &data).expect("an evaluation").examples, 3);
}
