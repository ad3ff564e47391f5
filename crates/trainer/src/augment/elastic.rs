use super::affine::Affine;
use super::{Augment, Augmentation, Minibatch, PICTURES};
use minibatch_kernels::{PictureShape, Smoothing};

/// Elastic deformation (Simard, Steinkraus and Platt 2003) together with an [affine map](Affine), in one bilinear resampling. Outside
/// the picture is 0.
///
/// Each pixel has two random numbers, uniform in (−1, 1). These two fields are smoothed by a Gaussian of σ pixels, whose weights have
/// the sum 1, and multiplied by α: so far, along x and along y, from where the affine map puts it, a pixel of the result comes. The
/// Gaussian ends at ⌈3σ⌉ pixels. Outside the picture the fields are 0, so pixels near the border move less. The standard deviation of a
/// movement is α/(σ·√(12π)), nearly: 0.9 pixels for the usual α 26 and σ 4.5.
///
/// The parameters are α, σ, and those of the affine map, usually all 0.
#[derive(Clone, Debug)]
pub struct Elastic {
    alpha: f64,
    sigma: f64,
    affine: Affine,
    smoothing: Smoothing,
}

impl Elastic {
    /// Fields of this α and σ, in pixels, with an affine map. `None` unless α is from 0 to 4000, and σ from 0.1 to 100.
    #[must_use]
    pub fn new(alpha: f64, sigma: f64, affine: Option<Affine>) -> Option<Elastic> {
        let smoothing = Smoothing::new(sigma)?;
        let affine = affine.unwrap_or(Affine::NONE);
        (0.0..=4000.0).contains(&alpha).then_some(Elastic { alpha, sigma, affine, smoothing })
    }
}

impl Default for Elastic {
    fn default() -> Elastic {
        Elastic::new(26.0, 4.5, None).expect("in range")
    }
}

impl Augmentation for Elastic {
    fn name(&self) -> &'static str {
        "elastic"
    }

    fn usage(&self) -> &str {
        "elastic(alpha,sigma,rotation,shear,scale,shift) with 0 to 4000 and 0.1 to 100 pixels, 0 to 180 and 0 to 60 degrees, \
         0 to 0.9, and 0 to 4000 pixels"
    }

    fn parameters(&self) -> Vec<f64> {
        [&[self.alpha, self.sigma][..], &self.affine.in_order()].concat()
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Augment> {
        let &[alpha, sigma, rotation, shear, scale, shift] = parameters else { return None };
        let affine = Affine::new(rotation, shear, scale, shift)?;
        Elastic::new(alpha, sigma, Some(affine)).map(Augment::new)
    }

    fn expects(&self, shape: &[usize]) -> Result<(), &str> {
        PictureShape::new(shape).map(|_| ()).ok_or(PICTURES)
    }

    fn work(&self) -> f64 {
        // The smoothing is most of it.
        4.0 + 0.3 * self.smoothing.weights().len() as f64
    }

    fn reach(&self) -> usize {
        self.smoothing.radius()
    }

    fn augment(&self, minibatch: &mut Minibatch<'_>) {
        minibatch.warp(|draws| self.affine.map(draws), Some((self.alpha as f32, &self.smoothing)));
    }
}
