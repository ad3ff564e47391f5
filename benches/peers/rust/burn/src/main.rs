//! burn on its flex backend, with the backward pass written out in its tensors. That is faster than its automatic
//! differentiation.
#![forbid(unsafe_code)]

use burn::tensor::activation::{relu, sigmoid, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::ops::Range;

use peer::{About, CLASSES, Data, Order, Peer, Random, Workload};

const ADAM: (f32, f32, f32) = (0.9, 0.999, 1e-8);

/// A parameter with Adam's moments, which plain SGD leaves alone.
struct Parameter {
    value: Tensor<2>,
    moments: Option<(Tensor<2>, Tensor<2>)>,
}

impl Parameter {
    fn new(value: Tensor<2>, adam: bool) -> Self {
        let moments = adam.then(|| (value.zeros_like(), value.zeros_like()));
        Self { value, moments }
    }

    /// Takes one step down `gradient`, the `step`-th from 1.
    fn descend(&mut self, gradient: Tensor<2>, eta: f32, step: i32) {
        let change = match self.moments.take() {
            None => gradient.mul_scalar(eta),
            Some((m, v)) => {
                let (b1, b2, epsilon) = ADAM;
                let m = m.mul_scalar(b1) + gradient.clone().mul_scalar(1.0 - b1);
                let v = v.mul_scalar(b2) + gradient.square().mul_scalar(1.0 - b2);
                let denominator = v.clone().div_scalar(1.0 - b2.powi(step)).sqrt().add_scalar(epsilon);
                let change = m.clone().mul_scalar(eta / (1.0 - b1.powi(step))) / denominator;
                self.moments = Some((m, v));
                change
            }
        };
        let empty = Tensor::empty([0, 0], &self.value.device());
        self.value = std::mem::replace(&mut self.value, empty) - change;
    }
}

struct Burn {
    device: Device,
    layers: Vec<(Parameter, Parameter)>,
    workload: Workload,
    images: Tensor<2>,
    targets: Tensor<2>,
    test: Tensor<2>,
    test_labels: Vec<u8>,
    order: Order,
    steps: i32,
}

impl Burn {
    fn new(workload: &Workload, data: Data, seed: u64) -> Self {
        let device = Device::flex();
        let matrix = |values: Vec<f32>, columns: usize| {
            let rows = values.len() / columns;
            Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), &device)
        };
        let mut random = Random::new(seed);
        let adam = workload.optimizer == "adam";
        let layers = workload.layers(&mut random).into_iter().zip(&workload.sizes[1..]);
        let parameter = |values, columns| Parameter::new(matrix(values, columns), adam);
        Self {
            layers: layers
                .map(|((weights, biases), &n)| (parameter(weights, n), parameter(biases, n)))
                .collect(),
            workload: workload.clone(),
            images: matrix(Data::scaled(&data.train_images), data.pixels),
            targets: matrix(Data::one_hot(&data.train_labels), CLASSES),
            test: matrix(Data::scaled(&data.test_images), data.pixels),
            order: Order::new(data.train_labels.len(), random),
            test_labels: data.test_labels,
            steps: 0,
            device,
        }
    }

    /// A_0, …, A_L.
    fn forward(&self, x: Tensor<2>) -> Vec<Tensor<2>> {
        let mut activations = vec![x];
        for (l, (weights, biases)) in (1..).zip(&self.layers) {
            let z = activations[l - 1].clone().matmul(weights.value.clone()) + biases.value.clone();
            activations.push(match (l == self.layers.len(), self.workload.cost.as_str()) {
                (true, "softmax-cross-entropy") => softmax(z, 1),
                (false, _) if self.workload.hidden == "relu" => relu(z),
                _ => sigmoid(z),
            });
        }
        activations
    }

    fn step(&mut self) -> usize {
        let rows: Vec<i32> =
            self.order.minibatch(self.workload.batch).iter().map(|&row| row as i32).collect();
        let size = rows.len();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [size]), &self.device);
        let x = self.images.clone().select(0, rows.clone());
        let y = self.targets.clone().select(0, rows);
        let mut activations = self.forward(x);
        let eta = self.workload.eta as f32;
        self.steps += 1;

        let a = activations.pop().expect("an output");
        // The mean over the minibatch goes into the errors, which are small.
        let mut delta = (a.clone() - y).div_scalar(size as f32);
        if self.workload.cost == "quadratic" {
            delta = delta * (a.clone() - a.square());
        }
        for l in (0..self.layers.len()).rev() {
            let a = activations.pop().expect("one for each layer");
            let (weights, biases) = &mut self.layers[l];
            let below = (l > 0).then(|| delta.clone().matmul(weights.value.clone().transpose()));
            weights.descend(a.clone().transpose().matmul(delta.clone()), eta, self.steps);
            biases.descend(delta.sum_dim(0), eta, self.steps);
            let Some(below) = below else { break };
            delta = match self.workload.hidden.as_str() {
                "relu" => below * a.greater_elem(0.0).float(),
                _ => below * (a.clone() - a.square()),
            };
        }
        size
    }
}

impl Peer for Burn {
    fn setup(workload: &Workload, _threads: usize, data: Data, seed: u64) -> Result<Self, String> {
        Ok(Self::new(workload, data, seed))
    }

    fn about(&self) -> About {
        About { name: "burn (flex)", version: "0.22.1".to_owned(), differs: None }
    }

    fn train(&mut self, examples: usize) -> Result<usize, String> {
        let mut trained = 0;
        while trained < examples {
            trained += self.step();
        }
        Ok(trained)
    }

    fn correct(&mut self) -> Result<usize, String> {
        let outputs = self.forward(self.test.clone()).pop().expect("an output").into_data();
        let outputs: Vec<f32> = outputs.try_to_vec().map_err(|error| format!("{error:?}"))?;
        Ok(Data::count_correct(&outputs, &self.test_labels))
    }

    fn infer(&mut self, rows: Range<usize>, input: &str) -> Result<(), String> {
        if input != "f32" {
            return Err(format!("no inference from {input}"));
        }
        std::hint::black_box(self.forward(self.test.clone().narrow(0, rows.start, rows.len())));
        Ok(())
    }
}

fn main() {
    peer::main::<Burn>();
}
