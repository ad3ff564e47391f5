use super::{Activation, Element, Pointwise};

/// The Gaussian error linear unit, in its tanh form ½z·(1 + tanh(√(2/π)·(z + 0.044715·z³))) (Hendrycks and Gimpel 2016).
///
/// The tanh form is the one that GPT-2 and BERT trained with. It differs from z·Φ(z) by less than 5·10⁻⁴ and costs one
/// exponential. Its negative tail keeps its relative accuracy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gelu;

/// v = 2·√(2/π)·(z + 0.044715·z³), for which GELU is z·σ(v), and v′.
#[inline(always)]
fn argument<E: Element>(z: E) -> (E, E) {
    const LINEAR: f64 = 2.0 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
    // This quotient, not the product, rounds to the f32 that checkpoints have been trained with.
    let (linear, cubic) = (E::of(LINEAR), E::of(LINEAR) / E::of(1.0 / 0.044715));
    let square = z * z;
    (square.mul_add(cubic, linear) * z, square.mul_add(E::of(3.0) * cubic, linear))
}

impl Pointwise for Gelu {
    const NEEDS_Z: bool = true;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        // GELU(−10) is −10⁻³⁷.
        E::of(-10.0).max(z) * argument(z).0.sigmoid()
    }

    #[inline(always)]
    fn slope<E: Element>(&self, z: E) -> E {
        // Beyond ±12 the sigmoids are as good as constant.
        let z = E::of(12.0).min(E::of(-12.0).max(z));
        let (v, v_slope) = argument(z);
        let (sigmoid, complement) = v.sigmoid_pair();
        (z * v_slope * complement).mul_add(sigmoid, sigmoid)
    }
}

impl Activation for Gelu {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "gelu"
    }
}
