//! Minibatch itself.
#![forbid(unsafe_code)]

use minibatch::{Dataset, Isa, Mat, Network, Pool, Registry, Settings, Trainer};
use std::ops::Range;

use peer::{About, Data, Peer, Random, Workload};

struct Minibatch {
    trainer: Trainer<'static>,
    pool: &'static Pool,
    test: Dataset,
    /// The test set as numbers in [0, 1], row-major.
    dense: Vec<f32>,
    batch: usize,
    examples: usize,
}

impl Peer for Minibatch {
    fn setup(workload: &Workload, threads: usize, data: Data, seed: u64) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let &[inputs, ref widths @ ..] = workload.sizes.as_slice() else {
            return Err("no layers".to_owned());
        };
        if workload.optimizer != "sgd" {
            return Err(format!("does not have {} yet", workload.optimizer));
        }
        let (output, cost) = match workload.cost.as_str() {
            "softmax-cross-entropy" => ("softmax", "categorical-cross-entropy"),
            cost => ("sigmoid", cost),
        };
        let registry = Registry::default();
        let known = |name: &str| format!("no {name} among the built-in ones");
        let cost = registry.cost(cost).ok_or_else(|| known(cost))?;
        let mut builder = Network::builder(inputs).cost_named(cost);
        for (l, &width) in (1..).zip(widths) {
            let name = if l == widths.len() { output } else { &workload.hidden };
            builder = builder.layer_named(width, registry.activation(name).ok_or_else(|| known(name))?);
        }
        let mut network = builder.build().map_err(|error| text(&error))?;
        for (layer, (weights, biases)) in
            network.layers_mut().iter_mut().zip(workload.layers(&mut Random::new(seed)))
        {
            for j in 0..layer.outputs() {
                for k in 0..layer.inputs() {
                    layer.set_weight(j, k, weights[k * layer.outputs() + j]);
                }
            }
            layer.biases_mut().copy_from_slice(&biases);
        }
        let files = minibatch_data::locate(&data.folder).map_err(|error| text(&error))?;
        let sets = files.map().map_err(|error| text(&error))?;
        // A trainer borrows both for as long as the process lives.
        let pool: &'static Pool =
            Box::leak(Box::new(Pool::new(Isa::detect(), threads).map_err(|error| text(&error))?));
        let train: &'static Dataset = Box::leak(Box::new(sets.train));
        let settings =
            Settings { learning_rate: workload.eta, batch_size: workload.batch, seed, ..Settings::default() };
        let trainer = Trainer::new(pool, train, network, settings).map_err(|error| text(&error))?;
        let dense = Data::scaled(&data.test_images);
        Ok(Minibatch { trainer, pool, test: sets.test, dense, batch: workload.batch, examples: train.len() })
    }

    fn about(&self) -> About {
        let version = format!("{} ({})", env!("CARGO_PKG_VERSION"), self.pool.isa().name());
        About { name: "minibatch", version, differs: None }
    }

    fn train(&mut self, examples: usize) -> Result<usize, String> {
        let before = self.trainer.position();
        let ended = self.trainer.advance(examples.div_ceil(self.batch)).map_err(|error| error.to_string())?;
        let after = if ended.is_some() { self.examples } else { self.trainer.position() };
        Ok(after - before)
    }

    fn correct(&mut self) -> Result<usize, String> {
        let network = self.trainer.network();
        let evaluation = network.evaluate(self.pool, &self.test).map_err(|error| error.to_string())?;
        evaluation.correct().ok_or_else(|| "the test set has no classes".to_owned())
    }

    fn infer(&mut self, rows: Range<usize>, input: &str) -> Result<(), String> {
        if input != "f32" {
            return Err(format!("no inference from {input} yet"));
        }
        let inputs = self.trainer.network().inputs();
        let pixels = &self.dense[rows.start * inputs..rows.end * inputs];
        let x = Mat::row_major(pixels, rows.len(), inputs);
        let outputs = self.trainer.network().predict(self.pool, x).map_err(|error| error.to_string())?;
        std::hint::black_box(&outputs);
        Ok(())
    }
}

fn main() {
    peer::main::<Minibatch>();
}
