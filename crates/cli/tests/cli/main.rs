//! The built command, run as a user runs it, on tiny datasets that the tests write themselves.

mod checkpoint;
mod train;
mod usage;
mod world;
