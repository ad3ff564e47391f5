//! Feed-forward networks trained by backpropagation, whole minibatches at a time as matrices, on every core.
//!
//! The tutorial's job, reading handwritten digits:
//!
//! ```no_run
//! use minibatch::{Dataset, Isa, Network, Pool, Settings, Trainer};
//! use std::path::Path;
//!
//! let dir = Path::new("data/mnist");
//! let train = Dataset::map(&dir.join("train-images-idx3-ubyte"), &dir.join("train-labels-idx1-ubyte"))?;
//! let test = Dataset::map(&dir.join("t10k-images-idx3-ubyte"), &dir.join("t10k-labels-idx1-ubyte"))?;
//! let pool = Pool::new(Isa::detect(), 2)?;
//! let network = Network::builder(train.input_len()).layer(32).layer(10).build()?;
//! let mut trainer = Trainer::new(&pool, &train, network, Settings::default())?;
//! for _ in 0..trainer.settings().epochs {
//!     let epoch = trainer.epoch()?;
//!     let test = trainer.evaluate(&test)?;
//!     println!("epoch {}: cost {:.4}, {:?} of {} right", epoch.number, epoch.cost, test.correct(), test.examples);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod augment;
mod bounded;
pub mod checkpoint;
pub mod clip;
mod crew;
mod epoch;
mod error;
pub mod footprint;
pub mod gradcheck;
mod infer;
mod label;
mod network;
pub mod noise;
pub mod optimizer;
mod registry;
mod run;
pub mod schedule;
mod settings;
mod step;

pub use augment::Augment;
pub use checkpoint::Checkpoint;
pub use clip::Clip;
pub use epoch::Epoch;
pub use error::{Divergence, Error};
pub use infer::{Evaluation, Fit, Predictor, Rows, Score};
pub use label::LabelError;
/// Datasets: finding and reading IDX files, drawing digits, their errors.
pub use minibatch_data as data;
pub use minibatch_data::{Dataset, Row};
pub use minibatch_kernels::{ArithmeticClass, Isa, Mat, MatMut, Matrix, Pool, PoolError};
pub use network::activation::{self, Activation};
pub use network::cost::{self, Cost};
pub use network::{Initializer, Layer, Network, NetworkBuilder, NetworkError, Origin};
pub use noise::Noise;
pub use optimizer::Optimizer;
pub use registry::Registry;
pub use run::{EarlyStopping, Observer, Trainer};
pub use schedule::Schedule;
pub use settings::Settings;
pub use step::{Gradients, LayerGradients, Objective};
