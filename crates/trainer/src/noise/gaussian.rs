use super::{Context, Noise, Perturbation};
use minibatch_kernels::MatMut;

/// Gaussian noise, as Keras has it: a normal number of mean 0 and standard deviation σ is added to each activation. The derivative
/// doesn't change. The parameter is σ, usually 0.1.
///
/// A unit's random word r becomes z = Φ⁻¹((r + ½)/2³²), by Wichura's rational functions in f64 (AS 241, 1988); far from the middle they
/// take libm's logarithm. σ·z is rounded to f32, and so is the sum. No number is farther than 6.4σ.
#[derive(Clone, Copy, Debug)]
pub struct Gaussian {
    sigma: f64,
}

impl Gaussian {
    /// Noise of this standard deviation. `None` unless it is from 0 to 10⁶.
    #[must_use]
    pub fn new(sigma: f64) -> Option<Gaussian> {
        (0.0..=1e6).contains(&sigma).then_some(Gaussian { sigma })
    }
}

impl Default for Gaussian {
    fn default() -> Gaussian {
        Gaussian { sigma: 0.1 }
    }
}

impl Perturbation for Gaussian {
    fn name(&self) -> &'static str {
        "gaussian"
    }

    fn usage(&self) -> &str {
        "gaussian(sigma) with 0 ≤ sigma ≤ 1e6"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.sigma]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Noise> {
        Gaussian::new(*parameters.first()?).map(Noise::new)
    }

    fn forward(&self, at: Context<'_>, a: &mut MatMut<'_>) {
        for row in 0..a.rows() {
            at.for_each(row, a.row_mut(row), |a, random| *a += (self.sigma * normal(random)) as f32);
        }
    }

    // What is added has no part in the derivative.
    fn backward(&self, _: Context<'_>, _: &mut MatMut<'_>) {}
}

/// A quotient of polynomials of degree 7, coefficients of the highest power first.
fn quotient(over: &[f64; 8], under: &[f64; 8], r: f64) -> f64 {
    let value = |polynomial: &[f64; 8]| polynomial.iter().fold(0.0, |sum, coefficient| sum * r + coefficient);
    value(over) / value(under)
}

/// The normal number that as large a part of all lies below as of words below `random`.
fn normal(random: u32) -> f64 {
    // p − ½, exactly.
    let q = (f64::from(random) + 0.5) / 2_f64.powi(32) - 0.5;
    if q.abs() <= 0.425 {
        return q * quotient(&MIDDLE[0], &MIDDLE[1], 0.180625 - q * q);
    }
    let r = (-libm::log(0.5 - q.abs())).sqrt();
    // (No r is above 5: the least p is 2⁻³³.)
    quotient(&TAIL[0], &TAIL[1], r - 1.6).copysign(q)
}

/// Where |p − ½| ≤ 0.425.
const MIDDLE: [[f64; 8]; 2] = [
    [
        2.509_080_928_730_122_6e3,
        3.343_057_558_358_813e4,
        6.726_577_092_700_87e4,
        4.592_195_393_154_987e4,
        1.373_169_376_550_946e4,
        1.971_590_950_306_551_3e3,
        1.331_416_678_917_843_8e2,
        3.387_132_872_796_366_5,
    ],
    [
        5.226_495_278_852_854e3,
        2.872_908_573_572_194_3e4,
        3.930_789_580_009_271e4,
        2.121_379_430_158_659_7e4,
        5.394_196_021_424_751e3,
        6.871_870_074_920_579e2,
        4.231_333_070_160_091e1,
        1.0,
    ],
];

/// Elsewhere, down to p = e⁻²⁵.
const TAIL: [[f64; 8]; 2] = [
    [
        7.745_450_142_783_414e-4,
        2.272_384_498_926_918_4e-2,
        2.417_807_251_774_506e-1,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_9e-9,
        5.475_938_084_995_345e-4,
        1.519_866_656_361_645_7e-2,
        1.481_039_764_274_800_8e-1,
        6.897_673_349_851e-1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that a statistician looks up.
    #[test]
    fn quantiles_of_the_normal_distribution() {
        let random = |p: f64| (p * 2_f64.powi(32)) as u32;
        for (p, expected) in [
            (0.5, 0.0),
            (0.75, 0.674_489_750_196_081_7),
            (0.9, 1.281_551_565_544_600_5),
            (0.95, 1.644_853_626_951_472_2),
            (0.975, 1.959_963_984_540_054),
            (0.999, 3.090_232_306_167_813),
            (0.999_968_328_758_166_9, 4.0),
        ] {
            // A word's distance from p, over the density.
            let tolerance = 1e-9 / (libm::exp(-0.5 * expected * expected) / std::f64::consts::TAU.sqrt());
            for (found, expected) in
                [(normal(random(p)), expected), (normal(u32::MAX - random(p)), -expected)]
            {
                assert!((found - expected).abs() < tolerance, "{p}: {found}, expected {expected}");
            }
        }
        assert_eq!(normal(0), -normal(u32::MAX));
        assert!((6.2..6.4).contains(&normal(u32::MAX)), "{}", normal(u32::MAX));
    }
}
