//! The article's job: a 784-32-10 network learns to read digits.
//!
//! `cargo run --release -p minibatch --example mnist [data/mnist]`

use minibatch::{Dataset, Isa, Network, Pool, Settings, Trainer};
use std::path::PathBuf;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "data/mnist".to_owned()));
    let train = Dataset::map(&dir.join("train-images-idx3-ubyte"), &dir.join("train-labels-idx1-ubyte"))?;
    let test = Dataset::map(&dir.join("t10k-images-idx3-ubyte"), &dir.join("t10k-labels-idx1-ubyte"))?;
    let pool = Pool::new(Isa::detect(), 2)?;
    let network = Network::builder(train.input_len()).layer(32).layer(10).build()?;
    let mut trainer = Trainer::new(&pool, &train, network, Settings::default())?;
    let started = std::time::Instant::now();
    for _ in 0..30 {
        let epoch = trainer.epoch()?;
        let test = trainer.evaluate(&test)?;
        let accuracy = 100.0 * test.accuracy().expect("digits are classes");
        println!("epoch {}: cost {:.4}, accuracy {accuracy:.2}%", epoch.number, epoch.cost);
    }
    println!("{:.2?}", started.elapsed());
    Ok(())
}
