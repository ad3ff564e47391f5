//! Everything that can go wrong in this crate.

use crate::network::NetworkError;

/// Why something couldn't be done, in one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network can't be made.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The data can't be used.
    #[error(transparent)]
    Data(#[from] minibatch_data::Error),
    /// A setting is out of range.
    #[error("{setting} is {found}: expected {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is allowed.
        expected: String,
        /// What it was.
        found: String,
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
        /// What it takes.
        expected: &'static str,
        /// The example's targets.
        found: Vec<f32>,
    },
    /// A run can't go on here.
    #[error("the checkpoint was made with another {what}: {recorded} there, {found} here")]
    Resume {
        /// What differs.
        what: &'static str,
        /// What the checkpoint says.
        recorded: String,
        /// What it would go on with.
        found: String,
    },
    /// Training left the finite numbers. The weights are those before the step.
    #[error(
        "{what} is no longer finite at step {step} of epoch {epoch}: stopped before the update; \
         try a smaller learning rate"
    )]
    Diverged {
        /// Counted from 1.
        epoch: usize,
        /// Within the epoch, counted from 1.
        step: usize,
        /// What was found not to be finite.
        what: String,
    },
}
