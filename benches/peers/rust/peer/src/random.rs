//! Random numbers: SplitMix64.

/// A generator.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in (0, 1].
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// `count` numbers from N(0, σ²), by Box and Muller.
    pub fn normal(&mut self, count: usize, sigma: f32) -> Vec<f32> {
        let mut draw = || {
            let radius = (-2.0 * self.unit().ln()).sqrt();
            (radius * (std::f64::consts::TAU * self.unit()).cos()) as f32 * sigma
        };
        (0..count).map(|_| draw()).collect()
    }

    /// Shuffles `rows`, by Fisher and Yates.
    pub fn shuffle(&mut self, rows: &mut [u32]) {
        for last in (1..rows.len()).rev() {
            let other = ((u128::from(self.next()) * (last as u128 + 1)) >> 64) as usize;
            rows.swap(last, other);
        }
    }
}
