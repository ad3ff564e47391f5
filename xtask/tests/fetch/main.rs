//! `cargo xtask fetch-mnist` as a user runs it, against a server on the loopback interface.

mod folder;
mod network;
mod npm;
mod regular;
mod server;
mod world;
