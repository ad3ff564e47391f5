use super::{Activation, Element, Pointwise};

/// Mish, z·tanh(ln(1 + eᶻ)) (Misra 2019), PyTorch's and Keras's `mish`.
///
/// With e = eᶻ and n = e·(e + 2), the tanh is n/(n + 2): one exponential, and no difference of near numbers. The derivative is
/// n/(n + 2) + z·4e·(1 + e)/(n + 2)².
#[derive(Clone, Copy, Debug, Default)]
pub struct Mish;

/// Below, Mish and its derivative are within 10⁻³⁵ of 0.
const LOW: f64 = -87.0;
/// Beyond, the tanh is 1, in f64 too.
const HIGH: f64 = 20.0;

/// eᶻ, n = e·(e + 2) and n + 2.
#[inline(always)]
fn parts<E: Element>(z: E) -> (E, E, E) {
    let e = E::of(HIGH).min(z).exp();
    let n = e.mul_add(e, e + e);
    (e, n, n + E::of(2.0))
}

impl Pointwise for Mish {
    const NEEDS_Z: bool = true;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        let (_, n, below) = parts(z);
        E::of(LOW).max(z) * (n / below)
    }

    #[inline(always)]
    fn slope<E: Element>(&self, z: E) -> E {
        let z = E::of(HIGH).min(E::of(LOW).max(z));
        let (e, n, below) = parts(z);
        let bend = E::of(4.0) * e.mul_add(e, e) / (below * below);
        z.mul_add(bend, n / below)
    }
}

impl Activation for Mish {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "mish"
    }
}
