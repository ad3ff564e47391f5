//! The step of training: one minibatch forward and back, and the update.
//!
//! [`backprop`] has the four equations, and [`workspace`] every buffer that they use. [`guard`] refuses a step that could leave
//! the finite numbers. [`stepper`] takes one step after the other. [`gradients`] goes forward and back without an update.
//! [`whole`] updates by a gradient that stands by itself, as
//! clipping and the scaling of inputs need it. [`activity`] says which units still learn, and [`trial`](mod@trial) what a step would do.

mod activity;
mod backprop;
mod gradients;
mod guard;
mod objective;
mod stepper;
mod trial;
mod whole;
mod workspace;

pub(crate) use activity::ROWS;
pub use activity::UnitActivity;
pub(crate) use backprop::{Activate, Runner};
pub use gradients::{Gradients, LayerGradients};
pub(crate) use guard::Guard;
pub use objective::Objective;
pub(crate) use stepper::{Stepper, Steps, Trained};
pub(crate) use trial::{LayerTrial, trial};
pub(crate) use workspace::Workspace;
