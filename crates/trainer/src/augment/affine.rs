use super::{Augment, Augmentation, Minibatch, PICTURES};
use minibatch_kernels::{AffineMap, PictureShape};

/// A random affine map of each picture about its middle: a turn, a shear, a scale and a shift, in one bilinear resampling. Outside the
/// picture is 0.
///
/// The parameters are the largest turn and shear in degrees, the largest change of the scale as a fraction, and the largest shift in
/// pixels; usually 10, 6, 0.1 and 1. Each of θ, φ, s, x and y is uniform in ± its parameter: (2r + 1)/2³² − 1 times it, where r are the
/// words of the example's first draw and, for y, the first word of its second.
///
/// Pixels at p from the middle go to (1 + s)·R(θ)·K(φ)·p + (x, y). R turns clockwise as one sees it, K adds tan φ times the row to the
/// column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    rotation: f64,
    shear: f64,
    scale: f64,
    shift: f64,
}

impl Affine {
    /// Turns by up to `rotation` and shears by up to `shear` degrees, scales by up to 1 ± `scale`, shifts by up to `shift` pixels. `None`
    /// unless these are from 0 to 180, 60, 0.9 and 4000.
    #[must_use]
    pub fn new(rotation: f64, shear: f64, scale: f64, shift: f64) -> Option<Affine> {
        let in_range = (0.0..=180.0).contains(&rotation)
            && (0.0..=60.0).contains(&shear)
            && (0.0..=0.9).contains(&scale)
            && (0.0..=4000.0).contains(&shift);
        in_range.then_some(Affine { rotation, shear, scale, shift })
    }

    /// The map of nothing.
    pub(super) const NONE: Affine = Affine { rotation: 0.0, shear: 0.0, scale: 0.0, shift: 0.0 };

    /// The parameters in order.
    pub(super) fn in_order(self) -> [f64; 4] {
        [self.rotation, self.shear, self.scale, self.shift]
    }

    /// The map that follows from these draws, from the result back to the picture.
    pub(super) fn map(self, [first, second]: [[u32; 4]; 2]) -> AffineMap {
        let signed = |random: u32| (f64::from(random) + 0.5) / 2_f64.powi(31) - 1.0;
        let [turn, shear, scale, x] = first.map(signed);
        let (turn, shear) = ((self.rotation * turn).to_radians(), (self.shear * shear).to_radians());
        let (x, y) = (self.shift * x, self.shift * signed(second[0]));
        let (sin, cos, tan) = (libm::sin(turn), libm::cos(turn), libm::tan(shear));
        let by = 1.0 + self.scale * scale;
        // The inverse: K⁻¹·R⁻¹/(1 + s).
        let [xx, xy] = [(cos + tan * sin) / by, (sin - tan * cos) / by];
        let [yx, yy] = [-sin / by, cos / by];
        AffineMap { rows: [[xx, xy, -(xx * x + xy * y)], [yx, yy, -(yx * x + yy * y)]] }
    }
}

impl Default for Affine {
    fn default() -> Affine {
        Affine { rotation: 10.0, shear: 6.0, scale: 0.1, shift: 1.0 }
    }
}

impl Augmentation for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn usage(&self) -> &str {
        "affine(rotation,shear,scale,shift) with 0 to 180 and 0 to 60 degrees, 0 to 0.9, and 0 to 4000 pixels"
    }

    fn parameters(&self) -> Vec<f64> {
        self.in_order().to_vec()
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Augment> {
        let &[rotation, shear, scale, shift] = parameters else { return None };
        Affine::new(rotation, shear, scale, shift).map(Augment::new)
    }

    fn expects(&self, shape: &[usize]) -> Result<(), &str> {
        PictureShape::new(shape).map(|_| ()).ok_or(PICTURES)
    }

    fn work(&self) -> f64 {
        4.0
    }

    fn augment(&self, minibatch: &mut Minibatch<'_>) {
        minibatch.warp(|draws| self.map(draws), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place in the picture, from its middle, that a pixel of the result comes from.
    fn source(map: &AffineMap, [u, v]: [f64; 2]) -> [f64; 2] {
        map.rows.map(|[a, b, c]| a * u + b * v + c)
    }

    fn check(map: &AffineMap, to: [f64; 2], from: [f64; 2]) {
        let found = source(map, to);
        assert!(found.iter().zip(from).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}, expected {from:?}");
    }

    /// Each parameter by itself, at its largest draw.
    #[test]
    fn each_parameter_has_its_effect() {
        let most = [[u32::MAX; 4]; 2];
        let map = |rotation, shear, scale, shift| {
            Affine::new(rotation, shear, scale, shift).expect("in range").map(most)
        };
        // What was at the right goes below the middle.
        check(&map(90.0, 0.0, 0.0, 0.0), [0.0, 1.0], [1.0, 0.0]);
        check(&map(0.0, 45.0, 0.0, 0.0), [3.0, 2.0], [1.0, 2.0]);
        check(&map(0.0, 0.0, 0.5, 0.0), [3.0, 6.0], [2.0, 4.0]);
        check(&map(0.0, 0.0, 0.0, 2.0), [3.0, 2.0], [1.0, 0.0]);
        // All at once: (1 + s)·R·K·p + t of p = (1, 2).
        let (sin, cos, by) = (30_f64.to_radians().sin(), 30_f64.to_radians().cos(), 1.25);
        let to = [by * (cos * 3.0 - sin * 2.0) + 1.0, by * (sin * 3.0 + cos * 2.0) + 1.0];
        check(&map(30.0, 45.0, 0.25, 1.0), to, [1.0, 2.0]);
    }

    #[test]
    fn nothing_is_the_identity_to_the_bit() {
        let map = Affine::NONE.map([[5, 0, u32::MAX, 7], [1 << 31; 4]]);
        assert_eq!(map, AffineMap::IDENTITY);
    }

    /// The draws are uniform in ± the parameter: mean and variance of the shift.
    #[test]
    fn draws_are_uniform() {
        let affine = Affine::new(0.0, 0.0, 0.0, 3.0).expect("in range");
        let (mut sum, mut squares, count) = (0.0, 0.0, 4000);
        for i in 0..count {
            let draw = |nth| minibatch_kernels::philox([nth, i, 0, 0], [1, 2]);
            for [.., by] in affine.map([draw(0), draw(1)]).rows {
                assert!(by.abs() <= 3.0);
                sum += by;
                squares += by * by;
            }
        }
        let n = f64::from(2 * count);
        // The variance is 3; that of a square is 9·(9/5 − 1) = 7.2.
        assert!((sum / n).abs() < 5.0 * (3.0 / n).sqrt(), "{sum}");
        assert!((squares / n - 3.0).abs() < 5.0 * (7.2 / n).sqrt(), "{squares}");
    }
}
