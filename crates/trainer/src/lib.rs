//! Feed-forward neural networks, trained by backpropagation on the CPU: whole minibatches at a time as matrices, on every core.
//!
//! A network has fully connected [layers](Layer) of any width, any depth and any [activation], and any [cost]. A [`Trainer`] moves
//! its weights down the gradient of the cost on a [`Dataset`], with plain descent or another [optimiser](optimizer). Three promises
//! are tested: the gradients are those of the four equations of backpropagation; the same data, seed and settings give the same bits
//! at any number of threads; and a training step allocates nothing.
//!
//! The library suits networks that are too small to be worth a framework's overhead or a GPU: digits, tables, sensors. It has no
//! convolutions, no recurrence and no automatic differentiation.
//!
//! 1. [A first example](#a-first-example)
//! 2. [Your own data](#your-own-data)
//! 3. [Activation, cost and optimiser](#activation-cost-and-optimiser)
//! 4. [Watching a run, and stopping it](#watching-a-run-and-stopping-it)
//! 5. [Saving, loading, resuming](#saving-loading-resuming)
//! 6. [Predicting](#predicting)
//! 7. [In a service](#in-a-service)
//! 8. [Reproducibility](#reproducibility)
//! 9. [Threads and instruction sets](#threads-and-instruction-sets)
//! 10. [Features](#features)
//! 11. [WebAssembly](#webassembly)
//!
//! # A first example
//!
//! A network learns to read digits. These are drawn by the library, so the example needs no files; [`data::locate`] finds MNIST's
//! in a folder.
//!
//! ```
//! use minibatch::data::synthetic;
//! use minibatch::{Network, Settings, Trainer};
//!
//! // Images of 28 × 28 pixels: 3,000 to learn from, 500 others to be judged by.
//! let digits = synthetic::generate(3_000, 500, 1)?;
//!
//! // 784 inputs, a hidden layer of 32 neurons, an output for each digit.
//! let network = Network::builder(784).layer(32).layer(10).build()?;
//!
//! let settings = Settings { epochs: 15, ..Settings::default() };
//! let mut trainer = Trainer::new(None, &digits.train, network, settings)?;
//! trainer.fit(Some(&digits.test), &mut ())?;
//!
//! for epoch in trainer.history() {
//!     println!("epoch {}: cost {:.4}", epoch.number, epoch.cost);
//! }
//! let last = trainer.history().last().and_then(|epoch| epoch.test).expect("15 epochs, each evaluated");
//! assert!(last.accuracy() > Some(0.75), "{last:?}");
//! # Ok::<(), minibatch::Error>(())
//! ```
//!
//! The parts, in the order in which the example meets them:
//!
//! | part | is |
//! |---|---|
//! | [`Dataset`] | examples: inputs, and for each a class or values |
//! | [`Network`] | layers of weights and biases, and the cost that they are trained on. Layers are sigmoid and the cost quadratic unless told otherwise |
//! | [`Settings`] | learning rate, minibatch size, epochs, seed, optimiser |
//! | [`Trainer`] | a run: the network in training, its place in the epoch, its history |
//! | [`Evaluation`] | cost and accuracy of a network on a dataset, or the fit of its values |
//! | [`Metrics`] | these and more: scores by class, confusions, log loss, calibration, or the fit by output |
//!
//! # Your own data
//!
//! [`Dataset::from_classes`] takes inputs row after row and a class for each row; [`Dataset::from_labels`] takes several labels, each
//! yes or no, and [`Dataset::from_values`] values to learn instead. Inputs are numbers, taken as they are, or bytes, which stand for
//! x/255. [`Dataset::map`] and [`Dataset::read`] open IDX files, the form in which MNIST comes.
//!
//! ```
//! use minibatch::Dataset;
//!
//! // Three plants of four measurements, of two species.
//! let measurements = vec![5.1f32, 3.5, 1.4, 0.2, 7.0, 3.2, 4.7, 1.4, 4.9, 3.0, 1.4, 0.2];
//! let species = Dataset::from_classes(measurements.clone(), &[4], vec![0, 1, 0])?;
//! assert_eq!((species.len(), species.input_len(), species.classes()), (3, 4, Some(2)));
//!
//! // The same measurements, with one value to learn from each row.
//! let heights = Dataset::from_values(measurements, &[4], vec![0.31, 0.52, 0.29], 1)?;
//! let (train, validation) = heights.split(0.33, 7)?;
//! assert_eq!((train.len(), validation.len()), (2, 1));
//! # Ok::<(), minibatch::Error>(())
//! ```
//!
//! A [`Table`](data::Table) reads a CSV file, and a [`Preparation`](data::Preparation) makes inputs and targets of its rows. The network
//! keeps the preparation, so that new rows become the same bits later:
//!
//! ```
//! use minibatch::data::{Preparation, Scale, Table, TableOptions, TargetKind};
//! use minibatch::{Network, Settings, Trainer};
//!
//! # let text: String = (0..40).map(|i| format!("{},{},{}\n", i, ["red", "white"][i % 2], ["rose", "oak"][i / 20])).collect();
//! # let text = format!("height,colour,plant\n{text}");
//! let options = TableOptions { targets: vec!["plant".to_owned()], ..TableOptions::default() };
//! let table = Table::from_reader("plants.csv".as_ref(), text.as_bytes(), &options)?;
//! let (training, test) = table.split_test(TargetKind::Classes, 0.25, 1)?;
//! let (preparation, _) = Preparation::learn(&table, TargetKind::Look, &training, Scale::Standard)?;
//! let rows = preparation.dataset(table)?.dataset;
//!
//! let mut network = Network::builder(preparation.inputs()).layer(8).layer(preparation.outputs()).build()?;
//! network.set_preparation(preparation)?;
//! let settings = Settings { batch_size: 4, ..Settings::default() };
//! let mut trainer = Trainer::new(None, &rows.subset(&training)?, network, settings)?;
//! trainer.fit(None, &mut ())?;
//! assert!(trainer.evaluate(&rows.subset(&test)?)?.accuracy() >= Some(0.8));
//! # Ok::<(), minibatch::Error>(())
//! ```
//!
//! A dataset is a handle: clones, splits ([plain](Dataset::split) or [stratified](Dataset::split_stratified)) and [subsets](Dataset::subset) copy no input.
//! Inputs should be near 1 in size, for values of other sizes saturate the neurons.
//!
//! # Activation, cost and optimiser
//!
//! A [`NetworkBuilder`] takes an activation for each layer, a cost, and the distribution of the first weights. This network learns
//! y = x², by Adam:
//!
//! ```
//! use minibatch::activation::{Identity, Tanh};
//! use minibatch::cost::Mse;
//! use minibatch::{Dataset, Initializer, Network, Settings, Trainer};
//!
//! let x: Vec<f32> = (0..200).map(|i| i as f32 / 100.0 - 1.0).collect();
//! let y = x.iter().map(|x| x * x).collect();
//! let data = Dataset::from_values(x, &[1], y, 1)?;
//!
//! let network = Network::builder(1)
//!     .layer_with(16, Tanh)
//!     .layer_with(1, Identity)
//!     .cost(Mse)
//!     .initializer(Initializer::GlorotUniform)
//!     .build()?;
//! let settings = Settings { optimizer: "adam".parse()?, learning_rate: 0.01, epochs: 100, ..Settings::default() };
//! let mut trainer = Trainer::new(None, &data, network, settings)?;
//! trainer.fit(None, &mut ())?;
//! let fit = trainer.evaluate(&data)?.fit().expect("the targets are values");
//! assert!(fit.r_squared > 0.95, "{fit:?}");
//! # Ok::<(), minibatch::Error>(())
//! ```
//!
//! | to learn | output activation | cost |
//! |---|---|---|
//! | one class of several | [`Softmax`](activation::Softmax) | [`CategoricalCrossEntropy`](cost::CategoricalCrossEntropy) |
//! | yes or no, for each output | [`Sigmoid`](activation::Sigmoid) | [`BinaryCrossEntropy`](cost::BinaryCrossEntropy) |
//! | values | [`Identity`](activation::Identity) | [`Mse`](cost::Mse), or [`Huber`](cost::Huber) where some are far off |
//! | counts | [`Softplus`](activation::Softplus) | [`Poisson`](cost::Poisson) |
//!
//! Hidden layers are usually [`Relu`](activation::Relu) with [`Initializer::HeNormal`], or [`Tanh`](activation::Tanh) with
//! [`Initializer::GlorotNormal`]. The default learning rate, 3, is for sigmoid layers, the quadratic cost and plain descent;
//! [`Optimizer::learning_rates`] has those to begin with otherwise. Activations, costs and [optimisers](optimizer) of your own are
//! implementations of [`Activation`], [`Cost`] and [`optimizer::Formula`]; [`gradcheck`] says whether their derivatives are right.
//!
//! # Watching a run, and stopping it
//!
//! [`Trainer::fit`] trains to the last epoch and calls an [`Observer`] on the way: a closure after each epoch, or a type of your own
//! that looks at every slice of steps, saves, or fails. With [`Settings::early_stopping`] it ends once the result on a validation
//! set gets no better, and [`Trainer::result`] is the network after the best epoch.
//!
//! ```
//! use minibatch::{Dataset, EarlyStopping, Epoch, Network, Settings, Trainer};
//! use std::ops::ControlFlow;
//!
//! let data = Dataset::from_classes([0.0f32, 1.0, 1.0, 0.0].repeat(100), &[2], [0, 1].repeat(100))?;
//! let network = || Network::builder(2).layer(2).build();
//!
//! // Ends when the accuracy is good enough.
//! let mut trainer = Trainer::new(None, &data, network()?, Settings::default())?;
//! trainer.fit(Some(&data), &mut |epoch: &Epoch| match epoch.test.and_then(|test| test.accuracy()) {
//!     Some(accuracy) if accuracy > 0.99 => ControlFlow::Break(()),
//!     _ => ControlFlow::Continue(()),
//! })?;
//! assert!(trainer.history().len() < 30);
//!
//! // Ends after three epochs without a lower cost on a quarter of the data, which it isn't trained on.
//! let (train, validation) = data.split_stratified(0.25, 7)?;
//! let early_stopping = Some(EarlyStopping { patience: 3, ..EarlyStopping::default() });
//! let mut trainer = Trainer::new(None, &train, network()?, Settings { early_stopping, ..Settings::default() })?;
//! trainer.set_validation(&validation)?;
//! trainer.fit(None, &mut ())?;
//! let best = trainer.into_result();
//! # Ok::<(), minibatch::Error>(())
//! ```
//!
//! Without `fit`, the loop is yours: [`Trainer::epoch`] trains an epoch and [`Trainer::advance`] some steps;
//! [`Trainer::evaluate`] takes any dataset, at any time, and [`Trainer::record`] writes its result into the history.
//! [`Trainer::metrics`] measures more in one pass. [`Trainer::diagnose`] looks for signs that the run has learned badly, such as a class
//! that is never answered or units that are dead; [`Trainer::inspect`] shows what each layer does.
//!
//! # Saving, loading, resuming
//!
//! [`Trainer::save`] writes the whole state of a run: weights, settings, history, the place in the epoch. The file is replaced whole
//! or not at all. [`Trainer::resume`] goes on from there to the bits that the run would have come to without a stop.
//!
//! ```
//! use minibatch::{Checkpoint, Dataset, Network, Settings, Trainer};
//!
//! let data = Dataset::from_classes([0.0f32, 1.0, 1.0, 0.0].repeat(100), &[2], [0, 1].repeat(100))?;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("run.ckpt");
//! let mut trainer = Trainer::new(None, &data, Network::builder(2).layer(2).build()?, Settings::default())?;
//! trainer.advance(5)?;
//! trainer.save(&path)?;
//!
//! let mut resumed = Trainer::resume(None, &data, Checkpoint::load(&path)?)?;
//! assert_eq!(resumed.step(), 5);
//! assert_eq!(resumed.epoch()?.cost, trainer.epoch()?.cost);
//!
//! // The network alone, to predict with: of the run's file, or in one of its own.
//! let network = Network::load(&path)?;
//! network.save(&path.with_extension("network"))?;
//! assert_eq!(network.sizes(), [2, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The module [`checkpoint`] has the rest: a writer in the background, a lock, older checkpoints that stay.
//!
//! # Predicting
//!
//! [`Network::predict`] gives the outputs for many examples, shared out among the threads of a [`Pool`]. A [`Predictor`] answers for
//! one example on the calling thread, without allocating. Both take bytes and numbers; their bits are the same.
//!
//! ```
//! use minibatch::{Isa, Mat, Network, Pool, Predictor};
//!
//! let network = Network::builder(2).layer(3).layer(2).build()?;
//! let pool = Pool::detect()?;
//! let inputs = [0.0f32, 1.0, 0.5, 0.25];
//! let outputs = network.predict(&pool, Mat::row_major(&inputs, 2, 2))?;
//! let classes = network.predict_classes(&pool, &inputs)?;
//!
//! let mut predictor = Predictor::new(network, Isa::detect());
//! assert_eq!(predictor.predict(&inputs[2..])?, outputs.row(1));
//! assert_eq!(predictor.class(&inputs[2..])?, classes[1]);
//! # Ok::<(), minibatch::Error>(())
//! ```
//!
//! # In a service
//!
//! Trainers and predictors own what they need, so they live in structs and go to other threads. `Pool` and `Dataset` are handles
//! that are cheap to clone, and a network can be shared in an [`Arc`](std::sync::Arc).
//!
//! ```
//! use minibatch::{Dataset, Error, Isa, Network, Pool, Predictor, Row, Settings, Trainer};
//! use std::sync::Arc;
//!
//! /// Learns from what comes in, and answers meanwhile with the newest network.
//! struct Service {
//!     pool: Pool,
//!     network: Arc<Network>,
//! }
//!
//! impl Service {
//!     fn learn(&mut self, inputs: Vec<f32>, classes: Vec<u32>) -> Result<f64, Error> {
//!         let data = Dataset::from_classes(inputs, &[2], classes)?;
//!         let settings = Settings { batch_size: 4, epochs: 50, ..Settings::default() };
//!         let mut trainer = Trainer::new(&self.pool, &data, Network::clone(&self.network), settings)?;
//!         trainer.fit(None, &mut ())?;
//!         let cost = trainer.evaluate(&data)?.cost;
//!         self.network = Arc::new(trainer.into_result());
//!         Ok(cost)
//!     }
//!
//!     /// A predictor for a thread of its own.
//!     fn predictor(&self) -> Predictor {
//!         Predictor::new(Arc::clone(&self.network), Isa::detect())
//!     }
//! }
//!
//! let network = Arc::new(Network::builder(2).layer(4).layer(2).seed(3).build()?);
//! let mut service = Service { pool: Pool::detect()?, network };
//! service.learn([0.0, 1.0, 1.0, 0.0].repeat(8), [0, 1].repeat(8))?;
//! let mut predictor = service.predictor();
//! let answer = std::thread::spawn(move || predictor.class(Row::Floats(&[0.0, 1.0])));
//! assert_eq!(answer.join().expect("the thread ends")?, 0);
//! # Ok::<(), Error>(())
//! ```
//!
//! The library prints nothing, downloads nothing, reads no environment, and has no global state. Bad data, settings, shapes and files
//! are [errors](Error) in one line, not panics.
//!
//! # Reproducibility
//!
//! The same data, seed and settings give the same weights, costs and accuracies to the bit, with any number of threads, on every
//! instruction set with fused multiply-add, and however the run is cut into pieces. [`Network::weight_hash`] compares at a glance;
//! [`Trainer::replay`] repeats a recorded run.
//!
//! ```
//! use minibatch::{Dataset, Isa, Network, Pool, Settings, Trainer};
//!
//! let data = Dataset::from_classes([0.0f32, 1.0, 1.0, 0.0].repeat(100), &[2], [0, 1].repeat(100))?;
//! let run = |pool: &Pool| {
//!     let network = Network::builder(2).layer(8).layer(2).seed(5).build()?;
//!     let mut trainer = Trainer::new(pool, &data, network, Settings { epochs: 3, ..Settings::default() })?;
//!     trainer.fit(None, &mut ())?;
//!     Ok::<u64, minibatch::Error>(trainer.network().weight_hash())
//! };
//! assert_eq!(run(&Pool::detect()?)?, run(&Pool::new(Isa::PORTABLE, 1)?)?);
//! # Ok::<(), minibatch::Error>(())
//! ```
//!
//! (On a CPU without fused multiply-add, [`Isa::detect`] gives an [arithmetic class](ArithmeticClass) of its own, as repeatable, with
//! other bits.)
//!
//! # Threads and instruction sets
//!
//! A [`Pool`] is some threads and an instruction set. [`Pool::detect`] takes all cores and the CPU's best set, and so does a trainer
//! that is given `None`; [`Pool::new`] takes your choice. Several trainers can share a pool, and take turns. A piece of work is shared
//! only where a gain is expected, and only while other processes leave the cores free: more threads are never slower. The
//! instruction set is chosen when the program runs, so no build flag makes it faster.
//!
//! # Features
//!
//! | feature | is for |
//! |---|---|
//! | `mmap`, on by default | [`Dataset::map`] maps files, and large matrices lie in huge pages where Linux has them. Without it `map` reads the file |
//! | `threads`, on by default | [`Pool`]s of several threads. Without it every pool has one member, and a trainer starts no thread |
//! | `table`, on by default | [`data::Table`]s from CSV and TSV files, [`data::NumpyArray`]s from `.npy` and `.npz` files |
//! | `gzip`, on by default | IDX files and tables that are packed by gzip |
//! | `ndarray` | [`Dataset`]s from `ArrayView2` in any order in memory, outputs as `Array2`, and conversions to [`Mat`] and [`Matrix`] |
//!
//! No feature changes a bit of any result. `serde` is no feature: [`Settings`], [`Epoch`], [`Evaluation`], [`Metrics`] and their parts are always
//! `Serialize` and `Deserialize`.
//!
//! # WebAssembly
//!
//! Without the default features the library builds for `wasm32-unknown-unknown`, needs no imports, and trains there on one thread to
//! the bits that it has everywhere.
//!
//! ```toml
//! minibatch = { version = "0.1", default-features = false }
//! ```
//!
//! - There are no files. What would open one returns an error, and [`checkpoint::Lock`] does, too. [`Trainer::encode_into`] and
//!   [`Checkpoint::decode`], [`Network::encode_into`] and [`Network::decode`] make bytes and take them.
//! - There is no clock. The times in the history are 0.
//! - Multiply-adds are computed by a library, for the instruction set has none: training is right, and slow.
#![forbid(unsafe_code)]

mod answer;
pub mod augment;
pub mod average;
mod bounded;
mod change;
pub mod checkpoint;
mod class_weights;
pub mod clip;
mod crew;
mod draws;
mod early_stopping;
mod epoch;
mod error;
mod examples;
pub mod footprint;
pub mod gradcheck;
mod infer;
mod input_scaling;
mod label;
mod network;
pub mod noise;
pub mod optimizer;
pub mod recipe;
mod registry;
mod run;
pub mod schedule;
mod settings;
mod smoothing;
mod step;
mod target_rows;

pub use augment::Augment;
pub use average::Average;
pub use change::{Change, Changed, Planned};
pub use checkpoint::{Best, Checkpoint};
pub use class_weights::ClassWeights;
pub use clip::Clip;
pub use early_stopping::{EarlyStopping, Monitor, Ties, Verdict};
pub use epoch::Epoch;
pub use error::{Divergence, Error};
pub use infer::{
    ClassMean, ClassMetrics, ClassScore, Evaluation, Fit, LabelMetrics, LargeError, Measures, Metrics,
    Mistake, Predictor, Rows, Score, TopK, ValueMetrics, WrongAnswer,
};
pub use label::LabelError;
/// Datasets: IDX files, tables and NumPy's arrays, the preparation of tables, drawing digits, their errors.
pub use minibatch_data as data;
pub use minibatch_data::{Dataset, Row};
pub use minibatch_kernels::{ArithmeticClass, Isa, Mat, MatMut, Matrix, Pool, PoolError};
pub use network::activation::{self, Activation};
pub use network::cost::{self, Cost};
pub use network::{Initializer, Layer, Network, NetworkBuilder, NetworkError, Origin};
pub use noise::Noise;
pub use optimizer::Optimizer;
pub use recipe::Recipe;
pub use registry::Registry;
pub use run::{Finding, LayerInspection, Observer, Trainer};
pub use schedule::Schedule;
pub use settings::Settings;
pub use step::{Gradients, LayerGradients, Objective, UnitActivity};
