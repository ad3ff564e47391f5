//! A trained network inside the program. Its checkpoint is compiled in and read from memory, and no file is opened.
//!
//! `cargo run --release -p minibatch --example embedded`. With the argument `train`, the checkpoint is made anew.

use minibatch::{Checkpoint, Dataset, Epoch, Isa, Network, Pool, Settings, Trainer};
use std::ops::ControlFlow;
use std::path::Path;

/// A 2-4-1 network that has learned XOR, of some hundred bytes.
const MODEL: &[u8] = include_bytes!("embedded/xor.ckpt");

const INPUTS: [f32; 8] = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::new(Isa::detect(), 1)?;
    if std::env::args().nth(1).as_deref() == Some("train") {
        // The examples come many times over. So there are fewer epochs, and the checkpoint has a line for each.
        let targets = [0.0, 1.0, 1.0, 0.0].repeat(128);
        let data = Dataset::from_values(INPUTS.repeat(128), &[2], targets, 1)?;
        let network = Network::builder(2).layer(4).layer(1).build()?;
        let settings =
            Settings { learning_rate: 5.0, batch_size: 4, epochs: 2_000, seed: 0, ..Settings::default() };
        let mut trainer = Trainer::new(&pool, &data, network, settings)?;
        trainer.fit(None, &mut |epoch: &Epoch| match epoch.cost < 5e-4 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })?;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/embedded/xor.ckpt");
        trainer.save(&path)?;
        println!("{} epochs, saved", trainer.history().len());
        return Ok(());
    }
    let network = Checkpoint::decode(MODEL)?.network;
    for (x, a) in INPUTS.chunks(2).zip(network.predict_rows(&pool, &INPUTS)?) {
        println!("{} xor {} = {a:.3}", x[0], x[1]);
    }
    Ok(())
}
