//! The tutorial's job: a 784-32-10 network learns to read digits. Without MNIST, it learns drawn ones.
//!
//! `cargo run --release -p minibatch --example mnist [data/mnist]`

use minibatch::data::{TrainTest, locate, synthetic};
use minibatch::{Isa, Network, Pool, Settings, Trainer};
use std::path::PathBuf;
use std::time::Instant;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "data/mnist".to_owned()));
    let TrainTest { train, test } = if dir.exists() {
        locate(&dir)?.map()?
    } else {
        println!(
            "no folder {}: `cargo xtask fetch-mnist` fetches MNIST; these digits are drawn",
            dir.display()
        );
        synthetic::generate(60_000, 10_000, 0)?
    };
    let pool = Pool::new(Isa::detect(), 2)?;
    let network = Network::builder(train.input_len()).layer(32).layer(10).build()?;
    let mut trainer = Trainer::new(&pool, &train, network, Settings::default())?;
    let started = Instant::now();
    for _ in 0..30 {
        let epoch = trainer.epoch()?;
        let test = trainer.evaluate(&test)?;
        let accuracy = 100.0 * test.accuracy().expect("digits are classes");
        println!("epoch {}: cost {:.4}, accuracy {accuracy:.2}%", epoch.number, epoch.cost);
    }
    println!("{:.2?}", started.elapsed());
    Ok(())
}
