use super::{Augment, Augmentation, Minibatch};

/// Mixup (Zhang, Cisse, Dauphin and Lopez-Paz 2018): each example of a minibatch becomes λ of itself and 1 − λ of the next one in the
/// minibatch, inputs and targets alike; the next of the last is the first. λ is one number a minibatch, of the distribution
/// Beta(α, α). The parameter is α, usually 0.2.
///
/// λ = G₁/(G₁ + G₂) for two numbers of the distribution Gamma(α), each U^(1/α)·G with G of Gamma(α + 1) as Marsaglia and Tsang (2000)
/// draw it. That needs logarithms, roots and a cosine in f64, which are libm's. λ is rounded to f32.
#[derive(Clone, Copy, Debug)]
pub struct Mixup {
    alpha: f64,
}

impl Mixup {
    /// Mixup with this α. `None` unless it is from 0.001 to 1000.
    #[must_use]
    pub fn new(alpha: f64) -> Option<Mixup> {
        (0.001..=1000.0).contains(&alpha).then_some(Mixup { alpha })
    }

    /// λ, from random words.
    fn share(self, draw: impl Fn(u32) -> [u32; 4]) -> f64 {
        let mut nth = 0;
        let [first, second] = [(); 2].map(|()| self.log_gamma(&draw, &mut nth));
        // The numbers themselves may be too small for f64.
        1.0 / (1.0 + libm::exp(second - first))
    }

    /// The logarithm of a number of the distribution Gamma(α). It takes draws from the `nth` on.
    fn log_gamma(self, draw: impl Fn(u32) -> [u32; 4], nth: &mut u32) -> f64 {
        let d = self.alpha + 1.0 - 1.0 / 3.0;
        loop {
            // Numbers in (0, 1).
            let [a, b, c, u] = draw(*nth).map(|word| (f64::from(word) + 0.5) / 2_f64.powi(32));
            *nth += 1;
            // Normal (Box and Muller 1958).
            let x = (-2.0 * libm::log(a)).sqrt() * libm::cos(std::f64::consts::TAU * b);
            let root = 1.0 + x / (9.0 * d).sqrt();
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            if libm::log(c) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return libm::log(d * v) + libm::log(u) / self.alpha;
            }
        }
    }
}

impl Default for Mixup {
    fn default() -> Mixup {
        Mixup { alpha: 0.2 }
    }
}

impl Augmentation for Mixup {
    fn name(&self) -> &'static str {
        "mixup"
    }

    fn usage(&self) -> &str {
        "mixup(alpha) with 0.001 ≤ alpha ≤ 1000"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.alpha]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Augment> {
        Mixup::new(*parameters.first()?).map(Augment::new)
    }

    fn work(&self) -> f64 {
        // It isn't shared out.
        0.0
    }

    fn augment(&self, minibatch: &mut Minibatch<'_>) {
        let share = self.share(|nth| minibatch.draw_of_step(nth)) as f32;
        for row in 0..minibatch.rows() {
            minibatch.mix(row, (row + 1) % minibatch.rows(), share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minibatch_kernels::philox;

    /// Mean and variance of Beta(α, α): ½ and 1/(4·(2α + 1)).
    #[test]
    fn shares_have_their_distribution() {
        for alpha in [0.001, 0.2, 1.0, 8.0, 1000.0] {
            let mixup = Mixup::new(alpha).expect("in range");
            let share = |step| mixup.share(|nth| philox([nth, u32::MAX, step, 0], [3, 4]));
            let shares: Vec<f64> = (0..4000).map(share).collect();
            assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{alpha}");
            let n = shares.len() as f64;
            let mean = shares.iter().sum::<f64>() / n;
            let found = shares.iter().map(|share| (share - 0.5).powi(2)).sum::<f64>() / n;
            let variance = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 5.0 * (variance / n).sqrt(), "{alpha}: mean {mean}");
            // The squares of a normal number stray most, by √2 of the variance.
            let stray = 5.0 * variance * (2.0 / n).sqrt();
            assert!((found - variance).abs() < stray, "{alpha}: variance {found}, expected {variance}");
        }
    }
}
