//! The pace of training: samples a second in turns of some milliseconds, taken side by side.

use minibatch::{Dataset, Error, Isa, Network, Pool, Settings, Trainer};
use std::time::Instant;

/// The classes of [`noise`], and so the outputs of a network that trains on it.
pub const CLASSES: usize = 10;

/// A chunk of steps between two looks at the clock takes at least this long.
const CHUNK: f64 = 1e-3;

/// Examples of `inputs` bytes, none of them 0, with random labels. There is nothing to learn, and nothing to leave out.
///
/// # Panics
///
/// If there are none.
pub fn noise(inputs: usize, examples: usize) -> Dataset {
    let mut state = 1_u64;
    let mut next = |below: u64| {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    };
    let bytes: Vec<u8> = (0..inputs * examples).map(|_| next(255) as u8 + 1).collect();
    let mut labels: Vec<u32> = (0..examples).map(|_| next(CLASSES as u64) as u32).collect();
    // The largest label decides how many classes there are.
    labels[0] = CLASSES as u32 - 1;
    Dataset::from_classes(bytes, &[inputs], labels).expect("as many labels as examples")
}

/// A trainer of sigmoid layers of `sizes` (n_0, …, n_L) with plain stochastic gradient descent.
///
/// # Errors
///
/// If `data` don't fit.
///
/// # Panics
///
/// If a size is 0.
pub fn trainer(pool: &Pool, data: &Dataset, sizes: &[usize], batch: usize) -> Result<Trainer, Error> {
    let layers = sizes[1..].iter();
    let network = layers.fold(Network::builder(sizes[0]), |builder, &n| builder.layer(n)).build();
    // Small steps, so that noise takes no weight far off.
    let settings = Settings { batch_size: batch, learning_rate: 0.01, ..Settings::default() };
    Trainer::new(pool, data, network.expect("sizes above 0"), settings)
}

/// Samples a second over `seconds` of training, for as many epochs as they take.
///
/// # Errors
///
/// If training diverges.
pub fn pace(trainer: &mut Trainer, seconds: f64) -> Result<f64, Error> {
    let (mut samples, mut steps, started) = (0, 1, Instant::now());
    loop {
        let (before, began) = (trainer.position(), Instant::now());
        let ended = trainer.advance(steps)?;
        samples += if ended.is_some() { trainer.examples() } else { trainer.position() } - before;
        if ended.is_none() && began.elapsed().as_secs_f64() < CHUNK {
            steps *= 2;
        }
        let elapsed = started.elapsed().as_secs_f64();
        if elapsed >= seconds {
            return Ok(samples as f64 / elapsed);
        }
    }
}

/// The median. Of an even number it is the mean of the two in the middle.
///
/// # Panics
///
/// If there are none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 }
}

/// Median samples a second of training with each of `threads`, taking turns: `rounds` turns of `seconds` each, after one
/// that warms up.
///
/// # Errors
///
/// If `data` don't fit the network.
///
/// # Panics
///
/// If the operating system refuses the threads.
pub fn side_by_side(
    data: &Dataset,
    sizes: &[usize],
    batch: usize,
    threads: &[usize],
    rounds: usize,
    seconds: f64,
) -> Result<Vec<Vec<f64>>, Error> {
    let pools: Vec<Pool> = threads.iter().map(|&n| crate::pool(Isa::detect(), n)).collect();
    let trainers: Result<Vec<_>, _> = pools.iter().map(|pool| trainer(pool, data, sizes, batch)).collect();
    turns(&mut trainers?, rounds, seconds)
}

/// Samples a second of each trainer in each of `rounds` turns of `seconds`, after a turn that warms up.
///
/// # Errors
///
/// If training diverges.
pub fn turns(trainers: &mut [Trainer], rounds: usize, seconds: f64) -> Result<Vec<Vec<f64>>, Error> {
    let mut paces = vec![Vec::new(); trainers.len()];
    for round in 0..=rounds {
        for turn in 0..trainers.len() {
            // None always comes first.
            let turn = (turn + round) % trainers.len();
            let pace = pace(&mut trainers[turn], seconds)?;
            if round > 0 {
                paces[turn].push(pace);
            }
        }
    }
    Ok(paces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn samples_are_counted_across_epochs() {
        let data = noise(8, 50);
        assert_eq!(data.classes(), Some(CLASSES));
        let pool = crate::pool(Isa::detect(), 1);
        let mut trainer = trainer(&pool, &data, &[8, 4, CLASSES], 16).unwrap();
        let (started, rate) = (Instant::now(), pace(&mut trainer, 0.05).unwrap());
        let trained = trainer.history().len() * data.len() + trainer.position();
        // The clock was read a little earlier than here.
        assert!(rate * started.elapsed().as_secs_f64() >= trained as f64);
        assert!(rate * 0.05 <= trained as f64 && trainer.history().len() > 1);
    }
}
