//! candle, with the backward pass written out in its tensors. That is faster than its automatic differentiation.
#![forbid(unsafe_code)]

use candle_core::{D, Device, Tensor};

use std::ops::Range;

use peer::{About, CLASSES, Data, Order, Peer, Random, Workload};

const ADAM: (f64, f64, f64) = (0.9, 0.999, 1e-8);

/// A parameter with Adam's moments, which plain SGD leaves alone.
struct Parameter {
    value: Tensor,
    moments: Option<(Tensor, Tensor)>,
}

impl Parameter {
    fn new(value: Tensor, adam: bool) -> candle_core::Result<Self> {
        let moments = if adam { Some((value.zeros_like()?, value.zeros_like()?)) } else { None };
        Ok(Self { value, moments })
    }

    /// Takes one step down `gradient`, the `step`-th from 1.
    fn descend(&mut self, gradient: &Tensor, eta: f64, step: i32) -> candle_core::Result<()> {
        let change = match &mut self.moments {
            None => (gradient * eta)?,
            Some((m, v)) => {
                let (b1, b2, epsilon) = ADAM;
                *m = ((&*m * b1)? + (gradient * (1.0 - b1))?)?;
                *v = ((&*v * b2)? + (gradient.sqr()? * (1.0 - b2))?)?;
                let denominator = ((&*v / (1.0 - b2.powi(step)))?.sqrt()? + epsilon)?;
                ((&*m * (eta / (1.0 - b1.powi(step))))? / denominator)?
            }
        };
        self.value = (&self.value - change)?;
        Ok(())
    }
}

struct Candle {
    layers: Vec<(Parameter, Parameter)>,
    workload: Workload,
    images: Tensor,
    targets: Tensor,
    test: Tensor,
    test_labels: Vec<u8>,
    order: Order,
    steps: i32,
}

impl Candle {
    fn new(workload: &Workload, data: Data, seed: u64) -> candle_core::Result<Self> {
        let (n, tests, pixels) = (data.train_labels.len(), data.test_labels.len(), data.pixels);
        let mut random = Random::new(seed);
        let adam = workload.optimizer == "adam";
        let layers = workload.layers(&mut random).into_iter().zip(workload.sizes.windows(2));
        let layers = layers.map(|((weights, biases), size)| {
            let weights = Tensor::from_vec(weights, (size[0], size[1]), &Device::Cpu)?;
            let biases = Tensor::from_vec(biases, size[1], &Device::Cpu)?;
            Ok((Parameter::new(weights, adam)?, Parameter::new(biases, adam)?))
        });
        Ok(Self {
            layers: layers.collect::<candle_core::Result<_>>()?,
            workload: workload.clone(),
            images: Tensor::from_vec(Data::scaled(&data.train_images), (n, pixels), &Device::Cpu)?,
            targets: Tensor::from_vec(Data::one_hot(&data.train_labels), (n, CLASSES), &Device::Cpu)?,
            test: Tensor::from_vec(Data::scaled(&data.test_images), (tests, pixels), &Device::Cpu)?,
            test_labels: data.test_labels,
            order: Order::new(n, random),
            steps: 0,
        })
    }

    /// A_0, …, A_L.
    fn forward(&self, x: Tensor) -> candle_core::Result<Vec<Tensor>> {
        let mut activations = vec![x];
        for (l, (weights, biases)) in (1..).zip(&self.layers) {
            let z = activations[l - 1].matmul(&weights.value)?.broadcast_add(&biases.value)?;
            activations.push(match (l == self.layers.len(), self.workload.cost.as_str()) {
                (true, "softmax-cross-entropy") => candle_nn::ops::softmax_last_dim(&z)?,
                (false, _) if self.workload.hidden == "relu" => z.relu()?,
                _ => candle_nn::ops::sigmoid(&z)?,
            });
        }
        Ok(activations)
    }

    fn step(&mut self) -> candle_core::Result<usize> {
        let rows = self.order.minibatch(self.workload.batch);
        let size = rows.len();
        let rows = Tensor::new(rows, &Device::Cpu)?;
        let x = self.images.index_select(&rows, 0)?;
        let y = self.targets.index_select(&rows, 0)?;
        let activations = self.forward(x)?;
        let eta = self.workload.eta;
        self.steps += 1;

        let a = &activations[self.layers.len()];
        // The mean over the minibatch goes into the errors, which are small.
        let mut delta = ((a - y)? / size as f64)?;
        if self.workload.cost == "quadratic" {
            delta = (delta * (a - a.sqr()?)?)?;
        }
        for l in (0..self.layers.len()).rev() {
            let a = &activations[l];
            let below = if l > 0 { Some(delta.matmul(&self.layers[l].0.value.t()?)?) } else { None };
            let (weights, biases) = &mut self.layers[l];
            weights.descend(&a.t()?.matmul(&delta)?, eta, self.steps)?;
            biases.descend(&delta.sum(0)?, eta, self.steps)?;
            let Some(below) = below else { break };
            delta = match self.workload.hidden.as_str() {
                "relu" => (below * a.gt(0.0)?.to_dtype(a.dtype())?)?,
                _ => (below * (a - a.sqr()?)?)?,
            };
        }
        Ok(size)
    }

    fn test(&self) -> candle_core::Result<usize> {
        let outputs = self.forward(self.test.clone())?.pop().expect("an output");
        let classes: Vec<u32> = outputs.argmax(D::Minus1)?.to_vec1()?;
        Ok(classes
            .iter()
            .zip(&self.test_labels)
            .filter(|&(&class, &label)| class == u32::from(label))
            .count())
    }

    fn predict(&self, rows: Range<usize>) -> candle_core::Result<()> {
        let x = self.test.narrow(0, rows.start, rows.len())?;
        std::hint::black_box(self.forward(x)?);
        Ok(())
    }
}

impl Peer for Candle {
    fn setup(workload: &Workload, _threads: usize, data: Data, seed: u64) -> Result<Self, String> {
        Self::new(workload, data, seed).map_err(|error| error.to_string())
    }

    fn about(&self) -> About {
        About { name: "candle", version: "0.11.1".to_owned(), differs: None }
    }

    fn train(&mut self, examples: usize) -> Result<usize, String> {
        let mut trained = 0;
        while trained < examples {
            trained += self.step().map_err(|error| error.to_string())?;
        }
        Ok(trained)
    }

    fn correct(&mut self) -> Result<usize, String> {
        self.test().map_err(|error| error.to_string())
    }

    fn infer(&mut self, rows: Range<usize>, input: &str) -> Result<(), String> {
        if input != "f32" {
            return Err(format!("no inference from {input}"));
        }
        self.predict(rows).map_err(|error| error.to_string())
    }
}

fn main() {
    peer::main::<Candle>();
}
