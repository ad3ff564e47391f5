//! Everything that can go wrong in this crate.

use crate::label::LabelError;
use crate::network::NetworkError;
use minibatch_checkpoint as checkpoint;
use minibatch_kernels::PoolError;

/// The reason why something couldn't be done, in one line. Every error of this crate becomes one with `?`.
///
/// ```
/// use minibatch::{Error, Isa, Network, NetworkError, Optimizer, Pool};
///
/// fn prepare(optimizer: &str) -> Result<Optimizer, Error> {
///     let _pool = Pool::new(Isa::detect(), 1)?;
///     let _network = Network::builder(2).build()?;
///     Ok(optimizer.parse()?)
/// }
/// let error = prepare("adam").unwrap_err();
/// assert!(matches!(error, Error::Network(NetworkError::NoLayers)));
/// assert_eq!(error.to_string(), "a network needs at least one layer after its inputs");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network can't be made, or its weights set.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The data can't be used.
    #[error(transparent)]
    Data(#[from] minibatch_data::Error),
    /// The threads can't be started.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The text of an optimiser or a schedule can't be read.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A checkpoint can't be written or read.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// Bytes that are no checkpoint, or one of something unknown.
    #[error(transparent)]
    Format(#[from] checkpoint::FormatError),
    /// A setting is out of range.
    #[error("{setting} is {found}: expected {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// The values that are allowed.
        expected: String,
        /// Its value.
        found: String,
    },
    /// The system doesn't give the memory.
    #[error("{what} takes {:.1} GB, more memory than there is", *bytes as f64 / 1e9)]
    Memory {
        /// The thing that needs it.
        what: &'static str,
        /// Bytes that it needs.
        bytes: u64,
    },
    /// Data and network don't fit.
    #[error("the data have {found} {what}, the network {expected}")]
    Shape {
        /// Inputs or outputs.
        what: &'static str,
        /// The network's number.
        expected: usize,
        /// The data's number.
        found: usize,
    },
    /// Targets that the cost isn't defined for.
    #[error("cost {cost} needs targets that are {expected}: example {example} has {found:?}")]
    Targets {
        /// The cost.
        cost: String,
        /// The first example it can't take, counted from 0.
        example: usize,
        /// The targets that the cost takes.
        expected: &'static str,
        /// The example's targets.
        found: Vec<f32>,
    },
    /// A run can't go on here.
    #[error("the checkpoint was made with another {what}: {recorded} there, {found} here")]
    Resume {
        /// The thing that differs.
        what: &'static str,
        /// The one that the checkpoint records.
        recorded: String,
        /// The one that the run would go on with.
        found: String,
    },
    /// A run can't be started over again.
    #[error(
        "the checkpoint doesn't say what drew its first weights and biases (they were set by hand or came from a \
         trained network), so its run can't be repeated"
    )]
    NoOrigin,
    /// An evaluation can't be recorded in the middle of an epoch.
    #[error("an evaluation is recorded with the epoch that has just ended, and none has")]
    NoEpoch,
    /// A number that training starts from, or an evaluation came to, is NaN or infinite.
    #[error("{what} is {found}: expected a finite number")]
    NotFinite {
        /// The number.
        what: String,
        /// Its value.
        found: String,
    },
    /// A step against a given gradient would leave the finite numbers.
    #[error("{0}: refused before the update")]
    Refused(Divergence),
    /// Training left the finite numbers. Weights and biases are those before the step, and finite.
    #[error("step {step} of epoch {epoch}: {cause}: stopped before the update; try a smaller learning rate")]
    Diverged {
        /// Counted from 1.
        epoch: usize,
        /// Within the epoch, counted from 1.
        step: usize,
        /// The cause.
        cause: Divergence,
    },
}

/// The numbers of a training step that are not finite. Layers are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Divergence {
    /// The activations A_l, or the inputs A_0 as noise or augmentation made them. The first of several layers is named.
    #[error("the activations of layer {layer} are no longer finite")]
    Activation {
        /// l
        layer: usize,
    },
    /// The minibatch's cost, though the outputs are finite.
    #[error("the cost is {cost} at the outputs of layer {layer}")]
    Cost {
        /// L
        layer: usize,
        /// Summed over the minibatch.
        cost: f64,
    },
    /// The errors Δ_l, and with them the gradients. The last of several layers is named: backpropagation comes to it first.
    #[error("the errors of layer {layer} are no longer finite")]
    Error {
        /// l
        layer: usize,
    },
    /// The schedule's learning rate or momentum in a step.
    #[error(
        "the schedule gives a learning rate or a momentum that is out of range in step {step} of the run"
    )]
    LearningRate {
        /// The step's number in the run, counted from 0.
        step: u64,
    },
    /// The update of W_l or b_l, though all that goes into it is finite: it may pass the largest f32.
    #[error("the update of layer {layer} may pass the largest number")]
    Update {
        /// l
        layer: usize,
    },
}
