//! Minibatch itself.
#![forbid(unsafe_code)]

use minibatch::{Dataset, Isa, Mat, Matrix, Network, Optimizer, Pool, Predictor, Registry, Settings, Trainer};
use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;

use peer::{About, Data, Peer, Random, Workload};

struct Minibatch {
    trainer: Trainer,
    pool: Pool,
    test: Dataset,
    /// The network as it was last trained, for inference.
    trained: Option<Predictor>,
    /// The outputs of the last batch.
    outputs: Matrix,
    /// The test set's pixels, row-major. `dense` has the same as numbers in [0, 1].
    bytes: Vec<u8>,
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
        let optimizer: Optimizer = workload.optimizer.parse().map_err(|error| text(&error))?;
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
            let weights = Mat::row_major(&weights, layer.inputs(), layer.outputs()).transposed();
            layer.set_weights(weights).map_err(|error| text(&error))?;
            layer.biases_mut().copy_from_slice(&biases);
        }
        let files = minibatch_data::locate(&data.folder).map_err(|error| text(&error))?;
        let sets = files.map().map_err(|error| text(&error))?;
        let pool = Pool::new(Isa::detect(), threads).map_err(|error| text(&error))?;
        let (learning_rate, batch_size) = (workload.eta, workload.batch);
        let settings = Settings { learning_rate, batch_size, optimizer, seed, ..Settings::default() };
        let trainer = Trainer::new(&pool, &sets.train, network, settings).map_err(|error| text(&error))?;
        let dense = Data::scaled(&data.test_images);
        let (test, batch, examples) = (sets.test, workload.batch, sets.train.len());
        let (bytes, outputs) = (data.test_images, Matrix::zeros(0, 0));
        Ok(Minibatch { trainer, pool, test, trained: None, outputs, bytes, dense, batch, examples })
    }

    fn about(&self) -> About {
        let version = format!("{} ({})", env!("CARGO_PKG_VERSION"), self.pool.isa().name());
        About { name: "minibatch", version, differs: None }
    }

    fn train(&mut self, examples: usize) -> Result<usize, String> {
        self.trained = None;
        let before = self.trainer.position();
        let ended = self.trainer.advance(examples.div_ceil(self.batch)).map_err(|error| error.to_string())?;
        let after = if ended.is_some() { self.examples } else { self.trainer.position() };
        Ok(after - before)
    }

    fn correct(&mut self) -> Result<usize, String> {
        let evaluation = self.trainer.evaluate(&self.test).map_err(|error| error.to_string())?;
        evaluation.correct().ok_or_else(|| "the test set has no classes".to_owned())
    }

    fn infer(&mut self, rows: Range<usize>, input: &str) -> Result<(), String> {
        let copy = || Predictor::new(self.trainer.network().clone(), self.pool.isa());
        let predictor = self.trained.get_or_insert_with(copy);
        let network = Arc::clone(predictor.network());
        let (one, at) = (rows.len() == 1, rows.start * network.inputs()..rows.end * network.inputs());
        let (bytes, dense) = (&self.bytes[at.clone()], &self.dense[at]);
        if !one && self.outputs.rows() != rows.len() {
            self.outputs = Matrix::zeros(rows.len(), network.outputs());
        }
        let (pool, outputs) = (&self.pool, &mut self.outputs);
        let done = match (input, one) {
            ("u8", true) => predictor.predict(bytes).map(|outputs| _ = black_box(outputs)),
            ("f32", true) => predictor.predict(dense).map(|outputs| _ = black_box(outputs)),
            ("u8", false) => network.predict_into(pool, bytes, outputs).map(|()| _ = black_box(outputs)),
            ("f32", false) => network.predict_into(pool, dense, outputs).map(|()| _ = black_box(outputs)),
            _ => return Err(format!("no inference from {input}")),
        };
        done.map_err(|error| error.to_string())
    }
}

fn main() {
    peer::main::<Minibatch>();
}
