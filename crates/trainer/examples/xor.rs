//! Two hidden neurons learn XOR, the smallest problem that one neuron can't solve.
//!
//! `cargo run --release -p minibatch --example xor [seed]`

use minibatch::{Dataset, Isa, Mat, Network, Pool, Settings, Trainer};

const INPUTS: [f32; 8] = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
const TARGETS: [f32; 4] = [0.0, 1.0, 1.0, 0.0];
const EPOCHS: usize = 2_000;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(0), |seed| seed.parse())?;
    let data = Dataset::from_values(INPUTS.to_vec(), &[2], TARGETS.to_vec(), 1)?;
    let pool = Pool::new(Isa::detect(), 1)?;
    let network = Network::builder(2).layer(2).layer(1).seed(seed).build()?;
    let settings = Settings { learning_rate: 5.0, batch_size: 4, seed, ..Settings::default() };
    let mut trainer = Trainer::new(&pool, &data, network, settings)?;
    for _ in 0..EPOCHS {
        let epoch = trainer.epoch()?;
        if epoch.number == 1 || epoch.number % 200 == 0 {
            println!("epoch {:4}: cost {:.5}", epoch.number, epoch.cost);
        }
    }

    let outputs = trainer.network().predict(&pool, Mat::row_major(&INPUTS, 4, 2))?;
    println!("\n x₁  x₂ │ x₁ xor x₂ │ output\n────────┼───────────┼───────");
    for (row, (x, y)) in INPUTS.chunks_exact(2).zip(TARGETS).enumerate() {
        println!("  {}   {} │     {y}     │ {:.3}", x[0], x[1], outputs.row(row)[0]);
    }
    let right =
        TARGETS.iter().enumerate().filter(|&(row, &y)| (outputs.row(row)[0] > 0.5) == (y > 0.5)).count();
    if right < TARGETS.len() {
        println!(
            "\n{right} of 4 right: stuck in a local minimum, as some seeds are. Try another: -- {}",
            seed + 1
        );
    }
    Ok(())
}
