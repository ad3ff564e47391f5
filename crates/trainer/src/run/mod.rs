//! The run: epochs of minibatches, from the first to the last.
//!
//! A [`Trainer`] holds the state of a run, trains, evaluates, saves and resumes. An [`Observer`] watches a run to its end.
//! [`diagnosis`] and [`inspection`] look into a run: what went wrong in it, what its layers do.

mod diagnosis;
mod inspection;
mod observer;
mod trainer;

pub use diagnosis::Finding;
pub use inspection::LayerInspection;
pub use observer::Observer;
pub use trainer::Trainer;
