//! rustyml, through its `Sequential` model and `train_batch`.
#![forbid(unsafe_code)]

use ndarray::{Array2, Axis, Slice};
use std::ops::Range;

use peer::{About, CLASSES, Data, Order, Peer, Random, Workload};
use rustyml::error::Error;
use rustyml::neural_network::Tensor;
use rustyml::neural_network::layers::{Activation, Dense};
use rustyml::neural_network::losses::{BinaryCrossEntropy, CategoricalCrossEntropy, MeanSquaredError};
use rustyml::neural_network::optimizers::{Adam, SGD};
use rustyml::neural_network::sequential::{Sequential, SequentialBuilder};
use rustyml::neural_network::shape::Shape;

struct Rustyml {
    model: Sequential,
    images: Tensor,
    targets: Tensor,
    test: Tensor,
    test_labels: Vec<u8>,
    order: Order,
    batch: usize,
}

impl Rustyml {
    fn new(workload: &Workload, data: Data, seed: u64) -> Result<Self, Error> {
        let matrix = |values: Vec<f32>, columns: usize| {
            let rows = values.len() / columns;
            Array2::from_shape_vec((rows, columns), values).expect("whole rows").into_dyn()
        };
        let (&outputs, layers) = workload.sizes[1..].split_last().expect("a layer");
        let mut builder = SequentialBuilder::new_with_seed(seed);
        for (number, &width) in (seed..).zip(layers) {
            let activation = if workload.hidden == "relu" { Activation::ReLU } else { Activation::Sigmoid };
            builder = builder.add(Dense::new(width, activation)?.with_random_state(number));
        }
        let softmax = workload.cost == "softmax-cross-entropy";
        let activation = if softmax { Activation::Linear } else { Activation::Sigmoid };
        builder = builder.add(Dense::new(outputs, activation)?.with_random_state(!seed));
        let mut model = builder.build(&Shape::with_free_batch(&[workload.batch, workload.sizes[0]]))?;

        // rustyml's mean squared error is 2/n_L times the quadratic cost, its binary cross-entropy 1/n_L times the sum over the
        // outputs.
        let eta = workload.eta as f32;
        let sgd = |factor: f32| SGD::new(eta * factor, 0.0, false, 0.0);
        match (workload.cost.as_str(), workload.optimizer.as_str()) {
            ("quadratic", "sgd") => model.compile(sgd(outputs as f32 / 2.0)?, MeanSquaredError::new()),
            ("binary-cross-entropy", "sgd") => model.compile(sgd(outputs as f32)?, BinaryCrossEntropy::new()),
            (_, "sgd") => model.compile(sgd(1.0)?, CategoricalCrossEntropy::new(true)),
            _ => model.compile(Adam::new(eta, 0.9, 0.999, 1e-8, 0.0)?, CategoricalCrossEntropy::new(true)),
        };
        Ok(Self {
            model,
            images: matrix(Data::scaled(&data.train_images), data.pixels),
            targets: matrix(Data::one_hot(&data.train_labels), CLASSES),
            test: matrix(Data::scaled(&data.test_images), data.pixels),
            test_labels: data.test_labels,
            order: Order::new(data.train_labels.len(), Random::new(seed)),
            batch: workload.batch,
        })
    }
}

impl Peer for Rustyml {
    fn setup(workload: &Workload, _threads: usize, data: Data, seed: u64) -> Result<Self, String> {
        Self::new(workload, data, seed).map_err(|error| error.to_string())
    }

    fn about(&self) -> About {
        let differs = Some("first weights Glorot-uniform, biases 0".to_owned());
        About { name: "rustyml", version: "0.17.0".to_owned(), differs }
    }

    fn train(&mut self, examples: usize) -> Result<usize, String> {
        let mut trained = 0;
        while trained < examples {
            let rows: Vec<usize> = self.order.minibatch(self.batch).iter().map(|&row| row as usize).collect();
            let (x, y) = (self.images.select(Axis(0), &rows), self.targets.select(Axis(0), &rows));
            self.model.train_batch(&x, &y).map_err(|error| error.to_string())?;
            trained += rows.len();
        }
        Ok(trained)
    }

    fn correct(&mut self) -> Result<usize, String> {
        let outputs = self.model.predict(&self.test).map_err(|error| error.to_string())?;
        let outputs = outputs.as_standard_layout();
        Ok(Data::count_correct(outputs.as_slice().expect("row-major"), &self.test_labels))
    }

    fn infer(&mut self, rows: Range<usize>, input: &str) -> Result<(), String> {
        if input != "f32" {
            return Err(format!("no inference from {input}"));
        }
        // `predict` takes an array of its own, so the batch is copied.
        let x = self.test.slice_axis(Axis(0), Slice::from(rows)).to_owned();
        std::hint::black_box(self.model.predict(&x).map_err(|error| error.to_string())?);
        Ok(())
    }
}

fn main() {
    peer::main::<Rustyml>();
}
