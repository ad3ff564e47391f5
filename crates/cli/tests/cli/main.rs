//! The built command, run as a user runs it, on tiny datasets that the tests write themselves.

mod arrays;
mod bad_input;
mod bad_tables;
mod browser;
mod checkpoint;
mod config;
#[cfg(all(unix, feature = "dashboard"))]
mod dashboard;
mod drawing;
mod exchange;
#[cfg(unix)]
mod faults;
mod fine_tuning;
#[cfg(target_os = "linux")]
mod footprint;
mod idx;
#[cfg(unix)]
mod irregular;
mod kill;
mod log;
#[cfg(target_os = "linux")]
mod memory;
mod metrics;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod picture_cache;
mod picture_folders;
mod pictures;
#[cfg(unix)]
mod places;
mod predict;
mod report_page;
mod resume;
#[cfg(unix)]
mod signals;
mod stopping;
mod tables;
mod tensorboard;
#[cfg(unix)]
mod terminal;
mod train;
mod usage;
mod verify;
mod world;
