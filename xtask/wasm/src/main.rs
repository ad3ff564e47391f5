//! A run on one thread, without files and without a clock. It ends with a success if its weights have the recorded hash.
//!
//! On `wasm32-unknown-unknown` a program can't print, so the exit status is its answer there.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "a program says why it failed")]

use minibatch::data::synthetic;
use minibatch::{Checkpoint, Isa, Network, Pool, Settings, Trainer};
use std::error::Error;
use std::process::ExitCode;

/// The hash of the trained weights, on every machine.
const HASH: u64 = 0xea75_73d7_77f2_d13b;

fn main() -> ExitCode {
    match weight_hash() {
        Ok(HASH) => ExitCode::SUCCESS,
        Ok(other) => {
            eprintln!("weight hash {other:016x}, expected {HASH:016x}");
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Trains, stops, goes on from the bytes of a checkpoint, and hashes the weights after they went through bytes once more.
fn weight_hash() -> Result<u64, Box<dyn Error>> {
    let digits = synthetic::generate(200, 50, 3)?;
    let pool = Pool::new(Isa::PORTABLE, 1)?;
    let network = Network::builder(digits.train.input_len()).layer(16).layer(10).build()?;
    let settings =
        Settings { epochs: 2, optimizer: "adam".parse()?, learning_rate: 0.01, ..Settings::default() };
    let mut trainer = Trainer::new(&pool, &digits.train, network, settings)?;
    trainer.advance(5)?;

    let mut bytes = Vec::new();
    trainer.encode_into(&mut bytes)?;
    let mut trainer = Trainer::resume(&pool, &digits.train, Checkpoint::decode(&bytes)?)?;
    trainer.fit(Some(&digits.test), &mut ())?;

    trainer.network().encode_into(&mut bytes)?;
    Ok(Network::decode(&bytes)?.weight_hash())
}

#[cfg(test)]
mod tests {
    use super::{HASH, weight_hash};

    #[test]
    fn this_machine_trains_to_the_recorded_hash() {
        let found = weight_hash().unwrap();
        assert_eq!(found, HASH, "weight hash {found:016x}");
    }
}
