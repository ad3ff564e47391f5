//! A small network fits a curve it has seen through noise: regression with a tanh layer, an identity output and the mean
//! squared error.
//!
//! `cargo run --release -p minibatch --example regression`

use minibatch::activation::{Identity, Tanh};
use minibatch::cost::Mse;
use minibatch::{Dataset, EarlyStopping, Initializer, Isa, Network, Pool, Settings, Trainer};

/// y = sin 2πx·e^−x in [0, 2), with noise of ±0.05 from a linear congruential generator.
fn samples(count: usize, mut seed: u32) -> Result<Dataset, minibatch::data::Error> {
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 24) as f32
    };
    let x: Vec<f32> = (0..count).map(|_| 2.0 * random()).collect();
    let noisy = |&x: &f32| curve(x) + 0.1 * random() - 0.05;
    let y = x.iter().map(noisy).collect();
    Dataset::from_values(x, &[1], y, 1)
}

fn curve(x: f32) -> f32 {
    (std::f32::consts::TAU * x).sin() * (-x).exp()
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, validation) = (samples(1_000, 1)?, samples(200, 2)?);
    let pool = Pool::new(Isa::detect(), 1)?;
    let network = Network::builder(1)
        .layer_with(32, Tanh)
        .layer_with(32, Tanh)
        .layer_with(1, Identity)
        .cost(Mse)
        .initializer(Initializer::FanInNormal)
        .build()?;
    let early_stopping = Some(EarlyStopping { patience: 40, ..EarlyStopping::default() });
    let settings = Settings {
        learning_rate: 0.02,
        batch_size: 16,
        epochs: 2_000,
        early_stopping,
        ..Settings::default()
    };
    let mut trainer = Trainer::new(&pool, &train, network, settings)?;
    trainer.set_validation(&validation)?;
    trainer.fit(None, &mut ())?;

    let (epochs, best) = (trainer.history().len(), trainer.best().expect("at least one epoch").epoch);
    let fit = trainer.history()[best - 1].validation.and_then(|validation| validation.fit());
    let fit = fit.expect("values were evaluated");
    let (rmse, mae, r_squared) = (fit.rmse, fit.mae, fit.r_squared);
    println!("the best of {epochs} epochs, {best}: RMSE {rmse:.4}, MAE {mae:.4}, R² {r_squared:.4}\n");
    let x: Vec<f32> = (0..25).map(|i| i as f32 / 12.5).collect();
    let outputs = trainer.result().predict_rows(&pool, &x)?;
    for (x, a) in x.iter().zip(outputs) {
        // From −1 to 1 in 60 columns: the curve as ·, the network as ●.
        let column = |y: f32| ((y + 1.0) * 30.0).round().clamp(0.0, 60.0) as usize;
        let mut line = vec![' '; 61];
        line[column(curve(*x))] = '·';
        line[column(a)] = '●';
        println!("{x:5.2} {}", line.into_iter().collect::<String>());
    }
    Ok(())
}
