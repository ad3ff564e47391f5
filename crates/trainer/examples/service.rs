//! A service's life: it trains a network and saves it. Later it loads the network and answers. The README shows this file.
//!
//! `cargo run --release -p minibatch --example service`

use minibatch::data::synthetic;
use minibatch::{Checkpoint, Dataset, Error, Isa, Network, Predictor, Row, Settings, Trainer};
use std::path::Path;

/// Reads digits. A predictor owns its network and its buffers, so it lives in a struct and goes to any thread.
struct Reader {
    predictor: Predictor,
}

impl Reader {
    /// Trains a network on every core, saves the run, and returns its accuracy on `test`.
    fn train(train: &Dataset, test: &Dataset, path: &Path) -> Result<f64, Error> {
        let network = Network::builder(train.input_len()).layer(32).layer(10).build()?;
        let settings = Settings { epochs: 10, ..Settings::default() };
        let mut trainer = Trainer::new(None, train, network, settings)?;
        trainer.fit(None, &mut ())?;
        trainer.save(path)?;
        Ok(trainer.evaluate(test)?.accuracy().unwrap_or_default())
    }

    /// The reader whose run is in `path`. `Trainer::resume` would go on with that run.
    fn load(path: &Path) -> Result<Reader, Error> {
        let network = Checkpoint::load(path)?.result().clone();
        Ok(Reader { predictor: Predictor::new(network, Isa::detect()) })
    }

    /// The digit that `pixels` show. It takes microseconds and allocates nothing.
    fn read(&mut self, pixels: Row<'_>) -> Result<usize, Error> {
        self.predictor.class(pixels)
    }
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let digits = synthetic::generate(5_000, 1_000, 0)?;
    let path = std::env::temp_dir().join(format!("digits-{}.ckpt", std::process::id()));
    let accuracy = Reader::train(&digits.train, &digits.test, &path)?;
    println!("accuracy {:.1}%", 100.0 * accuracy);

    let mut reader = Reader::load(&path)?;
    for example in 0..10 {
        println!("image {example} shows a {}", reader.read(digits.test.input(example))?);
    }
    Ok(std::fs::remove_file(&path)?)
}
