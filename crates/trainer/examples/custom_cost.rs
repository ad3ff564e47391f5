//! A cost of one's own, from outside the library: the pinball cost, which is least at a quantile instead of the mean.
//!
//! `cargo run --release -p minibatch --example custom_cost`

use minibatch::activation::Identity;
use minibatch::{Cost, Dataset, Isa, Network, Pool, Settings, Trainer};

/// The pinball cost of the quantile q: q·(y − a) where the output is too low, (1 − q)·(a − y) where it is too high.
#[derive(Debug)]
struct Pinball {
    quantile: f64,
}

impl Cost for Pinball {
    fn name(&self) -> &'static str {
        "pinball"
    }

    fn value(&self, a: f64, y: f64) -> f64 {
        (y - a) * if a < y { self.quantile } else { self.quantile - 1.0 }
    }

    fn derivative(&self, a: f64, y: f64) -> f64 {
        if a < y { -self.quantile } else { 1.0 - self.quantile }
    }

    /// The kink is at a = y. Gradients are checked on either side.
    fn piece(&self, a: f64, y: f64) -> i32 {
        i32::from(a < y)
    }
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The numbers 0, 1, …, 999 in some order, all with the same input, so the quantiles are known.
    let y: Vec<f32> = (0..1_000).map(|i| (i * 389 % 1_000) as f32 / 1_000.0).collect();
    let data = Dataset::from_values(vec![1.0_f32; 1_000], &[1], y, 1)?;
    let pool = Pool::new(Isa::detect(), 1)?;
    for quantile in [0.1, 0.5, 0.9] {
        let network = Network::builder(1).layer_with(1, Identity).cost(Pinball { quantile }).build()?;
        let settings =
            Settings { learning_rate: 0.05, batch_size: 50, epochs: 100, seed: 0, ..Settings::default() };
        let mut trainer = Trainer::new(&pool, &data, network, settings)?;
        trainer.fit(None, &mut ())?;
        let a = trainer.network().predict_rows(&pool, &[1.0])?[0];
        println!("quantile {quantile}: {a:.3}");
        assert!((f64::from(a) - quantile).abs() < 0.05);
    }
    Ok(())
}
