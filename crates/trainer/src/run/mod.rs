//! The run: epochs of minibatches, from the first to the last.
//!
//! A [`Trainer`] holds the state of a run, trains, evaluates, saves and resumes. An [`Observer`] watches a run to its end.

mod observer;
mod trainer;

pub use observer::Observer;
pub use trainer::Trainer;
